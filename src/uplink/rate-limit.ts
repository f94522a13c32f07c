/**
 * `max_rate` in front of any uplink: a token bucket of one second. Promises: in any time span no more records are given than
 * the rate allows for it, plus one second's worth; nothing is held up that carries no records (gaps, skipped ones).
 */
import type { BatchSource } from '../batch.ts';
import type { Clock } from '../clock.ts';

/** Sums of fractions end a little below a whole number. */
const ROUNDING = 1e-6;

export function limitRate(source: BatchSource, ratePerS: number, clock: Clock): BatchSource {
  const capacity = Math.max(1, ratePerS);
  let tokens = capacity;
  let atMs = clock.monotonic();
  const refill = () => {
    const nowMs = clock.monotonic();
    tokens = Math.min(capacity, tokens + ((nowMs - atMs) * ratePerS) / 1_000);
    atMs = nowMs;
  };
  /** Until there are so many tokens; at most as many as the bucket holds. */
  const waitForTokens = async (wanted: number, signal: AbortSignal) => {
    refill();
    const missing = Math.min(wanted, capacity) - tokens;
    if (missing > 0) await clock.sleep(Math.ceil((missing * 1_000) / ratePerS), signal);
  };
  return {
    async next(limits) {
      refill();
      const whole = Math.floor(tokens + ROUNDING);
      if (whole < 1) return undefined;
      const batch = await source.next({ ...limits, maxRecords: Math.min(limits.maxRecords, whole) });
      tokens -= batch?.records.length ?? 0;
      return batch;
    },
    rewind: () => source.rewind(),
    acknowledge: (position) => source.acknowledge(position),
    refuse: (stream, seqs) => source.refuse(stream, seqs),
    async waitForRecords(signal, count = 1) {
      await source.waitForRecords(signal, Math.min(count, Math.floor(capacity)));
      if (!signal.aborted) await waitForTokens(count, signal);
    },
    get pending() {
      return source.pending;
    },
    get unread() {
      return source.unread;
    },
  };
}
