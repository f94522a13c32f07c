/**
 * Keeps a failure that comes again and again from filling the log, and with it the card.
 *
 * Two entries have one cause when event and the fields that say who and why (`KEYS`) are equal; without such a field, when
 * the message is the same but for its numbers. The first of a cause is written at once; what follows within ten seconds is
 *XX */
import type { Clock } from '../clock.ts';
import type { LogEntry } from './log.ts';

/** How long each further line of a cause waits; the last one repeats. */
const WAITS_MS = [10_000, 60_000, 600_000] as const;

/** Longer than two attempts at a broker can be apart: the longest back-off and a connection that times out. */
const RETRY_PATIENCE_MS = 5 * 60_000;

/** Causes remembered at once. Beyond that, entries are folded by event alone; the program's events are few. */
const MAX_CAUSES = 256;

/** The fields that make a cause. A message is none: it may hold a number that differs each time. */
const KEYS = ['sensor', 'uplink', 'code', 'topic', 'file', 'reason'] as const;
/** An event without a failure is folded only when it is about one of several: a contact that comes and goes. */
const PARTS = ['sensor', 'uplink'] as const;

interface Cause {
  times: number;
  last: LogEntry | undefined;
  sinceMs: number;
  /** Nothing before then means that it is over. */
  untilMs: number;
  step: number;
  /** Cancels the timer. */
  quiet: () => void;
}

export interface Folding {
  take(entry: LogEntry): void;
  /** Writes what was counted and not told yet, and forgets. */
  flush(): void;
}

const isFolded = ({ level, fields }: LogEntry): boolean =>
  level === 'error' || level === 'warn' || (level === 'info' && PARTS.some((part) => fields[part] !== undefined));

function causeOf({ event, fields }: LogEntry): string {
  const named = KEYS.map((name) => fields[name]);
  if (named.some((value) => value !== undefined))
    return JSON.stringify([event, ...named.map((value) => value ?? null)]);
  return JSON.stringify([event, String(fields.message ?? '').replaceAll(/\d+/g, '#')]);
}

export function createFolding(clock: Clock, emit: (entry: LogEntry) => void): Folding {
  const causes = new Map<string, Cause>();

  const tell = (cause: Cause) => {
    if (cause.last === undefined) return;
    const { times, last } = cause;
    const withinMs = clock.monotonic() - cause.sinceMs;
    cause.times = 0;
    cause.last = undefined;
    cause.sinceMs = clock.monotonic();
    emit({ ...last, again: { times, withinMs } });
  };

  const awaitedUntil = ({ fields }: LogEntry): number =>
    clock.monotonic() + (fields.retry_ms === undefined ? 0 : RETRY_PATIENCE_MS);

  const watch = (key: string, cause: Cause) => {
    cause.quiet = clock.after(WAITS_MS[cause.step]!, () => {
      if (cause.last === undefined && clock.monotonic() >= cause.untilMs) {
        causes.delete(key);
        return;
      }
      tell(cause);
      cause.step = Math.min(cause.step + 1, WAITS_MS.length - 1);
      watch(key, cause);
    });
  };

  return {
    take(entry) {
      if (!isFolded(entry)) {
        emit(entry);
        return;
      }
      const own = causeOf(entry);
      const key = causes.has(own) || causes.size < MAX_CAUSES ? own : entry.event;
      const known = causes.get(key);
      if (known) {
        known.times += 1;
        known.last = entry;
        known.untilMs = awaitedUntil(entry);
        return;
      }
      const sinceMs = clock.monotonic();
      const untilMs = awaitedUntil(entry);
      const cause: Cause = { times: 0, last: undefined, sinceMs, untilMs, step: 0, quiet: () => {} };
      causes.set(key, cause);
      emit(entry);
      watch(key, cause);
    },
    flush() {
      for (const cause of causes.values()) {
        cause.quiet();
        tell(cause);
      }
      causes.clear();
    },
  };
}
