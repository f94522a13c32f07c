/**
 * The sampler's contract: it is given sensors and a sink and decides when each is read. It knows neither buses nor the
 * journal. A failing sensor is backed off, reopened, and never delays another.
 */
import type { CounterSensor, EventSensor, PolledSensor, SensorKind, Values } from '../driver.ts';
import type { Instant, SampleWindow } from '../reading.ts';

export type Schedule =
  | {
      readonly kind: 'every';
      readonly everyMs: number;
      readonly offsetMs?: number;
      readonly align: boolean;
      readonly jitterMs: number;
    }
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string; readonly jitterMs: number };

export interface SampledSensor {
  readonly id: string;
  readonly kind: SensorKind;
  /** Undefined for events. */
  readonly schedule?: Schedule;
  /** Longest that an open or a read may take before it counts as failed. */
  readonly deadlineMs: number;
  /** For readings that cover a window: its length by the datasheet. */
  readonly windowMs?: number;
  /** Opens the sensor on its bus. May reject; is tried again. */
  open(signal: AbortSignal): Promise<PolledSensor | EventSensor | CounterSensor>;
}

/** One measurement, before filters and rounding. */
export interface Measurement {
  readonly sensor: string;
  readonly kind: 'reading' | 'event';
  readonly at: Instant;
  readonly durationMs?: number;
  readonly values: Values;
  /** The samples behind the values, where they are to be kept too. */
  readonly samples?: SampleWindow;
}

export interface SensorHealth {
  readonly state: 'starting' | 'online' | 'offline';
  readonly error?: string;
  readonly message?: string;
  /** Readings delivered to the sink. */
  readonly reads: number;
  /** Opens and reads that failed. */
  readonly failures: number;
  /** Slots that passed without a read: too slow, backed off, or the process was held up. */
  readonly missed: number;
}
