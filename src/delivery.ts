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

/** ISO 8601 with milliseconds and Z. Clamped to what a Date can say. */
export function isoTime(wallMs: number): string {
  const MAX_MS = 8.64e15;
  return new Date(Math.min(MAX_MS, Math.max(-MAX_MS, Math.round(wallMs)))).toISOString();
}

export function createDelivery({ reader, clock, bootId, anchorOf, waitMs }: DeliveryOptions): BatchSource {
  /** Read from the journal, not yet given: its first unsynced record still waits. */
  let held: RawBatch | undefined;

  const decode = (raw: RawBatch): Batch => {
    const anchor = anchorOf(raw.bootId);
    const records = raw.records.flatMap((stored): BatchRecord[] => {
      const reading = unpack(stored);
      // A newer program's record: its number is in the batch's range but not in its lists, and counts as skipped.
      if (!reading) return [];
      const { kind, sensor, durationMs, valuesJson, samplesJson } = reading;
      return [
        {
          seq: stored.seq,
          kind,
          sensor,
          valuesJson,
          ...(durationMs !== undefined && { durationMs }),
          ...(samplesJson !== undefined && { samplesJson }),
          ...timeOf(reading.at, raw.bootId, anchor),
        },
      ];
    });
    const first = raw.records[0]?.seq;
    const range = first === undefined ? undefined : { first, last: raw.records.at(-1)!.seq };
    return { ...raw, range, records, skipped: raw.records.length - records.length };
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
