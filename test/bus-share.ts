/**
 * A burst and a neighbour on one bus whose transfers take the time of the wire: how long the neighbour waits for its turn.
 * On a virtual clock, so that what is measured is the driver and not the machine.
 */
import { i2cDevice } from '../src/bus/i2c.ts';
import type { I2cSimulation } from '../src/bus/sim.ts';
import { simulatedI2cBus } from '../src/bus/simulated-i2c.ts';
import { virtualClock } from '../src/clock.ts';
import { driverContext, type Options, type PollDriver, type Values } from '../src/driver.ts';
import { optionsOf, settableWorld } from './rig.ts';

const NEIGHBOUR = 0x48;
/** The neighbour reads two bytes of a register at 100 Hz: a thermometer in a hurry. */
const NEIGHBOUR_BYTES = 2;
export const NEIGHBOUR_EVERY_MS = 10;
/** Between two looks at the clock. */
const STEP_MS = 50;

/** Nine clocks a byte; an address before what is written and before what is read; start and stop. */
export const wireMs = (written: number, read: number, clockHz: number): number =>
  (((written > 0 || read === 0 ? 1 + written : 0) + (read > 0 ? 1 + read : 0)) * 9_000 + 3_000) / clockHz;

export interface BusShare {
  /** Of the burst; its values are there only if no sample was lost. */
  readonly outcome: Values | { readonly code: string };
  /** How long each of the neighbour's reads took, its own time on the wire included. */
  readonly neighbourMs: readonly number[];
  readonly ownMs: number;
  /** The longest that one transfer of the burst held the bus. */
  readonly longestMs: number;
  /** Share of the burst's time in which the burst had the bus. */
  readonly busyShare: number;
}

export async function shareBus(
  driver: PollDriver<'i2c'>,
  simulation: I2cSimulation,
  given: Options,
  clockHz: number,
): Promise<BusShare> {
  const clock = virtualClock();
  const address = driver.addresses![0]!;
  const held: number[] = [];
  const endsMs: number[] = [];
  const bus = simulatedI2cBus({
    clockHz,
    async intercept(to, tx, rxLength, pass) {
      const ms = wireMs(tx.length, rxLength, clockHz);
      await clock.sleep(ms);
      if (to === address) {
        held.push(ms);
        endsMs.push(clock.monotonic());
      }
      return pass();
    },
  });
  bus.attach(address, simulation.create(settableWorld(clock)));
  bus.attach(NEIGHBOUR, { write: () => true, read: (length) => new Uint8Array(length) });

  const options = optionsOf(driver, given);
  let over = false;
  const burst = driver
    .open(driverContext<'i2c'>(i2cDevice(bus, address), clock, options))
    .then((sensor) => sensor.read(new AbortController().signal))
    .catch((error) => ({ code: String(error.code) }))
    .finally(() => {
      over = true;
    });
  const neighbour = i2cDevice(bus, NEIGHBOUR);
  const neighbourMs: number[] = [];
  const reads = async (): Promise<void> => {
    for (let slotMs = clock.monotonic(); !over; slotMs += NEIGHBOUR_EVERY_MS) {
      await clock.sleep(slotMs - clock.monotonic());
      await neighbour.writeRead([0], NEIGHBOUR_BYTES);
      neighbourMs.push(clock.monotonic() - slotMs);
    }
  };
  const beside = reads();
  const beganMs = clock.monotonic();
  while (!over) await clock.advance(STEP_MS);
  await Promise.all([beside, clock.advance(NEIGHBOUR_EVERY_MS * 2)]);
  return {
    outcome: await burst,
    neighbourMs,
    ownMs: wireMs(1, NEIGHBOUR_BYTES, clockHz),
    longestMs: Math.max(...held),
    // The very last transfer puts the chip to rest, after arithmetic that takes time of another kind.
    busyShare: held.reduce((sum, ms) => sum + ms, 0) / (endsMs.at(-2)! - beganMs),
  };
}
