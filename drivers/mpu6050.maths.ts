/**
 * The formulas of the MPU-6050 and its successors: samples of 16 bits, two's complement, high byte first, of which 32768 is
 * the full range; and a temperature that each model tells in its own way.
 */

/** What answers with which id, how its temperature is told, and how much its FIFO holds. */
export const MPU6050 = { name: 'MPU6050', perCelsius: 340, zeroAt: 36.53, fifoBytes: 1_024, hasOwnFilter: false };
export const NEWER = { perCelsius: 333.87, zeroAt: 21, fifoBytes: 512, hasOwnFilter: true };
export type Model = typeof MPU6050;
export const MODELS: Readonly<Record<number, Model>> = {
  104: MPU6050,
  112: { name: 'MPU6500', ...NEWER },
  113: { name: 'MPU9250', ...NEWER },
};

const G = 9.80665;
const RADIANS = Math.PI / 180;
export const HALF_SCALE = 32_768;
export const SAMPLE_BYTES = 6;
/** One step in m/s2, and in rad/s. */
export const accelerationStep = (rangeG: number): number => (rangeG * G) / HALF_SCALE;
export const angularStep = (rangeDps: number): number => (rangeDps * RADIANS) / HALF_SCALE;

/** Six bytes of three axes. */
export function convertAxes(bytes: Uint8Array, step: number) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SAMPLE_BYTES);
  const raws = [view.getInt16(0), view.getInt16(2), view.getInt16(4)] as const;
  const axes = [raws[0] * step, raws[1] * step, raws[2] * step] as const;
  return { axes, saturated: raws.some((raw) => raw === -HALF_SCALE || raw === HALF_SCALE - 1) };
}

/** Two bytes of temperature. */
export const convertTemperature = (high: number, low: number, { perCelsius, zeroAt }: Model): number =>
  (((high << 24) >> 16) | low) / perCelsius + zeroAt;
