/**
 * A consumer's reader. Promises: records come in order and once between rewinds; a batch holds one stream and no hole;
 * nothing is handed out before the durable cursor says that it may be (so that after a crash no gap names it); damage
 * that is met becomes a gap with exact bounds.
 */
import { acknowledge, addGap, type Consumer, countLeft, gapOf, MAX_GAPS, nextGapAfter, skipGaps } from './consumer.ts';
import type { Core } from './core.ts';
import { decodeRecord, type Frame } from './format.ts';
import { errnoOf, storageError } from './fs.ts';
import { type FrameReader, frameReader, type Segment } from './segment.ts';
import type { BatchLimits, JournalReader, RawBatch, StoredRecord } from './types.ts';

/** Where the reader stands inside a segment, kept between batches. */
interface Place {
  readonly segment: Segment;
  readonly frames: FrameReader;
  frame: Frame | undefined;
  /** Byte and number of the next record in the frame. */
  at: number;
  seq: number;
}

export interface ManagedReader extends JournalReader {
  close(): Promise<void>;
}

export function createReader(core: Core, consumer: Consumer, acknowledged: () => void): ManagedReader {
  /** The next number to give. */
  let next = consumer.acked + 1;
  let place: Place | undefined;
  let shown = new Set<object>();
  let extending: Promise<void> | undefined;
  /** Changes with each rewind, so that a `next` under way knows that its batch is no longer wanted. */
  let turn = 0;

  /** The segment after the one that is read, opened and begun in advance. */
  let upcoming: { readonly segment: Segment; readonly place: Promise<Place | undefined> } | undefined;

  const leave = async () => {
    const left = place;
    const begun = upcoming;
    place = undefined;
    upcoming = undefined;
    await left?.frames.close().catch(() => {});
    await (await begun?.place)?.frames.close().catch(() => {});
  };
  const openPlace = async (segment: Segment): Promise<Place> => {
    const file = await core.fs.open(core.pathOf(segment.name), 'read');
    const frames = frameReader(file, segment.header, () => segment.endBytes, core.tuning.checksum);
    return { segment, frames, frame: undefined, at: 0, seq: segment.header.firstSeq };
  };
  const beginAfter = (segment: Segment) => {
    const after = core.segments[core.segments.indexOf(segment) + 1];
    if (!after || after === core.active) return;
    const begin = async () => {
      const begun = await openPlace(after);
      begun.frames.preload();
      return begun;
    };
    // What fails now is tried again when it is its turn.
    upcoming = { segment: after, place: begin().catch(() => undefined) };
  };

  const enter = async (segment: Segment): Promise<Place> => {
    if (place?.segment === segment && place.seq <= next) return place;
    const begun = upcoming?.segment === segment ? upcoming : undefined;
    if (begun) upcoming = undefined;
    await leave();
    place = (await begun?.place) ?? (await openPlace(segment));
    beginAfter(segment);
    return place;
  };

  /** Reads consecutive records of one segment from `next` on. Empty if `next` itself cannot be read: then `lostTo` says how far. */
  const collect = async (
    segment: Segment,
    limits: BatchLimits,
  ): Promise<{ records: StoredRecord[]; lostTo: number }> => {
    const records: StoredRecord[] = [];
    const end = Math.min(segment.lastSeq, nextGapAfter(consumer, next) - 1);
    let expected = next;
    let bytes = 0;
    let here: Place;
    try {
      here = await enter(segment);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ELOOP') return { records, lostTo: end };
      throw error;
    }
    while (expected <= end && records.length < limits.maxRecords) {
      if (!here.frame || here.at >= here.frame.records.length) {
        here.frame = await here.frames.next(expected);
        if (!here.frame) return { records, lostTo: end };
        here.at = 0;
        here.seq = here.frame.firstSeq;
      }
      if (here.seq > expected) return { records, lostTo: Math.min(here.seq - 1, end) };
      const { record, next: after } = decodeRecord(here.frame.records, here.at, here.seq);
      if (here.seq === expected) {
        if (records.length > 0 && bytes + record.payload.length > limits.maxBytes) break;
        bytes += record.payload.length;
        records.push(record);
        expected += 1;
      }
      here.at = after;
      here.seq += 1;
    }
    return { records, lostTo: 0 };
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
    let found: { segment: Segment; records: StoredRecord[] } | undefined;
    // Each round moves `next` past a gap or past damage, so there are at most as many as segments and gaps.
    while (!found && !core.closed) {
      next = skipGaps(consumer, Math.max(next, consumer.acked + 1));
      const segment = core.segments.find((one) => one.lastSeq >= next);
      // Told gaps make room for new ones: the reader waits for that.
      if (!segment || consumer.gaps.filter((gap) => !gap.settled).length >= MAX_GAPS) break;
      next = Math.max(next, segment.header.firstSeq);
      segment.readers += 1;
      try {
        const { records, lostTo } = await collect(segment, limits);
        if (mine !== turn) return undefined;
        if (records.length > 0) {
          const last = records.at(-1)!.seq;
          await mark(last).catch((error) => core.log('journal-mark', { error: String(error) }));
          if (mine !== turn || core.closed) return undefined;
          consumer.given = Math.max(consumer.given, last);
          next = last + 1;
          found = { segment, records };
        } else {
          await leave();
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
      lost = Math.max(lost, addGap(one, segment.header.stream, from, to, 'damaged'));
    }
    core.counters.dropped += lost;
    core.log('journal-damaged', { segment: segment.name, from, to, lost });
  };

  /** Adds the gaps, whose bounds are fixed and durable before they are shown. */
  const batchOf = async (
    found: { segment: Segment; records: StoredRecord[] } | undefined,
    mine: number,
  ): Promise<RawBatch | undefined> => {
    const gaps = consumer.gaps.filter((gap) => !gap.settled);
    if (!found && gaps.every((gap) => shown.has(gap))) return undefined;
    if (gaps.some((gap) => !gap.offered)) {
      for (const gap of gaps) gap.offered = true;
      await core.cursor.save().catch((error) => core.log('journal-mark', { error: String(error) }));
      if (mine !== turn || core.closed) return undefined;
    }
    for (const gap of gaps) shown.add(gap);
    const { stream, bootId, previous } = found ? found.segment.header : core;
    const named = gaps.map(gapOf);
    return {
      stream,
      bootId,
      volatile: core.volatile,
      previous: consumer.stream === stream ? undefined : previous,
      records: found?.records ?? [],
      gaps: named,
      position: { stream, seq: found?.records.at(-1)?.seq ?? next - 1, gaps: named },
    };
  };

  return {
    name: consumer.name,
    async next(limits) {
      try {
        return await read(limits);
      } catch (error) {
        await leave();
        throw storageError(error, core.directory);
      }
    },
    rewind() {
      turn += 1;
      next = consumer.acked + 1;
      shown = new Set();
      void leave();
    },
    acknowledge(position) {
      acknowledge(consumer, position.stream, position.seq, position.gaps);
      acknowledged();
    },
    refuse(stream, seqs) {
      const known = [...core.consumers.values()].reduce((sum, { gaps }) => sum + gaps.length, 0);
      if (known + seqs.length > MAX_GAPS) return false;
      let lost = 0;
      for (const seq of seqs) lost += addGap(consumer, stream, seq, seq, 'refused');
      core.counters.dropped += lost;
      if (lost > 0) core.log('journal-refused', { consumer: consumer.name, stream, lost });
      acknowledged();
      return true;
    },
    waitForRecords(signal, count = 1) {
      const ready = () =>
        core.closed ||
        countLeft(consumer, Math.max(next, consumer.acked + 1), core.newest) >= count ||
        consumer.gaps.some((gap) => !gap.settled && !shown.has(gap));
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
      return countLeft(consumer, consumer.acked + 1, core.newest);
    },
    get unread() {
      return countLeft(consumer, Math.max(next, consumer.acked + 1), core.newest);
    },
    get dropped() {
      return consumer.dropped;
    },
    close: leave,
  };
}
