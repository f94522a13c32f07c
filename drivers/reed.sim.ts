/**
 * Simulates a reed contact to ground with a pull-up: low while the world says `contact` 1. Its reeds bounce twice.
 * Not modelled: a door that rattles, a contact that opens and closes again within 50 ms, a line without its pull-up.
 */
import { contactWire, type GpioSimulation } from '../src/bus/sim.ts';

/** After the contact changed: it is there, away, there, away, there for good. */
const BOUNCES_MS = [0, 0.3, 0.5, 1.6, 2.2];

export const simulation: GpioSimulation = {
  bus: 'gpio',
  create: (world) => contactWire(world, { what: 'contact', closed: 0, bouncesMs: BOUNCES_MS }),
};
