/**
 * The formulas of the ADXL345: steps and samples by what its register DATA_FORMAT holds. Two's complement, low byte first; 10
 * bits, or in full resolution as many as keep 256 LSB/g over the range.
 */

export const G = 9.80665;
export const DATA_BYTES = 6;
/** Bits of DATA_FORMAT. */
export const FULL_RESOLUTION = 0x08;
const JUSTIFY_LEFT = 0x04;

const bitsOf = (rangeG: number, fullResolution: boolean): number => (fullResolution ? 9 + Math.log2(rangeG) : 10);
/** One step in m/s2. */
export const stepOf = (rangeG: number, fullResolution: boolean): number =>
  (rangeG * 2 * G) / 2 ** bitsOf(rangeG, fullResolution);

/** Six bytes of data, by what DATA_FORMAT holds. `lowBitZero` at 1600 and 3200 Hz: the upper rail is one step lower. */
export function convert(bytes: Uint8Array, dataFormat: number, lowBitZero = false) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, DATA_BYTES);
  const rangeG = 2 << (dataFormat & 0x03);
  const fullResolution = (dataFormat & FULL_RESOLUTION) !== 0;
  const bits = bitsOf(rangeG, fullResolution);
  const shift = dataFormat & JUSTIFY_LEFT ? 16 - bits : 0;
  const raws = [0, 2, 4].map((at) => view.getInt16(at, true) >> shift) as [number, number, number];
  const rail = 2 ** (bits - 1);
  const highest = rail - (lowBitZero ? 2 : 1);
  const step = stepOf(rangeG, fullResolution);
  return {
    axes: raws.map((raw) => raw * step) as [number, number, number],
    saturated: raws.some((raw) => raw <= -rail || raw >= highest),
  };
}
