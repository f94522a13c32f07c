/** A BatchSource over arrays: one stream, gaps, a cursor and an acknowledgement mark. A small real one, to drive uplinks. */
import type { Batch, BatchRecord, BatchSource } from '../../src/batch.ts';
import type { BatchPosition, Gap } from '../../src/journal/types.ts';

export const STREAM = '5f0c112233445566778899aa';

export interface ArraySource extends BatchSource {
  push(...records: BatchRecord[]): void;
  pushGap(gap: Gap): void;
  /** Every position acknowledged, in order. */
  readonly acknowledged: BatchPosition[];
  readonly refused: number[];
  readonly rewinds: number;
  previous: Batch['previous'];
}

export function arraySource(stream = STREAM): ArraySource {
  const records: BatchRecord[] = [];
  const gaps: Gap[] = [];
  const acknowledged: BatchPosition[] = [];
  const refused: number[] = [];
  const waiters = new Set<() => void>();
  let read = 0;
  let done = 0;
  let gapsRead = 0;
  let rewinds = 0;
  const wake = () => {
    for (const waiter of [...waiters]) waiter();
  };
  const seqAt = (index: number) => records[index]?.seq ?? 0;
  const source: ArraySource = {
    acknowledged,
    refused,
    previous: undefined,
    get rewinds() {
      return rewinds;
    },
    push(...more) {
      records.push(...more);
      wake();
    },
    pushGap(gap) {
      gaps.push(gap);
      wake();
    },
    async next({ maxRecords, maxBytes }) {
      let bytes = 0;
      const from = read;
      while (read < records.length && read - from < maxRecords) {
        bytes += records[read]!.valuesJson.length;
        if (bytes > maxBytes && read > from) break;
        read += 1;
      }
      const carried = gaps.slice(gapsRead);
      gapsRead = gaps.length;
      if (read === from && carried.length === 0) return undefined;
      return {
        stream,
        volatile: false,
        previous: done === 0 ? source.previous : undefined,
        range: read > from ? { first: seqAt(from), last: seqAt(read - 1) } : undefined,
        records: records.slice(from, read),
        skippedSeqs: [],
        gaps: carried,
        position: { stream, seq: read === 0 ? 0 : seqAt(read - 1), gaps: carried },
      };
    },
    rewind() {
      rewinds += 1;
      read = done;
      gapsRead = 0;
    },
    acknowledge(position) {
      acknowledged.push(position);
      while (done < records.length && seqAt(done) <= position.seq) done += 1;
      for (const gap of position.gaps) {
        const index = gaps.indexOf(gap);
        if (index >= 0) {
          gaps.splice(index, 1);
          gapsRead -= 1;
        }
      }
    },
    refuse(refusedStream, seqs) {
      refused.push(...seqs);
      for (const seq of seqs) {
        gaps.push({ stream: refusedStream, from: seq, to: seq, lost: 1, reason: 'refused' });
        const index = records.findIndex((record) => record.seq === seq);
        records.splice(index, 1);
        if (index < read) read -= 1;
      }
      wake();
      return true;
    },
    waitForRecords(signal, count = 1) {
      const ready = () => records.length - read >= count || gaps.length > gapsRead;
      if (ready() || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const look = () => {
          if (ready() || signal.aborted) {
            waiters.delete(look);
            signal.removeEventListener('abort', look);
            resolve();
          }
        };
        waiters.add(look);
        signal.addEventListener('abort', look, { once: true });
      });
    },
    get pending() {
      return records.length - done;
    },
    get unread() {
      return records.length - read;
    },
  };
  return source;
}

/** Readings `from`..`to` of one sensor, a second apart. */
export function readings(from: number, to: number, sensor = 'air'): BatchRecord[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    seq: from + index,
    kind: 'reading' as const,
    sensor,
    time: new Date(Date.UTC(2026, 10, 22, 12) + (from + index) * 1000).toISOString(),
    valuesJson: `{"temperature":${(20 + ((from + index) % 100) / 100).toFixed(2)}}`,
  }));
}
