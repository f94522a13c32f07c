/**
 * Steps between sampler and journal, per channel, in the order of the configuration: calibrate, smooth, drop what did not
 * change. They know channels by name only, keep what they need of the last values (bounded by the configuration), and
 * never invent a value: a channel that is absent stays absent, and one may be dropped.
 */
import type { Values } from '../reading.ts';

/** One step as configured, after the checks. */
export type FilterSpec =
  | { readonly kind: 'offset'; readonly by: number }
  | { readonly kind: 'multiply'; readonly by: number }
  | { readonly kind: 'clamp'; readonly min: number; readonly max: number }
  | { readonly kind: 'median'; readonly of: number }
  | { readonly kind: 'average'; readonly of: number }
  /** Passes a value only if it moved by at least `by` since the last one passed, or `heartbeatMs` have gone by. */
  | { readonly kind: 'delta'; readonly by: number; readonly heartbeatMs?: number };

/** One step: the value that goes on, or undefined when it is dropped. */
type Step = (value: number, monoMs: number) => number | undefined;

/** The last `size` values, the newest among them; fewer at the start. */
function lastValues(size: number): (value: number) => readonly number[] {
  const values: number[] = [];
  return (value) => {
    values.push(value);
    if (values.length > size) values.shift();
    return values;
  };
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : mean([sorted[middle - 1]!, sorted[middle]!]);
}

/** Each part is divided first, so that the sum of large values stays finite. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value / values.length, 0);

function createStep(spec: FilterSpec): Step {
  switch (spec.kind) {
    case 'offset':
      return (value) => value + spec.by;
    case 'multiply':
      return (value) => value * spec.by;
    case 'clamp':
      return (value) => Math.min(Math.max(value, spec.min), spec.max);
    case 'median': {
      const last = lastValues(spec.of);
      return (value) => median(last(value));
    }
    case 'average': {
      const last = lastValues(spec.of);
      return (value) => mean(last(value));
    }
    case 'delta': {
      let passed: { readonly value: number; readonly monoMs: number } | undefined;
      return (value, monoMs) => {
        const due = passed && spec.heartbeatMs !== undefined && monoMs - passed.monoMs >= spec.heartbeatMs;
        const moved = passed ? Math.abs(value - passed.value) : Number.POSITIVE_INFINITY;
        if (!due && (moved < spec.by || moved === 0)) return undefined;
        passed = { value, monoMs };
        return value;
      };
    }
  }
}

/**
 * A function that takes each measurement of one sensor, in order, with its monotonic time, and gives what is left of it.
 * When nothing is left the result is empty. What is no finite number, before or after a step, is dropped.
 */
export function createFilters(
  specs: Readonly<Record<string, readonly FilterSpec[]>>,
): (values: Values, monoMs: number) => Values {
  const steps = new Map(Object.entries(specs).map(([channel, chain]) => [channel, chain.map(createStep)]));
  const filter = (channel: string, value: number, monoMs: number): number | undefined => {
    let result: number | undefined = value;
    for (const step of steps.get(channel) ?? []) {
      if (result === undefined || !Number.isFinite(result)) return undefined;
      result = step(result, monoMs);
    }
    return result !== undefined && Number.isFinite(result) ? result : undefined;
  };
  return (values, monoMs) => {
    const result: Record<string, number> = {};
    for (const [channel, value] of Object.entries(values)) {
      const left = filter(channel, value, monoMs);
      if (left !== undefined) result[channel] = left;
    }
    return result;
  };
}
