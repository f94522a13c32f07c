import { describe, expect, it } from 'vitest';
import { fourierPlan } from '../src/fft.ts';
import { type AxisVibration, axisVibration, bandRms, velocityRms } from '../src/vibration.ts';

const RATE_HZ = 800;
const sine = (amplitude: number, hertz: number, length = 800, offset = 0, phase = 0): number[] =>
  Array.from({ length }, (_, t) => offset + amplitude * Math.sin((2 * Math.PI * hertz * t) / RATE_HZ + phase));
const about = async (samples: readonly number[], rateHz = RATE_HZ): Promise<AxisVibration> =>
  axisVibration(samples, rateHz, await fourierPlan(samples.length));
const still = (length = 800, at = 0): number[] => Array.from({ length }, () => at);

describe('one axis', () => {
  it('of a sine on top of gravity: rms is amplitude / sqrt 2, crest sqrt 2, kurtosis 1.5', async () => {
    const found = await about(sine(2, 50, 800, 9.80665));
    expect(found.mean).toBeCloseTo(9.80665, 9);
    expect(found.rms).toBeCloseTo(Math.SQRT2, 9);
    expect(found.peak).toBeCloseTo(2, 9);
    expect(found.peakToPeak).toBeCloseTo(4, 9);
    expect(found.crest).toBeCloseTo(Math.SQRT2, 9);
    expect(found.kurtosis).toBeCloseTo(1.5, 9);
    expect(found.frequencyHz).toBe(50);
  });

  it('of a square wave: crest and kurtosis are 1', async () => {
    const found = await about(Array.from({ length: 800 }, (_, t) => (t % 16 < 8 ? 3 : -3)));
    expect(found).toMatchObject({ rms: 3, peak: 3, crest: 1, kurtosis: 1, frequencyHz: 50 });
  });

  it('of one blow in a quiet window: crest and kurtosis say so', async () => {
    const samples = sine(0.1, 50);
    samples[400] = 20;
    const found = await about(samples);
    expect(found.crest).toBeGreaterThan(20);
    expect(found.kurtosis).toBeGreaterThan(100);
  });

  it('that does not move has no ratios and no frequency, never NaN', async () => {
    for (const at of [0, -6.148, 9.80665, 1e6]) {
      const found = await about(still(256, at));
      expect(found.rms).toBeLessThan(1e-9);
      expect([found.crest, found.kurtosis, found.frequencyHz]).toEqual([undefined, undefined, undefined]);
    }
  });

  it('finds the line of a frequency between two lines, to one line', async () => {
    for (const hertz of [3.3, 48.4, 121.7, 399.2])
      expect(Math.abs((await about(sine(1, hertz, 500))).frequencyHz! - hertz)).toBeLessThanOrEqual(1.6);
  });

  it('never reports DC as the frequency, nor its leakage', async () => {
    expect((await about(sine(0.01, 100, 777, 9.80665))).frequencyHz).toBeCloseTo(100, 0);
  });
});

describe('bands', () => {
  it('take what lies inside, both ends included', async () => {
    const samples = sine(2, 50).map((value, at) => value + sine(3, 200)[at]!);
    const { spectrum } = await about(samples);
    expect(bandRms(spectrum, 10, 100)).toBeCloseTo(2 / Math.SQRT2, 9);
    expect(bandRms(spectrum, 200, 200)).toBeCloseTo(3 / Math.SQRT2, 9);
    expect(bandRms(spectrum, 0, RATE_HZ)).toBeCloseTo(Math.sqrt(13 / 2), 9);
    expect(bandRms(spectrum, 10, 100, 'hann')).toBeCloseTo(2 / Math.SQRT2, 9);
  });

  it('count the line at half the rate once', async () => {
    const samples = Array.from({ length: 64 }, (_, t) => (t % 2 === 0 ? 1 : -1));
    expect(bandRms((await about(samples)).spectrum, 0, RATE_HZ)).toBeCloseTo(1, 12);
  });

  it('give the velocity of a sine: a / (2 pi f), in mm/s', async () => {
    const { spectrum } = await about(sine(1, 80));
    for (const window of ['rectangular', 'hann'] as const)
      expect(velocityRms(spectrum, 10, 1_000, window)).toBeCloseTo(1_000 / (2 * Math.PI * 80) / Math.SQRT2, 2);
  });

  it('leave out what is slower than the band', async () => {
    expect(velocityRms((await about(sine(5, 5))).spectrum, 10, 1_000)).toBeLessThan(1e-6);
  });
});
