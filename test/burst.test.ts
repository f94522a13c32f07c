import { describe, expect, it } from 'vitest';
import {
  type BurstContext,
  type BurstSample,
  burstMs,
  busProblem,
  fifoRateHz,
  fillWindow,
  takeSamples,
} from '../src/burst.ts';
import { burstSamples } from '../src/burst-plan.ts';
import { virtualClock } from '../src/clock.ts';
import { SedgeError } from '../src/errors.ts';

const signal = new AbortController().signal;
const contextOf = (): BurstContext => {
  const clock = virtualClock({ automatic: true });
  return {
    clock,
    wait: (ms, until) => clock.sleep(ms, until),
    fail: (code, message) => new SedgeError(code, message),
  };
};
const sample = (x: number, saturated = false): BurstSample => ({ axes: [x, 0, 0], saturated });
const BURST = { id: 'chip', rangeG: 2, rateHz: 100, windowMs: 500, drainAt: 20 };

describe('whether a bus carries a burst', () => {
  it('says what it carries, and the way out', () => {
    expect(fifoRateHz(400_000)).toBeCloseTo(3_333, 0);
    expect(busProblem(833, fifoRateHz(100_000), 100_000)).toBeUndefined();
    expect(busProblem(1_000, fifoRateHz(100_000), 100_000)).toBe(
      'a bus of 100 kHz carries 833 Hz and not 1000 Hz: lower the rate, or set dtparam=i2c_arm_baudrate=400000',
    );
  });

  it('does not advise a faster bus to one that is as fast as chips take', () => {
    expect(busProblem(1_600, 800, 400_000)).toBe('a bus of 400 kHz carries 800 Hz and not 1600 Hz: lower the rate');
  });
});

describe('taking samples out of a FIFO', () => {
  it('reads so many and no more, eight at once at the most, oldest first', async () => {
    const lengths: number[] = [];
    let next = 0;
    const read = async (bytes: number) => {
      lengths.push(bytes);
      return Uint8Array.from({ length: bytes }, () => next++);
    };
    const samples = await takeSamples(19, read, (bytes) => {
      expect(bytes).toHaveLength(6);
      return sample(bytes[0]!);
    });
    expect(lengths).toEqual([48, 48, 18]);
    expect(samples.map(({ axes: [x] }) => x)).toEqual(Array.from({ length: 19 }, (_, nth) => 6 * nth));
  });

  it('reads nothing where there is none', async () => {
    expect(
      await takeSamples(
        0,
        () => Promise.reject(new Error('nothing to read')),
        () => sample(0),
      ),
    ).toEqual([]);
  });
});

describe('filling a window', () => {
  it('waits for as many samples as are drained at once, and takes exactly its number', async () => {
    const context = contextOf();
    const beganMs = context.clock.monotonic();
    const atMs: number[] = [];
    let next = 0;
    const drain = async () => {
      atMs.push(context.clock.monotonic() - beganMs);
      // The chip runs a little fast.
      return Array.from({ length: 21 }, () => sample(next++));
    };
    const axes = await fillWindow({ ...BURST, drain }, context, signal);
    expect(burstSamples(BURST.windowMs, BURST.rateHz)).toBe(50);
    expect([...axes.x]).toEqual(Array.from({ length: 50 }, (_, at) => at));
    expect(axes.z).toHaveLength(50);
    expect(atMs).toEqual([200, 400, 480]);
  });

  it('says for how long the FIFO has been filling while it is drained', async () => {
    const context = contextOf();
    const filled: number[] = [];
    await fillWindow(
      {
        ...BURST,
        drain: async (filledMs) => {
          await context.clock.sleep(7);
          filled.push(filledMs());
          return Array.from({ length: 25 }, () => sample(0));
        },
      },
      context,
      signal,
    );
    expect(filled).toEqual([7, 7]);
  });

  it('is refused when a sample is at the end of the range', async () => {
    const drain = async () => [sample(0), sample(0, true)];
    await expect(fillWindow({ ...BURST, drain }, contextOf(), signal)).rejects.toMatchObject({
      code: 'sensor.saturated',
      message: 'chip: more than +/-2 g: choose a larger range or mount it elsewhere',
    });
  });

  it('is given up when the chip gives no samples, in its time', async () => {
    const context = contextOf();
    const beganMs = context.clock.monotonic();
    await expect(fillWindow({ ...BURST, drain: async () => [] }, context, signal)).rejects.toMatchObject({
      code: 'sensor.not-ready',
    });
    const worstMs = burstMs(BURST.windowMs, BURST.rateHz, BURST.drainAt);
    expect(context.clock.monotonic() - beganMs).toBeLessThanOrEqual(worstMs + 200);
  });
});
