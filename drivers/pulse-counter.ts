/**
 * Anything that gives pulses: rain gauge, water or gas meter, flow sensor, anemometer, energy meter with an S0 output.
 *
 * Each reading has the pulses of its window in `count`, and how fast they came in `rate`. With `unit` and `factor`, what one
 * pulse stands for, there is also the `amount` of the window, and `rate` is the amount in a second, minute or hour:
 *
 *   a rain gauge of 0.2794 mm a tip     factor: 0.2794, unit: mm, per: hour, quantity: rain
 *   a flow sensor of 450 pulses a litre factor: 0.002222, unit: l, per: minute, quantity: volume
 *   an anemometer of 2.4 km/h at 1 Hz   factor: 0.667, unit: m, quantity: wind_run
 *   a meter of 1000 pulses a kWh        factor: 3600, unit: J, quantity: energy
 *
 * There is no running total: it would begin again with each start, and the sum of the readings does not, since none is lost.
 * When edges come faster than the system takes them, some are lost: then the reading says how many in `lost`, and the rest of it
 * is a lower bound.
 */
import {
  type Channel,
  type Channels,
  type CounterDriver,
  type Options,
  pulseCounter,
  SedgeError,
  UNITS,
} from '../src/driver.ts';

/** A window cannot report more: beyond it no system can count edges. */
const MAX_PULSES_PER_SECOND = 100_000;
const PER = {
  second: { seconds: 1, symbol: 's' },
  minute: { seconds: 60, symbol: 'min' },
  hour: { seconds: 3_600, symbol: 'h' },
};
const QUANTITY = /^[a-z][a-z0-9_]*$/;
const MAX_DECIMALS = 9;

const perOf = ({ per }: Options) => PER[per as keyof typeof PER] ?? PER.second;

/** Digits that tell a thousandth of a step: what one pulse in a long window makes of a rate. */
const decimalsOf = (step: number): number => Math.max(0, Math.min(MAX_DECIMALS, Math.ceil(-Math.log10(step)) + 3));

const COUNT: Channel = { quantity: 'count', min: 0, max: Number.MAX_SAFE_INTEGER, resolution: 1, decimals: 0 };

const invalid = (message: string): SedgeError => new SedgeError('config.invalid', message);

function channelsOf(options: Options): Channels {
  const { factor, unit, quantity } = options as { factor: number; unit?: string; quantity?: string };
  const { seconds, symbol } = perOf(options);
  const measure = (step: number, max: number): Omit<Channel, 'quantity'> => {
    const decimals = decimalsOf(step);
    return { min: 0, max, resolution: 10 ** -decimals, decimals };
  };
  const rate = measure(factor, MAX_PULSES_PER_SECOND * factor * seconds);
  if (unit === undefined) {
    if (factor !== 1 || quantity !== undefined)
      throw invalid('factor and quantity need unit: what does a pulse stand for');
    const isPlain = seconds === 1;
    return {
      count: COUNT,
      rate: isPlain ? { quantity: 'rate', ...rate } : { quantity: 'count_rate', unit: `1/${symbol}`, ...rate },
      lost: COUNT,
    };
  }
  const named = quantity ?? 'amount';
  if (!QUANTITY.test(named)) throw invalid(`quantity is ${named}: write a word such as rain, of a-z, 0-9 and _`);
  const fixed = (UNITS as Readonly<Record<string, string>>)[named];
  if (fixed !== undefined && fixed !== unit)
    throw invalid(`the unit of ${named} is ${fixed} everywhere, and not ${unit}`);
  return {
    count: COUNT,
    amount: { quantity: named, unit, ...measure(factor, Number.MAX_SAFE_INTEGER * factor) },
    rate: { quantity: `${named}_rate`, unit: `${unit}/${symbol}`, ...rate },
    lost: COUNT,
  };
}

const driver: CounterDriver<'gpio'> = {
  api: 1,
  id: 'pulse-counter',
  title: 'Pulses: rain gauge, flow or energy meter, anemometer',
  datasheet: 'none: a contact or open collector to ground with a pull-up, or pulses of 3.3 V',
  bus: 'gpio',
  kind: 'counter',
  channels: channelsOf({ factor: 1, per: 'second' }),
  options: {
    edge: {
      kind: 'choice',
      choices: ['falling', 'rising'],
      default: 'falling',
      doc: 'The edge that begins a pulse: falling for a contact to ground (with pull: up on the sensor).',
    },
    debounce: {
      kind: 'duration',
      default: 2,
      min: 0,
      max: 60_000,
      doc: 'Edges within this time of the last one counted belong to it: 10ms to 30ms for a reed contact, less than half a pulse for fast ones.',
    },
    factor: { kind: 'number', default: 1, min: 1e-9, max: 1e9, doc: 'What one pulse stands for, in `unit`.' },
    unit: { kind: 'string', doc: 'Unit of `factor`, such as mm, l or J; adds the channel `amount`.' },
    quantity: { kind: 'string', doc: 'With unit: what it is that is counted, such as rain, volume or energy.' },
    per: {
      kind: 'choice',
      choices: ['second', 'minute', 'hour'],
      default: 'second',
      doc: 'The time for which `rate` is said.',
    },
  },
  worstCaseMs: 100,
  variant: (options) => ({ channels: channelsOf(options) }),
  async open({ device, options }) {
    const level = options.edge === 'rising' ? 1 : 0;
    const factor = options.factor as number;
    const { seconds } = perOf(options);
    const pulses = pulseCounter(device, { level, debounceMs: options.debounce as number });
    return {
      run: (signal) => pulses.run(signal),
      take(windowMs) {
        const { count, lost } = pulses.take();
        const amount = count * factor;
        return {
          count,
          ...(options.unit !== undefined && { amount }),
          ...(windowMs > 0 && { rate: (amount * seconds * 1_000) / windowMs }),
          ...(lost > 0 && { lost }),
        };
      },
      close: async () => {},
    };
  },
};

export default driver;
