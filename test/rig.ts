/**
 * Opens real drivers on simulated hardware, with time and surroundings in the test's hands.
 *
 * Polled chips get a clock whose sleeps move time themselves; watched lines get one that moves only with `advance`,
 * because something that watches for ever would otherwise sleep for ever without letting anybody else run.
 */
import type { Edge, GpioLine } from '../src/bus/gpio.ts';
import { i2cDevice } from '../src/bus/i2c.ts';
import type { GpioSimulation, I2cSimulation, SimulatedWire, World } from '../src/bus/sim.ts';
import { type Intercept, type SimulatedI2cBus, simulatedI2cBus } from '../src/bus/simulated-i2c.ts';
import { type VirtualClock, virtualClock } from '../src/clock.ts';
import {
  type AnyDriver,
  type Clock,
  type CounterDriver,
  type CounterSensor,
  driverContext,
  type EventDriver,
  type EventSensor,
  type Options,
  type PollDriver,
  type PolledSensor,
  SedgeError,
} from '../src/driver.ts';
import { codeOf } from '../src/errors.ts';

/** What a test says of the surroundings: a number, or a function of monotonic time. */
export type Surroundings = Readonly<Record<string, number | ((monoMs: number) => number)>>;

export interface SettableWorld extends World {
  /** Changes what is named; the rest stays. */
  set(values: Surroundings): void;
}

const ROOM: Surroundings = {
  temperature: 21.5,
  humidity: 45,
  pressure: 1013.25,
  illuminance: 300,
  infrared: 0,
  co2: 600,
  voltage: 3.3,
  current: 0.1,
  gas_resistance: 50_000,
  acceleration_x: 0,
  acceleration_y: 0,
  acceleration_z: 9.80665,
  angular_velocity_x: 0,
  angular_velocity_y: 0,
  angular_velocity_z: 0,
  contact: 0,
  shocks: 0,
};

/** A quiet room until something is set. `random` is a fixed sequence. */
export function settableWorld(clock: Clock): SettableWorld {
  let surroundings = ROOM;
  let seed = 1;
  return {
    clock,
    set(values) {
      surroundings = { ...surroundings, ...values };
    },
    value(what, monoMs = clock.monotonic()) {
      const value = surroundings[what];
      if (value === undefined) throw new Error(`the test's world has no ${what}: set it`);
      return typeof value === 'function' ? value(monoMs) : value;
    },
    random() {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    },
  };
}

/** Options as a driver gets them from a checked configuration: what is given, and the defaults of the rest. */
export function optionsOf(driver: AnyDriver, given: Options = {}): Options {
  const defaults = Object.entries(driver.options).map(([name, spec]) => [name, spec.default] as const);
  return { ...Object.fromEntries(defaults.filter(([, value]) => value !== undefined)), ...given };
}

/** What a promise came to: its value, or the code of its error ('uncoded' if it has none). */
export async function outcomeOf<T>(promise: Promise<T>): Promise<{ readonly value: T } | { readonly code: string }> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ code: codeOf(error) ?? `uncoded: ${String(error)}` }),
  );
}

/** Overwrites what a chip answers after the pointer or command in a transfer's first byte; the rest is its own. */
export const answering =
  (replies: Readonly<Record<number, string>>): Intercept =>
  async (_address, tx, rxLength, pass) => {
    const reply = replies[tx[0] ?? -1];
    return rxLength > 0 && reply !== undefined ? Uint8Array.from(Buffer.from(reply, 'hex')) : pass();
  };

/** The first `count` plain reads are not acknowledged, as by a chip that is slower than its datasheet. */
export function nackingReads(count: number): Intercept {
  let left = count;
  return async (_address, tx, rxLength, pass) => {
    if (tx.length > 0 || rxLength === 0 || left === 0) return pass();
    left -= 1;
    throw new SedgeError('bus.nack', 'not acknowledged on purpose');
  };
}

export interface I2cRig {
  readonly bus: SimulatedI2cBus;
  readonly clock: VirtualClock;
  readonly world: SettableWorld;
  readonly address: number;
  readonly options: Options;
  open(): Promise<PolledSensor>;
  unplug(): void;
  /** The same chip again, as it was. */
  plug(): void;
  /** The supply failed and came back: a chip at power-on. */
  powerCycle(): void;
}

export interface I2cRigOptions {
  readonly options?: Options;
  readonly surroundings?: Surroundings;
  readonly intercept?: Intercept;
}

export function i2cRig(
  driver: PollDriver<'i2c'>,
  simulation: I2cSimulation,
  { options: given = {}, surroundings = {}, intercept }: I2cRigOptions = {},
): I2cRig {
  const address = driver.addresses?.[0];
  if (address === undefined) throw new Error(`${driver.id} names no address`);
  const clock = virtualClock({ automatic: true });
  const world = settableWorld(clock);
  world.set(surroundings);
  const bus = simulatedI2cBus(intercept ? { intercept } : {});
  const options = optionsOf(driver, given);
  let chip = simulation.create(world);
  bus.attach(address, chip);
  return {
    bus,
    clock,
    world,
    address,
    options,
    open: () => driver.open(driverContext<'i2c'>(i2cDevice(bus, address), clock, options)),
    unplug: () => bus.detach(address),
    plug: () => bus.attach(address, chip),
    powerCycle() {
      chip = simulation.create(world);
      bus.attach(address, chip);
    },
  };
}

export interface TestLine extends GpioLine {
  /** The line is lost: everything fails from now on. */
  lose(): void;
}

/** How long a wire is believed when it says that nothing is known to come. */
const LOOK_AGAIN_MS = 10;

/** A line on a simulated wire. Every change is reported once, at the wire's own time. */
export function wireLine(wire: SimulatedWire, clock: Clock): TestLine {
  let lost = false;
  const check = () => {
    if (lost) throw new SedgeError('bus.io', 'the simulated line is lost');
  };
  return {
    title: 'simulated line',
    lostEdges: 0,
    lose() {
      lost = true;
    },
    async read() {
      check();
      return wire.level(clock.monotonic());
    },
    async *edges(signal): AsyncIterable<Edge> {
      let seenMs = clock.monotonic();
      let level = wire.level(seenMs);
      while (!signal.aborted) {
        check();
        const nowMs = clock.monotonic();
        const next = wire.nextEdge(seenMs);
        if (next && next.monoMs <= nowMs) {
          seenMs = next.monoMs;
          level = next.level;
          yield next;
        } else if (wire.level(nowMs) !== level) {
          // A change that the wire could not foresee: the test changed the world.
          seenMs = nowMs;
          level = wire.level(nowMs);
          yield { level, monoMs: nowMs };
        } else {
          const waitMs = next ? Math.min(next.monoMs - nowMs, LOOK_AGAIN_MS) : LOOK_AGAIN_MS;
          await clock.sleep(waitMs, signal);
        }
      }
    },
    async close() {},
  };
}

export interface GpioRig<Sensor> {
  readonly clock: VirtualClock;
  readonly world: SettableWorld;
  readonly line: TestLine;
  readonly options: Options;
  open(): Promise<Sensor>;
}

export function gpioRig(
  driver: EventDriver<'gpio'>,
  simulation: GpioSimulation,
  options?: Options,
  surroundings?: Surroundings,
): GpioRig<EventSensor>;
export function gpioRig(
  driver: CounterDriver<'gpio'>,
  simulation: GpioSimulation,
  options?: Options,
  surroundings?: Surroundings,
): GpioRig<CounterSensor>;
export function gpioRig(
  driver: EventDriver<'gpio'> | CounterDriver<'gpio'>,
  simulation: GpioSimulation,
  given: Options = {},
  surroundings: Surroundings = {},
): GpioRig<EventSensor | CounterSensor> {
  const clock = virtualClock();
  const world = settableWorld(clock);
  world.set(surroundings);
  const line = wireLine(simulation.create(world), clock);
  const options = optionsOf(driver, given);
  return { clock, world, line, options, open: () => driver.open(driverContext<'gpio'>(line, clock, options)) };
}
