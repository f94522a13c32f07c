/**
 * The one place where the demo meets the rest of the program: configuration and runtime, exactly as `sedge run` has
 * them, on simulated buses.
 */
import type { Clock } from '../clock.ts';
import { parseConfig } from '../config/load.ts';
import type { SensorConfig } from '../config/types.ts';
import { unitOf } from '../reading.ts';
import { type Runtime, startRuntime } from '../runtime.ts';
import type { Log } from '../service/log.ts';
import { DEMO_UPLINK } from './config.ts';
import type { ShownSensor, Totals } from './view.ts';

export interface SessionOptions {
  readonly yaml: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

export interface Session {
  readonly sensors: readonly ShownSensor[];
  /** Ids of the sensors that can be unplugged: those on the I2C bus. */
  readonly pluggable: readonly string[];
  readonly runtime: Runtime;
}

function shownSensor({ id, driver, driverName, options }: SensorConfig): ShownSensor {
  const channels = driver.variant?.(options).channels ?? driver.channels;
  return {
    id,
    driver: driverName,
    channels: Object.entries(channels).map(([name, channel]) => ({
      name,
      unit: unitOf(channel),
      decimals: channel.decimals,
    })),
  };
}

export async function openSession({ yaml, clock, log, version }: SessionOptions): Promise<Session> {
  const config = await parseConfig(yaml, {});
  return {
    sensors: config.sensors.map(shownSensor),
    pluggable: config.sensors.filter(({ place }) => place.bus === 'i2c').map(({ id }) => id),
    runtime: await startRuntime({ config, clock, log, simulate: true, version }),
  };
}

/** What the runtime says of itself; `received` and `repeated` are the broker's to say. */
export function runtimeTotals(runtime: Runtime): Omit<Totals, 'received' | 'repeated'> {
  const { taken, accepted, pending, uplinks, gaps } = runtime.snapshot();
  const uplink = uplinks[DEMO_UPLINK];
  return {
    taken,
    accepted,
    acknowledged: uplink?.recordsAcknowledged ?? 0,
    batches: uplink?.batchesAcknowledged ?? 0,
    backlog: pending[DEMO_UPLINK] ?? 0,
    gaps,
  };
}
