/**
 * TI HDC2080 and HDC2010: temperature and relative humidity.
 *
 * Digest of the datasheet ("HDC2080", by section title):
 * - "Register Map": registers of one byte whose address counts up, words LEAST significant byte first. Manufacturer 0x5449
 *   at 0xFC, device 0x07D0 at 0xFE.
 * - "Device Configuration" (0x0E): bits 6:4 measure by themselves at a rate, 0 only when asked; bit 3 heats.
 * - "Measurement Configuration" (0x0F): bits 7:6 and 5:4 are the resolutions of temperature and humidity, 2:1 0 for both,
 *   bit 0 starts.
 * - "Interrupt DRDY" (0x04): bit 7 when a result is ready, cleared by reading it; bits 2:0 always read 0. It follows the
 *   results, so that one burst of five bytes says whether its own words are a measurement.
 * - "Electrical Characteristics": 0.61 ms for temperature and 0.66 ms for humidity in 14 bits, typically.
 * - "Temperature", "Humidity": T = -40 + 165 S / 65536; RH = 100 S / 65536. Later revisions of the datasheet have
 *   T = -(40.5 + 0.08 (supply - 1.8 V)) + 165 S / 65536.
 */
import {
  type Channels,
  type DriverContext,
  type I2cDevice,
  type Options,
  type PollDriver,
  readWord,
} from '../src/driver.ts';

const RESULTS = { register: 0x00, length: 5 } as const;
const CONFIG = 0x0e;
const MEASUREMENT = 0x0f;
const IDS = { register: 0xfc, length: 4 } as const;
const HDC1080_ID = { register: 0xff, id: 0x1050 } as const;

const HDC2080 = '4954d007';
const ON_DEMAND = 0x00;
const START = 0x01;
const READY = 0x80;
const ALWAYS_ZERO = 0x07;

/** Bits -> the code of both resolutions. */
const RESOLUTIONS = { 14: 0b00, 11: 0b01, 9: 0b10 } as const;
/** Twice the typical time of both in 14 bits: the datasheet has no maximum. */
const MEASUREMENT_MS = 2.6;
const POLL_MS = 1;
const MAX_POLLS = 5;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;
const WORST_CASE_MS = MEASUREMENT_MS + MAX_POLLS * POLL_MS + BUS_MS;

const SPAN = 165;
const MIN_SUPPLY_V = 1.62;
const MAX_SUPPLY_V = 3.6;

/** "Temperature": what a word of 0 is, in Cel, by the revision of the datasheet. */
export const zeroCelsius = (revised: boolean, supplyV: number): number =>
  revised ? -(40.5 + 0.08 * (supplyV - 1.8)) : -40;

/** "Temperature": Cel. */
export const celsius = (word: number, zero: number): number => zero + (SPAN * word) / 65536;

/** "Humidity": %RH. */
export const relativeHumidity = (word: number): number => (100 * word) / 65536;

const zeroOf = ({ formula, supply }: Options): number => zeroCelsius(formula === 'revised', supply as number);

function channels(options: Options): Channels {
  const zero = zeroOf(options);
  const steps = {
    temperature: 2 ** (options.temperature_bits as number),
    humidity: 2 ** (options.humidity_bits as number),
  };
  return {
    temperature: {
      quantity: 'temperature',
      min: zero,
      max: celsius(0xffff, zero),
      resolution: SPAN / steps.temperature,
      decimals: 2,
    },
    humidity: { quantity: 'humidity', min: 0, max: 100, resolution: 100 / steps.humidity, decimals: 2 },
  };
}

const idsOf = async (device: I2cDevice): Promise<string> =>
  Buffer.from(await device.writeRead([IDS.register], IDS.length)).toString('hex');

async function identify(device: I2cDevice): Promise<string | undefined> {
  if ((await idsOf(device)) === HDC2080) return 'HDC2080';
  return (await readWord(device, HDC1080_ID.register)) === HDC1080_ID.id ? 'HDC1080' : undefined;
}

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const place = `0x${device.address.toString(16)}`;
  const zero = zeroOf(options);
  const measurement =
    (RESOLUTIONS[options.temperature_bits as keyof typeof RESOLUTIONS] << 6) |
    (RESOLUTIONS[options.humidity_bits as keyof typeof RESOLUTIONS] << 4);

  const ids = await idsOf(device);
  if (/^(0+|f+)$/.test(ids)) {
    throw fail(
      'sensor.identity',
      `hdc2080: ${place} answers with nothing but zeros or ones: check wiring, supply and address`,
    );
  }
  if (ids !== HDC2080) {
    const name = await identify(device);
    throw fail(
      'sensor.identity',
      `hdc2080: ${place} answers as ${name ?? `an unknown chip (ids ${ids})`}, not as an HDC2080: check address and driver`,
    );
  }

  return {
    async read(signal: AbortSignal) {
      await device.write(CONFIG, ON_DEMAND);
      await device.write(MEASUREMENT, measurement | START);
      await wait(MEASUREMENT_MS, signal);
      for (let poll = 0; poll <= MAX_POLLS; poll++) {
        const bytes = await device.writeRead([RESULTS.register], RESULTS.length);
        const status = bytes[4]!;
        if (status & ALWAYS_ZERO) {
          throw fail(
            'sensor.no-data',
            `hdc2080: ${place} answers with a status that no HDC2080 has (0x${status.toString(16)}): check supply and wiring`,
          );
        }
        if (status & READY) {
          return {
            temperature: celsius(bytes[0]! | (bytes[1]! << 8), zero),
            humidity: relativeHumidity(bytes[2]! | (bytes[3]! << 8)),
          };
        }
        await wait(POLL_MS, signal);
      }
      throw fail(
        'sensor.not-ready',
        `hdc2080: the chip at ${place} has not measured in its time, or was reset meanwhile: check its supply`,
      );
    },
    /** It sleeps between measurements by itself. */
    async close() {},
  };
}

const DEFAULTS = { temperature_bits: 14, humidity_bits: 14, formula: 'first', supply: 3.3 } as const;

const hdc2080: PollDriver<'i2c'> = {
  api: 1,
  id: 'hdc2080',
  title: 'TI HDC2080 or HDC2010 temperature and humidity sensor',
  datasheet: 'https://www.ti.com/lit/gpn/hdc2080',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x40, 0x41],
  channels: channels(DEFAULTS),
  options: {
    temperature_bits: {
      kind: 'choice',
      choices: [14, 11, 9],
      default: DEFAULTS.temperature_bits,
      doc: 'Resolution of temperature: 14 bits are 0.01 Cel, 11 are 0.08 Cel, 9 are 0.3 Cel.',
    },
    humidity_bits: {
      kind: 'choice',
      choices: [14, 11, 9],
      default: DEFAULTS.humidity_bits,
      doc: 'Resolution of humidity: 14 bits are 0.006 %RH, 11 are 0.05 %RH, 9 are 0.2 %RH.',
    },
    formula: {
      kind: 'choice',
      choices: ['first', 'revised'],
      default: DEFAULTS.formula,
      doc: 'Which datasheet converts the temperature: first begins at -40 Cel, as Linux does; revised half a Cel lower.',
    },
    supply: {
      kind: 'number',
      min: MIN_SUPPLY_V,
      max: MAX_SUPPLY_V,
      unit: 'V',
      default: DEFAULTS.supply,
      doc: 'Voltage of the supply, which the revised formula takes into account.',
    },
  },
  worstCaseMs: WORST_CASE_MS,
  variant: (options) => ({ channels: channels(options) }),
  identify,
  open,
};

export default hdc2080;
