/**
 * Temperature and pressure of the BMP280 and the BME280, whose datasheets have the same calibration and the same formulas for
 * them ("Trimming parameter readout", "Compensation formulas in double precision floating point"). Pure functions.
 */

/** The samples that a code of oversampling stands for. */
export const samplesOf = (code: number): number => (code === 0 ? 0 : 2 ** (code - 1));

/** T1 and P1 are unsigned, the rest is signed. */
export interface Calibration {
  readonly t: readonly [number, number, number];
  readonly p: readonly [number, number, number, number, number, number, number, number, number];
}

/** From the 24 bytes at 0x88, least significant byte first. */
export function parseCalibration(bytes: Uint8Array): Calibration {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const unsigned = (at: number) => view.getUint16(at, true);
  const signed = (at: number) => view.getInt16(at, true);
  return {
    t: [unsigned(0), signed(2), signed(4)],
    p: [unsigned(6), signed(8), signed(10), signed(12), signed(14), signed(16), signed(18), signed(20), signed(22)],
  };
}

/** The temperature that the other formulas start from (`t_fine`), in 1/5120 Cel. */
export function fineTemperature(raw: number, { t: [t1, t2, t3] }: Calibration): number {
  const linear = (raw / 16384 - t1 / 1024) * t2;
  const square = (raw / 131072 - t1 / 8192) ** 2 * t3;
  return linear + square;
}

/** Cel. */
export const temperature = (fine: number): number => fine / 5120;

/** Pa; undefined when the calibration makes the formula divide by zero. */
export function pressurePa(
  raw: number,
  fine: number,
  { p: [p1, p2, p3, p4, p5, p6, p7, p8, p9] }: Calibration,
): number | undefined {
  const warmth = fine / 2 - 64000;
  const offset = ((warmth * warmth * p6) / 32768 + warmth * p5 * 2) / 4 + p4 * 65536;
  const slope = (1 + ((p3 * warmth * warmth) / 524288 + p2 * warmth) / 524288 / 32768) * p1;
  if (slope === 0) return undefined;
  const first = ((1048576 - raw - offset / 4096) * 6250) / slope;
  return first + ((p9 * first * first) / 2147483648 + (first * p8) / 32768 + p7) / 16;
}
