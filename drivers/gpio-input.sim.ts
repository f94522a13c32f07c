/**
 * Simulates a contact on a GPIO line: high while the world says `contact` 1.
 *
 * A contact bounces: each change is followed by two short ones. Written from what is known of reed switches (settled
 * within 5 ms). Not modelled: a contact that opens and closes again within 50 ms, pull resistors, noise on the cable.
 */
import type { GpioSimulation, SimulatedWire, World } from '../src/bus/sim.ts';

/** After the contact changed: it is there, away again, there for good. In whole microseconds, as all times here. */
const BOUNCES_US = [0, 400, 1_100];
const SETTLED_US = 1_100;
/** The near future is searched in these steps, a second ahead. */
const STEP_US = 50_000;
const STEPS = 20;

function create({ value }: World): SimulatedWire {
  const contact = (us: number): 0 | 1 => (value('contact', us / 1_000) >= 0.5 ? 1 : 0);

  /** The microsecond of the change between two that differ: always the same one, whatever the two are. */
  const changeBetween = (fromUs: number, toUs: number): number => {
    const before = contact(fromUs);
    let [low, high] = [fromUs, toUs];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (contact(middle) === before) low = middle;
      else high = middle;
    }
    return high;
  };
  /** Edges of the change from which the contact may still bounce. */
  const bouncing = (us: number) =>
    contact(us - SETTLED_US) === contact(us) ? [] : edgesOf(changeBetween(us - SETTLED_US, us));
  const edgesOf = (changeUs: number) => {
    const there = contact(changeUs);
    return BOUNCES_US.map((afterUs, at) => ({
      level: at === 1 ? ((1 - there) as 0 | 1) : there,
      us: changeUs + afterUs,
    }));
  };

  return {
    level(monoMs) {
      const us = Math.round(monoMs * 1_000);
      return bouncing(us).findLast((edge) => edge.us <= us)?.level ?? contact(us);
    },
    nextEdge(monoMs) {
      // Rounded, since a time that was given out in milliseconds must find itself again.
      const us = Math.round(monoMs * 1_000);
      const bounce = bouncing(us).find((edge) => edge.us > us);
      if (bounce) return { level: bounce.level, monoMs: bounce.us / 1_000 };
      const now = contact(us);
      for (let step = 1; step <= STEPS; step++) {
        const aheadUs = us + step * STEP_US;
        if (contact(aheadUs) === now) continue;
        const changeUs = changeBetween(aheadUs - STEP_US, aheadUs);
        return { level: contact(changeUs), monoMs: changeUs / 1_000 };
      }
      return undefined;
    },
  };
}

export const simulation: GpioSimulation = { bus: 'gpio', create };
