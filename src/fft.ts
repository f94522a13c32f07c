/**
 * The discrete Fourier transform of a real signal of any length, in O(n log n).
 * Pure. A length that is no power of two goes through Bluestein's chirp transform, so a window may have any length.
 */

export interface ComplexSignal {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** X[k] = sum over t of x[t] * exp(-2 pi i k t / n), for k = 0 .. n - 1. */
export function fourier(samples: ArrayLike<number>): ComplexSignal {
  const length = samples.length;
  const signal = { re: Float64Array.from(samples), im: new Float64Array(length) };
  if (length > 1 && !isPowerOfTwo(length)) return bluestein(signal.re);
  radix2(signal.re, signal.im);
  return signal;
}

const isPowerOfTwo = (length: number): boolean => (length & (length - 1)) === 0;

/** Cooley and Tukey, in place; the length is a power of two. */
function radix2(re: Float64Array, im: Float64Array): void {
  const length = re.length;
  for (let from = 1, to = 0; from < length; from++) {
    let bit = length >> 1;
    for (; to & bit; bit >>= 1) to ^= bit;
    to ^= bit;
    if (from < to) {
      [re[from], re[to]] = [re[to]!, re[from]!];
      [im[from], im[to]] = [im[to]!, im[from]!];
    }
  }
  for (let size = 2; size <= length; size *= 2) {
    const half = size / 2;
    for (let k = 0; k < half; k++) {
      const cos = Math.cos((2 * Math.PI * k) / size);
      const sin = -Math.sin((2 * Math.PI * k) / size);
      for (let top = k; top < length; top += size) {
        const low = top + half;
        const turnedRe = re[low]! * cos - im[low]! * sin;
        const turnedIm = re[low]! * sin + im[low]! * cos;
        re[low] = re[top]! - turnedRe;
        im[low] = im[top]! - turnedIm;
        re[top] = re[top]! + turnedRe;
        im[top] = im[top]! + turnedIm;
      }
    }
  }
}

/** Bluestein: k t = (k^2 + t^2 - (k - t)^2) / 2 makes the transform a convolution with a chirp. */
function bluestein(samples: Float64Array): ComplexSignal {
  const length = samples.length;
  const padded = 2 ** Math.ceil(Math.log2(2 * length - 1));
  const chirpRe = new Float64Array(length);
  const chirpIm = new Float64Array(length);
  const re = new Float64Array(padded);
  const im = new Float64Array(padded);
  const kernelRe = new Float64Array(padded);
  const kernelIm = new Float64Array(padded);
  for (let t = 0; t < length; t++) {
    // The chirp repeats every 2 n; reducing first keeps the angle exact for long windows.
    const angle = (Math.PI * ((t * t) % (2 * length))) / length;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    chirpRe[t] = cos;
    chirpIm[t] = -sin;
    re[t] = samples[t]! * cos;
    im[t] = -samples[t]! * sin;
    const mirrored = (padded - t) % padded;
    kernelRe[t] = kernelRe[mirrored] = cos;
    kernelIm[t] = kernelIm[mirrored] = sin;
  }
  radix2(re, im);
  radix2(kernelRe, kernelIm);
  for (let k = 0; k < padded; k++) {
    const productRe = re[k]! * kernelRe[k]! - im[k]! * kernelIm[k]!;
    im[k] = re[k]! * kernelIm[k]! + im[k]! * kernelRe[k]!;
    re[k] = productRe;
  }
  // With real and imaginary parts exchanged, the forward transform is the inverse one times its length.
  radix2(im, re);
  const out = { re: new Float64Array(length), im: new Float64Array(length) };
  for (let k = 0; k < length; k++) {
    out.re[k] = (re[k]! * chirpRe[k]! - im[k]! * chirpIm[k]!) / padded;
    out.im[k] = (re[k]! * chirpIm[k]! + im[k]! * chirpRe[k]!) / padded;
  }
  return out;
}
