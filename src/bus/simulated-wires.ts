/**
 * Wires that several simulated sensors have: a contact that follows something of the world, and pulses that are as many as
 * something of the world counts. Both are pure functions of time, so that a wire may look ahead.
 */
import type { SimulatedWire, World } from './sim.ts';

export interface ContactOptions {
  /** What of the world it follows: closed while that is 1. */
  readonly what: string;
  /** The level while closed. */
  readonly closed: 0 | 1;
  /** Times of its transitions after a change, the first 0; an odd number, since it then stays. */
  readonly bouncesMs: readonly number[];
}

/** The near future of a contact is searched in these steps, a second ahead. */
const STEP_US = 50_000;
const STEPS = 20;

/** A contact that bounces. Not modelled: one that opens and closes again within 50 ms. */
export function contactWire({ value }: World, { what, closed, bouncesMs }: ContactOptions): SimulatedWire {
  // In whole microseconds, as all times here: a time that was given out in milliseconds must find itself again.
  const bouncesUs = bouncesMs.map((afterMs) => afterMs * 1_000);
  const settledUs = bouncesUs.at(-1) ?? 0;
  const contact = (us: number): 0 | 1 => (value(what, us / 1_000) >= 0.5 ? closed : closed === 1 ? 0 : 1);

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
  const edgesOf = (changeUs: number) => {
    const there = contact(changeUs);
    return bouncesUs.map((afterUs, at) => ({
      level: at % 2 === 1 ? ((1 - there) as 0 | 1) : there,
      us: changeUs + afterUs,
    }));
  };
  /** Edges of the change from which the contact may still bounce. */
  const bouncing = (us: number) =>
    contact(us - settledUs) === contact(us) ? [] : edgesOf(changeBetween(us - settledUs, us));

  return {
    level(monoMs) {
      const us = Math.round(monoMs * 1_000);
      return bouncing(us).findLast((edge) => edge.us <= us)?.level ?? contact(us);
    },
    nextEdge(monoMs) {
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

export interface PulseWireOptions {
  /** What of the world it counts. */
  readonly what: string;
  /** The level between pulses. */
  readonly rest: 0 | 1;
  /** Times of the transitions of one pulse after its begin, the first 0; an even number, since it ends at rest. */
  readonly transitionsMs: readonly number[];
  /** Pulses that would begin at once follow one another at this distance. */
  readonly spacingMs: number;
}

const HORIZON_MS = 1_000;
/** Pulses kept for a line that is read late; older ones are forgotten. */
const MAX_PULSES = 20_000;
const HALVINGS = 24;

export function pulseWire({ clock, value }: World, options: PulseWireOptions): SimulatedWire {
  const { what, rest, transitionsMs, spacingMs } = options;
  const countAt = (monoMs: number): number => Math.floor(value(what, monoMs));
  /** Begins of pulses, oldest first. */
  const pulses: number[] = [];
  let knownMs = clock.monotonic();
  let counted = countAt(knownMs);

  /** Turns what the world counted between two times into pulses; halves the time until each stands alone. */
  const search = (fromMs: number, fromCount: number, toMs: number, toCount: number, halvings: number): void => {
    if (toCount <= fromCount || pulses.length > 2 * MAX_PULSES) return;
    const middleMs = (fromMs + toMs) / 2;
    if (halvings === 0) {
      for (let count = fromCount; count < Math.min(toCount, fromCount + MAX_PULSES); count++)
        pulses.push(Math.max(toMs, (pulses.at(-1) ?? Number.NEGATIVE_INFINITY) + spacingMs));
      return;
    }
    const middleCount = countAt(middleMs);
    search(fromMs, fromCount, middleMs, middleCount, halvings - 1);
    search(middleMs, middleCount, toMs, toCount, halvings - 1);
  };
  /** Knows the pulses until a second after `monoMs`. */
  const lookAhead = (monoMs: number): void => {
    const untilMs = monoMs + HORIZON_MS;
    if (untilMs <= knownMs) return;
    const count = countAt(untilMs);
    search(knownMs, counted, untilMs, count, HALVINGS);
    knownMs = untilMs;
    counted = count;
    if (pulses.length > MAX_PULSES) pulses.splice(0, pulses.length - MAX_PULSES);
  };

  /** Index of the first pulse that is not over before `monoMs`. */
  const firstAlive = (monoMs: number): number => {
    let [low, high] = [0, pulses.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pulses[middle]! + transitionsMs.at(-1)! < monoMs) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const levelAfter = (transition: number): 0 | 1 => ((rest + transition + 1) % 2 === 1 ? 1 : 0);

  return {
    level(monoMs) {
      lookAhead(monoMs);
      const beginMs = pulses[firstAlive(monoMs)];
      if (beginMs === undefined) return rest;
      const passed = transitionsMs.findLastIndex((afterMs) => beginMs + afterMs <= monoMs);
      return passed < 0 ? rest : levelAfter(passed);
    },
    nextEdge(monoMs) {
      lookAhead(monoMs);
      const first = firstAlive(monoMs);
      for (const beginMs of pulses.slice(first, first + 2)) {
        const next = transitionsMs.findIndex((afterMs) => beginMs + afterMs > monoMs);
        if (next >= 0) return { level: levelAfter(next), monoMs: beginMs + transitionsMs[next]! };
      }
      return undefined;
    },
  };
}
