/**
 * The formulas of the LIS3DH: steps and samples by range and resolution, and its temperature. Data are left-aligned, two's
 * complement, low byte first; steps double with the range, but for 16 g, where they are 12-fold.
 */

const G = 9.80665;
export const DATA_BYTES = 6;
/** mg of one step of 12 bits. */
const STEPS_MG: Readonly<Record<number, number>> = { 2: 1, 4: 2, 8: 4, 16: 12 };
export const BITS = { high: 12, normal: 10, low: 8 } as const;
export type Resolution = keyof typeof BITS;

/** One step in m/s2. */
export const stepOf = (rangeG: number, resolution: Resolution): number =>
  (STEPS_MG[rangeG]! * 2 ** (BITS.high - BITS[resolution]) * G) / 1_000;

/** Six bytes of data. */
export function convert(bytes: Uint8Array, rangeG: number, resolution: Resolution) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, DATA_BYTES);
  const bits = BITS[resolution];
  const raws = [0, 2, 4].map((at) => view.getInt16(at, true) >> (16 - bits)) as [number, number, number];
  const rail = 2 ** (bits - 1);
  const step = stepOf(rangeG, resolution);
  const axes = [raws[0] * step, raws[1] * step, raws[2] * step] as const;
  return { axes, saturated: raws.some((raw) => raw <= -rail || raw >= rail - 1) };
}

/** Two bytes of temperature in Cel, as far as they mean one: the maker's own software adds these 25. */
export const convertTemperature = (low: number, high: number): number => (((high << 24) >> 16) | low) / 256 + 25;
