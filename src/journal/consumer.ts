/**
 * One consumer's place and gaps: pure bookkeeping, no files.
 *
 * Promises: every number up to the newest accepted is acknowledged, stored, or in a gap; gaps of a consumer never overlap;
 * the bounds of a gap that was offered never change.
 */
import type { Gap, GapReason } from './types.ts';

export interface GapEntry {
  readonly stream: string;
  readonly from: number;
  to: number;
  readonly reason: GapReason;
  /** It may have been handed out: its bounds are fixed. */
  offered: boolean;
  /** Acknowledged; kept until the records before it are acknowledged too, because it says what is not stored. */
  settled: boolean;
}

export interface Consumer {
  readonly name: string;
  /** Stream of the newest batch acknowledged; '' before the first. */
  stream: string;
  /** Everything up to here is finished. */
  acked: number;
  /** `acked` as the durable cursor has it: what may justify an unlink. */
  ackedDurable: number;
  /** Records up to here may be handed out: durably marked ahead, so that after a crash no gap names a delivered record. */
  offered: number;
  /** What the next cursor will write as `offered`. */
  marked: number;
  /** Highest number that was handed out; after a crash, the highest that may have been. */
  given: number;
  /** Records not acknowledged that were lost, since the consumer is known. */
  dropped: number;
  /** Ascending, not overlapping. */
  gaps: GapEntry[];
}

/** Gaps of all consumers together; where the list is full, nothing more is dropped and new records are refused. */
export const MAX_GAPS = 300;

export const gapOf = ({ stream, from, to, reason }: GapEntry): Gap => ({
  stream,
  from,
  to,
  lost: to - from + 1,
  reason,
});

/** Names what of `from`..`to` is neither acknowledged nor named yet. Returns how many numbers that are. */
export function addGap(consumer: Consumer, stream: string, from: number, to: number, reason: GapReason): number {
  let lost = 0;
  for (const [start, end] of uncovered(consumer, Math.max(from, consumer.acked + 1), to)) {
    lost += end - start + 1;
    const before = consumer.gaps.find((gap) => gap.to === start - 1);
    if (before && !before.offered && before.stream === stream && before.reason === reason) before.to = end;
    else consumer.gaps.push({ stream, from: start, to: end, reason, offered: false, settled: false });
  }
  consumer.gaps.sort((a, b) => a.from - b.from);
  consumer.dropped += lost;
  return lost;
}

/** Takes back what `addGap` named, as far as nobody was told. */
export function withdrawGap(consumer: Consumer, from: number, to: number): void {
  for (const gap of [...consumer.gaps]) {
    if (gap.offered || gap.to < from || gap.from > to) continue;
    consumer.dropped -= gap.to - Math.max(gap.from, from) + 1;
    if (gap.from < from) gap.to = from - 1;
    else consumer.gaps.splice(consumer.gaps.indexOf(gap), 1);
  }
}

/** The parts of `from`..`to` that no gap names. */
export function uncovered(consumer: Consumer, from: number, to: number): [number, number][] {
  const parts: [number, number][] = [];
  let start = from;
  for (const gap of consumer.gaps) {
    if (gap.to < start) continue;
    if (gap.from > to) break;
    if (gap.from > start) parts.push([start, gap.from - 1]);
    start = gap.to + 1;
  }
  if (start <= to) parts.push([start, to]);
  return parts;
}

/** How many of the numbers `from`..`to` can still come. */
export const countLeft = (consumer: Consumer, from: number, to: number): number =>
  uncovered(consumer, from, to).reduce((sum, [start, end]) => sum + end - start + 1, 0);

/** Moves on past gaps: the first number from `seq` that is in no gap. */
export function skipGaps(consumer: Consumer, seq: number): number {
  let next = seq;
  for (const gap of consumer.gaps) if (gap.from <= next && next <= gap.to) next = gap.to + 1;
  return next;
}

/** The first number that some consumer still needs; null if none does. Without consumers nothing is ever done with. */
export function firstPending(
  consumers: Iterable<Consumer>,
  firstStored: number | undefined,
  newest: number,
): number | null {
  const all = [...consumers];
  if (all.length === 0) return firstStored ?? null;
  const firsts = all.map((consumer) => skipGaps(consumer, consumer.acked + 1)).filter((seq) => seq <= newest);
  return firsts.length > 0 ? Math.min(...firsts) : null;
}

/** First number of the first gap after `seq`; infinity if there is none. */
export const nextGapAfter = (consumer: Consumer, seq: number): number =>
  consumer.gaps.find((gap) => gap.from > seq)?.from ?? Number.POSITIVE_INFINITY;

/** Takes an acknowledgement in: never goes back, never beyond what was handed out. */
export function acknowledge(consumer: Consumer, stream: string, seq: number, gaps: readonly Gap[]): void {
  for (const gap of gaps) {
    const entry = consumer.gaps.find((one) => one.from === gap.from && one.to === gap.to && one.stream === gap.stream);
    if (entry) entry.settled = true;
  }
  consumer.stream = stream;
  consumer.acked = Math.max(consumer.acked, Math.min(seq, consumer.given));
  // A settled gap right behind the place is finished too.
  for (const gap of consumer.gaps) {
    if (gap.settled && gap.from <= consumer.acked + 1 && gap.to > consumer.acked) consumer.acked = gap.to;
  }
  consumer.given = Math.max(consumer.given, consumer.acked);
  consumer.gaps = consumer.gaps.filter((gap) => !(gap.settled && gap.to <= consumer.acked));
}

/** May the numbers `from`..`to` be dropped, or might some have been delivered without our knowing? */
export const mayDrop = (consumer: Consumer, from: number, to: number): boolean =>
  countLeft(consumer, Math.max(from, consumer.acked + 1), Math.min(to, consumer.given)) === 0;
