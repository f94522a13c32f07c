/** The explorer's time. */
import type { Clock } from '../../../src/clock.ts';

/** A clock that stands still until told, and wakes sleepers at once: nothing depends on how fast the machine is. */
export function stillClock(): Clock & { advance(ms: number): void } {
  let nowMs = 1_000;
  let sleepers: { atMs: number; wake: () => void }[] = [];
  return {
    now: () => 1_700_000_000_000 + nowMs,
    monotonic: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        sleepers.push({ atMs: nowMs + ms, wake: resolve });
        signal?.addEventListener('abort', () => resolve());
      }),
    after(ms, callback) {
      const sleeper = { atMs: nowMs + ms, wake: callback };
      sleepers.push(sleeper);
      return () => {
        sleepers = sleepers.filter((one) => one !== sleeper);
      };
    },
    advance(ms) {
      nowMs += ms;
      const due = sleepers.filter(({ atMs }) => atMs <= nowMs);
      sleepers = sleepers.filter(({ atMs }) => atMs > nowMs);
      for (const { wake } of due) wake();
    },
  };
}
