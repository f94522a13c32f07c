/**
 * How much is written to the device in a day, remembered across openings beside the cursors. Everything counts: records,
 * headers, zeros for the next segment, cursors. The file system adds its own, which cannot be seen from here.
 */
import type { Clock } from '../clock.ts';

export interface Written {
  readonly bytes: number;
  /** Time with an open journal in which that was. */
  readonly overMs: number;
}

export interface Wear {
  /** For the cursor. */
  total(): Written;
}

/** What is older counts half, again and again: the figure follows a changed configuration within days. */
const HALF_AFTER_MS = 7 * 86_400_000;
/** The zeros of the first segments are no measure of a day. */
const MIN_SPAN_MS = 10 * 60_000;
const DAY_MS = 86_400_000;

export function createWear(
  before: Written | undefined,
  clock: Pick<Clock, 'monotonic'>,
  counters: { readonly bytesWritten: number },
): Wear {
  const openedMs = clock.monotonic();
  return {
    total() {
      const bytes = (before?.bytes ?? 0) + counters.bytesWritten;
      const overMs = (before?.overMs ?? 0) + (clock.monotonic() - openedMs);
      const part = overMs > HALF_AFTER_MS ? HALF_AFTER_MS / 2 / overMs : 1;
      return { bytes: Math.round(bytes * part), overMs: Math.round(overMs * part) };
    },
  };
}

/** Null while it is too early to say. */
export function bytesPerDay(written: Written | undefined): number | null {
  if (!written || written.overMs < MIN_SPAN_MS) return null;
  return Math.round((written.bytes * DAY_MS) / written.overMs);
}
