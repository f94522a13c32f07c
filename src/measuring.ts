/**
 * Everything up to a reading: the sampler, a pipeline per sensor, and the latest of each. Knows nothing of journal and
 * uplinks: it hands each reading on.
 */
import type { BusHealth } from './bus/bus-health.ts';
import type { Clock } from './clock.ts';
import type { PackedReading } from './codec.ts';
import type { Config, SensorConfig } from './config/types.ts';
import { SedgeError } from './errors.ts';
import type { PlacedBuses } from './hardware.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';
import type { Catalogue } from './reading.ts';
import { sameConfig } from './same-config.ts';
import { createSampler } from './sampler/sampler.ts';
import type { SensorHealth } from './sampler/types.ts';
import { catalogueSensor, sampledSensor, variantOf } from './sensors.ts';
import type { Timekeeper } from './timekeeper.ts';

/** The same as for `every` in the configuration. */
const MIN_INTERVAL_MS = 10;
const MAX_INTERVAL_MS = 366 * 86_400_000;

export interface MeasuringOptions {
  readonly clock: Clock;
  readonly timekeeper: Timekeeper;
  readonly random: () => number;
  readonly makeBuses: (config: Config) => PlacedBuses;
  readonly onReading: (reading: PackedReading) => void;
  /** Looks after the opening of a sensor. */
  readonly watched?: <T>(id: string, open: (signal: AbortSignal) => Promise<T>) => (signal: AbortSignal) => Promise<T>;
  /** A sensor's state or error changed. */
  readonly onChange: (id: string, health: SensorHealth) => void;
}

export interface Measuring {
  start(config: Config): Promise<void>;
  /** Only what changed restarts. Returns what was done, one phrase each. */
  reload(next: Config): Promise<readonly string[]>;
  /** Reads a polled sensor now, beside its slots; undefined when the filters dropped all of it. */
  read(id: string): Promise<PackedReading | undefined>;
  /**
   * Another interval until the sensor or the program starts again; undefined is the configured schedule. Rejects with
   * what is possible. The interval that is asked for must leave time for a read.
   */
  setInterval(id: string, everyMs: number | undefined): Promise<void>;
  health(): Readonly<Record<string, SensorHealth>>;
  /** How the buses are, by name. */
  buses(): Readonly<Record<string, BusHealth>>;
  catalogue(): Catalogue;
  stop(): Promise<void>;
}

export function createMeasuring(options: MeasuringOptions): Measuring {
  const { clock, timekeeper, random, makeBuses, onReading, onChange, watched = (_id, open) => open } = options;
  const pipelines = new Map<string, Pipeline>();
  const running = new Map<string, SensorConfig>();
  /** Intervals that were set while it runs. */
  const intervals = new Map<string, number>();
  let buses: PlacedBuses | undefined;
  let simulation: Config['simulation'] | undefined;

  const sampler = createSampler({
    clock,
    random,
    stamp: timekeeper.stamp,
    sink(measurement) {
      const pipeline = pipelines.get(measurement.sensor);
      const reading = pipeline?.process(measurement);
      for (const record of [reading, pipeline?.window(measurement)]) if (record) onReading(record);
      return reading;
    },
    onChange(id) {
      const health = sampler.health()[id];
      if (health) onChange(id, health);
    },
  });
  const startSensor = async (sensor: SensorConfig) => {
    const { channels } = variantOf(sensor.driver, sensor.options);
    pipelines.set(sensor.id, createPipeline(channels, sensor.filters));
    running.set(sensor.id, sensor);
    await buses!.put(sensor);
    const sampled = sampledSensor(sensor, buses!, clock);
    await sampler.add({ ...sampled, open: watched(sensor.id, sampled.open) });
  };
  const stopSensor = async (id: string) => {
    await sampler.remove(id);
    pipelines.delete(id);
    running.delete(id);
    intervals.delete(id);
  };

  return {
    async start(config) {
      buses = makeBuses(config);
      simulation = config.simulation;
      for (const sensor of config.sensors) await startSensor(sensor);
    },
    async reload(next) {
      const done: string[] = [];
      const wanted = new Map(next.sensors.map((sensor) => [sensor.id, sensor]));
      const before = new Set(running.keys());
      const isOtherWorld = !sameConfig(simulation, next.simulation);
      // All that goes leaves its place before anything new takes one.
      for (const [id, sensor] of [...running]) {
        if (!isOtherWorld && sameConfig(sensor, wanted.get(id))) continue;
        await stopSensor(id);
        if (!wanted.has(id)) done.push(`sensor ${id} removed`);
      }
      if (isOtherWorld) {
        await buses?.close();
        buses = makeBuses(next);
        simulation = next.simulation;
      }
      for (const [id, sensor] of wanted) {
        if (running.has(id)) continue;
        await startSensor(sensor);
        done.push(`sensor ${id} ${before.has(id) ? 'restarted' : 'added'}`);
      }
      return done;
    },
    read: (id) => sampler.read(id),
    async setInterval(id, everyMs) {
      const sensor = running.get(id);
      if (!sensor) throw new SedgeError('sensor.unknown', `There is no sensor ${id}.`);
      if (!sensor.schedule)
        throw new SedgeError('sensor.no-interval', `${id} speaks when something happens: it has no interval.`);
      if (everyMs === undefined) {
        intervals.delete(id);
        await sampler.reschedule(id, sensor.schedule);
        return;
      }
      const { worstCaseMs } = variantOf(sensor.driver, sensor.options);
      const leastMs = Math.max(MIN_INTERVAL_MS, Math.ceil(worstCaseMs));
      if (!(everyMs >= leastMs && everyMs <= MAX_INTERVAL_MS)) {
        const message = `The interval of ${id} is ${leastMs} ms to ${MAX_INTERVAL_MS} ms, because one read may take ${Math.ceil(worstCaseMs)} ms.`;
        throw new SedgeError('sensor.interval', message);
      }
      await sampler.reschedule(id, { kind: 'every', everyMs, align: false, jitterMs: 0 });
      intervals.set(id, everyMs);
    },
    health: () => sampler.health(),
    buses: () => buses?.health() ?? {},
    catalogue: () =>
      Object.fromEntries([...running].map(([id, sensor]) => [id, catalogueSensor(sensor, intervals.get(id))])),
    async stop() {
      await sampler.stop();
      await buses?.close();
    },
  };
}
