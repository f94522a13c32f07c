/**
 * Keeps one sensor from taking the whole station down with it. A driver (or the native code under it) may end the process
 * while a sensor is opened; then the service manager starts it again, and it ends again. So a small file says which sensors
 * are being opened. It is removed at a clean stop: one that is found tells of an unclean end, and of what was going on.
 *
 * - A sensor that was being opened at each of the last three unclean ends is left out: its opening fails with
 *   `sensor.quarantined`, everything else runs. After ten minutes it is tried again; if that ends the process, it is left out
 *   at once the next time; else that is forgotten.
 * - After two unclean ends sensors are opened one after another, so that only one can be meant.
 * - The file is in the runtime directory, in memory on Linux: it outlives a killed process, not a reboot, and costs the card
 *   nothing. Without it there is no guard.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';
import { messageOf, SedgeError } from '../errors.ts';
import type { Log } from './log.ts';

const MAX_ENDS = 3;
/** Unclean ends after which sensors take turns to open. */
const TURNS_FROM = 2;
/** A process that ran this long did not end because of a start. */
const SETTLED_MS = 5 * 60_000;
const QUARANTINE_MS = 10 * 60_000;

type Open<T> = (signal: AbortSignal) => Promise<T>;

export interface StartGuard {
  /** Reads what the last process left. Only once nobody else can be using the same file: after the journal is ours. */
  begin(): void;
  /** The same open, watched. */
  watched<T>(sensor: string, open: Open<T>): Open<T>;
  /** A sentence for each sensor that is left out. */
  warnings(): readonly string[];
  /** The process ends: cleanly, so that nothing is remembered; else what is being opened at this moment is. Idempotent. */
  end(isClean: boolean): void;
}

/** What the file holds. */
interface Remembered {
  /** What was being opened at the last unclean ends, oldest first. */
  readonly ends: readonly (readonly string[])[];
  /** Left out by the process that wrote this, and not opened well since. */
  readonly quarantined: readonly string[];
  readonly opening: readonly string[];
}

export interface StartGuardOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
}

export function createStartGuard({ file, clock, log }: StartGuardOptions): StartGuard {
  let ends: readonly (readonly string[])[] = [];
  const opening = new Set<string>();
  const quarantined = new Set<string>();
  let untilMs = 0;
  let isActive = false;
  let cancelSettled = () => {};
  let turn: Promise<unknown> = Promise.resolve();

  const write = () => {
    if (!isActive) return;
    const state: Remembered = { ends, quarantined: [...quarantined], opening: [...opening] };
    try {
      writeFileSync(file, JSON.stringify(state), { mode: 0o600 });
    } catch (error) {
      isActive = false;
      log.debug('service.guard-failed', { message: messageOf(error) });
    }
  };

  const attempt = async <T>(sensor: string, open: Open<T>, signal: AbortSignal): Promise<T> => {
    const done = () => {
      // Well or not: the process is still here.
      quarantined.delete(sensor);
      if (opening.delete(sensor)) write();
    };
    opening.add(sensor);
    write();
    // Past its deadline an open that hangs is left behind, and hangs no more for us.
    signal.addEventListener('abort', done, { once: true });
    try {
      return await open(signal);
    } finally {
      signal.removeEventListener('abort', done);
      done();
    }
  };
  const inTurn = <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const mine = turn.then(() => (signal.aborted ? Promise.reject(signal.reason) : work()));
    // The next one does not wait for an open that was given up.
    const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    turn = Promise.race([mine.catch(() => {}), over]);
    return mine;
  };

  return {
    begin() {
      const found = read(file);
      isActive = true;
      if (found) {
        ends = [...found.ends, found.opening].slice(-MAX_ENDS);
        const again = found.opening.filter((sensor) => found.quarantined.includes(sensor));
        const always = ends.length < MAX_ENDS ? [] : ends.reduce((some, end) => some.filter((id) => end.includes(id)));
        for (const sensor of [...always, ...again]) quarantined.add(sensor);
        log.warn('service.unclean-end', { message: sentenceOf(found.opening) });
      }
      untilMs = clock.monotonic() + QUARANTINE_MS;
      cancelSettled = clock.after(SETTLED_MS, () => {
        ends = [];
        write();
      });
      write();
    },
    watched(sensor, open) {
      let isFirst = true;
      return (signal) => {
        if (quarantined.has(sensor) && clock.monotonic() < untilMs) {
          const minutes = Math.max(1, Math.round((untilMs - clock.monotonic()) / 60_000));
          const message = `${sensor} is left out, because opening it ended the program again and again; it is tried again in ${minutes} min`;
          return Promise.reject(new SedgeError('sensor.quarantined', message));
        }
        if (!isFirst || !isActive) return open(signal);
        const work = () => {
          isFirst = false;
          return attempt(sensor, open, signal);
        };
        return ends.length >= TURNS_FROM ? inTurn(work, signal) : work();
      };
    },
    warnings: () =>
      (clock.monotonic() < untilMs ? [...quarantined] : []).map(
        (sensor) => `sensor ${sensor} is left out: opening it ended the program again and again`,
      ),
    end(isClean) {
      if (!isActive) return;
      isActive = false;
      cancelSettled();
      if (isClean) rmSync(file, { force: true });
    },
  };
}

const sentenceOf = (opening: readonly string[]): string =>
  opening.length === 0
    ? 'the last process did not stop cleanly'
    : `the last process did not stop cleanly; these sensors were being opened: ${opening.join(', ')}`;

const isNames = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

/** Undefined when the last process stopped cleanly, or what it left is not to be read. */
function read(file: string): Remembered | undefined {
  try {
    const { ends, quarantined, opening } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Remembered>;
    if (!isNames(quarantined) || !isNames(opening) || !Array.isArray(ends) || !ends.every(isNames)) return undefined;
    return { ends, quarantined, opening };
  } catch {
    return undefined;
  }
}
