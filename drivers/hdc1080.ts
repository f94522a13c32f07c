/**
 * TI HDC1080, and its like HDC1000, HDC1008, HDC1010, HDC1050: temperature and relative humidity.
 *
 * Digest of the datasheet ("HDC1080", by section title):
 * - "Register Map": 16-bit words behind a pointer, most significant byte first. Device id (0xFF) 0x1050, or 0x1000.
 * - "Configuration Register" (0x02, 0x1000 at power-on): bit 12 measures temperature and humidity in sequence; bit 10 is the
 *   temperature's resolution, 9:8 the humidity's; bit 11 says that the supply is low.
 * - "Measurement": writing the pointer 0x00 starts it. Until its end a read is not acknowledged, and a pointer to another
 *   register ends it without a result: so it is waited for, then both words are read at once, without a pointer.
 * - "Electrical Characteristics": 6.35 ms for temperature and 6.5 ms for humidity in 14 bits.
 * - "Temperature Register", "Humidity Register": T = -40 + 165 S / 65536; RH = 100 S / 65536; bits 1:0 are always 0.
 *
 * There is no checksum. After a supply failure both words are 0, which is -40 Cel and 0 %RH, and the configuration may be
 * just as it was: so that counts only when two measurements in a row say it.
 */
import {
  type Channels,
  type DriverContext,
  type I2cDevice,
  type Options,
  onceAcknowledged,
  type PollDriver,
  readWord,
  writeWord,
} from '../src/driver.ts';

const MEASURE = 0x00;
const CONFIG = 0x02;
const DEVICE_ID = 0xff;
const CHIPS: Readonly<Record<number, string>> = { 4096: 'HDC1000', 4176: 'HDC1080' };
/** An HDC2080 has registers of one byte: 0x07 here, the upper half of its id. */
const HDC2080_ID = 0x07;

const BOTH = 0x1000;
const LOW_SUPPLY = 0x0800;
const ALWAYS_ZERO = 0x0003;

/** Bits -> the code in the configuration, the time, and a millisecond to be sure, as it has no maximum. */
const TEMPERATURE = { 14: { code: 0x0000, ms: 6.35 + 1 }, 11: { code: 0x0400, ms: 3.65 + 1 } } as const;
const HUMIDITY = {
  14: { code: 0x0000, ms: 6.5 + 1 },
  11: { code: 0x0100, ms: 3.85 + 1 },
  8: { code: 0x0200, ms: 2.5 + 1 },
} as const;

const RETRY_MS = 2;
const MAX_RETRIES = 4;
/** One measurement, and one more to confirm that both words are 0. */
const MAX_MEASUREMENTS = 2;
/** What the transfers of one measurement take on a bus of 100 kHz, rounded up. */
const BUS_MS = 2;

/** "Temperature Register": Cel. */
export const celsius = (word: number): number => -40 + (165 * word) / 65536;

/** "Humidity Register": %RH. */
export const relativeHumidity = (word: number): number => (100 * word) / 65536;

function settings(options: Options) {
  const temperature = TEMPERATURE[options.temperature_bits as keyof typeof TEMPERATURE];
  const humidity = HUMIDITY[options.humidity_bits as keyof typeof HUMIDITY];
  return { config: BOTH | temperature.code | humidity.code, maxMs: temperature.ms + humidity.ms };
}

function channels({ temperature_bits, humidity_bits }: Options): Channels {
  const steps = { temperature: 2 ** (temperature_bits as number), humidity: 2 ** (humidity_bits as number) };
  return {
    temperature: {
      quantity: 'temperature',
      min: -40,
      max: 125 - 165 / steps.temperature,
      resolution: 165 / steps.temperature,
      decimals: 2,
    },
    humidity: {
      quantity: 'humidity',
      min: 0,
      max: 100 - 100 / steps.humidity,
      resolution: 100 / steps.humidity,
      decimals: 2,
    },
  };
}

const worstCaseMs = (options: Options): number =>
  MAX_MEASUREMENTS * (settings(options).maxMs + MAX_RETRIES * RETRY_MS + BUS_MS);

const nameOf = (id: number): string | undefined => CHIPS[id] ?? (id >> 8 === HDC2080_ID ? 'HDC2080' : undefined);

const identify = async (device: I2cDevice): Promise<string | undefined> => nameOf(await readWord(device, DEVICE_ID));

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const { config, maxMs } = settings(options);
  const place = `0x${device.address.toString(16)}`;

  const id = await readWord(device, DEVICE_ID);
  if (id === 0x0000 || id === 0xffff) {
    throw fail(
      'sensor.identity',
      `hdc1080: ${place} answers with nothing but zeros or ones: check wiring, supply and address`,
    );
  }
  if (CHIPS[id] === undefined) {
    throw fail(
      'sensor.identity',
      `hdc1080: ${place} answers as ${nameOf(id) ?? `an unknown chip (id 0x${id.toString(16)})`}, not as an HDC1080: check address and driver`,
    );
  }

  const measure = async (signal: AbortSignal) => {
    await writeWord(device, CONFIG, config);
    await device.write(MEASURE);
    await wait(maxMs, signal);
    const looks = { times: 1 + MAX_RETRIES, lookAgainMs: RETRY_MS, wait, signal };
    const reply = await onceAcknowledged(() => device.read(4), looks);
    const words = { temperature: (reply[0]! << 8) | reply[1]!, humidity: (reply[2]! << 8) | reply[3]! };
    const isOurs = ((await readWord(device, CONFIG)) & ~LOW_SUPPLY) === config;
    if (!isOurs || ((words.temperature | words.humidity) & ALWAYS_ZERO) !== 0) {
      throw fail(
        'sensor.no-data',
        `hdc1080: the chip at ${place} was reset while it measured, or answers with nothing but ones: check supply and wiring`,
      );
    }
    return words;
  };

  return {
    async read(signal: AbortSignal) {
      let words = await measure(signal);
      for (let count = 1; count < MAX_MEASUREMENTS && words.temperature === 0 && words.humidity === 0; count++) {
        words = await measure(signal);
      }
      return { temperature: celsius(words.temperature), humidity: relativeHumidity(words.humidity) };
    },
    /** It sleeps between measurements by itself. */
    async close() {},
  };
}

const DEFAULTS = { temperature_bits: 14, humidity_bits: 14 } as const;

const hdc1080: PollDriver<'i2c'> = {
  api: 1,
  id: 'hdc1080',
  title: 'TI HDC1080 (HDC1000, HDC1008, HDC1010, HDC1050) temperature and humidity sensor',
  datasheet: 'https://www.ti.com/lit/gpn/hdc1080',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x40, 0x41, 0x42, 0x43],
  channels: channels(DEFAULTS),
  options: {
    temperature_bits: {
      kind: 'choice',
      choices: [14, 11],
      default: DEFAULTS.temperature_bits,
      doc: 'Resolution of temperature: 14 bits are 0.01 Cel in 7 ms, 11 are 0.08 Cel in 5 ms.',
    },
    humidity_bits: {
      kind: 'choice',
      choices: [14, 11, 8],
      default: DEFAULTS.humidity_bits,
      doc: 'Resolution of humidity: 14 bits are 0.006 %RH in 8 ms, 11 are 0.05 %RH, 8 are 0.4 %RH in 4 ms.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  identify,
  open,
};

export default hdc1080;
