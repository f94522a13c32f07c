/**
 * One timer for all sensors: calls that are due together share one wake-up of the processor.
 * Never calls earlier than `COALESCE_MS` before the asked time, on the monotonic clock.
 */
import type { Clock } from '../clock.ts';

/** Calls due within this time of the earliest run with it. */
const COALESCE_MS = 2;

export interface Scheduler {
  /** Calls back once, when the monotonic clock reaches `atMs`. Returns what cancels it. */
  at(atMs: number, callback: () => void): () => void;
  /** Forgets all calls; later ones are ignored. */
  stop(): void;
}

export function createScheduler(clock: Clock): Scheduler {
  const entries = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  let wakeAtMs = Number.POSITIVE_INFINITY;
  let cancelTimer = () => {};
  let waking = false;
  let stopped = false;

  const arm = () => {
    if (waking) return; // once, at its end
    let earliestMs = Number.POSITIVE_INFINITY;
    // Not for-of: this runs several times per reading, and an iterator is an object per entry.
    entries.forEach(({ atMs }) => {
      if (atMs < earliestMs) earliestMs = atMs;
    });
    if (earliestMs === wakeAtMs) return;
    cancelTimer();
    wakeAtMs = earliestMs;
    cancelTimer = Number.isFinite(earliestMs) ? clock.after(earliestMs - clock.monotonic(), wake) : () => {};
  };
  const wake = () => {
    const dueMs = clock.monotonic() + COALESCE_MS;
    const due = [...entries].filter(({ atMs }) => atMs <= dueMs).sort((a, b) => a.atMs - b.atMs);
    wakeAtMs = Number.POSITIVE_INFINITY;
    waking = true;
    for (const entry of due) if (entries.delete(entry)) entry.callback();
    waking = false;
    arm();
  };

  return {
    at(atMs, callback) {
      if (stopped) return () => {};
      const entry = { atMs, callback };
      entries.add(entry);
      if (atMs < wakeAtMs) arm();
      return () => {
        if (entries.delete(entry) && atMs === wakeAtMs) arm();
      };
    },
    stop() {
      stopped = true;
      entries.clear();
      cancelTimer();
    },
  };
}
