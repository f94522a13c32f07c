/**
 * What the numbers of an SHT21 mean, and of those that do as it does: HTU21D, Si7021. The lowest two bits of a word are status.
 * Pure functions.
 */

/** By the first byte of the electronic id. */
export const CHIPS: Readonly<Record<number, string>> = { 13: 'Si7013', 20: 'Si7020', 21: 'Si7021', 50: 'HTU21D' };

const STATUS_BITS = 0b11;
const COLDEST = -46.85;
const SPAN = 175.72;
const HUMIDITY_SPAN = 125;

/** Cel. */
export const celsius = (word: number): number => COLDEST + (SPAN * (word & ~STATUS_BITS)) / 65536;

/** %RH, before it is cropped. */
export const rawHumidity = (word: number): number => -6 + (HUMIDITY_SPAN * (word & ~STATUS_BITS)) / 65536;

/** What is not physical is cropped. */
export const cropped = (humidity: number): number => Math.min(100, Math.max(0, humidity));

/** The channels with so many bits. */
export const channelsOf = (temperatureBits: number, humidityBits: number) => ({
  temperature: {
    quantity: 'temperature',
    // One step above a word of zeros, which is refused.
    min: COLDEST + SPAN / 2 ** temperatureBits,
    max: celsius(0xffff),
    resolution: SPAN / 2 ** temperatureBits,
    decimals: 2,
  },
  humidity: { quantity: 'humidity', min: 0, max: 100, resolution: HUMIDITY_SPAN / 2 ** humidityBits, decimals: 2 },
});
