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
import type { Measurement, SampledSensor, Schedule, SensorHealth } from './types.ts';

export interface SamplerOptions<Made> {
  readonly clock: Clock;
  readonly stamp: (monoMs: number) => Instant;
  /** Takes each measurement. Must not throw and must not wait. */
  readonly sink: (measurement: Measurement) => Made;
  readonly onChange?: (id: string) => void;
  readonly random?: () => number;
  readonly loadCron?: LoadCron;
}

export interface Sampler<Made> {
  /** Begins to sample; the first reading of a plain `every` sensor is taken as soon as it is open. */
  add(sensor: SampledSensor): Promise<void>;
  /** Stops and closes one sensor. Does nothing for an unknown id. */
  remove(id: string): Promise<void>;
  /** Reads a polled sensor now, beside its slots. Resolves with what the sink made of it; rejects with why there is nothing. */
  read(id: string): Promise<Made>;
  /** Other slots for a sensor that has some. */
  reschedule(id: string, schedule: Schedule): Promise<void>;
  health(): Readonly<Record<string, SensorHealth>>;
  stop(): Promise<void>;
}

export function createSampler<Made>(options: SamplerOptions<Made>): Sampler<Made> {
  const { clock, stamp, sink, onChange = () => {}, random = Math.random } = options;
  const scheduler = createScheduler(clock);
  // One origin for all, so that sensors with the same interval share their wake-ups.
  const originMs = clock.monotonic();
  const tasks = new Map<string, SensorTask<Made>>();
  const slotsFor = (schedule: Schedule) => slotsOf(schedule, clock, originMs, options.loadCron ?? loadCron);
  return {
    async add(sensor) {
      const slots = sensor.schedule && (await slotsFor(sensor.schedule));
      tasks.set(sensor.id, startSensorTask(sensor, { clock, scheduler, stamp, sink, random, onChange, slots }));
    },
    async remove(id) {
      const task = tasks.get(id);
      tasks.delete(id);
      await task?.stop();
    },
    async read(id) {
      const task = tasks.get(id);
      if (!task) throw new SedgeError('sensor.unknown', `There is no sensor ${id}.`);
      return task.read();
    },
    async reschedule(id, schedule) {
      const slots = await slotsFor(schedule);
      tasks.get(id)?.reschedule(schedule, slots);
    },
    health: () => Object.fromEntries([...tasks].map(([id, task]) => [id, task.health()])),
    async stop() {
      scheduler.stop();
      await Promise.all([...tasks.values()].map((task) => task.stop()));
    },
  };
}
