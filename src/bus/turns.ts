/** A queue for one thing that only one may use at a time. First come, first served; waiting has a bound. */
import type { Clock } from '../clock.ts';

/** More than a bus could ever serve in its waiting time. */
const MAX_WAITING = 1_000;

export interface Turns {
  /** Resolves when it is our turn, with what gives it up; rejects with `tooLate()` after the waiting time. */
  enter(tooLate: () => Error): Promise<() => void>;
}

export function turns(clock: Clock, waitMs: number): Turns {
  let taken = false;
  const waiting = new Set<() => void>();

  const release = () => {
    const [next] = waiting;
    if (next) next();
    else taken = false;
  };
  return {
    enter(tooLate) {
      if (!taken) {
        taken = true;
        return Promise.resolve(release);
      }
      if (waiting.size >= MAX_WAITING) return Promise.reject(tooLate());
      return new Promise((resolve, reject) => {
        const timer = new AbortController();
        const next = () => {
          waiting.delete(next);
          timer.abort();
          resolve(release);
        };
        waiting.add(next);
        void clock.sleep(waitMs, timer.signal).then(() => {
          if (waiting.delete(next)) reject(tooLate());
        });
      });
    },
  };
}
