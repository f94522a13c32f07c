/**
 * When a sensor is due. Slots of `every` lie on a drift-free grid of the monotonic clock, so clock steps do not touch them;
 * aligned and cron slots lie on the wall clock, so its steps are looked for at least every 30 s.
 */
import type { Clock } from '../clock.ts';
import type { LoadCron } from './cron.ts';
import type { Schedule } from './types.ts';

/** Longest wait on a wall-clock slot before looking at the wall clock again. */
const LOOK_AGAIN_MS = 30_000;
/** How far before its wall-clock slot a timer may wake and still mean that slot. */
const EARLY_MS = 50; // at most half the interval

export interface Slot {
  /** On the monotonic clock. */
  readonly atMs: number;
  /** False: nothing is due then, only look again, because the wall clock may have been stepped. */
  readonly due: boolean;
}

export interface Slots {
  /** The first slot after now, and how many were jumped over since the last call that gave one. */
  next(): Slot & { readonly skipped: number };
}

/** A grid on the monotonic clock: origin + offset + n * every. */
export function everySlots(clock: Clock, originMs: number, everyMs: number, offsetMs = 0): Slots {
  const zeroMs = originMs + offsetMs;
  let lastIndex: number | undefined;
  return {
    next() {
      // Half a millisecond of grace: a wake-up a hair early belongs to the slot it was set for.
      const index = Math.max(Math.floor((clock.monotonic() - zeroMs + 0.5) / everyMs) + 1, 0, (lastIndex ?? -1) + 1);
      const skipped = lastIndex === undefined ? 0 : index - lastIndex - 1;
      lastIndex = index;
      return { atMs: zeroMs + index * everyMs, due: true, skipped };
    },
  };
}

/** Slots on the wall clock, from a function that gives the next one. */
function wallSlots(clock: Clock, nextWallMs: (afterMs: number) => number): Slots {
  return {
    next() {
      const waitMs = nextWallMs(clock.now()) - clock.now();
      const nowMs = clock.monotonic();
      return waitMs > LOOK_AGAIN_MS
        ? { atMs: nowMs + LOOK_AGAIN_MS, due: false, skipped: 0 }
        : { atMs: nowMs + waitMs, due: true, skipped: 0 };
    },
  };
}

/** Wall-clock multiples of `every` since the epoch, moved by `offset`. */
export function alignedSlots(clock: Clock, everyMs: number, offsetMs = 0): Slots {
  return wallSlots(clock, (afterMs) => {
    const sinceMs = afterMs + Math.min(EARLY_MS, everyMs / 2) - offsetMs;
    return (Math.floor(sinceMs / everyMs) + 1) * everyMs + offsetMs;
  });
}

export async function slotsOf(schedule: Schedule, clock: Clock, originMs: number, loadCron: LoadCron): Promise<Slots> {
  if (schedule.kind === 'cron') return wallSlots(clock, await loadCron(schedule.expression, schedule.timezone));
  return schedule.align
    ? alignedSlots(clock, schedule.everyMs, schedule.offsetMs)
    : everySlots(clock, originMs, schedule.everyMs, schedule.offsetMs);
}
