/**
 * Vibration maths: what a window of acceleration samples says about a machine. Pure; knows no chip.
 *
 * Per axis, after the mean (gravity and offset) is taken away:
 *   rms        sqrt(mean(v^2)), in the unit of the samples
 *   peak       max |v|, in the unit of the samples
 *   crest      peak / rms; a sine has 1.41, above 4 to 6 suggests impacts
 *   kurtosis   mean(v^4) / mean(v^2)^2; a sine has 1.5, noise 3, impacts more
 *   frequency  the largest line of the Hann-windowed spectrum without DC, in Hz, to one line (rate / samples)
 * Of the sensor as a whole, with v the vector of its mean-free axes:
 *   rms        of the vector's length, so rms^2 is the sum over the axes, however the sensor is mounted
 *   peak       the vector's greatest length
 *   crest      peak / rms of the vector
 *   kurtosis, frequency   those of the axis with the largest rms: the two have no meaning for a vector
 *
 * An axis that does not move (rms below 1e-9) has rms and peak; its ratios and its frequency are undefined, and absent.
 */
import { fourier } from './fft.ts';
import type { Channel } from './reading.ts';

/** Below this rms a signal is a constant and its ratios are rounding noise. */
const STILL_RMS = 1e-9;

/** The lines of a mean-free signal: `re` and `im` as `fourier` gives them. */
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

const meanOf = (samples: ArrayLike<number>): number => {
  let sum = 0;
  for (let at = 0; at < samples.length; at++) sum += samples[at]!;
  return sum / samples.length;
};

/** The mean-free signal. Needs at least one sample. */
function centred(samples: ArrayLike<number>, mean = meanOf(samples)): Float64Array {
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

/** What one axis does. Needs at least one sample. */
export function axisVibration(samples: ArrayLike<number>, rateHz: number): AxisVibration {
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

/**
 * The features of a burst by the names of their channels: `rms_x` ... `frequency_z`, `rms` ... `frequency`.
 * All axes have the same number of samples, at least one.
 */
export function vibrationFeatures(
  axes: Readonly<Record<'x' | 'y' | 'z', ArrayLike<number>>>,
  rateHz: number,
): Record<string, number> {
  const each = { x: axisVibration(axes.x, rateHz), y: axisVibration(axes.y, rateHz), z: axisVibration(axes.z, rateHz) };
  const main = [each.y, each.z].reduce((most, axis) => (axis.rms > most.rms ? axis : most), each.x);
  const rms = Math.hypot(each.x.rms, each.y.rms, each.z.rms);
  const [x, y, z] = [centred(axes.x, each.x.mean), centred(axes.y, each.y.mean), centred(axes.z, each.z.mean)];
  let peak = 0;
  for (let at = 0; at < x.length; at++) peak = Math.max(peak, Math.hypot(x[at]!, y[at]!, z[at]!));
  const overall = {
    rms,
    peak,
    crest: rms >= STILL_RMS ? peak / rms : undefined,
    kurtosis: main.kurtosis,
    frequencyHz: main.frequencyHz,
  };

  const features: Record<string, number> = {};
  for (const [suffix, of] of [
    ['_x', each.x] as const,
    ['_y', each.y] as const,
    ['_z', each.z] as const,
    ['', overall] as const,
  ]) {
    features[`rms${suffix}`] = of.rms;
    features[`peak${suffix}`] = of.peak;
    if (of.crest !== undefined) features[`crest${suffix}`] = of.crest;
    if (of.kurtosis !== undefined) features[`kurtosis${suffix}`] = of.kurtosis;
    if (of.frequencyHz !== undefined) features[`frequency${suffix}`] = of.frequencyHz;
  }
  return features;
}

/**
 * The channels of `vibrationFeatures`, for a sensor that measures up to `limit` m/s2 in steps of `resolution`. An axis goes
 * from end to end, the vector is sqrt(3) longer; crest and kurtosis are greatest for a single blow in a window at rest.
 */
export function vibrationChannels(
  limit: number,
  resolution: number,
  rateHz: number,
  samples: number,
): Record<string, Channel> {
  const channels: Record<string, Channel> = {};
  for (const suffix of ['_x', '_y', '_z', '']) {
    const largest = limit * (suffix === '' ? Math.sqrt(3) : 1);
    const length = { quantity: 'acceleration', min: 0, resolution, decimals: 4 };
    const ratio = { quantity: 'ratio', min: 0, resolution: 0.001, decimals: 3 };
    const frequency = { quantity: 'frequency', min: 0, resolution: rateHz / samples, decimals: 3 };
    channels[`rms${suffix}`] = { ...length, max: largest };
    channels[`peak${suffix}`] = { ...length, max: 2 * largest };
    channels[`crest${suffix}`] = { ...ratio, max: Math.sqrt(samples) };
    channels[`kurtosis${suffix}`] = { ...ratio, max: samples };
    channels[`frequency${suffix}`] = { ...frequency, max: rateHz / 2 };
  }
  return channels;
}
