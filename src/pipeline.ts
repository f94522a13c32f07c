/**
 * From a measurement to a reading that can be kept: filters, one rounding, one time that no other reading of this sensor has.
 * What comes out here is the same number and the same instant everywhere: journal, state, every uplink.
 */
import type { PackedReading } from './codec.ts';
import { createFilters, type FilterSpec } from './filters/filters.ts';
import { type Channels, type Instant, roundTo, type Values } from './reading.ts';
import type { Measurement } from './sampler/types.ts';

/** Readings closer than this to the one before are pushed apart; a larger step back is the wall clock's own. */
const SAME_TIME_WINDOW_MS = 1_000;

export interface Pipeline {
  /** Undefined when the filters dropped every channel, or the driver gave nothing that can be published. */
  process(measurement: Measurement): PackedReading | undefined;
  /** Channels or values that the driver should not have given. */
  readonly refused: number;
}

/** One per sensor: filters and the last time are its own. */
export function createPipeline(channels: Channels, filters: Readonly<Record<string, readonly FilterSpec[]>>): Pipeline {
  const filter = createFilters(filters);
  let refused = 0;
  let lastMs = Number.NEGATIVE_INFINITY;

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

  return {
    process({ sensor, kind, at, durationMs, values }) {
      const filtered = filter(acceptable(values), at.monoMs);
      const rounded = Object.entries(filtered).map(([name, value]) => [name, roundTo(value, channels[name]!.decimals)]);
      if (rounded.length === 0) return undefined;
      const valuesJson = JSON.stringify(Object.fromEntries(rounded));
      return { kind, sensor, at: unique(at), valuesJson, ...(durationMs !== undefined && { durationMs }) };
    },
    get refused() {
      return refused;
    },
  };
}
