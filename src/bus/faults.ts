/**
 * Faults of simulated sensors, by `simulation: { faults: ... }`. Each sensor has its own, with its own seed and count: what
 * befalls one neither fails nor delays another.
 *
 * - A fault strikes a share `rate` of the transfers, or the first `times` of them; with both, a share until it struck so often.
 * - nack: nobody acknowledges. hang: the adapter gives up after a second, as a Pi's does. crc: one bit of a reply is
 *   flipped. slow: 200 ms late. unplug: nobody acknowledges for 5 s, and the chip comes back as after power-on.
 * - noise is on the value that is measured, not on the wire, where it would be a crc fault.
 */
import type { Clock } from '../clock.ts';
import { SedgeError } from '../errors.ts';
import { hexAddress } from './i2c.ts';
import { seedOf, uniformFrom } from './seeded.ts';
import type { World } from './sim.ts';
import type { Intercept } from './simulated-i2c.ts';

export type FaultKind = 'nack' | 'hang' | 'crc' | 'slow' | 'unplug' | 'noise';
/** `rate` of transfers, or the first `times` of them, or both; one of them is there. */
export interface SimulatedFault {
  readonly kind: FaultKind;
  readonly rate?: number;
  readonly times?: number;
}

export const HANG_MS = 1_000;
export const SLOW_MS = 200;
export const UNPLUGGED_MS = 5_000;

export interface FaultOptions {
  readonly faults: readonly SimulatedFault[];
  readonly clock: Clock;
  readonly seed: number;
  /** The sensor that has them. */
  readonly sensor: string;
}

/** Says, each time a kind of fault could strike, whether it does. */
export type Dice = (kind: FaultKind) => boolean;

export function faultDice({ faults, seed, sensor }: Pick<FaultOptions, 'faults' | 'seed' | 'sensor'>): Dice {
  const dice = faults.map(({ kind, rate = 1, times = Number.POSITIVE_INFINITY }, index) => {
    const random = uniformFrom(seedOf(seed, `${sensor}, fault ${index}`));
    let struck = 0;
    return {
      kind,
      strikes() {
        if (struck >= times || random() >= rate) return false;
        struck += 1;
        return true;
      },
    };
  });
  // Every one is asked, so that what one does never changes when another strikes.
  return (kind) => dice.filter((die) => die.kind === kind && die.strikes()).length > 0;
}

/** Faults of an I2C chip. `onUnplug` is told when it loses its power. */
export function faultIntercept(options: FaultOptions & { onUnplug?(): void }): Intercept {
  const { clock, seed, sensor, onUnplug } = options;
  const strikes = faultDice(options);
  const random = uniformFrom(seedOf(seed, `${sensor}, bits`));
  let backMs = Number.NEGATIVE_INFINITY;

  return async (address, _tx, rxLength, pass) => {
    const at = `${hexAddress(address)} (simulated fault of ${sensor})`;
    const nack = () => new SedgeError('bus.nack', `nothing acknowledges at ${at}`);
    if (clock.monotonic() < backMs) throw nack();
    if (strikes('unplug')) {
      backMs = clock.monotonic() + UNPLUGGED_MS;
      onUnplug?.();
      throw nack();
    }
    if (strikes('nack')) throw nack();
    if (strikes('hang')) {
      await clock.sleep(HANG_MS);
      throw new SedgeError('bus.timeout', `the transfer with ${at} did not end`);
    }
    if (strikes('slow')) await clock.sleep(SLOW_MS);
    const reply = await pass();
    if (rxLength === 0 || !strikes('crc')) return reply;
    const bit = Math.floor(random() * rxLength * 8);
    return reply.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
  };
}

/** How much noise a value gets at most. */
const NOISE: Readonly<Record<string, number>> = {
  temperature: 3,
  humidity: 10,
  pressure: 8,
  illuminance: 200,
  acceleration_x: 4,
  acceleration_y: 4,
  acceleration_z: 4,
  voltage: 0.5,
  current: 0.1,
};

/** A world as a sensor with noise sees it. States and counts have none: noise would be events that never were. */
export function noisyWorld(world: World, options: Pick<FaultOptions, 'faults' | 'seed' | 'sensor'>): World {
  if (!options.faults.some(({ kind }) => kind === 'noise')) return world;
  const strikes = faultDice(options);
  const random = uniformFrom(seedOf(options.seed, `${options.sensor}, noise`));
  return {
    ...world,
    value(what, monoMs) {
      const value = world.value(what, monoMs);
      const most = NOISE[what];
      return most !== undefined && strikes('noise') ? value + most * (2 * random() - 1) : value;
    },
  };
}
