/**
 * Simulates an SW-420 module on a GPIO line: low at rest, one pulse for each of the world's `shocks`.
 *
 * A pulse lasts 3 ms and chatters once in its first millisecond. Not modelled: the potentiometer, modules that are high
 * at rest, and shocks that come faster than the spring settles: the pulses of those follow one another.
 */
import { type GpioSimulation, pulseWire } from '../src/bus/sim.ts';

/** Transitions of one pulse after its begin; the line goes up at the first and changes at each. */
const TRANSITIONS_MS = [0, 0.4, 0.8, 3];
const SPACING_MS = 5;

export const simulation: GpioSimulation = {
  bus: 'gpio',
  create: (world) =>
    pulseWire(world, { what: 'shocks', rest: 0, transitionsMs: TRANSITIONS_MS, spacingMs: SPACING_MS }),
};
