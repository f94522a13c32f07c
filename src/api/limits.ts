/** Every bound of the API in one place, and the buckets that keep rates. */
import type { Clock } from '../clock.ts';

export interface ApiLimits {
  /** Of request line and headers together; more is answered with 431. */
  readonly headerBytes: number;
  /** From the first byte of a request to the end of its headers, and of its body. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** How often these two are looked at. */
  readonly lookEveryMs: number;
  /** How long a connection may rest between two requests. */
  readonly restMs: number;
  readonly bodyBytes: number;
  readonly sockets: number;
  /** Of one address. */
  readonly requestsPerS: number;
  readonly requestBurst: number;
  /** Wrong tokens from one address: 20 a minute at most. */
  readonly failuresPerS: number;
  readonly failureBurst: number;
  /** Reads at will, all callers together. */
  readonly readsPerS: number;
  readonly readBurst: number;
  readonly liveClients: number;
  /** What may wait for one live client before it is dropped. */
  readonly liveBufferedBytes: number;
  /** Of a message from a live client. */
  readonly liveMessageBytes: number;
  /** From the upgrade to the token. */
  readonly liveTokenMs: number;
  /** A live client that answers no ping in this time is gone. */
  readonly livePingMs: number;
}

export const API_LIMITS: ApiLimits = {
  headerBytes: 8 * 1024,
  headersMs: 10_000,
  requestMs: 15_000,
  lookEveryMs: 10_000,
  restMs: 5_000,
  bodyBytes: 1024,
  sockets: 32,
  requestsPerS: 20,
  requestBurst: 60,
  failuresPerS: 1 / 4,
  failureBurst: 5,
  readsPerS: 1,
  readBurst: 5,
  liveClients: 8,
  liveBufferedBytes: 256 * 1024,
  liveMessageBytes: 4 * 1024,
  liveTokenMs: 5_000,
  livePingMs: 30_000,
};

export interface Buckets {
  /** Takes one; false when the bucket of this key is empty. */
  take(key: string): boolean;
  /** Whether there is one to take. */
  has(key: string): boolean;
}

/** Keys that are remembered; beyond it the least recent begins anew. */
const MAX_KEYS = 256;

/** A token bucket per key: `burst` at once, `perS` in the long run. */
export function createBuckets(clock: Pick<Clock, 'monotonic'>, perS: number, burst: number): Buckets {
  const buckets = new Map<string, { readonly left: number; readonly atMs: number }>();
  const leftOf = (key: string) => {
    const bucket = buckets.get(key);
    return bucket ? Math.min(burst, bucket.left + ((clock.monotonic() - bucket.atMs) * perS) / 1_000) : burst;
  };
  return {
    has: (key) => leftOf(key) >= 1,
    take(key) {
      const left = leftOf(key);
      buckets.delete(key);
      buckets.set(key, { left: left >= 1 ? left - 1 : left, atMs: clock.monotonic() });
      const [oldest] = buckets.keys();
      if (buckets.size > MAX_KEYS && oldest !== undefined) buckets.delete(oldest);
      return left >= 1;
    },
  };
}
