/**
 * What the numbers of a BME680 or BME688 mean: the floating point formulas of the maker's reference driver, because its
 * integer form overflows above 1062 hPa. Pure functions that know no bus.
 */

/** Register codes: 0 is skipped, 1 to 5 are 1, 2, 4, 8, 16 samples. */
export interface Oversampling {
  readonly t: number;
  readonly p: number;
  readonly h: number;
}

/** How long a forced measurement takes without the heater, in microseconds. */
export function measurementUs({ t, p, h }: Oversampling): number {
  const samples = (code: number) => (code === 0 ? 0 : 2 ** (code - 1));
  return 1963 * (samples(t) + samples(p) + samples(h)) + 477 * (4 + 5) + 1000;
}

/** From the 42 bytes of the three blocks in a row. Bytes unless named otherwise; H1 and H2 have 12 bits and share a byte. */
export function parseCalibration(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const signed = (at: number) => view.getInt16(at, true);
  const unsigned = (at: number) => view.getUint16(at, true);
  const small = (at: number) => view.getInt8(at);
  return {
    t: [unsigned(31), signed(0), small(2)] as const,
    p: {
      p1: unsigned(4),
      p2: signed(6),
      p3: small(8),
      p4: signed(10),
      p5: signed(12),
      p6: small(15),
      p7: small(14),
      p8: signed(18),
      p9: signed(20),
      p10: view.getUint8(22),
    },
    h: {
      h1: (bytes[25]! << 4) | (bytes[24]! & 0x0f),
      h2: (bytes[23]! << 4) | (bytes[24]! >> 4),
      h3: small(26),
      h4: small(27),
      h5: small(28),
      h6: view.getUint8(29),
      h7: small(30),
    },
    gas: {
      g1: small(35),
      g2: signed(33),
      g3: small(36),
      heatValue: small(37),
      heatRange: (bytes[39]! & 0x30) >> 4,
      rangeError: small(41) >> 4,
    },
  };
}
export type Calibration = ReturnType<typeof parseCalibration>;

/** The temperature that the other formulas start from (`t_fine`), in 1/5120 Cel. */
export function fineTemperature(raw: number, { t: [t1, t2, t3] }: Calibration): number {
  return (raw / 16384 - t1 / 1024) * t2 + (raw / 131072 - t1 / 8192) ** 2 * t3 * 16;
}

/** Cel. */
export const temperature = (fine: number): number => fine / 5120;

/** Pa; undefined when the calibration makes the formula divide by zero. */
export function pressurePa(raw: number, fine: number, { p }: Calibration): number | undefined {
  const warmth = fine / 2 - 64000;
  const offset = ((warmth * warmth * p.p6) / 131072 + warmth * p.p5 * 2) / 4 + p.p4 * 65536;
  const slope = (1 + ((p.p3 * warmth * warmth) / 16384 + p.p2 * warmth) / 524288 / 32768) * p.p1;
  if (slope === 0) return undefined;
  const first = ((1048576 - raw - offset / 4096) * 6250) / slope;
  const bend = (p.p9 * first * first) / 2147483648 + (first * p.p8) / 32768 + (first / 256) ** 3 * (p.p10 / 131072);
  return first + (bend + p.p7 * 128) / 16;
}

/** %RH, cropped to 0..100: the formula leaves it at both ends. */
export function humidity(raw: number, fine: number, { h }: Calibration): number {
  const celsius = temperature(fine);
  const above = raw - (h.h1 * 16 + (h.h3 / 2) * celsius);
  const slope = (h.h2 / 262144) * (1 + (h.h4 / 16384) * celsius + (h.h5 / 1048576) * celsius * celsius);
  const first = above * slope;
  return Math.min(100, Math.max(0, first + (h.h6 / 16384 + (h.h7 / 2097152) * celsius) * first * first));
}

/** Corrections of some of the 16 ranges of a BME680, in percent. */
const GAIN_PERCENT = [0, 0, 0, 0, 0, -1, 0, -0.8, 0, 0, -0.2, -0.5, 0, -1, 0, 0] as const;
const SCALE_PERCENT = [0, 0, 0, 0, 0.1, 0.7, 0, -0.8, -0.1, 0, 0, 0, 0, 0, 0, 0] as const;

/** Ohm, of a BME680. */
export function gasResistanceLow(raw: number, range: number, { gas }: Calibration): number {
  const gain = (1340 + 5 * gas.rangeError) * (1 + GAIN_PERCENT[range]! / 100);
  return 1 / ((1 + SCALE_PERCENT[range]! / 100) * 0.000000125 * 2 ** range * ((raw - 512) / gain + 1));
}

/** Ohm, of a BME688. */
export const gasResistanceHigh = (raw: number, range: number): number =>
  (1_000_000 * (262144 >> range)) / (4096 + 3 * (raw - 512));

/** The code that makes the heater `target` Cel hot where it is `ambient` Cel around it. */
export function heaterCode(target: number, ambient: number, { gas }: Calibration): number {
  const slope = (gas.g2 / 32768) * 0.0005 + 0.00235;
  const resistance = (gas.g1 / 16 + 49) * (1 + slope * Math.min(400, target)) + (gas.g3 / 1024) * ambient;
  const code = 3.4 * ((resistance * 4) / (4 + gas.heatRange) / (1 + gas.heatValue * 0.002) - 25);
  return Math.min(255, Math.max(0, Math.floor(code)));
}

/** The code of the time that the heater is on, rounded down. */
export function heaterTimeCode(ms: number): number {
  let [mantissa, exponent] = [ms, 0];
  for (; mantissa > 63 && exponent < 3; exponent++) mantissa = Math.floor(mantissa / 4);
  return (exponent << 6) | Math.min(63, mantissa);
}
