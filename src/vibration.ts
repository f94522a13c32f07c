/**
 * Vibration maths: what a window of acceleration samples says about one axis of a machine. Pure; knows no chip.
 *
 * After the mean (gravity and offset) is taken away:
 *   rms        sqrt(mean(v^2)), in the unit of the samples
 *   peak       max |v|, in the unit of the samples
 *   peakToPeak max v - min v, in the unit of the samples
 *   crest      peak / rms; a sine has 1.41, above 4 to 6 suggests impacts
 *   kurtosis   mean(v^4) / mean(v^2)^2; a square wave has 1, a sine 1.5, noise 3, impacts more
 *   frequency  the largest line of the Hann-windowed spectrum without DC, in Hz, to one line (rate / samples)
 * and between two frequencies, by Parseval's theorem over the lines of the spectrum, both ends included:
 *   band rms       square root of the mean square, in the unit of the samples; its square is the energy of the band
 *   velocity rms   each line divided by 2 pi f, which is integration in the frequency domain: no drift, no filter that rings
 *
 * A Hann window leaks less from strong lines below a band, where 1 / f is largest. What it takes from the mean square is
 * given back as 1 / mean(w^2) = 8 / 3 (G. Heinzel, A. Ruediger, R. Schilling, "Spectrum and spectral density estimation by
 * the Discrete Fourier transform", 2002, sections 8 and 9; the window is periodic, as theirs).
 *
 * An axis that does not move (rms below 1e-9) has rms and peaks; its ratios and its frequency are undefined, and absent.
 */
import type { Fourier } from './fft.ts';

/** Below this rms a signal is a constant and its ratios are rounding noise. */
export const STILL_RMS = 1e-9;

/** The lines of a mean-free signal: `re` and `im` as the transform gives them. */
export interface Spectrum {
  readonly rateHz: number;
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export interface AxisVibration {
  readonly mean: number;
  readonly rms: number;
  readonly peak: number;
  readonly peakToPeak: number;
  readonly crest: number | undefined;
  readonly kurtosis: number | undefined;
  readonly frequencyHz: number | undefined;
  readonly spectrum: Spectrum;
}

/** The rectangular window is exact for whole periods; Hann leaks less from a strong low line. */
export type SpectralWindow = 'rectangular' | 'hann';

/** 1 / mean(w^2) of a periodic Hann window. */
const HANN_ENERGY = 8 / 3;

function meanOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < samples.length; at++) sum += samples[at]!;
  return sum / samples.length;
}

/** The mean-free signal. Needs at least one sample. */
export function centred(samples: ArrayLike<number>, mean = meanOf(samples)): Float64Array {
  return Float64Array.from(samples, (sample) => sample - mean);
}

/** |X[k]|^2 of the windowed signal. A periodic Hann window in time is the kernel (-1/4, 1/2, -1/4) over the lines. */
function power({ re, im }: Spectrum, k: number, window: SpectralWindow): number {
  if (window === 'rectangular') return re[k]! ** 2 + im[k]! ** 2;
  const before = (k - 1 + re.length) % re.length;
  const after = (k + 1) % re.length;
  const windowedRe = re[k]! / 2 - (re[before]! + re[after]!) / 4;
  const windowedIm = im[k]! / 2 - (im[before]! + im[after]!) / 4;
  return windowedRe ** 2 + windowedIm ** 2;
}

function dominantHz(spectrum: Spectrum): number | undefined {
  const length = spectrum.re.length;
  let best: number | undefined;
  let most = 0;
  for (let k = 1; k <= length / 2; k++) {
    const here = power(spectrum, k, 'hann');
    if (here > most) {
      most = here;
      best = k;
    }
  }
  return best === undefined ? undefined : (best * spectrum.rateHz) / length;
}

/** What one axis does. Needs at least one sample, and a transform of as many. */
export function axisVibration(samples: ArrayLike<number>, rateHz: number, fourier: Fourier): AxisVibration {
  const mean = meanOf(samples);
  const signal = centred(samples, mean);
  let squares = 0;
  let fourths = 0;
  let highest = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (const value of signal) {
    squares += value ** 2;
    fourths += value ** 4;
    highest = Math.max(highest, value);
    lowest = Math.min(lowest, value);
  }
  const variance = squares / signal.length;
  const rms = Math.sqrt(variance);
  const peak = Math.max(highest, -lowest);
  const moves = rms >= STILL_RMS;
  const spectrum = { rateHz, ...fourier(signal) };
  return {
    mean,
    rms,
    peak,
    peakToPeak: highest - lowest,
    crest: moves ? peak / rms : undefined,
    kurtosis: moves ? fourths / signal.length / variance ** 2 : undefined,
    frequencyHz: moves ? dominantHz(spectrum) : undefined,
    spectrum,
  };
}

/** Sum over the lines from `fromHz` to `toHz`, both included, of mean square times `weight(Hz)`. By Parseval. */
function meanSquare(
  spectrum: Spectrum,
  fromHz: number,
  toHz: number,
  window: SpectralWindow,
  weight: (hertz: number) => number,
): number {
  const length = spectrum.re.length;
  let sum = 0;
  for (let k = 0; k <= length / 2; k++) {
    const hertz = (k * spectrum.rateHz) / length;
    if (hertz < fromHz || hertz > toHz) continue;
    // Every line but the first and the last of an even length stands for its mirror image too.
    const mirrored = k === 0 || 2 * k === length ? 1 : 2;
    sum += mirrored * power(spectrum, k, window) * weight(hertz);
  }
  return (sum / length ** 2) * (window === 'hann' ? HANN_ENERGY : 1);
}

/** Rms of what lies between two frequencies, in the unit of the samples. */
export function bandRms(
  spectrum: Spectrum,
  fromHz: number,
  toHz: number,
  window: SpectralWindow = 'rectangular',
): number {
  return Math.sqrt(meanSquare(spectrum, fromHz, toHz, window, () => 1));
}

/** Rms of the velocity between two frequencies in mm/s, of an acceleration in m/s2. `fromHz` is above 0. */
export function velocityRms(
  spectrum: Spectrum,
  fromHz: number,
  toHz: number,
  window: SpectralWindow = 'rectangular',
): number {
  return 1_000 * Math.sqrt(meanSquare(spectrum, fromHz, toHz, window, (hertz) => (2 * Math.PI * hertz) ** -2));
}
