import { describe, expect, it } from 'vitest';
import { axisVibration, bandRms, velocityRms, vibrationFeatures } from '../src/vibration.ts';

const RATE_HZ = 800;
const sine = (amplitude: number, hertz: number, length = 800, offset = 0, phase = 0): number[] =>
  Array.from({ length }, (_, t) => offset + amplitude * Math.sin((2 * Math.PI * hertz * t) / RATE_HZ + phase));
const still = (length = 800, at = 0): number[] => Array.from({ length }, () => at);

describe('one axis', () => {
  it('of a sine on top of gravity: rms is amplitude / sqrt 2, crest sqrt 2, kurtosis 1.5', () => {
    const found = axisVibration(sine(2, 50, 800, 9.80665), RATE_HZ);
    expect(found.mean).toBeCloseTo(9.80665, 9);
    expect(found.rms).toBeCloseTo(Math.SQRT2, 9);
    expect(found.peak).toBeCloseTo(2, 9);
    expect(found.peakToPeak).toBeCloseTo(4, 9);
    expect(found.crest).toBeCloseTo(Math.SQRT2, 9);
    expect(found.kurtosis).toBeCloseTo(1.5, 9);
    expect(found.frequencyHz).toBe(50);
  });

  it('of a square wave: crest and kurtosis are 1', () => {
    const found = axisVibration(
      Array.from({ length: 800 }, (_, t) => (t % 16 < 8 ? 3 : -3)),
      RATE_HZ,
    );
    expect(found).toMatchObject({ rms: 3, peak: 3, crest: 1, kurtosis: 1, frequencyHz: 50 });
  });

  it('of one blow in a quiet window: crest and kurtosis say so', () => {
    const samples = sine(0.1, 50);
    samples[400] = 20;
    const found = axisVibration(samples, RATE_HZ);
    expect(found.crest).toBeGreaterThan(20);
    expect(found.kurtosis).toBeGreaterThan(100);
  });

  it('that does not move has no ratios and no frequency, never NaN', () => {
    for (const at of [0, -6.148, 9.80665, 1e6]) {
      const found = axisVibration(still(256, at), RATE_HZ);
      expect(found.rms).toBeLessThan(1e-9);
      expect([found.crest, found.kurtosis, found.frequencyHz]).toEqual([undefined, undefined, undefined]);
    }
  });

  it('finds the line of a frequency between two lines, to one line', () => {
    for (const hertz of [3.3, 48.4, 121.7, 399.2])
      expect(Math.abs(axisVibration(sine(1, hertz, 500), RATE_HZ).frequencyHz! - hertz)).toBeLessThanOrEqual(1.6);
  });

  it('never reports DC as the frequency, nor its leakage', () => {
    expect(axisVibration(sine(0.01, 100, 777, 9.80665), RATE_HZ).frequencyHz).toBeCloseTo(100, 0);
  });
});

describe('bands', () => {
  it('take what lies inside, both ends included', () => {
    const samples = sine(2, 50).map((value, at) => value + sine(3, 200)[at]!);
    const { spectrum } = axisVibration(samples, RATE_HZ);
    expect(bandRms(spectrum, 10, 100)).toBeCloseTo(2 / Math.SQRT2, 9);
    expect(bandRms(spectrum, 200, 200)).toBeCloseTo(3 / Math.SQRT2, 9);
    expect(bandRms(spectrum, 0, RATE_HZ)).toBeCloseTo(Math.sqrt(13 / 2), 9);
    expect(bandRms(spectrum, 10, 100, 'hann')).toBeCloseTo(2 / Math.SQRT2, 9);
  });

  it('count the line at half the rate once', () => {
    const samples = Array.from({ length: 64 }, (_, t) => (t % 2 === 0 ? 1 : -1));
    expect(bandRms(axisVibration(samples, RATE_HZ).spectrum, 0, RATE_HZ)).toBeCloseTo(1, 12);
  });

  it('give the velocity of a sine: a / (2 pi f), in mm/s', () => {
    const { spectrum } = axisVibration(sine(1, 80), RATE_HZ);
    for (const window of ['rectangular', 'hann'] as const)
      expect(velocityRms(spectrum, 10, 1_000, window)).toBeCloseTo(1_000 / (2 * Math.PI * 80) / Math.SQRT2, 2);
  });

  it('leave out what is slower than the band', () => {
    expect(velocityRms(axisVibration(sine(5, 5), RATE_HZ).spectrum, 10, 1_000)).toBeLessThan(1e-6);
  });
});

describe('the sensor as a whole', () => {
  it('has the same rms, peak and crest however it is mounted', () => {
    const along = vibrationFeatures({ x: sine(2, 50), y: still(), z: still(800, 9.8) }, RATE_HZ);
    const [a, b, c] = [2 / 3, 2 / 3, 1 / 3];
    const turned = vibrationFeatures({ x: sine(2 * a, 50), y: sine(2 * b, 50), z: sine(2 * c, 50) }, RATE_HZ);
    for (const feature of ['rms', 'peak', 'crest', 'kurtosis', 'frequency'])
      expect(turned[feature]).toBeCloseTo(along[feature]!, 9);
    expect(along.rms).toBeCloseTo(Math.SQRT2, 9);
  });

  it('takes kurtosis and frequency from the axis that moves most', () => {
    const features = vibrationFeatures({ x: sine(1, 50), y: still(), z: sine(2, 120, 800, 9.8) }, RATE_HZ);
    expect(features).toMatchObject({ frequency_x: 50, frequency_z: 120, frequency: 120 });
    expect(features.kurtosis).toBe(features.kurtosis_z);
    expect(features.rms).toBeCloseTo(Math.hypot(features.rms_x!, features.rms_z!), 12);
  });

  it('leaves out what is undefined, axis by axis', () => {
    const features = vibrationFeatures({ x: sine(1, 50), y: still(), z: still(800, 9.8) }, RATE_HZ);
    expect(Object.keys(features).sort()).toEqual(
      ['crest', 'crest_x', 'frequency', 'frequency_x', 'kurtosis', 'kurtosis_x']
        .concat(['peak', 'peak_x', 'peak_y', 'peak_z', 'rms', 'rms_x', 'rms_y', 'rms_z'])
        .sort(),
    );
    const nothing = vibrationFeatures({ x: still(), y: still(), z: still(800, 9.8) }, RATE_HZ);
    expect(Object.values(nothing).every(Number.isFinite)).toBe(true);
    expect(nothing.crest).toBeUndefined();
  });
});
