/**
 * What Bosch's sensors of the air have in common: who answers at 0x76 and 0x77, the codes of oversampling and filter, and how
 * far a value may be beyond its channel's end. Tables and pure functions that know no bus.
 */

type Names = Readonly<Record<number, string>>;
/** By the id at 0xD0; 0x56 and 0x57 are early samples of a BMP280. */
export const CHIPS_AT_D0: Names = { 86: 'BMP280', 87: 'BMP280', 88: 'BMP280', 96: 'BME280', 97: 'BME680' };
/** By the id at 0x00, where the newer parts have theirs. */
export const CHIPS_AT_00: Names = { 80: 'BMP388', 96: 'BMP390' };

/** What is refused: who it is, by its name or else by the id that it has at our place, and what to do. */
export function refusal(name: string | undefined, id: number): { readonly who: string; readonly advice: string } {
  if (name === undefined)
    return { who: `an unknown chip (id 0x${id.toString(16)})`, advice: 'check address and driver' };
  const driver = name === 'BMP390' ? 'bmp388' : name.toLowerCase();
  return { who: `a ${name}`, advice: `use \`driver: ${driver}\`` };
}

/** Samples of one measurement to the register's code, of BMP280, BME280 and BME680. */
export const OVERSAMPLING = { 0: 0, 1: 1, 2: 2, 4: 3, 8: 4, 16: 5 } as const;
/** The filter's coefficient to its code, of BMP280 and BME280, and of those that came after them. */
export const FILTER = { 0: 0, 2: 1, 4: 2, 8: 3, 16: 4 } as const;
export const NEWER_FILTER = { 0: 0, 1: 1, 3: 2, 7: 3, 15: 4, 31: 5, 63: 6, 127: 7 } as const;

/** Of pressure, in hPa: 16 bits with one sample, one more for each doubling, 20 with the filter; 20 bits are 0.16 Pa. */
export const pressureResolution = (oversamplingCode: number, filterCode: number): number =>
  0.0016 * 2 ** (filterCode > 0 ? 0 : 5 - oversamplingCode);

/** "Specification", in Cel and in hPa. */
const ACCURACY = 1;
/** The value, if the channel can have it: what is past an end by no more than the chip's accuracy is that end. */
export function within(
  channel: { readonly min: number; readonly max: number } | undefined,
  value: number | undefined,
): number | undefined {
  if (!channel || value === undefined) return undefined;
  if (!(value >= channel.min - ACCURACY && value <= channel.max + ACCURACY)) return undefined;
  return Math.min(channel.max, Math.max(channel.min, value));
}
