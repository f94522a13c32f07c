/**
 * A consumer's reader. Promises: records come in order and once between rewinds; a batch holds one stream and no hole;
 * nothing is handed out before the durable cursor says that it may be (so that after a crash no gap names it); damage
 * that is met becomes a gap with exact bounds.
 */
import {
  acknowledge,
  addGap,
  type Consumer,
  countLeft,
  gapOf,
  join,
  MAX_GAPS,
  nextGapAfter,
  skipGaps,
} from './consumer.ts';
import type { Core } from './core.ts';
import { decodeRecord, seqAt } from './format.ts';
import { errnoOf, storageError } from './fs.ts';
import { createPlaces, type Place } from './reading-place.ts';
import { type Segment, storedOf, takenBetween } from './segment.ts';
import type { BatchLimits, JournalReader, RawBatch, StoredRecord } from './types.ts';

interface Found {
  readonly segment: Segment;
  readonly records: StoredRecord[];
  /** Last number that the batch finishes; beyond its last record where thinning took what follows. */
  readonly through: number;
}

export interface ManagedReader extends JournalReader {
  close(): Promise<void>;
}

export function createReader(core: Core, consumer: Consumer, acknowledged: () => void): ManagedReader {
  /** The next number to give. */
  let next = consumer.resume;
  const places = createPlaces(core);
  let shown = new Set<object>();
  let extending: Promise<void> | undefined;
  /** Changes with each rewind, so that a `next` under way knows that its batch is no longer wanted. */
  let turn = 0;

  /** Records from `seq` on that still can come. */
  const left = (seq: number): number =>
    countLeft(consumer, Math.max(seq, consumer.acked + 1), core.newest, (from, to) =>
      takenBetween(core.segments, from, to),
    );

  /**
   * Reads the records of one segment from `next` on, without a hole but for what thinning took. None if `next` itself
   * cannot be read: then `lostTo` says how far, or 0 if nothing is left there.
   */
  const collect = async (
    segment: Segment,
    limits: BatchLimits,
  ): Promise<{ records: StoredRecord[]; through: number; lostTo: number }> => {
    const records: StoredRecord[] = [];
    const end = Math.min(segment.lastSeq, nextGapAfter(consumer, next) - 1);
    let expected = next;
    let bytes = 0;
    let here: Place;
    try {
      here = await places.enter(segment, next);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return { records, through: 0, lostTo: end };
      throw error;
    }
    while (expected <= end && records.length < limits.maxRecords) {
      if (!here.frame || here.at >= here.frame.records.length) {
        if (here.frame?.seqs) expected = Math.max(expected, Math.min(here.frame.firstSeq + here.frame.count, end + 1));
        here.seq = expected;
        if (expected > end) break;
        here.frame = await here.frames.next(expected);
        here.at = 0;
        here.index = 0;
        if (!here.frame) return { records, through: expected - 1, lostTo: end };
      }
      // Also when the frame was met before, behind damage that is named by now.
      if (here.frame.firstSeq > expected) {
        return { records, through: expected - 1, lostTo: Math.min(here.frame.firstSeq - 1, end) };
      }
      const seq = seqAt(here.frame, here.index);
      if (seq > end) {
        expected = end + 1;
        break;
      }
      const { record, next: after } = decodeRecord(here.frame.records, here.at, seq);
      if (seq >= expected) {
        if (records.length > 0 && bytes + record.payload.length > limits.maxBytes) break;
        bytes += record.payload.length;
        records.push(record);
        expected = seq + 1;
      }
      here.at = after;
      here.index += 1;
      here.seq = expected;
    }
    return { records, through: expected - 1, lostTo: 0 };
  };

  /** How far the mark may go: a bounded number of records, and a bounded number of segments, so that little is pinned. */
  const markFor = (seq: number): number => {
    const index = core.segments.findIndex((segment) => segment.lastSeq >= seq);
    const bound = index < 0 ? undefined : core.segments[index + core.tuning.strideSegments];
    const mark = seq + core.tuning.strideRecords;
    return bound && bound !== core.active ? Math.max(seq, Math.min(mark, bound.lastSeq)) : mark;
  };

  /** Makes it durable that numbers up to `last` may have been delivered; and ahead of need once half is used. */
  const mark = async (last: number) => {
    if (last > consumer.offered || core.cursor.uncertain) {
      consumer.marked = Math.max(consumer.marked, markFor(last));
      await core.cursor.save();
    } else if (
      !extending &&
      last + core.tuning.strideRecords / 2 > consumer.offered &&
      markFor(last) > consumer.offered
    ) {
      consumer.marked = Math.max(consumer.marked, markFor(last));
      // Only while there is a backlog; a reader at the end is served by the regular cursor.
      if (core.newest > consumer.offered) {
        extending = core.cursor
          .save()
          .catch(() => {})
          .finally(() => {
            extending = undefined;
          });
      }
    }
  };

  const read = async (limits: BatchLimits): Promise<RawBatch | undefined> => {
    const mine = turn;
    let found: Found | undefined;
    // Each round moves `next` past a gap or past damage, so there are at most as many as segments and gaps.
    while (!found && !core.closed) {
      next = skipGaps(consumer, Math.max(next, consumer.acked + 1));
      const segment = core.segments.find((one) => one.lastSeq >= next);
      // Told gaps make room for new ones: the reader waits for that.
      if (!segment || consumer.gaps.filter((gap) => !gap.settled).length >= MAX_GAPS) break;
      if (segment.moving) {
        // Another form is taking its place: look again when it has, or has not.
        await segment.moving;
        if (mine !== turn) return undefined;
        continue;
      }
      next = Math.max(next, segment.header.firstSeq);
      segment.readers += 1;
      try {
        const { records, through, lostTo } = await collect(segment, limits);
        if (mine !== turn) return undefined;
        if (records.length > 0) {
          await mark(through).catch((error) => core.log('journal-mark', { error: String(error) }));
          if (mine !== turn || core.closed) return undefined;
          consumer.given = Math.max(consumer.given, through);
          core.givenMs = core.clock.monotonic();
          next = through + 1;
          found = { segment, records, through };
        } else if (lostTo === 0) {
          next = Math.max(next, through + 1);
        } else {
          await places.leave();
          damaged(segment, next, lostTo);
        }
      } finally {
        segment.readers -= 1;
      }
    }
    return batchOf(found, mine);
  };

  const damaged = (segment: Segment, from: number, to: number) => {
    let lost = 0;
    for (const one of core.consumers.values()) {
      const gaps = addGap(one, segment.header.stream, from, to, 'damaged', storedOf(segment));
      lost = Math.max(
        lost,
        gaps.reduce((sum, gap) => sum + gap.lost, 0),
      );
      join(one);
    }
    core.counters.dropped += lost;
    core.log('journal-damaged', { segment: segment.name, from, to, lost });
  };

  /** What thinning took between these numbers, told already: a batch that covers some of them still has to account for them. */
  const toldWithin = (first: number, last: number) =>
    consumer.gaps
      .filter(({ settled, covers, from, to }) => settled && !covers && from <= last && first <= to)
      .map(gapOf);

  /** Adds the gaps, whose bounds are fixed and durable before they are shown. */
  const batchOf = async (found: Found | undefined, mine: number): Promise<RawBatch | undefined> => {
    const gaps = consumer.gaps.filter((gap) => !gap.settled);
    if (!found && gaps.every((gap) => shown.has(gap))) return undefined;
    if (gaps.some((gap) => !gap.offered)) {
      for (const gap of gaps) gap.offered = true;
      await core.cursor.save().catch((error) => core.log('journal-mark', { error: String(error) }));
      if (mine !== turn || core.closed) return undefined;
    }
    for (const gap of gaps) shown.add(gap);
    consumer.resume = next;
    const { stream, bootId, previous } = found ? found.segment.header : core;
    const named = gaps.map(gapOf);
    const again = found ? toldWithin(found.records[0]!.seq, found.through) : [];
    return {
      stream,
      bootId,
      volatile: core.volatile,
      previous: consumer.stream === stream ? undefined : previous,
      records: found?.records ?? [],
      gaps: [...named, ...again],
      position: { stream, seq: found?.through ?? next - 1, gaps: named },
    };
  };

  return {
    name: consumer.name,
    async next(limits) {
      try {
        return await read(limits);
      } catch (error) {
        await places.leave();
        throw storageError(error, core.directory);
      }
    },
    rewind() {
      turn += 1;
      next = consumer.acked + 1;
      consumer.resume = next;
      shown = new Set();
      void places.leave();
    },
    acknowledge(position) {
      acknowledge(consumer, position.stream, position.seq, position.gaps);
      acknowledged();
    },
    refuse(stream, seqs) {
      const known = [...core.consumers.values()].reduce((sum, { gaps }) => sum + gaps.length, 0);
      if (known + seqs.length > MAX_GAPS) return false;
      let lost = 0;
      for (const seq of seqs) for (const gap of addGap(consumer, stream, seq, seq, 'refused')) lost += gap.lost;
      core.counters.dropped += lost;
      if (lost > 0) core.log('journal-refused', { consumer: consumer.name, stream, lost });
      acknowledged();
      return true;
    },
    waitForRecords(signal, count = 1) {
      const ready = () =>
        core.closed || left(next) >= count || consumer.gaps.some((gap) => !gap.settled && !shown.has(gap));
      if (ready() || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const look = () => {
          if (!ready() && !signal.aborted) return;
          core.waiters.delete(look);
          signal.removeEventListener('abort', look);
          resolve();
        };
        core.waiters.add(look);
        signal.addEventListener('abort', look);
      });
    },
    get pending() {
      return left(0);
    },
    get unread() {
      return left(next);
    },
    get dropped() {
      return consumer.dropped;
    },
    close: places.leave,
  };
}
