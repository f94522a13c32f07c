/**
 * LM75 and its descendants, of several makers: temperature.
 *
 * Digest of the datasheets ("LM75", "LM75B", "TMP75", "PCT2075", by section title):
 * - "Temperature register" (0x00): a 16-bit word, left-justified two's complement, of 9, 11 or 12 bits; what is below is
 *   undefined on some makes. It holds the result of the last conversion, 0 after power-on, and nothing tells its age.
 * - "Configuration register" (0x01): ONE byte, 0x00 at power-on, which converts all the time. Bit 0 shuts down; bits 4:3
 *   are the fault queue of the O.S. output; bits 6:5 of a TMP75 are its resolution, 11 for 12 bits.
 * - "Electrical characteristics": how long a conversion takes, up to 300 ms, differs from make to make: see PARTS.
 *
 * There is no id, so the make must be configured. A chip that has just lost its supply looks like one at 0 Cel. The O.S.
 * output is not used here, so its fault queue carries a mark: if the mark is gone after the temperature was read, the
 * reading is refused.
 */
import { type Channels, type DriverContext, type Options, type PollDriver, readWord } from '../src/driver.ts';
import { chipOf, DEVICE_ID } from './tmp117.maths.ts';

const TEMPERATURE = 0x00;
const CONFIG = 0x01;

const SHUTDOWN = 0x01;
/** Six faults in a row: has no effect without the O.S. output. */
const MARK = 0x18;
const TMP75_12_BITS = 0x60;

/** `maxMs`: the makers' longest conversion; of LM75B and PCT2075, which give a typical one only, a whole period of theirs. */
const PARTS = {
  lm75: { bits: 9, maxMs: 300, resolutionBits: 0 },
  lm75a: { bits: 11, maxMs: 300, resolutionBits: 0 },
  lm75b: { bits: 11, maxMs: 100, resolutionBits: 0 },
  tmp75: { bits: 12, maxMs: 320, resolutionBits: TMP75_12_BITS },
  pct2075: { bits: 11, maxMs: 100, resolutionBits: 0 },
} as const;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 3;

/** "Temperature register": Cel, from the upper `bits` of the word. */
export const celsius = (word: number, bits: number): number => (((word << 16) >> 16) >> (16 - bits)) * 2 ** (8 - bits);

const partOf = (options: Options) => PARTS[options.chip as keyof typeof PARTS];

function channels(options: Options): Channels {
  const resolution = 2 ** (8 - partOf(options).bits);
  return {
    temperature: {
      quantity: 'temperature',
      min: -128,
      max: 128 - resolution,
      resolution,
      decimals: resolution === 0.5 ? 1 : 2,
    },
  };
}

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const { bits, maxMs, resolutionBits } = partOf(options);
  const place = `0x${device.address.toString(16)}`;
  const running = MARK | resolutionBits;
  const ours = MARK | SHUTDOWN | resolutionBits;
  const readConfig = async (): Promise<number> => {
    const [config] = await device.writeRead([CONFIG], 1);
    return config!;
  };

  // An LM75 answers there with one of its own four registers.
  if (chipOf(await readWord(device, DEVICE_ID)) === 'TMP117') {
    throw fail('sensor.identity', `lm75: ${place} answers as a TMP117, not as an LM75: use the driver tmp117`);
  }
  await device.write(CONFIG, running | SHUTDOWN);
  const config = await readConfig();
  if ((config & ours) !== (running | SHUTDOWN) || config === 0xff) {
    throw fail(
      'sensor.identity',
      `lm75: ${place} does not keep the configuration of an LM75 (says 0x${config.toString(16).padStart(2, '0')}): ` +
        'check wiring, address, driver and the option chip',
    );
  }

  return {
    async read(signal: AbortSignal) {
      await device.write(CONFIG, running);
      await wait(maxMs, signal);
      const word = await readWord(device, TEMPERATURE);
      if (((await readConfig()) & ours) !== running) {
        throw fail(
          'sensor.no-data',
          `lm75: the chip at ${place} was reset while it measured: check its supply and wiring`,
        );
      }
      await device.write(CONFIG, running | SHUTDOWN);
      return { temperature: celsius(word, bits) };
    },
    async close() {
      await device.write(CONFIG, running | SHUTDOWN).catch(() => {});
    },
  };
}

/** The slowest of 11 bits: it suits the others of 11 bits as well. */
const DEFAULTS = { chip: 'lm75a' } as const;

const lm75: PollDriver<'i2c'> = {
  api: 1,
  id: 'lm75',
  title: 'LM75, LM75A, LM75B, TMP75 or PCT2075 temperature sensor',
  datasheet: 'https://www.nxp.com/docs/en/data-sheet/LM75B.pdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f],
  channels: channels(DEFAULTS),
  options: {
    chip: {
      kind: 'choice',
      choices: ['lm75', 'lm75a', 'lm75b', 'tmp75', 'pct2075'],
      default: DEFAULTS.chip,
      doc: 'The part, which the chip does not tell: its step (0.5 Cel with lm75, 0.0625 with tmp75, else 0.125) and its time.',
    },
  },
  worstCaseMs: partOf(DEFAULTS).maxMs + BUS_MS,
  variant: (options) => ({ channels: channels(options), worstCaseMs: partOf(options).maxMs + BUS_MS }),
  open,
};

export default lm75;
