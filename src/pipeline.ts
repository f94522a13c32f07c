/**
 * From a measurement to a reading that can be kept: filters, one rounding, one time that no other reading of this sensor has.
 * What comes out here is the same number and the same instant everywhere: journal, state, every uplink.
 * The samples of a burst go with the reading that they led to, under the same time, as a record of their own.
 */
import type { PackedReading } from './codec.ts';
import { createFilters, type FilterSpec } from './filters/filters.ts';
import { type Channels, type Instant, roundTo, type SampleWindow, type Values } from './reading.ts';
import type { Measurement } from './sampler/types.ts';

/** Readings closer than this to the one before are pushed apart; a larger step back is the wall clock's own. */
const SAME_TIME_WINDOW_MS = 1_000;

export interface Pipeline {
  /** Undefined when the filters dropped every channel, or the driver gave nothing that can be published. */
  process(measurement: Measurement): PackedReading | undefined;
  /** The record of its samples, after `process`; undefined when there are none to keep. */
  window(measurement: Measurement): PackedReading | undefined;
  /** Channels, values or samples that the driver should not have given. */
  readonly refused: number;
}

/** One per sensor: filters and the last time are its own. */
export function createPipeline(channels: Channels, filters: Readonly<Record<string, readonly FilterSpec[]>>): Pipeline {
  const filter = createFilters(filters);
  let refused = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  /** The last measurement's time, as it was made unique: for its samples too. */
  let timed: { readonly of: Measurement; readonly at: Instant } | undefined;

  const acceptable = (values: Values): Values => {
    const kept = Object.entries(values).filter(
      ([name, value]) => Object.hasOwn(channels, name) && Number.isFinite(value),
    );
    refused += Object.keys(values).length - kept.length;
    return Object.fromEntries(kept);
  };
  const unique = (at: Instant): Instant => {
    const roundedMs = Math.round(at.wallMs);
    const isTaken = roundedMs <= lastMs && lastMs - roundedMs < SAME_TIME_WINDOW_MS;
    const wallMs = isTaken ? lastMs + 1 : roundedMs;
    lastMs = wallMs;
    // Whole milliseconds on both clocks, moved alike: what tells two readings apart on one does so on the other.
    return { ...at, wallMs, monoMs: Math.round(at.monoMs + (wallMs - at.wallMs)) };
  };

  const timeOf = (measurement: Measurement): Instant => {
    if (timed?.of !== measurement) timed = { of: measurement, at: unique(measurement.at) };
    return timed.at;
  };

  return {
    process(measurement) {
      const { sensor, kind, at, durationMs, values } = measurement;
      const filtered = filter(acceptable(values), at.monoMs);
      const rounded = Object.entries(filtered).map(([name, value]) => [name, roundTo(value, channels[name]!.decimals)]);
      if (rounded.length === 0) return undefined;
      const valuesJson = JSON.stringify(Object.fromEntries(rounded));
      return { kind, sensor, at: timeOf(measurement), valuesJson, ...(durationMs !== undefined && { durationMs }) };
    },
    window(measurement) {
      const { sensor, durationMs, samples } = measurement;
      const at = samples && timeOf(measurement);
      // Samples are large: they are not held on to.
      timed = undefined;
      if (!samples || !at) return undefined;
      if (!isSound(samples)) {
        refused += 1;
        return undefined;
      }
      const { rateHz, unit, scale, axes } = samples;
      const samplesJson = JSON.stringify({ rate_hz: rateHz, unit, scale, axes });
      return {
        ...{ kind: 'window', sensor, at, valuesJson: '{}', samplesJson },
        ...(durationMs !== undefined && { durationMs }),
      };
    },
    get refused() {
      return refused;
    },
  };
}

/** What is published without another look: plain ASCII, finite numbers, whole steps, axes of one length. */
function isSound({ rateHz, unit, scale, axes }: SampleWindow): boolean {
  // A user's driver may give anything.
  if (!Object.values(axes ?? {}).every(Array.isArray)) return false;
  const lengths = new Set(Object.values(axes ?? {}).map(({ length }) => length));
  return (
    [rateHz, scale].every((number) => Number.isFinite(number) && number > 0) &&
    /^[ -~]{1,32}$/.test(unit) &&
    lengths.size === 1 &&
    Object.entries(axes).every(([name, steps]) => /^[a-z][a-z0-9_]*$/.test(name) && steps.every(Number.isSafeInteger))
  );
}
