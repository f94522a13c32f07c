/**
 * The one place where the demo meets the rest of the program: configuration, simulated buses and runtime, exactly as
 * `sedge run --simulate` has them.
 */
import { hostname } from 'node:os';
import { drivers } from '../../drivers/index.ts';
import { createApi } from '../api/api.ts';
import type { Clock } from '../clock.ts';
import { formatProblem, parseConfig } from '../config/load.ts';
import type { SensorConfig } from '../config/types.ts';
import { SedgeError } from '../errors.ts';
import { hardware } from '../hardware.ts';
import { unitOf, type Values } from '../reading.ts';
import { startRuntime } from '../runtime.ts';
import type { SensorHealth } from '../sampler/types.ts';
import { variantOf } from '../sensors.ts';
import type { Log } from '../service/log.ts';
import { DEMO_UPLINK } from './config.ts';
import type { ShownSensor } from './view.ts';

export interface SessionOptions {
  readonly yaml: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

/** What the runtime says of itself. */
export interface SessionState {
  readonly sensors: Readonly<Record<string, SensorHealth>>;
  readonly connected: boolean;
  readonly taken: number;
  readonly accepted: number;
  readonly acknowledged: number;
  readonly backlog: number;
  readonly gaps: number;
}

export interface Session {
  /** Where the page is; undefined while it is off. */
  readonly pageUrl: string | undefined;
  readonly sensors: readonly ShownSensor[];
  /** Ids of the sensors that can be unplugged: those on the I2C bus. */
  readonly pluggable: readonly string[];
  state(): SessionState;
  /** Each reading as it is taken. Returns how to stop. */
  onReading(callback: (sensor: string, timeMs: number, values: Values) => void): () => void;
  unplug(sensor: string, isUnplugged: boolean): void;
  stop(): Promise<void>;
}

function shownSensor({ id, driver, driverName, options }: SensorConfig): ShownSensor {
  return {
    id,
    driver: driverName,
    channels: Object.entries(variantOf(driver, options).channels).map(([name, channel]) => ({
      name,
      unit: unitOf(channel),
      decimals: channel.decimals,
    })),
  };
}

export async function openSession({ yaml, clock, log, version }: SessionOptions): Promise<Session> {
  const parsed = await parseConfig(yaml, { env: {}, cwd: '/', drivers, hostname: hostname() });
  if ('problems' in parsed) {
    const problems = parsed.problems.map(formatProblem).join('; ');
    throw new SedgeError('config.invalid', `the demo's own configuration is wrong: ${problems}`);
  }
  const { config } = parsed;
  const { makeBuses, unplug } = await hardware({ simulate: true, clock });
  const runtime = await startRuntime({ config, clock, log, version, makeBuses });
  const report = async () => ({ ...(await runtime.report()), pid: process.pid, simulated: true });
  const api = createApi({ station: { ...runtime, report }, clock, log });
  await api.apply(config.api);
  return {
    pageUrl: api.url,
    sensors: config.sensors.map(shownSensor),
    pluggable: config.sensors.filter(({ place }) => place.bus === 'i2c').map(({ id }) => id),
    state() {
      const { sensors, uplinks, pending, taken, accepted, dropped, gaps } = runtime.snapshot();
      const backlog = pending[DEMO_UPLINK] ?? 0;
      const connected = uplinks[DEMO_UPLINK]?.connected ?? false;
      // The journal's own arithmetic, which holds also when the uplink is gone: what is not waiting was acknowledged.
      return { sensors, connected, taken, accepted, acknowledged: accepted - dropped - backlog, backlog, gaps };
    },
    onReading: (callback) =>
      runtime.onReading(({ sensor, time, valuesJson }) =>
        callback(sensor, Date.parse(time), JSON.parse(valuesJson) as Values),
      ),
    unplug(sensor, isUnplugged) {
      const place = config.sensors.find(({ id }) => id === sensor)?.place;
      if (place) unplug(place, isUnplugged);
    },
    async stop() {
      await api.close();
      await runtime.stop();
    },
  };
}
