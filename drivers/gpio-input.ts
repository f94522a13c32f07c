/**
 * A digital input: float switch, push button, relay, any module with a digital output. Anything that is high or low.
 *
 * Says the state once at the start, since edges only tell changes, then each change that lasted, with the time of its
 * edge. A mechanical contact bounces for 5 to 20 ms: a change counts when the line then stays for `debounce`. After an
 * overflow of the edge queue the level is read again, so the last state said is always the true one.
 */
import { type EventDriver, levelChanges } from '../src/driver.ts';

const driver: EventDriver<'gpio'> = {
  api: 1,
  id: 'gpio-input',
  title: 'Digital input (contact, switch, button)',
  datasheet: 'none: any output of 0 V and 3.3 V, or a contact to ground with a pull-up',
  bus: 'gpio',
  kind: 'event',
  channels: { state: { quantity: 'state', min: 0, max: 1, resolution: 1, decimals: 0 } },
  options: {
    active_low: { kind: 'boolean', default: false, doc: 'State 1 is a low line: a contact to ground with a pull-up.' },
    debounce: {
      kind: 'duration',
      default: 20,
      min: 0,
      max: 60_000,
      doc: 'A change counts when the line then stays for this long.',
    },
  },
  worstCaseMs: 100,
  async open({ device, clock, options }) {
    const activeLow = options.active_low as boolean;
    const debounceMs = options.debounce as number;
    return {
      async *watch(signal) {
        for await (const { state, monoMs } of levelChanges(
          device,
          clock,
          { activeLow, settleMs: () => debounceMs },
          signal,
        ))
          yield { values: { state }, monoMs };
      },
      close: async () => {},
    };
  },
};

export default driver;
