/**
 * The receiving end's own book: which records the broker was given, counted from the published batches alone. It never
 * looks at the runtime's counters, so that what the demo says about loss is a proof and not an echo.
 *
 * Numbers are kept as ranges per stream, so the book stays small however long the demo runs.
 */
export interface Ledger {
  /** Takes one payload of the readings topic. Text that is no batch is counted as `unreadable`. */
  take(payload: string): void;
  /** Batches that brought anything new. */
  readonly batches: number;
  /** Distinct (stream, seq). */
  readonly distinct: number;
  /** Records that came again: QoS 1 allows it. */
  readonly repeated: number;
  /** Records that the batches themselves declare as not coming. */
  readonly declaredLost: number;
  readonly unreadable: number;
}

interface Range {
  first: number;
  last: number;
}

/** Adds a number to sorted, disjoint ranges; false if it was there. Records come nearly in order, so the end is tried first. */
export function addToRanges(ranges: Range[], seq: number): boolean {
  let at = ranges.length;
  while (at > 0 && ranges[at - 1]!.first > seq) at -= 1;
  const before = ranges[at - 1];
  if (before && seq <= before.last) return false;
  const after = ranges[at];
  const joinsBefore = before !== undefined && before.last + 1 === seq;
  const joinsAfter = after !== undefined && seq + 1 === after.first;
  if (joinsBefore && joinsAfter) {
    before.last = after.last;
    ranges.splice(at, 1);
  } else if (joinsBefore) before.last = seq;
  else if (joinsAfter) after.first = seq;
  else ranges.splice(at, 0, { first: seq, last: seq });
  return true;
}

interface WireBatch {
  readonly stream?: unknown;
  readonly readings?: readonly { readonly seq?: unknown }[];
  readonly events?: readonly { readonly seq?: unknown }[];
  readonly windows?: readonly { readonly seq?: unknown }[];
  readonly gaps?: readonly { readonly stream: string; readonly from: number; readonly lost: number }[];
}

export function createLedger(): Ledger {
  const streams = new Map<string, Range[]>();
  const gaps = new Map<string, number>();
  const count = { batches: 0, distinct: 0, repeated: 0, unreadable: 0 };

  const takeBatch = (batch: WireBatch) => {
    const before = count.distinct;
    const stream = String(batch.stream);
    const ranges = streams.get(stream) ?? [];
    streams.set(stream, ranges);
    for (const record of [...(batch.readings ?? []), ...(batch.events ?? []), ...(batch.windows ?? [])]) {
      if (addToRanges(ranges, Number(record.seq))) count.distinct += 1;
      else count.repeated += 1;
    }
    if (count.distinct > before) count.batches += 1;
    // A gap is repeated until its batch is acknowledged, always with the same bounds.
    for (const gap of batch.gaps ?? []) gaps.set(`${gap.stream}/${gap.from}`, gap.lost);
  };

  return {
    take(payload) {
      try {
        takeBatch(JSON.parse(payload) as WireBatch);
      } catch {
        count.unreadable += 1;
      }
    },
    get batches() {
      return count.batches;
    },
    get distinct() {
      return count.distinct;
    },
    get repeated() {
      return count.repeated;
    },
    get unreadable() {
      return count.unreadable;
    },
    get declaredLost() {
      return [...gaps.values()].reduce((sum, lost) => sum + lost, 0);
    },
  };
}
