/**
 * The contract of simulated hardware, seen from the wire: what a `<chip>.sim.ts` exports and what it may ask of the
 * world around it. A simulation is written from the datasheet, never from the driver and never from test vectors: if both
 * made the same mistake, no test could see it. The head of each says what it does not model.
 */
import type { Clock } from '../clock.ts';

export { contactWire, pulseWire } from './simulated-wires.ts';

/** The surroundings of a chip. Tests give a fixed one; the demo and `--simulate` a seeded one (environment.ts). */
export interface World {
  readonly clock: Clock;
  /**
   * What is the case at monotonic time `monoMs` (now, if left out), in the units of design section 5: temperature Cel,
   * humidity %RH, pressure hPa, illuminance lx, infrared (0 to 0.5: what a photodiode for infrared light sees, as a share
   * of what one for all light sees), co2 ppm, gas_resistance Ohm, voltage V, current A, acceleration_x|y|z m/s2
   * (with gravity), angular_velocity_x|y|z rad/s, contact 0|1, shocks (number of vibration pulses so far since the simulation began).
   */
  value(what: string, monoMs?: number): number;
  /** Uniform in [0, 1), from the simulation's seed. */
  random(): number;
}

/** A simulated chip at one address. */
export interface SimulatedChip {
  /** A write of one transfer. False is a NACK. */
  write(bytes: Uint8Array): boolean;
  /** A read of `length` bytes. Null is a NACK. */
  read(length: number): Uint8Array | null;
  /** For a multiplexer: the chips that can be reached at an address through it as it is set now. */
  behind?(address: number): readonly SimulatedChip[];
}

export interface I2cSimulation {
  readonly bus: 'i2c';
  /** A chip at power-on. */
  create(world: World): SimulatedChip;
}

/** What is wired to a simulated GPIO line: drives its level over time. */
export interface SimulatedWire {
  /** The level at monotonic time `monoMs`. */
  level(monoMs: number): 0 | 1;
  /** The next change after `monoMs`, or undefined when nothing is known to come within a second. */
  nextEdge(monoMs: number): { readonly level: 0 | 1; readonly monoMs: number } | undefined;
}
export interface GpioSimulation {
  readonly bus: 'gpio';
  create(world: World): SimulatedWire;
}

/** A simulated file: its text; or one that takes time to read, and at the end gives a text or fails with an errno of read(2). */
export type SimulatedFile =
  | string
  | { readonly readMs: number; read(endMs: number): string | { readonly errno: string } };
/** The options of the sensor for which a simulation is made: they say at which place and by which name it is looked for. */
export type SimulationOptions = Readonly<Record<string, string | number | boolean | undefined>>;
export interface FilesSimulation {
  readonly bus: 'files';
  /** The files of a device of the kernel by absolute path, as they are at monotonic time `monoMs`. */
  create(world: World, options: SimulationOptions): (monoMs: number) => Readonly<Record<string, SimulatedFile>>;
}

export type Simulation = I2cSimulation | GpioSimulation | FilesSimulation;
