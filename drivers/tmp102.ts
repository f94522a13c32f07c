/**
 * TI TMP102: temperature.
 *
 * Digest of the datasheet ("TMP102", by section title):
 * - "Pointer Register": 16-bit words, most significant byte first; no id.
 * - "Configuration Register" (0x01, 0x60A0 at power-on): SD (bit 8) shuts down between conversions; OS (bit 15) written in
 *   shutdown converts once, and reads 0 until that has ended. R1 and R0 (bits 14:13) always read 1, bits 3:0 read 0.
 * - "Extended Mode" (EM, bit 4): 13 bits instead of 12, up to 150 Cel and beyond; bit 0 of the temperature is then 1.
 * - "Temperature Register" (0x00): left-justified two's complement, 0.0625 Cel a step; 0 until the first conversion.
 * - "Electrical Characteristics": a conversion takes 26 ms, at most 35 ms.
 *
 * After a supply failure the chip is out of shutdown, at 0 Cel at first: so the configuration is read once more after the
 * temperature, and what does not match is refused.
 */
import {
  type Channels,
  type DriverContext,
  lookUntil,
  type Options,
  type PollDriver,
  readWord,
  writeWord,
} from '../src/driver.ts';
import { chipOf, DEVICE_ID } from './tmp117.maths.ts';

const TEMPERATURE = 0x00;
const CONFIG = 0x01;

const ONE_SHOT = 0x8000;
const ALWAYS_ONE = 0x6000;
const SHUTDOWN = 0x0100;
const CONVERT_4_HZ = 0x0080;
const EXTENDED = 0x0010;
const ALWAYS_ZERO = 0x000f;

const CONVERSION_MS = 35;
const POLL_MS = 5;
const MAX_POLLS = 5;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;
const WORST_CASE_MS = CONVERSION_MS + MAX_POLLS * POLL_MS + BUS_MS;

/** "Temperature Register": Cel, from 12 bits, or from 13 in extended mode. */
export function celsius(word: number, extended: boolean): number {
  const signed = (word << 16) >> 16;
  return (extended ? signed >> 3 : signed >> 4) / 16;
}

const channels = ({ extended }: Options): Channels => ({
  temperature: {
    quantity: 'temperature',
    min: extended ? -256 : -128,
    max: extended ? 255.9375 : 127.9375,
    resolution: 0.0625,
    decimals: 2,
  },
});

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const extended = options.extended as boolean;
  const place = `0x${device.address.toString(16)}`;
  const idle = SHUTDOWN | CONVERT_4_HZ | (extended ? EXTENDED : 0);
  const configure = (value: number) => writeWord(device, CONFIG, value);
  const isPlausible = (config: number) => (config & (ALWAYS_ONE | ALWAYS_ZERO)) === ALWAYS_ONE;
  /** The configuration as it is, if it is still ours. */
  const ownConfig = async (): Promise<number> => {
    const config = await readWord(device, CONFIG);
    if (!isPlausible(config) || (config & (SHUTDOWN | EXTENDED)) !== (idle & (SHUTDOWN | EXTENDED))) {
      throw fail(
        'sensor.no-data',
        `tmp102: the chip at ${place} was reset while it measured: check its supply and wiring`,
      );
    }
    return config;
  };

  const config = await readWord(device, CONFIG);
  if (!isPlausible(config)) {
    const isTmp117 = chipOf(await readWord(device, DEVICE_ID)) === 'TMP117';
    throw fail(
      'sensor.identity',
      isTmp117
        ? `tmp102: ${place} answers as a TMP117, not as a TMP102: use the driver tmp117`
        : `tmp102: ${place} has 0x${config.toString(16).padStart(4, '0')} for a configuration, which no TMP102 has: check wiring, address and driver`,
    );
  }
  await configure(idle);

  return {
    async read(signal: AbortSignal) {
      await configure(ONE_SHOT | idle);
      await wait(CONVERSION_MS, signal);
      const hasEnded = async () => ((await ownConfig()) & ONE_SHOT) !== 0;
      if (!(await lookUntil(hasEnded, { times: 1 + MAX_POLLS, lookAgainMs: POLL_MS, wait, signal })))
        throw fail(
          'sensor.not-ready',
          `tmp102: the chip at ${place} has not ended its conversion in its time: check its supply`,
        );
      const word = await readWord(device, TEMPERATURE);
      await ownConfig();
      if ((word & 1) !== (extended ? 1 : 0)) {
        throw fail(
          'sensor.no-data',
          `tmp102: the temperature at ${place} is not in the format that was asked for: check its supply and wiring`,
        );
      }
      return { temperature: celsius(word, extended) };
    },
    async close() {
      await configure(idle).catch(() => {});
    },
  };
}

const DEFAULTS = { extended: false } as const;

const tmp102: PollDriver<'i2c'> = {
  api: 1,
  id: 'tmp102',
  title: 'TI TMP102 temperature sensor',
  datasheet: 'https://www.ti.com/lit/gpn/tmp102',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x48, 0x49, 0x4a, 0x4b],
  channels: channels(DEFAULTS),
  options: {
    extended: {
      kind: 'boolean',
      default: DEFAULTS.extended,
      doc: 'Measures in 13 bits: for more than 127 Cel.',
    },
  },
  worstCaseMs: WORST_CASE_MS,
  variant: (options) => ({ channels: channels(options) }),
  open,
};

export default tmp102;
