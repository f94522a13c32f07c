/**
 * PIR motion sensor with a digital output: HC-SR501, HC-SR505, AM312.
 *
 * Says once whether there is motion, then when it begins and when it has ended, each with the time of its edge.
 * - For the first 30 to 60 s under power the output is arbitrary. The module gets its power with the board, so nothing is
 *   believed before the board has been up for `warm_up`; a restart of the program costs nothing.
 * - The output stays high for 2 s (AM312) to 300 s (a trimmer) after a motion, and falls between two steps of a person. With
 *   `hold`, a motion has ended when nothing moved for this long: one event for a visit, not twenty.
 */
import { type EventDriver, levelChanges } from '../src/driver.ts';

const driver: EventDriver<'gpio'> = {
  api: 1,
  id: 'pir',
  title: 'PIR motion sensor (HC-SR501, AM312)',
  datasheet: 'none published: BISS0001 or alike, push-pull output of 3.3 V',
  bus: 'gpio',
  kind: 'event',
  channels: { motion: { quantity: 'state', min: 0, max: 1, resolution: 1, decimals: 0 } },
  options: {
    active_low: { kind: 'boolean', default: false, doc: 'Motion is a low line.' },
    debounce: {
      kind: 'duration',
      default: 50,
      min: 0,
      max: 60_000,
      doc: 'A shorter pulse is no motion but a radio nearby.',
    },
    hold: {
      kind: 'duration',
      default: 0,
      min: 0,
      max: 3_600_000,
      doc: 'A motion has ended when the output was at rest for this long.',
    },
    warm_up: {
      kind: 'duration',
      default: 60_000,
      min: 0,
      max: 600_000,
      doc: 'Time after the start of the board in which the output is not believed.',
    },
  },
  worstCaseMs: 100,
  async open({ device, clock, options }) {
    const debounceMs = options.debounce as number;
    const restMs = Math.max(debounceMs, options.hold as number);
    const levels = {
      activeLow: options.active_low as boolean,
      settleMs: (motion: 0 | 1) => (motion === 1 ? debounceMs : restMs),
    };
    return {
      async *watch(signal) {
        // The monotonic clock begins with the board.
        await clock.sleep((options.warm_up as number) - clock.monotonic(), signal);
        if (signal.aborted) return;
        for await (const { state, monoMs } of levelChanges(device, clock, levels, signal)) {
          yield { values: { motion: state }, monoMs };
        }
      },
      close: async () => {},
    };
  },
};

export default driver;
