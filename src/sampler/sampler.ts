/**
 * The sampler: decides when each sensor is read, and keeps each one's trouble to itself. Sensors may be added and removed
 * while it runs; the others do not notice.
 */
import type { Clock } from '../clock.ts';
import { SedgeError } from '../errors.ts';
import type { Instant } from '../reading.ts';
import { type LoadCron, loadCron } from './cron.ts';
import { createScheduler } from './scheduler.ts';
import { type SensorTask, startSensorTask } from './sensor-task.ts';
import { slotsOf } from './slots.ts';
import type { Measurement, SampledSensor, SensorHealth } from './types.ts';

export interface SamplerOptions {
  readonly clock: Clock;
  readonly stamp: (monoMs: number) => Instant;
  /** Takes each measurement. Must not throw and must not wait. */
  readonly sink: (measurement: Measurement) => void;
  readonly onChange?: (id: string) => void;
  readonly random?: () => number;
  readonly loadCron?: LoadCron;
}

export interface Sampler {
  /** Begins to sample; the first reading of a plain `every` sensor is taken as soon as it is open. */
  add(sensor: SampledSensor): Promise<void>;
  /** Stops and closes one sensor. Does nothing for an unknown id. */
  remove(id: string): Promise<void>;
  /** One more reading of a polled sensor, now; it goes the way of all. Its slots do not notice. Rejects as the sensor fails. */
  readNow(id: string): Promise<void>;
  health(): Readonly<Record<string, SensorHealth>>;
  stop(): Promise<void>;
}

export function createSampler(options: SamplerOptions): Sampler {
  const { clock, stamp, sink, onChange = () => {}, random = Math.random } = options;
  const scheduler = createScheduler(clock);
  // One origin for all, so that sensors with the same interval share their wake-ups.
  const originMs = clock.monotonic();
  const tasks = new Map<string, SensorTask>();
  return {
    async add(sensor) {
      const slots = sensor.schedule && (await slotsOf(sensor.schedule, clock, originMs, options.loadCron ?? loadCron));
      tasks.set(sensor.id, startSensorTask(sensor, { clock, scheduler, stamp, sink, random, onChange, slots }));
    },
    async remove(id) {
      const task = tasks.get(id);
      tasks.delete(id);
      await task?.stop();
    },
    async readNow(id) {
      const task = tasks.get(id);
      if (!task) throw new SedgeError('sensor.unknown', `there is no sensor ${id}`);
      await task.readNow();
    },
    health: () => Object.fromEntries([...tasks].map(([id, task]) => [id, task.health()])),
    async stop() {
      scheduler.stop();
      await Promise.all([...tasks.values()].map((task) => task.stop()));
    },
  };
}
