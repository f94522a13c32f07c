/**
 * TI TMP117: precise temperature.
 *
 * Digest of the datasheet ("TMP117", by section title):
 * - "Register Map": 16-bit words behind a pointer, most significant byte first. Device_ID (0x0F) has 0x117 in its lower 12
 *   bits, the revision above.
 * - "Configuration Register" (0x01, 0x0220 at power-on, which converts all the time): MOD (bits 11:10) 01 is shutdown, 11
 *   converts once and falls back to shutdown; AVG (bits 6:5) averages 1, 8, 32 or 64 conversions.
 * - "Temperature Register" (0x00): two's complement, 0.0078125 Cel a step; 0x8000 until the first conversion has ended.
 * - "Electrical Characteristics": a conversion takes 15.5 ms, at most 17.5 ms, times the average.
 *
 * The chip warms itself by some hundredths of a Cel while it converts: between reads it is in shutdown.
 */
import {
  type DriverContext,
  type I2cDevice,
  lookUntil,
  type Options,
  type PollDriver,
  readWord,
  writeWord,
} from '../src/driver.ts';
import { chipOf, DEVICE_ID } from './tmp117.maths.ts';

const TEMPERATURE = 0x00;
const CONFIG = 0x01;

const MODE = 0x0c00;
const SHUTDOWN = 0x0400;
const ONE_SHOT = 0x0c00;
const AVERAGE = 0x0060;
const AVERAGING = { 1: 0x0000, 8: 0x0020, 32: 0x0040, 64: 0x0060 } as const;
const NOT_MEASURED = 0x8000;

const CONVERSION_MS = 17.5;
const POLL_MS = 5;
const MAX_POLLS = 5;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;

/** "Temperature Register": Cel. */
export const celsius = (word: number): number => ((word << 16) >> 16) / 128;

/** The longest that a conversion takes, with its average. */
export const conversionMs = (averaging: number): number => CONVERSION_MS * averaging;

const worstCaseMs = ({ averaging }: Options): number =>
  conversionMs(averaging as number) + MAX_POLLS * POLL_MS + BUS_MS;

const identify = async (device: I2cDevice): Promise<string | undefined> => chipOf(await readWord(device, DEVICE_ID));

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const averaging = options.averaging as keyof typeof AVERAGING;
  const average = AVERAGING[averaging];
  const place = `0x${device.address.toString(16)}`;
  const configure = (value: number) => writeWord(device, CONFIG, value);
  /** The mode as it is, if the configuration is still ours. */
  const ownMode = async (): Promise<number> => {
    const config = await readWord(device, CONFIG);
    const mode = config & MODE;
    if ((mode === SHUTDOWN || mode === ONE_SHOT) && (config & AVERAGE) === average && config !== 0xffff) return mode;
    throw fail(
      'sensor.no-data',
      `tmp117: the chip at ${place} was reset while it measured: check its supply and wiring`,
    );
  };

  const id = await readWord(device, DEVICE_ID);
  if (id === 0x0000 || id === 0xffff) {
    throw fail(
      'sensor.identity',
      `tmp117: ${place} answers with nothing but zeros or ones: check wiring, supply and address`,
    );
  }
  if (chipOf(id) !== 'TMP117') {
    throw fail(
      'sensor.identity',
      `tmp117: ${place} answers as ${chipOf(id) ?? `an unknown chip (id 0x${id.toString(16)})`}, not as a TMP117: check address and driver`,
    );
  }
  await configure(SHUTDOWN | average);

  return {
    async read(signal: AbortSignal) {
      await configure(ONE_SHOT | average);
      await wait(conversionMs(averaging), signal);
      const hasEnded = async () => (await ownMode()) === SHUTDOWN;
      if (!(await lookUntil(hasEnded, { times: 1 + MAX_POLLS, lookAgainMs: POLL_MS, wait, signal })))
        throw fail(
          'sensor.not-ready',
          `tmp117: the chip at ${place} has not ended its conversion in its time: check its supply`,
        );
      const word = await readWord(device, TEMPERATURE);
      await ownMode();
      if (word === NOT_MEASURED) {
        throw fail('sensor.no-data', `tmp117: the chip at ${place} has not measured yet: check its supply`);
      }
      return { temperature: celsius(word) };
    },
    async close() {
      await configure(SHUTDOWN | average).catch(() => {});
    },
  };
}

const DEFAULTS = { averaging: 8 } as const;

const tmp117: PollDriver<'i2c'> = {
  api: 1,
  id: 'tmp117',
  title: 'TI TMP117 precision temperature sensor',
  datasheet: 'https://www.ti.com/lit/gpn/tmp117',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x48, 0x49, 0x4a, 0x4b],
  channels: {
    temperature: {
      quantity: 'temperature',
      min: celsius(NOT_MEASURED + 1),
      max: celsius(0x7fff),
      resolution: 1 / 128,
      decimals: 3,
    },
  },
  options: {
    averaging: {
      kind: 'choice',
      choices: [1, 8, 32, 64],
      default: DEFAULTS.averaging,
      doc: 'Conversions in one measurement: more have less noise and take at most 17.5 ms each.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ worstCaseMs: worstCaseMs(options) }),
  identify,
  open,
};

export default tmp117;
