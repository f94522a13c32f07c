/**
 * Simulates a PIR motion sensor: high while somebody is at the door, as the world's `contact` says.
 * Not modelled: the first minute under power, the time for which the output stays high, pulses from radio.
 */
import { contactWire, type GpioSimulation } from '../src/bus/sim.ts';

export const simulation: GpioSimulation = {
  bus: 'gpio',
  create: (world) => contactWire(world, { what: 'contact', closed: 1, bouncesMs: [0] }),
};
