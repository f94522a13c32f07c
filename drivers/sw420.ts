/**
 * SW-420 vibration switch on an LM393 comparator module: a digital output that pulses while it is shaken.
 *
 * Counts pulses in each window. One knock makes the spring chatter: an edge within `debounce` of the last one counted
 * belongs to it. How hard the knock was cannot be told: this is no acceleration. When more edges come than the queue of
 * the line holds, some are lost: then the reading says how many in `lost`, and its count is a lower bound.
 */
import { type CounterDriver, pulseCounter } from '../src/driver.ts';

/** A comparator cannot say more than this; the bound of what a window may report. */
const MAX_PULSES_PER_SECOND = 10_000;

const driver: CounterDriver<'gpio'> = {
  api: 1,
  id: 'sw420',
  title: 'SW-420 vibration switch',
  datasheet: 'none published: normally closed switch, LM393 comparator, potentiometer for the threshold',
  bus: 'gpio',
  kind: 'counter',
  channels: {
    count: { quantity: 'count', min: 0, max: Number.MAX_SAFE_INTEGER, resolution: 1, decimals: 0 },
    rate: { quantity: 'rate', min: 0, max: MAX_PULSES_PER_SECOND, resolution: 0.001, decimals: 3 },
    lost: { quantity: 'count', min: 0, max: Number.MAX_SAFE_INTEGER, resolution: 1, decimals: 0 },
  },
  options: {
    edge: {
      kind: 'choice',
      choices: ['rising', 'falling'],
      default: 'rising',
      doc: 'The edge that begins a pulse: most modules are low at rest, some are high.',
    },
    debounce: {
      kind: 'duration',
      default: 2,
      min: 0,
      max: 60_000,
      doc: 'Edges within this time of the last one counted are its chatter (1ms to 10ms for an SW-420).',
    },
  },
  worstCaseMs: 100,
  async open({ device, options }) {
    const level = options.edge === 'falling' ? 0 : 1;
    const pulses = pulseCounter(device, { level, debounceMs: options.debounce as number });
    return {
      run: (signal) => pulses.run(signal),
      take(windowMs) {
        const { count, lost } = pulses.take();
        return { count, ...(windowMs > 0 && { rate: (count * 1_000) / windowMs }), ...(lost > 0 && { lost }) };
      },
      close: async () => {},
    };
  },
};

export default driver;
