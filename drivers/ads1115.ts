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
  lookUntil,
  type Options,
  type PollDriver,
  readWord,
  SedgeError,
  UNITS,
  type Values,
  writeWord,
} from '../src/driver.ts';
import {
  conversionMs,
  interpolate,
  MAX_POINTS,
  parseSensor,
  parseTable,
  type Sensor,
  steepest,
  stepOf,
  volts,
} from './ads1115.maths.ts';
import { chipOf, DEVICE_ID } from './tmp117.maths.ts';

const CONVERSION = 0x00;
const CONFIG = 0x01;
const LOWER_THRESHOLD = 0x02;
/** What an LM75 or a TMP102 has in the register of the lower threshold. */
const LM75_HYSTERESIS = 0x4b00;

const START = 0x8000;
const SINGLE_SHOT = 0x0100;
const MARK = 0x0010;
const NO_COMPARATOR = 0x0003;

const INPUTS = { 'A0-A1': 0, 'A0-A3': 1, 'A1-A3': 2, 'A2-A3': 3, A0: 4, A1: 5, A2: 6, A3: 7 } as const;
const RANGES = { 6.144: 0, 4.096: 1, 2.048: 2, 1.024: 3, 0.512: 4, 0.256: 5 } as const;
const DEFAULTS = { input: 'A0', range: 4.096, rate: 128, scale: 1, offset: 0 } as const;
const SINGLE_ENDED = ['A0', 'A1', 'A2', 'A3'] as const;
const RATES = [8, 16, 32, 64, 128, 250, 475, 860] as const;

const CLIPPED = [0x7fff, 0x8000] as const;
const POLL_MS = 1;
const MAX_POLLS = 5;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 3;

/** One input, and the channels that it fills. */
interface Input {
  readonly name: keyof typeof INPUTS;
  readonly channels: Channels;
  /** What is reported of a voltage; what lies outside of a table is absent. */
  of(measured: number): Values;
}

const invalid = (message: string) => new SedgeError('config.invalid', `ads1115: ${message}`);

function channelOf(quantity: string, ends: readonly number[], resolution: number): Channel {
  // As many digits as one step needs.
  const decimals = Math.max(0, Math.min(9, Math.ceil(-Math.log10(resolution) - 1e-9)));
  return { quantity, min: Math.min(...ends), max: Math.max(...ends), resolution, decimals };
}

/** The channel and the value of a sensor's quantity. */
function conversionOf({ quantity, scale, offset, table: text }: Sensor, range: number) {
  const step = stepOf(range);
  if (!Object.hasOwn(UNITS, quantity)) throw invalid(`there is no quantity ${quantity}: take one of those of quantity`);
  if (text !== undefined) {
    if (scale !== 1 || offset !== 0) throw invalid('table excludes scale and offset: fold them into its values');
    const table = parseTable(text);
    if (!table) throw invalid(`table is not 2 to ${MAX_POINTS} pairs of different volts, as "0.5=100, 1.1=50"`);
    if (steepest(table) === 0) throw invalid('all values of table are the same');
    const values = table.map(([, value]) => value);
    return {
      channel: channelOf(quantity, values, steepest(table) * step),
      value: (measured: number) => interpolate(table, measured),
    };
  }
  if (scale === 0) throw invalid('scale 0 makes everything the same');
  const value = (measured: number): number | undefined => measured * scale + offset;
  const ends = [-range + step, range - 2 * step].map((end) => end * scale + offset);
  return { channel: channelOf(quantity, ends, Math.abs(scale) * step), value };
}

/** `suffix` tells the channels of several inputs apart. */
function inputOf(name: Input['name'], sensor: Sensor | undefined, range: number, suffix: string): Input {
  const step = stepOf(range);
  const conversion = sensor && conversionOf(sensor, range);
  const [voltage, converted] = [`voltage${suffix}`, `${sensor?.quantity}${suffix}`];
  return {
    name,
    channels: {
      [voltage]: channelOf('voltage', [-range + step, range - 2 * step], step),
      ...(conversion && { [converted]: conversion.channel }),
    },
    of(measured) {
      const value = conversion?.value(measured);
      return {
        // A converted voltage stands in the place of the measured one.
        ...(converted !== voltage && { [voltage]: measured }),
        ...(value !== undefined && { [converted]: value }),
      };
    },
  };
}

/** The inputs that the options name: those of a0 to a3, or else one. */
function inputsOf(options: Options): readonly Input[] {
  const range = options.range as number;
  const { quantity, scale, offset, table } = options as Options & { scale: number; offset: number };
  const needsQuantity = scale !== 1 || offset !== 0 || table !== undefined;
  const several = SINGLE_ENDED.filter((name) => options[name.toLowerCase()] !== undefined);
  if (several.length > 0) {
    if (quantity !== undefined || needsQuantity || options.input !== DEFAULTS.input)
      throw invalid('a0 to a3 exclude input, quantity, scale, offset and table: say it all in them');
    return several.map((name) => {
      const sensor = parseSensor(String(options[name.toLowerCase()]));
      if (!sensor)
        throw invalid(
          `${name.toLowerCase()} is not a quantity with scale and offset, as "voltage 5.7", or with a table, as "temperature 0.4=80, 2.5=0"`,
        );
      return inputOf(name, sensor, range, `_${name.toLowerCase()}`);
    });
  }
  if (quantity === undefined && needsQuantity)
    throw invalid('scale, offset and table need quantity, which says what they make');
  const sensor =
    quantity === undefined
      ? undefined
      : { quantity: String(quantity), scale, offset, ...(table !== undefined && { table: String(table) }) };
  return [inputOf(options.input as Input['name'], sensor, range, '')];
}

const channels = (options: Options): Channels =>
  Object.assign({}, ...inputsOf(options).map((input) => input.channels)) as Channels;

const worstCaseMs = (options: Options): number =>
  inputsOf(options).length * (conversionMs(options.rate as number) + MAX_POLLS * POLL_MS + BUS_MS);

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const place = `0x${device.address.toString(16)}`;
  const range = options.range as keyof typeof RANGES;
  const rate = options.rate as (typeof RATES)[number];
  const inputs = inputsOf(options);
  const configOf = ({ name }: Input): number =>
    (INPUTS[name] << 12) | (RANGES[range] << 9) | SINGLE_SHOT | (RATES.indexOf(rate) << 5) | MARK | NO_COMPARATOR;
  /** Whether it is converting, if the configuration is still ours. */
  const isConverting = async (config: number): Promise<boolean> => {
    const now = await readWord(device, CONFIG);
    if ((now & ~START) !== config) {
      throw fail(
        'sensor.no-data',
        `ads1115: the chip at ${place} was reset while it measured: check its supply and wiring`,
      );
    }
    return (now & START) === 0;
  };

  if (chipOf(await readWord(device, DEVICE_ID)) === 'TMP117') {
    throw fail('sensor.identity', `ads1115: ${place} answers as a TMP117, not as an ADS1115: use the driver tmp117`);
  }
  if ((await readWord(device, LOWER_THRESHOLD)) === LM75_HYSTERESIS) {
    throw fail(
      'sensor.identity',
      `ads1115: ${place} answers as an LM75 or a TMP102, not as an ADS1115: use the driver lm75 or tmp102`,
    );
  }
  const first = configOf(inputs[0]!);
  await writeWord(device, CONFIG, first);
  const kept = await readWord(device, CONFIG);
  if ((kept & ~START) !== first) {
    throw fail(
      'sensor.identity',
      `ads1115: ${place} does not keep the configuration of an ADS1115 (says 0x${kept.toString(16).padStart(4, '0')}): ` +
        'check wiring, address and driver',
    );
  }

  /** The voltage at an input; undefined beyond the range. */
  const measure = async (input: Input, signal: AbortSignal): Promise<number | undefined> => {
    const config = configOf(input);
    await writeWord(device, CONFIG, START | config);
    await wait(conversionMs(rate), signal);
    const hasEnded = async () => !(await isConverting(config));
    if (!(await lookUntil(hasEnded, { times: 1 + MAX_POLLS, lookAgainMs: POLL_MS, wait, signal })))
      throw fail(
        'sensor.not-ready',
        `ads1115: the chip at ${place} has not ended its conversion in its time: check its supply`,
      );
    const word = await readWord(device, CONVERSION);
    await isConverting(config);
    return CLIPPED.some((end) => word === end) ? undefined : volts(word, range);
  };

  return {
    async read(signal: AbortSignal) {
      const all: Record<string, number> = {};
      const failures: SedgeError[] = [];
      for (const input of inputs) {
        const voltage = await measure(input, signal);
        const values = voltage === undefined ? {} : input.of(voltage);
        Object.assign(all, values);
        if (voltage === undefined) {
          failures.push(
            fail(
              'sensor.saturated',
              `ads1115: the voltage at ${input.name} of ${place} is beyond ${range} V: widen range, or divide the voltage`,
            ),
          );
        } else if (Object.keys(values).length < Object.keys(input.channels).length) {
          failures.push(
            fail(
              'sensor.range',
              `ads1115: ${voltage.toFixed(4)} V at ${input.name} of ${place} is outside of the table: check the wiring or extend table`,
            ),
          );
        }
      }
      // One bad input of several is absent; an only one is a failed read.
      if (failures.length === inputs.length) throw failures[0]!;
      return all;
    },
    /** Between single shots the chip is powered down by itself. */
    async close() {},
  };
}

const several = (name: string) =>
  ({
    kind: 'string',
    doc: `What ${name} measures, for several inputs at once: "voltage 5.7" (scale, offset) or "temperature 0.4=80, 2.5=0" (table).`,
  }) as const;

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
    a0: several('A0'),
    a1: several('A1'),
    a2: several('A2'),
    a3: several('A3'),
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  open,
};

export default ads1115;
