/**
 * The discrete Fourier transform of a real signal of any length, in O(n log n), on the library fft.js.
 *
 * fft.js transforms powers of two. Any other length goes through it by Bluestein's chirp transform (L. Bluestein, "A linear
 * filtering approach to the computation of the discrete Fourier transform", 1970), so that a window has the length that was
 * asked for, and a line lies where its definition says: zeros appended to the signal would move the lines.
 * The library is loaded with the first plan: a station without bursts never reads it.
 */

export interface ComplexSignal {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** X[k] = sum over t of x[t] * exp(-2 pi i k t / n), for k = 0 .. n - 1. The signal has the length of its plan. */
export type Fourier = (samples: ArrayLike<number>) => ComplexSignal;

/** What is used of fft.js; complex signals as re, im, re, im ... The inverse divides by the length. */
interface RadixTransform {
  transform(out: Float64Array, data: Float64Array): void;
  inverseTransform(out: Float64Array, data: Float64Array): void;
}

/** A transform of signals of one length: what it needs beside the signal is made once, for all axes of a burst. */
export async function fourierPlan(length: number): Promise<Fourier> {
  // fft.js has none of one sample, which is its own spectrum.
  if (length <= 1) return (samples) => ({ re: Float64Array.from(samples), im: new Float64Array(samples.length) });
  const { default: FFT } = await import('fft.js');
  const size = isPowerOfTwo(length) ? length : 2 ** Math.ceil(Math.log2(2 * length - 1));
  const library: RadixTransform = new FFT(size);
  return size === length ? (samples) => direct(samples, library) : bluestein(length, size, library);
}

const isPowerOfTwo = (length: number): boolean => (length & (length - 1)) === 0;

function direct(samples: ArrayLike<number>, library: RadixTransform): ComplexSignal {
  const { length } = samples;
  const signal = new Float64Array(2 * length);
  for (let t = 0; t < length; t++) signal[2 * t] = samples[t]!;
  const lines = new Float64Array(2 * length);
  library.transform(lines, signal);
  const [re, im] = [new Float64Array(length), new Float64Array(length)];
  for (let k = 0; k < length; k++) [re[k], im[k]] = [lines[2 * k]!, lines[2 * k + 1]!];
  return { re, im };
}

/** k t = (k^2 + t^2 - (k - t)^2) / 2 makes the transform a convolution with a chirp, here one of `padded` samples. */
function bluestein(length: number, padded: number, library: RadixTransform): Fourier {
  const cos = new Float64Array(length);
  const sin = new Float64Array(length);
  const chirp = new Float64Array(2 * padded);
  for (let t = 0; t < length; t++) {
    // The chirp repeats every 2 n; reducing first keeps the angle exact for long windows.
    const angle = (Math.PI * ((t * t) % (2 * length))) / length;
    cos[t] = Math.cos(angle);
    sin[t] = Math.sin(angle);
    const mirrored = (padded - t) % padded;
    chirp[2 * t] = chirp[2 * mirrored] = cos[t]!;
    chirp[2 * t + 1] = chirp[2 * mirrored + 1] = sin[t]!;
  }
  const kernel = new Float64Array(2 * padded);
  library.transform(kernel, chirp);

  return (samples) => {
    const turned = new Float64Array(2 * padded);
    for (let t = 0; t < length; t++) {
      turned[2 * t] = samples[t]! * cos[t]!;
      turned[2 * t + 1] = -samples[t]! * sin[t]!;
    }
    const product = new Float64Array(2 * padded);
    library.transform(product, turned);
    for (let at = 0; at < 2 * padded; at += 2) {
      const [a, b, c, d] = [product[at]!, product[at + 1]!, kernel[at]!, kernel[at + 1]!];
      product[at] = a * c - b * d;
      product[at + 1] = a * d + b * c;
    }
    const folded = turned;
    library.inverseTransform(folded, product);
    const [re, im] = [new Float64Array(length), new Float64Array(length)];
    for (let k = 0; k < length; k++) {
      const [a, b] = [folded[2 * k]!, folded[2 * k + 1]!];
      re[k] = a * cos[k]! + b * sin[k]!;
      im[k] = b * cos[k]! - a * sin[k]!;
    }
    return { re, im };
  };
}
