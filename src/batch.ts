/**
 * What an uplink is given: batches of decoded records, in order, with all that a receiver needs to prove that nothing
 * else is missing. Made from the journal's raw batches by delivery.ts; an uplink never sees a file.
 */
import type { BatchLimits, BatchPosition, Gap } from './journal/types.ts';
import type { ReadingKind } from './reading.ts';

export interface BatchRecord {
  readonly seq: number;
  readonly kind: ReadingKind;
  readonly sensor: string;
  /** ISO 8601 with milliseconds and Z, corrected by the boot's anchor where there is one. */
  readonly time: string;
  /** Set when the wall clock was never set in that boot: the receiver can correct by boot and mono_ms. */
  readonly unsynced?: { readonly boot: string; readonly monoMs: number };
  readonly durationMs?: number;
  /** The values as JSON text, rounded once when they were taken: the same digits everywhere. */
  readonly valuesJson: string;
  /** Of a window: its samples as JSON text. */
  readonly samplesJson?: string;
}

export interface Batch {
  readonly stream: string;
  readonly volatile: boolean;
  readonly previous: { readonly stream: string; readonly last: number } | undefined;
  /** The range of numbers it covers; undefined when it carries gaps only. */
  readonly range: { readonly first: number; readonly last: number } | undefined;
  /** In order of their numbers: all of the range but those that are `skipped`. */
  readonly records: readonly BatchRecord[];
  /** Records of the range that this uplink does not carry. */
  readonly skipped: number;
  readonly gaps: readonly Gap[];
  readonly position: BatchPosition;
}

/** One uplink's source of batches. */
export interface BatchSource {
  next(limits: BatchLimits): Promise<Batch | undefined>;
  rewind(): void;
  acknowledge(position: BatchPosition): void;
  /** These records were refused for good, so a gap names them. False, with nothing done: not now, too many gaps wait. */
  refuse(stream: string, seqs: readonly number[]): boolean;
  /** Resolves when at least `count` records (1 if left out) or a gap may be there for `next`, or the signal aborts. */
  waitForRecords(signal: AbortSignal, count?: number): Promise<void>;
  readonly pending: number;
  readonly unread: number;
}
