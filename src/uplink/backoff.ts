/**
 * How long to wait before the next attempt to connect: exponential with full jitter, so that a thousand stations do not
 * come back in the same second. Pure; the randomness is given.
 *
 * - The first attempt is made at once: ask `nextMs` only after a failure.
 * - A delay is uniform in [0, limit), where the limit doubles from one second to the cap.
 * - The cap is 60 s, and 5 s for brokers of one's own network, which no fleet can flood.
 * - Only a session that lasted as long as the cap starts the count again: a broker that accepts and drops us is not well.
 */

import { isLocalHost } from '../hosts.ts';

const BASE_MS = 1_000;
const CAP_MS = 60_000;
const LOCAL_CAP_MS = 5_000;

export interface Backoff {
  /** The wait after one more failure. */
  nextMs(): number;
  /** A session ended after this long. */
  sessionEnded(lastedMs: number): void;
}

export function createBackoff({ host, random }: { readonly host: string; readonly random: () => number }): Backoff {
  const capMs = isLocalHost(host) ? LOCAL_CAP_MS : CAP_MS;
  let limitMs = BASE_MS;
  return {
    nextMs() {
      const delayMs = random() * limitMs;
      limitMs = Math.min(limitMs * 2, capMs);
      return delayMs;
    },
    sessionEnded(lastedMs) {
      if (lastedMs >= capMs) limitMs = BASE_MS;
    },
  };
}
