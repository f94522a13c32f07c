/**
 * From the journal's bytes to what an uplink is given: decodes records and sets their times right. Records taken before
 * the wall clock was set are held back until it is, for at most `waitMs`; a boot that never knew the time is marked.
 */
import type { Batch, BatchRecord, BatchSource } from './batch.ts';
import type { Clock } from './clock.ts';
import { type PackedReading, unpack } from './codec.ts';
import type { JournalReader, RawBatch } from './journal/types.ts';
import type { Anchor } from './timekeeper.ts';

export interface DeliveryOptions {
  readonly reader: JournalReader;
  readonly clock: Clock;
  /** This boot's id: only its records can still be corrected by waiting. */
  readonly bootId: string;
  /** The anchor of any boot that had one. */
  readonly anchorOf: (bootId: string) => Anchor | undefined;
  /** Longest that a record waits for the clock to be set, counted from when it was taken. */
  readonly waitMs: number;
  /** Records of other sensors are skipped, and counted. Undefined: it carries all. */
  readonly carries?: (sensor: string) => boolean;
}

/** What the corrected time of a reading is, and whether anybody ever knew it. */
export function timeOf(
  at: PackedReading['at'],
  bootId: string,
  anchor: Anchor | undefined,
): Pick<BatchRecord, 'time' | 'unsynced'> {
  if (at.synced) return { time: isoTime(at.wallMs) };
  if (anchor) return { time: isoTime(anchor.wallMs + (at.monoMs - anchor.monoMs)) };
  return { time: isoTime(at.wallMs), unsynced: { boot: bootId, monoMs: Math.round(at.monoMs * 1000) / 1000 } };
}

/** ECMAScript: what a Date can say. */
const MAX_MS = 8.64e15;
const MINUTE_MS = 60_000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
const THREE_DIGITS = Array.from({ length: 1_000 }, (_, number) => String(number).padStart(3, '0'));
/** A backlog is thousands of readings of the same minute, and making a Date of each would be half of the work. */
let minute = { number: Number.NaN, text: '' };

/** ISO 8601 with milliseconds and Z. Clamped to what a Date can say. */
export function isoTime(wallMs: number): string {
  const ms = Math.min(MAX_MS, Math.max(-MAX_MS, Math.round(wallMs)));
  const number = Math.floor(ms / MINUTE_MS);
  if (number !== minute.number) {
    // Up to and with the colon before the seconds.
    minute = { number, text: new Date(Math.max(-MAX_MS, number * MINUTE_MS)).toISOString().slice(0, -7) };
  }
  const inMinuteMs = ms - number * MINUTE_MS;
  return `${minute.text}${TWO_DIGITS[Math.floor(inMinuteMs / 1_000)]}.${THREE_DIGITS[inMinuteMs % 1_000]}Z`;
}

export function createDelivery({ reader, clock, bootId, anchorOf, waitMs, carries }: DeliveryOptions): BatchSource {
  /** Read from the journal, not yet given: its first unsynced record still waits. */
  let held: RawBatch | undefined;

  const decode = (raw: RawBatch): Batch => {
    const anchor = anchorOf(raw.bootId);
    const records: BatchRecord[] = [];
    const skippedSeqs: number[] = [];
    for (const stored of raw.records) {
      const reading = unpack(stored);
      // A newer program's record: its number is in the batch's range but not in its lists, and counts as skipped.
      if (!reading || (carries && !carries(reading.sensor))) {
        skippedSeqs.push(stored.seq);
        continue;
      }
      const { kind, sensor, durationMs, valuesJson, samplesJson, at } = reading;
      const { seq } = stored;
      // One object for nearly all of a backlog: spreading parts together costs more than the rest of it.
      if (at.synced && durationMs === undefined && samplesJson === undefined) {
        records.push({ seq, kind, sensor, time: isoTime(at.wallMs), valuesJson });
      } else {
        records.push({
          seq,
          kind,
          sensor,
          valuesJson,
          ...(durationMs !== undefined && { durationMs }),
          ...(samplesJson !== undefined && { samplesJson }),
          ...timeOf(at, raw.bootId, anchor),
        });
      }
    }
    const first = raw.records[0]?.seq;
    const range = first === undefined ? undefined : { first, last: raw.records.at(-1)!.seq };
    return { ...raw, range, records, skippedSeqs };
  };

  /** How long the batch must still wait for the clock; 0 or less: not at all. */
  const stillWaitsMs = (raw: RawBatch): number => {
    if (raw.bootId !== bootId || anchorOf(bootId)) return 0;
    const oldest = raw.records[0];
    const at = oldest && unpack(oldest)?.at;
    return at && !at.synced ? at.monoMs + waitMs - clock.monotonic() : 0;
  };

  return {
    async next(limits) {
      held ??= await reader.next(limits);
      if (!held || stillWaitsMs(held) > 0) return undefined;
      const raw = held;
      held = undefined;
      return decode(raw);
    },
    rewind() {
      held = undefined;
      reader.rewind();
    },
    acknowledge: (position) => reader.acknowledge(position),
    refuse: (stream, seqs) => reader.refuse(stream, seqs),
    async waitForRecords(signal, count) {
      if (!held) return reader.waitForRecords(signal, count);
      // Looks again each second: the clock may be set at any time.
      await clock.sleep(Math.min(1_000, Math.max(1, stillWaitsMs(held))), signal);
    },
    get pending() {
      return reader.pending;
    },
    get unread() {
      return reader.unread + (held?.records.length ?? 0);
    },
  };
}
