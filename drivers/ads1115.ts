/**
 * TI ADS1115: a voltage, and any quantity that a sensor turns into one: light (LDR), temperature (NTC), velocity (geophone).
 *
 * Digest of the datasheet ("ADS1115", by section title):
 * - "Register Map": 16-bit words behind a pointer, most significant byte first; no id.
 * - "Config Register" (0x01, 0x8583 at power-on): OS (bit 15) written starts one conversion, and reads 0 until that has
 *   ended; MUX (14:12), PGA (11:9), MODE (8) 1 for single shots, between which the chip is powered down; DR (7:5);
 *   COMP_QUE (1:0) 11 switches the comparator off, and COMP_MODE (4) has no effect then.
 * - "Conversion Register" (0x00): two's complement of the full scale; 0x7FFF and 0x8000 are what lies beyond its ends.
 * - "Data Rate": a conversion takes 1/DR, give or take a tenth, after 25 us to wake up.
 * - "Absolute Maximum Ratings": no input may be above the supply by more than 0.3 V, whatever the range.
 *
 * After a supply failure the conversion register reads 0, which is a voltage: so COMP_MODE carries a mark, and the
 * configuration is read once more after the conversion.
 */
import {
  type Channel,
  type Channels,
  type DriverContext,
  type Options,
  type PollDriver,
  type Quantity,
  readWord,
  SedgeError,
  UNITS,
  writeWord,
} from '../src/driver.ts';

const CONVERSION = 0x00;
const CONFIG = 0x01;
const LOWER_THRESHOLD = 0x02;
const TMP117_ID = { register: 0x0f, mask: 0x0fff, id: 0x117 } as const;
/** What an LM75 or a TMP102 has in the register of the lower threshold. */
const LM75_HYSTERESIS = 0x4b00;

const START = 0x8000;
const SINGLE_SHOT = 0x0100;
const MARK = 0x0010;
const NO_COMPARATOR = 0x0003;

const INPUTS = { 'A0-A1': 0, 'A0-A3': 1, 'A1-A3': 2, 'A2-A3': 3, A0: 4, A1: 5, A2: 6, A3: 7 } as const;
const RANGES = { 6.144: 0, 4.096: 1, 2.048: 2, 1.024: 3, 0.512: 4, 0.256: 5 } as const;
const RATES = [8, 16, 32, 64, 128, 250, 475, 860] as const;

const FULL_SCALE = 32768;
const CLIPPED = [0x7fff, 0x8000] as const;
const WAKE_MS = 0.025;
const TOLERANCE = 1.1;
const POLL_MS = 1;
const MAX_POLLS = 5;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 3;
const MAX_POINTS = 100;

/** Volts and what they mean, by rising volts. */
export type Table = readonly (readonly [volts: number, value: number])[];

/** "Conversion Register": V. `range` is the full scale in V. */
export const volts = (word: number, range: number): number => (((word << 16) >> 16) * range) / FULL_SCALE;

/** The longest that one conversion takes, in ms. */
export const conversionMs = (rateHz: number): number => (1_000 / rateHz) * TOLERANCE + WAKE_MS;

/** `0.5=100, 1.1=50`: pairs of volts and value in any order. Undefined if it is not two or more pairs of different volts. */
export function parseTable(text: string): Table | undefined {
  const points = text.split(',').map((pair) => {
    const [, at, value] = /^\s*([-+.\de]+)\s*=\s*([-+.\de]+)\s*$/i.exec(pair) ?? [];
    return [Number(at), Number(value)] as const;
  });
  points.sort(([one], [other]) => one - other);
  const isSound = points.every(([at, value], index) => Number.isFinite(at + value) && at !== points[index - 1]?.[0]);
  return isSound && points.length >= 2 && points.length <= MAX_POINTS ? points : undefined;
}

/** Straight between the points of a table; undefined outside of it. */
export function interpolate(table: Table, at: number): number | undefined {
  const next = table.findIndex(([right]) => right >= at);
  const [right, above] = table[next] ?? [];
  if (right === undefined || above === undefined) return undefined;
  if (right === at) return above;
  const [left, below] = table[next - 1] ?? [];
  if (left === undefined || below === undefined) return undefined;
  return below + ((at - left) / (right - left)) * (above - below);
}

interface Conversion {
  readonly quantity: Quantity;
  readonly channel: Channel;
  /** Undefined where the table ends. */
  of(measured: number): number | undefined;
}

const invalid = (message: string) => new SedgeError('config.invalid', `ads1115: ${message}`);

function channelOf(quantity: Quantity, ends: readonly number[], resolution: number): Channel {
  // As many digits as one step needs.
  const decimals = Math.max(0, Math.min(9, Math.ceil(-Math.log10(resolution) - 1e-9)));
  return { quantity, min: Math.min(...ends), max: Math.max(...ends), resolution, decimals };
}

/** What the options make of a voltage; undefined if they leave it one. */
function conversionOf(options: Options): Conversion | undefined {
  const {
    quantity,
    table: text,
    scale,
    offset,
    range,
  } = options as Options & { scale: number; offset: number; range: number };
  const isLinear = scale !== 1 || offset !== 0;
  if (quantity === undefined) {
    if (isLinear || text !== undefined)
      throw invalid('scale, offset and table need quantity, which says what they make');
    return undefined;
  }
  const step = range / FULL_SCALE;
  if (text !== undefined) {
    const table = parseTable(String(text));
    if (isLinear) throw invalid('table excludes scale and offset: fold them into its values');
    if (!table) throw invalid(`table is not 2 to ${MAX_POINTS} pairs of different volts, as "0.5=100, 1.1=50"`);
    const slopes = table.slice(1).map(([at, value], left) => {
      const [from, fromValue] = table[left]!;
      return Math.abs((value - fromValue) / (at - from));
    });
    const steepest = Math.max(...slopes);
    if (steepest === 0) throw invalid('all values of table are the same');
    const values = table.map(([, value]) => value);
    return {
      quantity: String(quantity),
      channel: channelOf(String(quantity), values, steepest * step),
      of: (measured) => interpolate(table, measured),
    };
  }
  if (scale === 0) throw invalid('scale 0 makes everything the same');
  const linear = (measured: number) => measured * scale + offset;
  const ends = [-range + step, range - 2 * step].map(linear);
  return {
    quantity: String(quantity),
    channel: channelOf(String(quantity), ends, Math.abs(scale) * step),
    of: linear,
  };
}

function channels(options: Options): Channels {
  const range = options.range as number;
  const step = range / FULL_SCALE;
  const conversion = conversionOf(options);
  return {
    voltage: channelOf('voltage', [-range + step, range - 2 * step], step),
    ...(conversion && { [conversion.quantity]: conversion.channel }),
  };
}

const worstCaseMs = ({ rate }: Options): number => conversionMs(rate as number) + MAX_POLLS * POLL_MS + BUS_MS;

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const place = `0x${device.address.toString(16)}`;
  const range = options.range as keyof typeof RANGES;
  const rate = options.rate as (typeof RATES)[number];
  const conversion = conversionOf(options);
  const config =
    (INPUTS[options.input as keyof typeof INPUTS] << 12) |
    (RANGES[range] << 9) |
    SINGLE_SHOT |
    (RATES.indexOf(rate) << 5) |
    MARK |
    NO_COMPARATOR;
  const configure = (value: number) => writeWord(device, CONFIG, value);
  /** Whether it is converting, if the configuration is still ours. */
  const isConverting = async (): Promise<boolean> => {
    const now = await readWord(device, CONFIG);
    if ((now & ~START) !== config) {
      throw fail(
        'sensor.no-data',
        `ads1115: the chip at ${place} was reset while it measured: check its supply and wiring`,
      );
    }
    return (now & START) === 0;
  };

  if (((await readWord(device, TMP117_ID.register)) & TMP117_ID.mask) === TMP117_ID.id) {
    throw fail('sensor.identity', `ads1115: ${place} answers as a TMP117, not as an ADS1115: use the driver tmp117`);
  }
  if ((await readWord(device, LOWER_THRESHOLD)) === LM75_HYSTERESIS) {
    throw fail(
      'sensor.identity',
      `ads1115: ${place} answers as an LM75 or a TMP102, not as an ADS1115: use the driver lm75 or tmp102`,
    );
  }
  await configure(config);
  const kept = await readWord(device, CONFIG);
  if ((kept & ~START) !== config) {
    throw fail(
      'sensor.identity',
      `ads1115: ${place} does not keep the configuration of an ADS1115 (says 0x${kept.toString(16).padStart(4, '0')}): ` +
        'check wiring, address and driver',
    );
  }

  return {
    async read(signal: AbortSignal) {
      await configure(START | config);
      await wait(conversionMs(rate), signal);
      let polls = 0;
      while (await isConverting()) {
        polls += 1;
        if (polls > MAX_POLLS) {
          throw fail(
            'sensor.not-ready',
            `ads1115: the chip at ${place} has not ended its conversion in its time: check its supply`,
          );
        }
        await wait(POLL_MS, signal);
      }
      const word = await readWord(device, CONVERSION);
      await isConverting();
      if (CLIPPED.some((end) => word === end)) {
        throw fail(
          'sensor.saturated',
          `ads1115: the voltage at ${options.input} of ${place} is beyond ${range} V: widen range, or divide the voltage`,
        );
      }
      const voltage = volts(word, range);
      if (!conversion) return { voltage };
      const value = conversion.of(voltage);
      if (value === undefined) {
        throw fail(
          'sensor.range',
          `ads1115: ${voltage.toFixed(4)} V at ${options.input} of ${place} is outside of the table: check the wiring or extend table`,
        );
      }
      return { voltage, [conversion.quantity]: value };
    },
    /** Between single shots the chip is powered down by itself. */
    async close() {},
  };
}

const DEFAULTS = { input: 'A0', range: 4.096, rate: 128, scale: 1, offset: 0 } as const;

const ads1115: PollDriver<'i2c'> = {
  api: 1,
  id: 'ads1115',
  title: 'TI ADS1115 analog input: a voltage, or what a sensor makes one of',
  datasheet: 'https://www.ti.com/lit/gpn/ads1115',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x48, 0x49, 0x4a, 0x4b],
  channels: channels(DEFAULTS),
  options: {
    input: {
      kind: 'choice',
      choices: ['A0', 'A1', 'A2', 'A3', 'A0-A1', 'A0-A3', 'A1-A3', 'A2-A3'],
      default: DEFAULTS.input,
      doc: 'What is measured: one input against ground, or the difference of two.',
    },
    range: {
      kind: 'choice',
      choices: [6.144, 4.096, 2.048, 1.024, 0.512, 0.256],
      default: DEFAULTS.range,
      doc: 'Largest voltage, either way, in V; no input may be above the supply by more than 0.3 V, whatever the range.',
    },
    rate: {
      kind: 'rate',
      choices: RATES,
      default: DEFAULTS.rate,
      doc: 'Conversions a second: a slow one has less noise, and takes up to 138 ms at 8 Hz.',
    },
    quantity: {
      kind: 'choice',
      choices: Object.keys(UNITS),
      doc: 'Adds a channel of this name and unit, made of the voltage by scale and offset or by table.',
    },
    scale: { kind: 'number', default: DEFAULTS.scale, doc: 'The quantity is scale times the volts, plus offset.' },
    offset: { kind: 'number', default: DEFAULTS.offset, doc: 'The quantity at 0 V.' },
    table: {
      kind: 'string',
      doc: 'Points of a curve as "0.5=100, 1.1=50", volts and quantity; straight between them, an error outside.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  open,
};

export default ads1115;
