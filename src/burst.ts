/**
 * A burst: a window of samples of three axes, collected through the FIFO of an accelerometer. What such drivers share:
 * what rate the bus carries, how a FIFO is emptied, and the loop that fills the window, bounded in samples and in time. Knows no chip.
 */
import { burstSamples } from './burst-plan.ts';
import type { Clock } from './clock.ts';

/** One sample, in m/s2. */
export interface BurstSample {
  readonly axes: readonly [number, number, number];
  /** An axis is at the end of its range: its value is no measurement. */
  readonly saturated: boolean;
}

/** Clock cycles of a sample of six bytes in a long read: 54, and its share of addresses and counts. */
const CYCLES_PER_SAMPLE = 60;
/** Others need the bus too. */
const SHARE_OF_BUS = 0.5;
/** I2C fast mode: as fast as these chips go. */
const FAST_BUS_HZ = 400_000;
/** The most samples in one read: holds the bus for 1.2 ms at 400 kHz, 4.6 ms at 100 kHz. */
const SAMPLES_PER_READ = 8;
/** What is said when the FIFO has overflown. */
export const SAMPLES_LOST = 'samples were lost inside the window: lower the rate, or the load of this board';
const BYTES_PER_SAMPLE = 6;

/** Takes so many samples of six bytes out of a FIFO, oldest first, in reads that let others come between. */
export async function takeSamples(
  count: number,
  read: (bytes: number) => Promise<Uint8Array>,
  convert: (sample: Uint8Array) => BurstSample,
): Promise<readonly BurstSample[]> {
  const samples: BurstSample[] = [];
  while (samples.length < count) {
    const taken = Math.min(SAMPLES_PER_READ, count - samples.length);
    const bytes = await read(taken * BYTES_PER_SAMPLE);
    for (let nth = 0; nth < taken; nth++)
      samples.push(convert(bytes.subarray(nth * BYTES_PER_SAMPLE, (nth + 1) * BYTES_PER_SAMPLE)));
  }
  return samples;
}

/** The rate that a bus carries from a FIFO which is emptied in such reads. */
export const fifoRateHz = (busClockHz: number): number => (busClockHz * SHARE_OF_BUS) / CYCLES_PER_SAMPLE;

/** Why there can be no such burst on this bus, with the way out; undefined when there can. `mostHz` is what the bus carries. */
export function busProblem(rateHz: number, mostHz: number, busClockHz: number): string | undefined {
  if (rateHz <= mostHz) return undefined;
  const faster = busClockHz < FAST_BUS_HZ ? `, or set dtparam=i2c_arm_baudrate=${FAST_BUS_HZ}` : '';
  return `a bus of ${busClockHz / 1_000} kHz carries ${Math.floor(mostHz)} Hz and not ${rateHz} Hz: lower the rate${faster}`;
}

/** How far a chip's own clock may be off. */
const CLOCK_ERROR = 0.1;

/** The longest that it takes to fill a window, from the moment that the FIFO is switched on. */
export const burstMs = (windowMs: number, rateHz: number, drainAt: number): number =>
  windowMs * (1 + CLOCK_ERROR) + (drainAt * 1_000) / rateHz;

export interface Burst {
  /** Of the driver, for messages. */
  readonly id: string;
  readonly rangeG: number;
  readonly rateHz: number;
  readonly windowMs: number;
  /** How many samples are waited for before the FIFO is emptied. */
  readonly drainAt: number;
  /** Takes what the FIFO holds, oldest first; rejects when samples were lost. `filledMs` says how long it has been filling. */
  drain(filledMs: () => number): Promise<readonly BurstSample[]>;
}
/** The part of a driver's context that is needed here. */
export interface BurstContext {
  readonly clock: Clock;
  wait(ms: number, signal: AbortSignal): Promise<void>;
  fail(code: string, message: string): Error;
}

/** Fills the window, from now on: exactly its number of samples of each axis, without a gap. */
export async function fillWindow(
  burst: Burst,
  { clock, wait, fail }: BurstContext,
  signal: AbortSignal,
): Promise<Record<'x' | 'y' | 'z', Float64Array>> {
  const { id, rangeG, rateHz, windowMs, drainAt } = burst;
  const samples = burstSamples(windowMs, rateHz);
  const axes = { x: new Float64Array(samples), y: new Float64Array(samples), z: new Float64Array(samples) };
  let fromMs = clock.monotonic();
  const endMs = fromMs + burstMs(windowMs, rateHz, drainAt);
  for (let taken = 0; taken < samples; ) {
    if (clock.monotonic() > endMs)
      throw fail('sensor.not-ready', `${id}: no samples in the time that ${rateHz} Hz takes: check the supply`);
    const fillMs = (Math.min(drainAt, samples - taken) * 1_000) / rateHz;
    await wait(fromMs + fillMs - clock.monotonic(), signal);
    const beganMs = clock.monotonic();
    fromMs = beganMs;
    for (const found of (await burst.drain(() => clock.monotonic() - beganMs)).slice(0, samples - taken)) {
      if (found.saturated)
        throw fail('sensor.saturated', `${id}: more than +/-${rangeG} g: choose a larger range or mount it elsewhere`);
      [axes.x[taken], axes.y[taken], axes.z[taken]] = found.axes;
      taken += 1;
    }
  }
  return axes;
}
