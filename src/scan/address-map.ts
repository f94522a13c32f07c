/**
 * Chips that share I2C addresses, and the read that decides between them. From their datasheets; used after the drivers'
 * own `identify`, so also for chips that have no driver here.
 *
 * A probe reads: it writes a register's number and nothing behind it. The few parts without registers have commands of
 * one or two bytes; recognise.ts sends those only to what does not answer as a register file, where a second byte would
 * be written into a register. What no read can tell apart has no probe and is only named.
 */
import { crc8 } from '../driver.ts';

export interface Probe {
  /** A register's number, or a command. */
  readonly send: readonly number[];
  readonly length: number;
  /** A command's reply needs this time, and has no repeated start. */
  readonly waitMs?: number;
  is(reply: Uint8Array): boolean;
}
export interface KnownChip {
  readonly name: string;
  readonly addresses: readonly number[];
  readonly probe?: Probe;
}

const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

/** A register holds exactly these bytes. */
const holds = (register: number, ...bytes: number[]): Probe => ({
  send: [register],
  length: bytes.length,
  is: (reply) => bytes.every((byte, at) => reply[at] === byte),
});
/** One byte, of which only some bits are an id. */
const masked = (register: number, mask: number, ...ids: number[]): Probe => ({
  send: [register],
  length: 1,
  is: ([byte = 0]) => ids.includes(byte & mask),
});
/** Words with Sensirion's checksum behind each. */
const checksummed = (words: number, ...command: number[]): Probe => ({
  send: command,
  length: words * 3,
  waitMs: 10,
  is: (reply) =>
    range(0, words - 1).every((word) => crc8(reply.subarray(word * 3, word * 3 + 2)) === reply[word * 3 + 2]),
});
/** Seconds to year as a real-time clock has them: two decimal digits each, and no day or month 0. */
const isClock = (reply: Uint8Array): boolean => {
  const [seconds = 0, minutes = 0, hours = 0, weekday = 0, day = 0, month = 0, year = 0] = reply;
  const decimal = [minutes, day, month & 0x7f, year].every((byte) => (byte & 0x0f) <= 9);
  return (
    decimal &&
    (seconds & 0x7f) <= 0x59 &&
    minutes <= 0x59 &&
    (hours & 0x3f) <= 0x23 &&
    weekday >= 1 &&
    weekday <= 7 &&
    day >= 1 &&
    day <= 0x31 &&
    (month & 0x7f) >= 1 &&
    (month & 0x7f) <= 0x12
  );
};

const BOSCH = [0x76, 0x77];
const SENSIRION = [0x44, 0x45, 0x46];
const SHUNT = range(0x40, 0x4f);

/** In the order in which they are asked: registers first. */
export const KNOWN_CHIPS: readonly KnownChip[] = [
  { name: 'BMP280', addresses: BOSCH, probe: masked(0xd0, 0xff, 0x56, 0x57, 0x58) },
  { name: 'BME280', addresses: BOSCH, probe: holds(0xd0, 0x60) },
  { name: 'BME680', addresses: BOSCH, probe: holds(0xd0, 0x61) },
  { name: 'BMP388', addresses: BOSCH, probe: holds(0x00, 0x50) },
  { name: 'BMP390', addresses: BOSCH, probe: holds(0x00, 0x60) },
  { name: 'VEML7700', addresses: [0x10], probe: holds(0x07, 0x81) },
  { name: 'LIS3DH', addresses: [0x18, 0x19], probe: holds(0x0f, 0x33) },
  { name: 'MCP9808', addresses: range(0x18, 0x1f), probe: holds(0x06, 0x00, 0x54) },
  { name: 'ADXL345', addresses: [0x53, 0x1d], probe: holds(0x00, 0xe5) },
  // 0xa0 and 0x80 are their command bits.
  { name: 'TSL2591', addresses: [0x29], probe: holds(0xa0 | 0x12, 0x50) },
  { name: 'TSL2561', addresses: [0x29, 0x39, 0x49], probe: masked(0x80 | 0x0a, 0xf0, 0x10, 0x50) },
  { name: 'APDS9960', addresses: [0x39], probe: holds(0x92, 0xab) },
  { name: 'HDC1080', addresses: [0x40], probe: holds(0xff, 0x10, 0x50) },
  { name: 'HDC2080', addresses: [0x40, 0x41], probe: holds(0xfc, 0x49, 0x54, 0xd0, 0x07) },
  { name: 'OPT3001', addresses: range(0x44, 0x47), probe: holds(0x7e, 0x54, 0x49) },
  {
    name: 'TMP117',
    addresses: range(0x48, 0x4b),
    probe: { send: [0x0f], length: 2, is: ([high = 0, low]) => (high & 0x0f) === 0x01 && low === 0x17 },
  },
  // As after their reset; once configured they cannot be told.
  { name: 'ADS1115', addresses: range(0x48, 0x4b), probe: holds(0x01, 0x85, 0x83) },
  { name: 'INA219', addresses: SHUNT, probe: holds(0x00, 0x39, 0x9f) },
  { name: 'MPU-6050', addresses: [0x68, 0x69], probe: holds(0x75, 0x68) },
  { name: 'LSM6DS', addresses: [0x6a, 0x6b], probe: masked(0x0f, 0xff, 0x69, 0x6a, 0x6c) },
  { name: 'DS3231 or DS1307 clock', addresses: [0x68], probe: { send: [0x00], length: 7, is: isClock } },
  { name: 'SHT4x', addresses: SENSIRION, probe: checksummed(2, 0x89) },
  { name: 'SHT3x', addresses: [0x44, 0x45], probe: checksummed(1, 0xf3, 0x2d) },
  { name: 'SCD4x', addresses: [0x62], probe: checksummed(3, 0x36, 0x82) },
  {
    name: 'Si7021',
    addresses: [0x40],
    probe: { send: [0xfc, 0xc9], length: 6, waitMs: 10, is: ([id = 0]) => id === 0x15 || id === 0x14 || id === 0x0d },
  },

  { name: 'BH1750', addresses: [0x23, 0x5c] },
  { name: 'AHT20', addresses: [0x38, 0x39] },
  { name: 'HTU21D', addresses: [0x40] },
  { name: 'TMP102 or LM75', addresses: range(0x48, 0x4f) },
  { name: 'SHTC3', addresses: [0x70] },
  { name: 'MS5611', addresses: BOSCH },
  { name: 'VL53L0X', addresses: [0x29] },
  { name: 'AM2320', addresses: [0x5c] },
  { name: 'port expander (PCF8574, MCP23017)', addresses: range(0x20, 0x27) },
  { name: 'display (SSD1306)', addresses: [0x3c, 0x3d] },
  { name: 'PWM driver (PCA9685)', addresses: [0x40] },
  { name: 'EEPROM (24Cxx)', addresses: range(0x50, 0x57) },
  { name: 'multiplexer (TCA9548A)', addresses: range(0x70, 0x77) },
];
