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
  let interrupt = new AbortController();
  let running = false;
  let stopped = false;

  const earliestMs = () => {
    let least = Number.POSITIVE_INFINITY;
    for (const { atMs } of entries) if (atMs < least) least = atMs;
    return least;
  };
  const run = async () => {
    running = true;
    while (entries.size > 0 && !stopped) {
      wakeAtMs = earliestMs();
      interrupt = new AbortController();
      await clock.sleep(wakeAtMs - clock.monotonic(), interrupt.signal);
      const dueMs = clock.monotonic() + COALESCE_MS;
      const due = [...entries].filter(({ atMs }) => atMs <= dueMs).sort((a, b) => a.atMs - b.atMs);
      // Only if the earliest itself is due: an interrupted sleep ends before its time.
      if (due.length === 0 || clock.monotonic() < due[0]!.atMs) continue;
      for (const entry of due) {
        if (entries.delete(entry)) entry.callback();
      }
    }
    wakeAtMs = Number.POSITIVE_INFINITY;
    running = false;
  };

  return {
    at(atMs, callback) {
      if (stopped) return () => {};
      const entry = { atMs, callback };
      entries.add(entry);
      if (!running) void run();
      else if (atMs < wakeAtMs) interrupt.abort();
      return () => void entries.delete(entry);
    },
    stop() {
      stopped = true;
      entries.clear();
      interrupt.abort();
    },
  };
}
