/**
 * Wall time on a board that may have no clock. Knows whether the wall clock is set, and keeps one anchor per boot: a moment
 * known on both clocks, by which what was measured before the clock was set is corrected.
 *
 * - The clock is set when timesyncd says so. Where chrony runs, the kernel's own state decides, asked of timedated; chrony
 *   leaves no file that says so. Where neither runs (laptop, container), or timedated does not answer, a wall clock not before
 *   the program's build date counts as set.
 * - Once a boot has an anchor its records stay right, also when somebody steps the clock back before the build date.
 */
import { existsSync } from 'node:fs';
import type { Clock } from './clock.ts';
import type { Instant } from './reading.ts';

/** systemd-timesyncd.service(8): the file is touched at each synchronisation, its directory made when the daemon starts. */
const TIMESYNCD_DIRECTORY = '/run/systemd/timesync';
const TIMESYNCD_MARKER = `${TIMESYNCD_DIRECTORY}/synchronized`;

/** Made by chronyd when it starts. */
const CHRONY_DIRECTORY = '/run/chrony';
/** An answer costs a process, so it is asked for less often. */
const ASK_AGAIN_MS = 10_000;

/** How often the markers are looked at while the clock is not set. */
const LOOK_AGAIN_MS = 1_000;

/** One moment on both clocks of one boot. */
export interface Anchor {
  readonly wallMs: number;
  readonly monoMs: number;
}

export interface Timekeeper {
  /** Both clocks at a moment of this boot's monotonic clock. */
  stamp(monoMs: number): Instant;
  synced(): boolean;
  /** This boot's anchor, once the clock was set. */
  anchor(): Anchor | undefined;
  /** Calls back once, when the clock gets its first anchor; at once if it has one. */
  onAnchor(callback: (anchor: Anchor) => void): void;
}

export interface TimekeeperOptions {
  readonly clock: Clock;
  readonly builtAtMs: number;
  /** This boot's anchor from an earlier run of the program. */
  readonly anchor?: Anchor | undefined;
  readonly exists?: (path: string) => boolean;
  /** Whether the kernel counts its clock as synchronised; undefined if nobody can say. */
  readonly chronySays?: () => Promise<boolean | undefined>;
}

export function createTimekeeper({
  clock,
  builtAtMs,
  anchor: known,
  exists = existsSync,
  chronySays = () => Promise.resolve(undefined),
}: TimekeeperOptions): Timekeeper {
  let anchor = known;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let marker = false;
  const waiting: ((anchor: Anchor) => void)[] = [];

  const askChrony = () => {
    if (clock.monotonic() - askedAtMs < ASK_AGAIN_MS) return;
    askedAtMs = clock.monotonic();
    void chronySays().then(
      (says) => {
        marker = says ?? true;
      },
      () => {
        marker = true;
      },
    );
  };
  const markerSaysSet = () => {
    if (marker) return true;
    if (clock.monotonic() - lookedAtMs < LOOK_AGAIN_MS) return false;
    lookedAtMs = clock.monotonic();
    if (exists(TIMESYNCD_DIRECTORY)) marker = exists(TIMESYNCD_MARKER);
    else if (exists(CHRONY_DIRECTORY)) askChrony();
    else marker = true;
    return marker;
  };
  const synced = () => {
    const isSet = clock.now() >= builtAtMs && markerSaysSet();
    if (isSet && !anchor) {
      anchor = { wallMs: clock.now(), monoMs: clock.monotonic() };
      for (const callback of waiting.splice(0)) callback(anchor);
    }
    return isSet;
  };
  return {
    synced,
    anchor: () => {
      synced();
      return anchor;
    },
    stamp(monoMs) {
      if (synced()) return { wallMs: clock.now() - (clock.monotonic() - monoMs), monoMs, synced: true };
      if (anchor) return { wallMs: anchor.wallMs + (monoMs - anchor.monoMs), monoMs, synced: true };
      return { wallMs: clock.now() - (clock.monotonic() - monoMs), monoMs, synced: false };
    },
    onAnchor(callback) {
      if (synced() || anchor) callback(anchor!);
      else waiting.push(callback);
    },
  };
}
