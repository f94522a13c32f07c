/** What holds of the vibration maths for any signal, and how far a sine of known strength and frequency may be missed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fourierPlan } from '../src/fft.ts';
import { axisVibration, bandRms, velocityRms } from '../src/vibration.ts';

const about = async (samples: ArrayLike<number>, rateHz: number) =>
  axisVibration(samples, rateHz, await fourierPlan(samples.length));
const RUNS = { numRuns: 60 };

/** A sine with at least 12 periods in its window and at most 0.4 of the rate, on top of an offset. */
const sine = fc
  .record({
    rateHz: fc.constantFrom(100, 200, 400, 800, 1_000, 1_344, 3_200),
    length: fc.integer({ min: 200, max: 1_500 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    amplitude: fc.double({ min: 0.05, max: 100, noNaN: true }),
    phase: fc.double({ min: 0, max: 6.28, noNaN: true }),
    offset: fc.double({ min: -160, max: 160, noNaN: true }),
  })
  .map(({ share, ...signal }) => {
    const { rateHz, length } = signal;
    const lowest = Math.max(12 * (rateHz / length), 1);
    return { ...signal, hertz: lowest + share * (0.4 * rateHz - lowest) };
  });
type Sine = typeof sine extends fc.Arbitrary<infer T> ? T : never;
const samplesOf = ({ length, rateHz, hertz, amplitude, phase, offset }: Sine): Float64Array =>
  Float64Array.from({ length }, (_, t) => offset + amplitude * Math.sin((2 * Math.PI * hertz * t) / rateHz + phase));

/** Any window of a chip: whole steps. */
const anySignal = fc.array(fc.integer({ min: -4_096, max: 4_095 }), { minLength: 16, maxLength: 300 });

/** Gaussian noise by Box and Muller, from a seed. */
function noise(seed: number, length: number): number[] {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  return Array.from({ length }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

describe('a sine of any strength and frequency, at any offset', () => {
  it('has its rms within 2 %, its crest and kurtosis within 5 %', () =>
    fc.assert(
      fc.asyncProperty(sine, async (signal) => {
        const { rms, crest, kurtosis } = await about(samplesOf(signal), signal.rateHz);
        expect(Math.abs(rms / (signal.amplitude / Math.SQRT2) - 1)).toBeLessThan(0.02);
        expect(Math.abs(crest! / Math.SQRT2 - 1)).toBeLessThan(0.05);
        expect(Math.abs(kurtosis! / 1.5 - 1)).toBeLessThan(0.05);
      }),
      RUNS,
    ));

  it('has its frequency within half a line', () =>
    fc.assert(
      fc.asyncProperty(sine, async (signal) => {
        const { frequencyHz } = await about(samplesOf(signal), signal.rateHz);
        const lineHz = signal.rateHz / signal.length;
        expect(Math.abs(frequencyHz! - signal.hertz)).toBeLessThanOrEqual(0.52 * lineHz);
      }),
      RUNS,
    ));

  it('has its velocity within 2 % by a Hann window', () =>
    fc.assert(
      fc.asyncProperty(sine, async (signal) => {
        const { spectrum } = await about(samplesOf(signal), signal.rateHz);
        const lineHz = signal.rateHz / signal.length;
        const found = velocityRms(spectrum, 2 * lineHz, signal.rateHz / 2, 'hann');
        const expected = (1_000 * signal.amplitude) / Math.SQRT2 / (2 * Math.PI * signal.hertz);
        expect(Math.abs(found / expected - 1)).toBeLessThan(0.02);
      }),
      RUNS,
    ));

  it('has all its energy in a band of five lines around it, by a Hann window', () =>
    fc.assert(
      fc.asyncProperty(sine, async (signal) => {
        const { spectrum } = await about(samplesOf(signal), signal.rateHz);
        const reachHz = 2.5 * (signal.rateHz / signal.length);
        const found = bandRms(spectrum, signal.hertz - reachHz, signal.hertz + reachHz, 'hann');
        expect(Math.abs(found / (signal.amplitude / Math.SQRT2) - 1)).toBeLessThan(0.01);
      }),
      RUNS,
    ));
});

describe('any window', () => {
  it('says the same on top of gravity, or of any offset', () =>
    fc.assert(
      fc.asyncProperty(anySignal, fc.integer({ min: -10_000, max: 10_000 }), async (samples, offset) => {
        const [plain, shifted] = [
          await about(samples, 800),
          await about(
            samples.map((sample) => sample + offset),
            800,
          ),
        ];
        for (const feature of ['rms', 'peak', 'peakToPeak', 'crest', 'kurtosis'] as const)
          expect(shifted[feature] ?? 0).toBeCloseTo(plain[feature] ?? 0, 6);
        const velocity = (of: typeof plain) => velocityRms(of.spectrum, 10, 360, 'hann');
        expect(velocity(shifted)).toBeCloseTo(velocity(plain), 6);
      }),
      RUNS,
    ));

  it('scales: the lengths with the signal, the ratios and the frequency not at all', () =>
    fc.assert(
      fc.asyncProperty(anySignal, fc.integer({ min: -6, max: 6 }), async (samples, power) => {
        // A power of two, so that not even the last digit changes.
        const factor = 2 ** power;
        const [once, scaled] = [
          await about(samples, 800),
          await about(
            samples.map((sample) => sample * factor),
            800,
          ),
        ];
        for (const feature of ['rms', 'peak', 'peakToPeak'] as const)
          expect(scaled[feature]).toBe(once[feature] * factor);
        for (const feature of ['crest', 'kurtosis', 'frequencyHz'] as const)
          expect(scaled[feature]).toBe(once[feature]);
        expect(velocityRms(scaled.spectrum, 10, 360, 'hann')).toBe(
          velocityRms(once.spectrum, 10, 360, 'hann') * factor,
        );
      }),
      RUNS,
    ));

  it('has its whole rms in its whole band (Parseval), and no more in a part of it', () =>
    fc.assert(
      fc.asyncProperty(anySignal, fc.integer({ min: 0, max: 400 }), async (samples, splitHz) => {
        const { rms, spectrum } = await about(samples, 800);
        expect(bandRms(spectrum, 0, 400)).toBeCloseTo(rms, 6);
        const [low, high] = [bandRms(spectrum, 0, splitHz - 0.0001), bandRms(spectrum, splitHz - 0.0001, 400)];
        expect(Math.hypot(low, high)).toBeCloseTo(rms, 6);
      }),
      RUNS,
    ));

  it('keeps the order of its measures: rms <= peak <= peak to peak <= 2 peak, 1 <= crest <= sqrt(kurtosis n)', () =>
    fc.assert(
      fc.asyncProperty(anySignal, async (samples) => {
        const { rms, peak, peakToPeak, crest, kurtosis } = await about(samples, 800);
        expect(rms).toBeLessThanOrEqual(peak + 1e-9);
        expect(peak).toBeLessThanOrEqual(peakToPeak + 1e-9);
        expect(peakToPeak).toBeLessThanOrEqual(2 * peak + 1e-9);
        if (crest === undefined || kurtosis === undefined) return;
        expect(crest).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(kurtosis).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(crest ** 4).toBeLessThanOrEqual(kurtosis * samples.length * (1 + 1e-9));
      }),
      RUNS,
    ));
});

describe('noise', () => {
  it('has a kurtosis of 3, and its energy is spread evenly over the band', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), async (seed) => {
        const { kurtosis, rms, spectrum } = await about(noise(seed, 4_096), 800);
        // The estimate's own spread is sqrt(24 / 4096) = 0.08.
        expect(Math.abs(kurtosis! - 3)).toBeLessThan(0.5);
        expect(Math.abs(bandRms(spectrum, 100, 200, 'hann') / (rms / 2) - 1)).toBeLessThan(0.15);
      }),
      { numRuns: 20 },
    ));

  it('with a blow in it has more', async () => {
    const samples = noise(7, 4_096);
    samples[2_000] = 12;
    expect((await about(samples, 800)).kurtosis).toBeGreaterThan(5);
  });
});
