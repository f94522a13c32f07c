/**
 * Keeps a failure that comes again and again from filling the log, and with it the card.
 *
 * Two entries have one cause when event and the fields that say who and why (`KEYS`) are equal; without such a field, when
 * the message is the same but for its numbers. The first of a cause is written at once; what follows within ten seconds is
 * counted, and told in one line at their end: the last of them, with how many there were. As long as it goes on the waits grow to ten minutes. So a cause has at most one line in ten seconds, the
 * last state is always told, and a quiet log costs no timer.
 */
import type { Clock } from '../clock.ts';
import type { LogEntry } from './log.ts';

/** How long each further line of a cause waits; the last one repeats. */
const WAITS_MS = [10_000, 60_000, 600_000] as const;

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
    emit({ ...last, again: { times, withinMs } });
  };

  const watch = (key: string, cause: Cause) => {
    cause.sinceMs = clock.monotonic();
    cause.quiet = clock.after(WAITS_MS[cause.step]!, () => {
      if (cause.last === undefined) {
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
        return;
      }
      const cause: Cause = { times: 0, last: undefined, sinceMs: 0, step: 0, quiet: () => {} };
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
