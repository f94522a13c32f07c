/**
 * Rates over the last minute from counters that only grow. Needs no timer: counters are noted when something happens, at
 * most every five seconds, and a rate is what came since the note that is nearest to a minute old.
 */
import type { Clock } from '../clock.ts';

const WINDOW_MS = 60_000;
const EVERY_MS = 5_000;
/** A rate over less than this says nothing. */
const MIN_SPAN_MS = 10_000;

export type Counts = Readonly<Record<string, number>>;

export interface Rates {
  /** Looks at the counters if it is time to; true if it did. Cheap: call it with each event. */
  note(): boolean;
  /** Per second; null when it is too early to say, or the counter began anew. */
  perSecond(name: string): number | null;
}

export function createRates(clock: Clock, counts: () => Counts): Rates {
  /** Oldest first; the first is the newest of those that are at least a minute old. At most a minute's worth and one. */
  const notes: { readonly atMs: number; readonly counts: Counts }[] = [{ atMs: clock.monotonic(), counts: counts() }];
  const trim = (nowMs: number) => {
    while (notes.length > 1 && nowMs - notes[1]!.atMs >= WINDOW_MS) notes.shift();
  };
  return {
    note() {
      const nowMs = clock.monotonic();
      if (nowMs - notes.at(-1)!.atMs < EVERY_MS) return false;
      notes.push({ atMs: nowMs, counts: counts() });
      trim(nowMs);
      return true;
    },
    perSecond(name) {
      const nowMs = clock.monotonic();
      trim(nowMs);
      const now = counts()[name];
      const { atMs, counts: then } = notes[0]!;
      const grown = now === undefined ? -1 : now - (then[name] ?? 0);
      return grown < 0 || nowMs - atMs < MIN_SPAN_MS ? null : (grown * 1_000) / (nowMs - atMs);
    },
  };
}
