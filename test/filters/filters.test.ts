import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFilters, type FilterSpec, mean, median } from '../../src/filters/filters.ts';

/** Feeds values one second apart through the filters of one channel; null stands for a dropped one. */
function through(steps: readonly FilterSpec[], values: readonly number[], stepMs = 1_000): (number | null)[] {
  const filter = createFilters({ t: steps });
  return values.map((value, at) => filter({ t: value }, at * stepMs).t ?? null);
}

describe('calibration', () => {
  it('adds an offset', () => expect(through([{ kind: 'offset', by: -0.5 }], [21, 22])).toEqual([20.5, 21.5]));
  it('multiplies', () => expect(through([{ kind: 'multiply', by: 2 }], [21, -1])).toEqual([42, -2]));
  it('clamps to both bounds', () =>
    expect(through([{ kind: 'clamp', min: 0, max: 100 }], [-3, 50, 104])).toEqual([0, 50, 100]));
  it('applies the steps in the order of the configuration', () => {
    const offset: FilterSpec = { kind: 'offset', by: 1 };
    const multiply: FilterSpec = { kind: 'multiply', by: 10 };
    expect(through([offset, multiply], [1])).toEqual([20]);
    expect(through([multiply, offset], [1])).toEqual([11]);
  });
});

describe('smoothing', () => {
  it('gives the median of the last values, of fewer at the start', () =>
    expect(through([{ kind: 'median', of: 3 }], [1, 100, 2, 3, 4])).toEqual([1, 50.5, 2, 3, 3]));
  it('gives the mean of the last values', () =>
    expect(through([{ kind: 'average', of: 2 }], [1, 3, 5])).toEqual([1, 2, 4]));
  it('stays between the smallest and the largest value', () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }), {
      minLength: 1,
      maxLength: 50,
    });
    fc.assert(
      fc.property(values, (list) => {
        for (const result of [mean(list), median(list)]) {
          const slack = 1e-9 * Math.max(...list.map(Math.abs));
          expect(result).toBeGreaterThanOrEqual(Math.min(...list) - slack);
          expect(result).toBeLessThanOrEqual(Math.max(...list) + slack);
        }
      }),
    );
  });
});

describe('delta', () => {
  it('passes the first value, then only what moved far enough from the last one passed', () =>
    expect(through([{ kind: 'delta', by: 0.5 }], [20, 20.2, 20.4, 20.5, 20.1, 20])).toEqual([
      20,
      null,
      null,
      20.5,
      null,
      20,
    ]));
  it('of 0 drops repeated values', () =>
    expect(through([{ kind: 'delta', by: 0 }], [1, 1, 1.001, 1.001])).toEqual([1, null, 1.001, null]));
  it('passes a value at each heartbeat, counted from the last one passed', () =>
    expect(through([{ kind: 'delta', by: 1, heartbeatMs: 3_000 }], [5, 5, 5, 5, 7, 7, 7, 7])).toEqual([
      5,
      null,
      null,
      5,
      7,
      null,
      null,
      7,
    ]));
  it('sees the smoothed value when it comes behind a median', () =>
    expect(
      through(
        [
          { kind: 'median', of: 3 },
          { kind: 'delta', by: 1 },
        ],
        [10, 10, 90, 10, 10],
      ),
    ).toEqual([10, null, null, null, null]));
});

describe('a reading', () => {
  it('keeps channels without filters, and channels that others drop', () => {
    const filter = createFilters({ t: [{ kind: 'delta', by: 1 }] });
    expect(filter({ t: 1, h: 50 }, 0)).toEqual({ t: 1, h: 50 });
    expect(filter({ t: 1, h: 50 }, 1)).toEqual({ h: 50 });
  });
  it('is empty when every channel is dropped', () => {
    const filter = createFilters({ t: [{ kind: 'delta', by: 1 }] });
    filter({ t: 1 }, 0);
    expect(filter({ t: 1 }, 1)).toEqual({});
  });
  it('gets no channel that was not measured', () => {
    const filter = createFilters({ t: [{ kind: 'offset', by: 1 }], h: [{ kind: 'offset', by: 1 }] });
    expect(filter({ t: 1 }, 0)).toEqual({ t: 2 });
  });
  it('never holds a value that is no finite number', () => {
    expect(through([], [Number.NaN, Number.POSITIVE_INFINITY, 1])).toEqual([null, null, 1]);
    expect(through([{ kind: 'multiply', by: 1e300 }], [1e300, 1])).toEqual([null, 1e300]);
  });
  it('is not spoilt later by a value that was no number', () =>
    expect(through([{ kind: 'average', of: 3 }], [1, Number.NaN, 3])).toEqual([1, null, 2]));
  it('has a state of its own per sensor', () => {
    const specs = { t: [{ kind: 'delta', by: 1 } as const] };
    const [one, two] = [createFilters(specs), createFilters(specs)];
    expect(one({ t: 1 }, 0)).toEqual({ t: 1 });
    expect(two({ t: 1 }, 0)).toEqual({ t: 1 });
  });
});
