/**
 * Reed contact: a magnet closes it. Door, window, flap, float.
 *
 * Wired between the line and ground, with a pull-up: `pull: up` on the sensor, or a resistor of 10 kOhm to 3.3 V on long
 * cables. Says the state once at the start, then each change that lasted: 1 is closed, the magnet is there. The reeds bounce
 * for up to 5 ms, a door that rattles for longer.
 */
import { type EventDriver, levelChanges } from '../src/driver.ts';

const driver: EventDriver<'gpio'> = {
  api: 1,
  id: 'reed',
  title: 'Reed contact (door, window, float); set pull: up',
  datasheet: 'none: a contact to ground with a pull-up',
  bus: 'gpio',
  kind: 'event',
  channels: { state: { quantity: 'state', min: 0, max: 1, resolution: 1, decimals: 0 } },
  options: {
    active_low: {
      kind: 'boolean',
      default: true,
      doc: 'A closed contact is a low line. Set false for a contact to 3.3 V, or one that opens when the magnet comes.',
    },
    debounce: {
      kind: 'duration',
      default: 20,
      min: 0,
      max: 60_000,
      doc: 'A change counts when the contact then stays for this long.',
    },
  },
  worstCaseMs: 100,
  async open({ device, clock, options }) {
    const debounceMs = options.debounce as number;
    const levels = { activeLow: options.active_low as boolean, settleMs: () => debounceMs };
    return {
      async *watch(signal) {
        for await (const { state, monoMs } of levelChanges(device, clock, levels, signal)) {
          yield { values: { state }, monoMs };
        }
      },
      close: async () => {},
    };
  },
};

export default driver;
