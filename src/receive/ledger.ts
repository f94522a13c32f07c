/**
 * What has come, what will not come, and what is missing: the receiving end's proof of completeness. Pure.
 *
 * - A record is known by (stream, seq); the second one is a duplicate.
 * - A number is missing if it lies between the first and last that we know of its stream, and neither came, nor is named in
 *   a gap, nor was counted in `skipped`.
 * - Numbers go on from stream to stream of a device, so what lies between the newest number known and the first of a new
 *   stream is missing too. Volatile streams have numbers of their own and say nothing about others.
 * - A receiver that begins in the middle begins there: what it never could have seen is not missing.
 */
import type { Gap } from '../journal/types.ts';
import type { IncomingBatch, IncomingRecord, Skipped } from './incoming.ts';
import { countOf, type IntervalSet, intervalSet, type Range } from './intervals.ts';

interface Stream {
  readonly device: string;
  readonly received: IntervalSet;
  /** Numbers that will not come, or that others carry. */
  readonly explained: IntervalSet;
  /** Of these ranges `lost` numbers will not come; the rest does. */
  readonly thinned: Gap[];
  /** Batches whose `skipped` was counted inside thinned ranges, and how many numbers they were. */
  readonly counted: IntervalSet;
  skippedThinned: number;
  start: number;
  end: number;
}

export interface Missing extends Range {
  readonly device: string;
  readonly stream: string;
  readonly count: number;
}

/** What is new in a batch. */
export interface News {
  readonly records: readonly IncomingRecord[];
  readonly gaps: readonly Gap[];
  /** Only this says that these numbers are not missing: it has to outlive us as records do. */
  readonly skipped: Skipped | undefined;
  /** Numbers that this batch shows to be missing. */
  readonly missing: number;
}

export interface Ledger {
  take(batch: IncomingBatch): News;
  /** What an earlier run wrote. */
  restoreRecord(device: string, stream: string, seq: number): void;
  restoreGap(device: string, gap: Gap): void;
  restoreSkipped(device: string, skipped: Skipped): void;
  missing(): readonly Missing[];
  readonly counts: {
    readonly records: number;
    readonly duplicates: number;
    readonly gaps: number;
    readonly lost: number;
  };
}

export function createLedger(): Ledger {
  const streams = new Map<string, Stream>();
  /** Device -> newest number known of its streams that are not volatile. */
  const newest = new Map<string, number>();
  const gapsKnown = new Set<string>();
  const counts = { records: 0, duplicates: 0, gaps: 0, lost: 0 };

  const reach = (stream: Stream, number: number, isVolatile: boolean) => {
    stream.end = Math.max(stream.end, number);
    if (!isVolatile) newest.set(stream.device, Math.max(newest.get(stream.device) ?? 0, number));
  };
  const open = (device: string, id: string, first: number, isVolatile: boolean): Stream => {
    const known = streams.get(id);
    if (known) return known;
    const next = (newest.get(device) ?? Number.POSITIVE_INFINITY) + 1;
    const start = isVolatile ? first : Math.min(first, next);
    const stream = {
      device,
      received: intervalSet(),
      explained: intervalSet(),
      thinned: [],
      counted: intervalSet(),
      skippedThinned: 0,
      start,
      end: first - 1,
    };
    streams.set(id, stream);
    return stream;
  };
  /** Whether it is new. */
  const addRecord = (stream: Stream, seq: number, isVolatile: boolean): boolean => {
    if (stream.received.has(seq)) {
      counts.duplicates += 1;
      return false;
    }
    stream.received.add(seq);
    // Sent again from before the place where we began.
    stream.start = Math.min(stream.start, seq);
    reach(stream, seq, isVolatile);
    counts.records += 1;
    return true;
  };
  const addGap = (device: string, gap: Gap, isVolatile: boolean): boolean => {
    const key = [gap.stream, gap.from, gap.to, gap.reason].join(' ');
    if (gapsKnown.has(key)) return false;
    gapsKnown.add(key);
    counts.gaps += 1;
    counts.lost += gap.lost;
    const stream = open(device, gap.stream, gap.from, isVolatile);
    if (gap.reason === 'thinned') stream.thinned.push(gap);
    else {
      stream.explained.add(gap.from, gap.to);
      stream.start = Math.min(stream.start, gap.from);
      // What lies before a gap that is told ahead of its turn is still to come.
      if (gap.from <= stream.end + 1) reach(stream, gap.to, isVolatile);
    }
    if (!isVolatile) newest.set(device, Math.max(newest.get(device) ?? 0, gap.to));
    return true;
  };
  const explain = (stream: Stream, ranges: readonly Range[]) => {
    for (const { from, to } of ranges) stream.explained.add(from, to);
  };
  /** Whether it was news. */
  const addSkipped = (stream: Stream, { first, last }: { first: number; last: number }, skipped: number): boolean => {
    const holes = stream.received.holes(first, last).flatMap(({ from, to }) => stream.explained.holes(from, to));
    if (countOf(holes) <= skipped) {
      explain(stream, holes);
      return holes.length > 0;
    }
    // Which of them thinning took and which are of others is not known, only how many.
    const outside = outsideOf(stream.thinned, holes);
    const isNew = countOf(stream.counted.holes(first, last)) === last - first + 1;
    stream.counted.add(first, last);
    if (countOf(outside) > skipped || !isNew) return false;
    explain(stream, outside);
    stream.skippedThinned += skipped - countOf(outside);
    return true;
  };

  const missingIn = (ids: readonly (string | undefined)[]): number =>
    ids.reduce((sum, id) => {
      const stream = id === undefined ? undefined : streams.get(id);
      return stream ? sum + countMissing(missingOf(id!, stream)) : sum;
    }, 0);

  return {
    counts,
    take(batch) {
      const { device, previous, range } = batch;
      const touched = [batch.stream, previous?.stream];
      const before = missingIn(touched);
      const predecessor = previous && streams.get(previous.stream);
      if (previous && predecessor) reach(predecessor, previous.last, false);
      // Gaps of earlier streams say where this one begins; its own may lie before and after what the batch covers.
      const elsewhere = batch.gaps.filter((gap) => gap.stream !== batch.stream && addGap(device, gap, false));
      const stream = range && open(device, batch.stream, range.first, batch.volatile);
      if (stream) reach(stream, range.last, batch.volatile);
      const own = batch.gaps.filter((gap) => gap.stream === batch.stream && addGap(device, gap, batch.volatile));
      const gaps = [...elsewhere, ...own];
      if (!stream) return { records: [], gaps, skipped: undefined, missing: 0 };
      const records = batch.records.filter(({ seq }) => addRecord(stream, seq, batch.volatile));
      const isNews = batch.skipped > 0 && addSkipped(stream, range, batch.skipped);
      const skipped = isNews
        ? { stream: batch.stream, from: range.first, to: range.last, count: batch.skipped }
        : undefined;
      return { records, gaps, skipped, missing: Math.max(0, missingIn(touched) - before) };
    },
    restoreRecord(device, id, seq) {
      addRecord(open(device, id, seq, false), seq, false);
    },
    restoreGap(device, gap) {
      addGap(device, gap, false);
    },
    restoreSkipped(device, { stream: id, from, to, count }) {
      const stream = open(device, id, from, false);
      reach(stream, to, false);
      addSkipped(stream, { first: from, last: to }, count);
    },
    missing: () => [...streams].flatMap(([id, stream]) => missingOf(id, stream)),
  };
}

export const countMissing = (missing: readonly Missing[]): number => missing.reduce((sum, { count }) => sum + count, 0);

function missingOf(id: string, stream: Stream): Missing[] {
  const { device, received, explained, start, end, thinned } = stream;
  const holes = received.holes(start, end).flatMap(({ from, to }) => explained.holes(from, to));
  const missing: Missing[] = [];
  let ofOthers = stream.skippedThinned;
  let left = holes;
  for (const gap of thinned) {
    const inside = left.flatMap((hole) => clip(hole, gap.from, gap.to));
    const open = Math.max(0, countOf(inside) - gap.lost);
    const tooMany = Math.max(0, open - ofOthers);
    ofOthers -= open - tooMany;
    if (tooMany > 0) missing.push({ device, stream: id, from: gap.from, to: gap.to, count: tooMany });
    left = outsideOf([gap], left);
  }
  for (const { from, to } of left) missing.push({ device, stream: id, from, to, count: to - from + 1 });
  return missing;
}

/** What of some ranges lies in none of these gaps. */
const outsideOf = (gaps: readonly Gap[], ranges: readonly Range[]): Range[] =>
  gaps.reduce<Range[]>(
    (left, { from, to }) =>
      left.flatMap((range) => [
        ...clip(range, Number.NEGATIVE_INFINITY, from - 1),
        ...clip(range, to + 1, Number.POSITIVE_INFINITY),
      ]),
    [...ranges],
  );

function clip(range: Range, from: number, to: number): Range[] {
  const clipped = { from: Math.max(range.from, from), to: Math.min(range.to, to) };
  return clipped.from <= clipped.to ? [clipped] : [];
}
