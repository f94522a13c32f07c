/**
 * One consumer's place and gaps: pure bookkeeping, no files.
 *
 * Promises: every number up to the newest accepted is acknowledged, stored, or in a gap; gaps of a consumer never overlap;
 * the bounds of a gap that was offered never change.
 */
import type { Gap, GapReason } from './types.ts';

export interface GapEntry {
  readonly stream: string;
  /** First and last number lost, and how many of them are. */
  from: number;
  to: number;
  lost: number;
  readonly reason: GapReason;
  /** Nothing of spanFrom..spanTo is stored any more; false for `thinned`, of which the segments know what is left. */
  readonly covers: boolean;
  spanFrom: number;
  spanTo: number;
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
  /** Where a reader that takes over goes on: behind the last batch that was handed out since the last rewind. */
  resume: number;
  /** Records not acknowledged that were lost, since the consumer is known. */
  dropped: number;
  /** Ascending; those that cover do not overlap. */
  gaps: GapEntry[];
}

/** Gaps of all consumers together; where the list is full, nothing more is dropped and new records are refused. */
export const MAX_GAPS = 300;

export const gapOf = ({ stream, from, to, lost, reason }: GapEntry): Gap => ({ stream, from, to, lost, reason });

/** Which of some numbers were there to be lost: all, unless thinning had taken some. Undefined: none. */
export type Stored = (from: number, to: number) => Pick<GapEntry, 'from' | 'to' | 'lost'> | undefined;
const allStored: Stored = (from, to) => ({ from, to, lost: to - from + 1 });

/**
 * Names what of `from`..`to` is neither acknowledged nor named yet, in entries of their own, so that `withdraw` can take
 * them back; `join` makes fewer of them.
 */
export function addGap(
  consumer: Consumer,
  stream: string,
  from: number,
  to: number,
  reason: GapReason,
  stored: Stored = allStored,
): GapEntry[] {
  return uncovered(consumer, Math.max(from, consumer.acked + 1), to).map(([spanFrom, spanTo]) => {
    const lost = stored(spanFrom, spanTo);
    // Where all had been thinned away there is nothing to tell, but that nothing is there.
    const silent = { from: spanFrom, to: spanTo, lost: 0, offered: true, settled: true };
    return insert(consumer, {
      stream,
      reason,
      covers: true,
      spanFrom,
      spanTo,
      ...(lost ? { ...lost, offered: false, settled: false } : silent),
    });
  });
}

/** Names what thinning takes of a segment: `lost` of the numbers `from`..`to`. The rest of `span` is still to come. */
export function addThinned(
  consumer: Consumer,
  stream: string,
  span: readonly [number, number],
  lost: Pick<GapEntry, 'from' | 'to' | 'lost'>,
): GapEntry {
  const [spanFrom, spanTo] = span;
  const fixed = { stream, reason: 'thinned', covers: false, spanFrom, spanTo } as const;
  return insert(consumer, { ...fixed, ...lost, offered: false, settled: false });
}

function insert(consumer: Consumer, gap: GapEntry): GapEntry {
  consumer.gaps.push(gap);
  consumer.gaps.sort((a, b) => a.spanFrom - b.spanFrom);
  consumer.dropped += gap.lost;
  return gap;
}

/** Takes an entry back, unless somebody was told. */
export function withdraw(consumer: Consumer, gap: GapEntry): void {
  const index = consumer.gaps.indexOf(gap);
  if (index < 0 || (gap.offered && gap.lost > 0)) return;
  consumer.gaps.splice(index, 1);
  consumer.dropped -= gap.lost;
}

/** Makes one entry of those that touch and say the same, as far as nobody was told: there is room for few. */
export function join(consumer: Consumer): void {
  for (const gap of [...consumer.gaps]) {
    if (gap.offered || !consumer.gaps.includes(gap)) continue;
    for (const other of consumer.gaps.filter((one) => one !== gap && mayJoin(gap, one))) {
      gap.from = Math.min(gap.from, other.from);
      gap.to = Math.max(gap.to, other.to);
      gap.lost += other.lost;
      gap.spanFrom = Math.min(gap.spanFrom, other.spanFrom);
      gap.spanTo = Math.max(gap.spanTo, other.spanTo);
      consumer.gaps.splice(consumer.gaps.indexOf(other), 1);
    }
  }
}

const mayJoin = (a: GapEntry, b: GapEntry): boolean =>
  !b.offered &&
  a.stream === b.stream &&
  a.reason === b.reason &&
  a.covers === b.covers &&
  a.spanFrom <= b.spanTo + 1 &&
  b.spanFrom <= a.spanTo + 1;

/** The parts of `from`..`to` of which no gap says that nothing is left. */
export function uncovered(consumer: Consumer, from: number, to: number): [number, number][] {
  const parts: [number, number][] = [];
  let start = from;
  for (const gap of consumer.gaps) {
    if (!gap.covers || gap.spanTo < start) continue;
    if (gap.spanFrom > to) break;
    if (gap.spanFrom > start) parts.push([start, gap.spanFrom - 1]);
    start = gap.spanTo + 1;
  }
  if (start <= to) parts.push([start, to]);
  return parts;
}

/** How many of the numbers `from`..`to` can still come; `taken` says how many of some numbers thinning took. */
export const countLeft = (
  consumer: Consumer,
  from: number,
  to: number,
  taken: (from: number, to: number) => number,
): number => uncovered(consumer, from, to).reduce((sum, [start, end]) => sum + end - start + 1 - taken(start, end), 0);

/** Moves on past gaps: the first number from `seq` that is in no gap. */
export function skipGaps(consumer: Consumer, seq: number): number {
  let next = seq;
  for (const { covers, spanFrom, spanTo } of consumer.gaps) {
    if (covers && spanFrom <= next && next <= spanTo) next = spanTo + 1;
  }
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
  consumer.gaps.find((gap) => gap.covers && gap.spanFrom > seq)?.spanFrom ?? Number.POSITIVE_INFINITY;

/** Takes an acknowledgement in: never goes back, never beyond what was handed out. */
export function acknowledge(consumer: Consumer, stream: string, seq: number, gaps: readonly Gap[]): void {
  for (const gap of gaps) {
    const entry = consumer.gaps.find(
      (one) => one.from === gap.from && one.to === gap.to && one.stream === gap.stream && one.reason === gap.reason,
    );
    if (entry) entry.settled = true;
  }
  consumer.stream = stream;
  consumer.acked = Math.max(consumer.acked, Math.min(seq, consumer.given));
  // A settled gap right behind the place is finished too.
  for (const gap of consumer.gaps) {
    const { covers, settled, spanFrom, spanTo } = gap;
    if (covers && settled && spanFrom <= consumer.acked + 1 && spanTo > consumer.acked) consumer.acked = spanTo;
  }
  consumer.given = Math.max(consumer.given, consumer.acked);
  consumer.gaps = consumer.gaps.filter((gap) => !(gap.settled && gap.spanTo <= consumer.acked));
}

/** May the numbers `from`..`to` be dropped, or might some have been delivered without our knowing? */
export const mayDrop = (consumer: Consumer, from: number, to: number): boolean =>
  uncovered(consumer, Math.max(from, consumer.acked + 1), Math.min(to, consumer.given)).length === 0;
