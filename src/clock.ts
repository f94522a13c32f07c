/**
 * Time as the rest of the program sees it. Everything that waits, waits on a Clock, so that tests move time by hand.
 * Wall time may jump by years; monotonic time never goes back. All values are milliseconds.
 */
import { performance } from 'node:perf_hooks';
import { hrtime } from 'node:process';

export interface Clock {
  /** Wall clock, Unix epoch. May jump in both directions. */
  now(): number;
  /** Milliseconds since boot; never goes back. */
  monotonic(): number;
  /** Resolves no earlier than `ms` from now, on the monotonic clock; at once if `ms` <= 0 or when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Calls back once, no earlier than `ms` from now, never at once. Returns what cancels it. May be some milliseconds later than it
   * could be, so that wake-ups are shared, unless it is to be punctual.
   */
  after(ms: number, callback: () => void, punctual?: boolean): () => void;
}

/** setTimeout fires at once for longer delays (2^31-1 ms). */
const MAX_TIMER_MS = 2 ** 31 - 1;
/**
 * Waits of more than SLACK_FROM_MS end on a common grid, so that what waits for about the same time wakes the processor
 * once. A delay is a minimum, so it is only ever made longer.
 */
const SLACK_MS = 4;
const SLACK_FROM_MS = 8;

/**
 * CLOCK_MONOTONIC: on Linux its zero is the boot, so it is comparable across processes of one boot. Both of Node's ways to it
 * read the same clock; the one that makes no BigInt is asked thousands of times a second.
 */
const LOAD_MS = Number(hrtime.bigint()) / 1e6 - performance.now();

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => LOAD_MS + performance.now(),
  after(ms, callback, punctual = false) {
    const exactMs = systemClock.monotonic() + ms;
    const endMs = ms > SLACK_FROM_MS && !punctual ? Math.ceil(exactMs / SLACK_MS) * SLACK_MS : exactMs;
    let timer: NodeJS.Timeout;
    // A Node timer may fire up to a millisecond before its time, so look again.
    const wait = () => {
      const leftMs = endMs - systemClock.monotonic();
      if (leftMs <= 0) callback();
      else timer = setTimeout(wait, Math.min(Math.ceil(leftMs), MAX_TIMER_MS));
    };
    timer = setTimeout(wait, Math.min(Math.ceil(Math.max(0, endMs - systemClock.monotonic())), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) => sleepOn(systemClock, ms, signal),
};

/** `sleep` from `after`. */
function sleepOn(clock: Pick<Clock, 'after'>, ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0 || signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    const abort = () => {
      cancel();
      resolve();
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}

export interface VirtualClock extends Clock {
  /** Moves both clocks on by `ms`, waking each sleeper at its time, in order, and letting it run before the next. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone, as NTP or a person does. */
  step(ms: number): void;
  /** Sleepers now waiting; for tests that look for leaks. */
  readonly sleepers: number;
}

export interface VirtualClockOptions {
  readonly wallMs?: number;
  readonly monoMs?: number;
  /** A sleep moves time itself and resolves at once: for drivers tested alone. */
  readonly automatic?: boolean;
}

/** A clock that moves only when told to. */
export function virtualClock({
  wallMs = Date.UTC(2026, 10, 22, 12),
  monoMs = 1_000,
  automatic = false,
}: VirtualClockOptions = {}): VirtualClock {
  let wall = wallMs;
  let mono = monoMs;
  let order = 0;
  const sleepers = new Set<{ atMs: number; order: number; wake: () => void }>();
  const move = (ms: number) => {
    wall += ms;
    mono += ms;
  };
  // Enough turns for a chain of awaits (and node's own thread-pool callbacks) to come to rest before time goes on.
  const settle = async () => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const clock: VirtualClock = {
    now: () => wall,
    monotonic: () => mono,
    step: (ms) => {
      wall += ms;
    },
    get sleepers() {
      return sleepers.size;
    },
    after(ms, callback) {
      const sleeper = {
        atMs: mono + Math.max(0, ms),
        order: order++,
        wake() {
          sleepers.delete(sleeper);
          callback();
        },
      };
      sleepers.add(sleeper);
      return () => void sleepers.delete(sleeper);
    },
    sleep(ms, signal) {
      if (!automatic) return sleepOn(clock, ms, signal);
      if (ms > 0 && !signal?.aborted) move(ms);
      return Promise.resolve();
    },
    async advance(ms) {
      const endMs = mono + ms;
      await settle();
      for (;;) {
        const next = [...sleepers].sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
        if (!next || next.atMs > endMs) break;
        if (next.atMs > mono) move(next.atMs - mono);
        next.wake();
        await settle();
      }
      move(endMs - mono);
      await settle();
    },
  };
  return clock;
}
