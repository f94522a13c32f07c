/**
 * One timer for all sensors: calls that are due together share one wake-up of the processor.
 * Never calls earlier than `COALESCE_MS` before the asked time, on the monotonic clock.
 */
import type { Clock } from '../clock.ts';

/** Calls due within this time of the earliest run with it. */
const COALESCE_MS = 2;

/** Who waits this shortly samples fast: 4 ms of shared slack would be most of its jitter, and there is little to share. */
const PUNCTUAL_MS = 20;

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
    const waitMs = earliestMs - clock.monotonic();
    cancelTimer = Number.isFinite(waitMs) ? clock.after(waitMs, wake, waitMs <= PUNCTUAL_MS) : () => {};
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
