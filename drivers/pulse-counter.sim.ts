/**
 * Simulates a contact to ground with a pull-up that closes for 10 ms for each of the world's `shocks`, as the tip of a rain
 * gauge does. It chatters once in its first millisecond. Not modelled: fast pulses, a line without its pull-up.
 */
import { type GpioSimulation, pulseWire } from '../src/bus/sim.ts';

/** Transitions of one pulse after its begin; the line falls at the first and changes at each. */
const TRANSITIONS_MS = [0, 0.4, 0.8, 10];
const SPACING_MS = 15;

export const simulation: GpioSimulation = {
  bus: 'gpio',
  create: (world) =>
    pulseWire(world, { what: 'shocks', rest: 1, transitionsMs: TRANSITIONS_MS, spacingMs: SPACING_MS }),
};
