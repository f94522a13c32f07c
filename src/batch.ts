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
  /** In order of their numbers: all of the range but those that are skipped, and those that a gap `thinned` names. */
  readonly records: readonly BatchRecord[];
  /** Numbers of the range whose records this uplink does not carry, ascending. */
  readonly skippedSeqs: readonly number[];
  /** What has to be told, and what was told of the numbers of the range: a gap `thinned` has records between its numbers. */
  readonly gaps: readonly Gap[];
  readonly position: BatchPosition;
}

/** How many numbers from `first` to `last` the uplink was not asked to carry. */
export const skippedWithin = ({ skippedSeqs }: Batch, first: number, last: number): number =>
  skippedSeqs.length === 0 ? 0 : skippedSeqs.filter((seq) => first <= seq && seq <= last).length;

/** The gaps of a batch that speak of its numbers from `first` on: each message that covers some of them says so again. */
export const thinnedFrom = ({ gaps, stream, range }: Batch, first: number): readonly Gap[] =>
  gaps.filter(
    (gap) =>
      gap.reason === 'thinned' && gap.stream === stream && gap.to >= first && gap.from <= (range?.last ?? first - 1),
  );

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
