/**
 * Simulates an SW-420 module on a GPIO line: low at rest, one pulse for each of the world's `shocks`.
 *
 * A pulse lasts 3 ms and chatters once in its first millisecond. Not modelled: the potentiometer, modules that are high
 * at rest, and shocks that come faster than the spring settles: the pulses of those follow one another.
 */
import type { GpioSimulation, SimulatedWire, World } from '../src/bus/sim.ts';

/** Transitions of one pulse after its begin; the line goes up at the first and changes at each. */
const TRANSITIONS_MS = [0, 0.4, 0.8, 3];
const SPACING_MS = 5;
const HORIZON_MS = 1_000;
/** Pulses kept for a line that is read late; older ones are forgotten. */
const MAX_PULSES = 20_000;
const HALVINGS = 24;

function create({ clock, value }: World): SimulatedWire {
  const countAt = (monoMs: number): number => Math.floor(value('shocks', monoMs));
  /** Begins of pulses, oldest first. */
  const pulses: number[] = [];
  let knownMs = clock.monotonic();
  let shocks = countAt(knownMs);

  /** Turns the world's shocks between two times into pulses; halves the time until each stands alone. */
  const search = (fromMs: number, fromCount: number, toMs: number, toCount: number, halvings: number): void => {
    if (toCount <= fromCount || pulses.length > 2 * MAX_PULSES) return;
    const middleMs = (fromMs + toMs) / 2;
    if (halvings === 0) {
      for (let count = fromCount; count < Math.min(toCount, fromCount + MAX_PULSES); count++)
        pulses.push(Math.max(toMs, (pulses.at(-1) ?? Number.NEGATIVE_INFINITY) + SPACING_MS));
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
    search(knownMs, shocks, untilMs, count, HALVINGS);
    knownMs = untilMs;
    shocks = count;
    if (pulses.length > MAX_PULSES) pulses.splice(0, pulses.length - MAX_PULSES);
  };

  /** Index of the first pulse that is not over before `monoMs`. */
  const firstAlive = (monoMs: number): number => {
    let [low, high] = [0, pulses.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pulses[middle]! + TRANSITIONS_MS.at(-1)! < monoMs) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const levelAfter = (transition: number): 0 | 1 => (transition % 2 === 0 ? 1 : 0);

  return {
    level(monoMs) {
      lookAhead(monoMs);
      const beginMs = pulses[firstAlive(monoMs)];
      if (beginMs === undefined) return 0;
      const passed = TRANSITIONS_MS.findLastIndex((afterMs) => beginMs + afterMs <= monoMs);
      return passed < 0 ? 0 : levelAfter(passed);
    },
    nextEdge(monoMs) {
      lookAhead(monoMs);
      const first = firstAlive(monoMs);
      for (const beginMs of pulses.slice(first, first + 2)) {
        const next = TRANSITIONS_MS.findIndex((afterMs) => beginMs + afterMs > monoMs);
        if (next >= 0) return { level: levelAfter(next), monoMs: beginMs + TRANSITIONS_MS[next]! };
      }
      return undefined;
    },
  };
}

export const simulation: GpioSimulation = { bus: 'gpio', create };
