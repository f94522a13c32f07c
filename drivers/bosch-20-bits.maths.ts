/** How BMP280, BME280 and BME680 hold a number of 20 bits in three bytes of their data. Pure functions. */

/** The number at a place in the data. */
export const word20 = (data: Uint8Array, at: number): number =>
  (data[at]! << 12) | (data[at + 1]! << 4) | (data[at + 2]! >> 4);

/** What it is when it has not been measured. */
export const SKIPPED_20_BIT = 0x80000;
