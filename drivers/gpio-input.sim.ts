/**
 * Simulates a contact on a GPIO line: high while the world says `contact` 1.
 *
 * A contact bounces: each change is followed by two short ones. Written from what is known of reed switches (settled
 * within 5 ms). Not modelled: a contact that opens and closes again within 50 ms, pull resistors, noise on the cable.
 */
import { contactWire, type GpioSimulation } from '../src/bus/sim.ts';

/** After the contact changed: it is there, away again, there for good. */
const BOUNCES_MS = [0, 0.4, 1.1];

export const simulation: GpioSimulation = {
  bus: 'gpio',
  create: (world) => contactWire(world, { what: 'contact', closed: 1, bouncesMs: BOUNCES_MS }),
};
