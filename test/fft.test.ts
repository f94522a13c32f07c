import { describe, expect, it } from 'vitest';
import { fourierPlan } from '../src/fft.ts';

/** The definition, written out: slow and beyond doubt. */
function direct(samples: readonly number[]): { re: number[]; im: number[] } {
  const length = samples.length;
  const line = (k: number, wave: (angle: number) => number) =>
    samples.reduce((sum, sample, t) => sum + sample * wave((2 * Math.PI * ((k * t) % length)) / length), 0);
  return {
    re: samples.map((_, k) => line(k, Math.cos)),
    im: samples.map((_, k) => -line(k, Math.sin)),
  };
}

/** Neither symmetric nor periodic. */
const signal = (length: number): number[] =>
  Array.from({ length }, (_, t) => Math.sin(t * t * 0.37) + 0.3 * Math.cos(t * 1.7) + (t % 7));

describe('the Fourier transform', () => {
  for (const length of [1, 2, 3, 4, 5, 7, 8, 12, 16, 25, 64, 97, 100, 200, 256, 625, 1009])
    it(`of ${length} samples is what its definition says`, async () => {
      const expected = direct(signal(length));
      const { re, im } = (await fourierPlan(length))(signal(length));
      expect([re.length, im.length]).toEqual([length, length]);
      const worst = Math.max(
        ...expected.re.map((value, k) => Math.abs(value - re[k]!)),
        ...expected.im.map((value, k) => Math.abs(value - im[k]!)),
      );
      expect(worst).toBeLessThan(1e-9 * length);
    });

  it('keeps the energy of a long window of awkward length (Parseval)', async () => {
    const samples = signal(19_997); // prime
    const { re, im } = (await fourierPlan(samples.length))(samples);
    const inTime = samples.reduce((sum, sample) => sum + sample ** 2, 0);
    const inLines = re.reduce((sum, value, k) => sum + value ** 2 + im[k]! ** 2, 0) / samples.length;
    expect(inLines / inTime).toBeCloseTo(1, 10);
  });

  it.each([8, 12])(
    'of %i samples leaves its input alone, and one plan serves all signals of a length',
    async (length) => {
      const samples = signal(length);
      const fourier = await fourierPlan(length);
      const first = fourier(samples);
      expect(samples).toEqual(signal(length));
      fourier(samples.map((sample) => 3 * sample));
      expect(fourier(samples)).toEqual(first);
    },
  );
});
