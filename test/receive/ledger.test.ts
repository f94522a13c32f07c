import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gap, GapReason } from '../../src/journal/types.ts';
import type { IncomingBatch, IncomingRecord } from '../../src/receive/incoming.ts';
import { intervalSet } from '../../src/receive/intervals.ts';
import { countMissing, createLedger } from '../../src/receive/ledger.ts';

const A = 'a'.repeat(24);
const B = 'b'.repeat(24);
const C = 'c'.repeat(24);
const record = (seq: number): IncomingRecord => ({
  kind: 'reading',
  seq,
  time: '2026-11-22T12:00:00.000Z',
  sensor: 'air',
  values: { temperature: 20 },
  members: {},
});
const gap = (
  stream: string,
  from: number,
  to: number,
  reason: GapReason = 'journal_full',
  lost = to - from + 1,
): Gap => ({
  stream,
  from,
  to,
  lost,
  reason,
});
const batch = (stream: string, numbers: readonly number[], more: Partial<IncomingBatch> = {}): IncomingBatch => ({
  device: 'greenhouse-1',
  stream,
  volatile: false,
  range: numbers.length === 0 ? undefined : { first: numbers[0]!, last: numbers.at(-1)! },
  previous: undefined,
  records: numbers.map(record),
  gaps: [],
  skipped: 0,
  ...more,
});
const newNumbers = (taken: { records: readonly IncomingRecord[] }) => taken.records.map(({ seq }) => seq);

describe('the ledger', () => {
  it('takes each record once, whatever batch it comes in', () => {
    const ledger = createLedger();
    expect(newNumbers(ledger.take(batch(A, [1, 2, 3])))).toEqual([1, 2, 3]);
    expect(newNumbers(ledger.take(batch(A, [2, 3, 4])))).toEqual([4]);
    expect(newNumbers(ledger.take(batch(B, [2, 3])))).toEqual([2, 3]);
    expect(ledger.counts).toMatchObject({ records: 6, duplicates: 2 });
  });

  it('finds what is missing between two batches', () => {
    const ledger = createLedger();
    ledger.take(batch(A, [1, 2]));
    expect(ledger.take(batch(A, [5, 6])).missing).toBe(2);
    expect(ledger.missing()).toEqual([{ device: 'greenhouse-1', stream: A, from: 3, to: 4, count: 2 }]);
    ledger.take(batch(A, [3, 4, 5]));
    expect(ledger.missing()).toEqual([]);
  });

  it('finds what is missing inside a batch, unless it was skipped', () => {
    const ledger = createLedger();
    ledger.take(batch(A, [1, 2, 5], { skipped: 2 }));
    expect(ledger.missing()).toEqual([]);
    expect(ledger.take(batch(A, [6, 9])).missing).toBe(2);
  });

  it('begins in the middle', () => {
    const ledger = createLedger();
    ledger.take(batch(B, [1041, 1042], { previous: { stream: A, last: 1040 } }));
    expect(ledger.missing()).toEqual([]);
  });

  it('lets a gap explain numbers, also of another stream, once', () => {
    const ledger = createLedger();
    ledger.take(batch(A, [1, 2]));
    const lost = gap(A, 3, 10);
    expect(ledger.take(batch(B, [11], { previous: { stream: A, last: 2 }, gaps: [lost] })).gaps).toEqual([lost]);
    expect(ledger.take(batch(B, [12], { gaps: [lost] })).gaps).toEqual([]);
    expect(ledger.missing()).toEqual([]);
    expect(ledger.counts).toMatchObject({ gaps: 1, lost: 8 });
  });

  it('takes a batch of gaps only', () => {
    const ledger = createLedger();
    expect(ledger.take(batch(A, [], { gaps: [gap(A, 1, 5)] })).gaps).toHaveLength(1);
    expect(ledger.missing()).toEqual([]);
  });

  it('sees from `previous` that the end of a stream is missing', () => {
    const ledger = createLedger();
    ledger.take(batch(A, [1, 2]));
    expect(ledger.take(batch(B, [6], { previous: { stream: A, last: 5 } })).missing).toBe(3);
    expect(ledger.missing()).toEqual([{ device: 'greenhouse-1', stream: A, from: 3, to: 5, count: 3 }]);
  });

  it('sees that the beginning of a stream is missing, because numbers go on', () => {
    const ledger = createLedger();
    ledger.take(batch(A, [1, 2]));
    ledger.take(batch(B, [5]));
    expect(ledger.missing()).toEqual([{ device: 'greenhouse-1', stream: B, from: 3, to: 4, count: 2 }]);
  });

  it('does not compare devices, nor volatile streams', () => {
    const ledger = createLedger();
    ledger.take(batch(A, [1, 2]));
    ledger.take(batch(B, [100], { volatile: true }));
    ledger.take(batch(C, [3], { previous: { stream: A, last: 2 } }));
    ledger.take(batch('d'.repeat(24), [700], { device: 'other' }));
    expect(ledger.missing()).toEqual([]);
  });

  it('expects of a thinned range all but what was lost', () => {
    const ledger = createLedger();
    ledger.take(batch(A, [1], { gaps: [gap(A, 2, 10, 'thinned', 5)] }));
    ledger.take(batch(A, [2, 4, 6, 8].slice(0, 1)));
    for (const seq of [4, 6, 8]) ledger.take(batch(A, [seq]));
    ledger.take(batch(A, [11]));
    expect(countMissing(ledger.missing())).toBe(0);
    const other = createLedger();
    other.take(batch(A, [1, 2, 4, 6], { gaps: [gap(A, 2, 10, 'thinned', 5)], skipped: 0 }));
    other.take(batch(A, [11]));
    expect(countMissing(other.missing())).toBe(1);
  });

  it('goes on from what an earlier run wrote', () => {
    const ledger = createLedger();
    for (const seq of [1, 2, 3]) ledger.restoreRecord('greenhouse-1', A, seq);
    ledger.restoreGap('greenhouse-1', gap(A, 4, 5));
    expect(newNumbers(ledger.take(batch(A, [3, 6], { gaps: [gap(A, 4, 5)] })))).toEqual([6]);
    expect(ledger.missing()).toEqual([]);
  });

  it('counts exactly, whatever is delivered, lost, sent again or named in gaps', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('come', 'come', 'twice', 'lost', 'gap'), { minLength: 1, maxLength: 80 }),
        (fates) => {
          const ledger = createLedger();
          ledger.take(batch(A, [0]));
          fates.forEach((fate, index) => {
            const seq = index + 1;
            if (fate === 'come' || fate === 'twice') ledger.take(batch(A, [seq]));
            if (fate === 'twice') ledger.take(batch(A, [seq]));
            if (fate === 'gap') ledger.take(batch(A, [], { gaps: [gap(A, seq, seq)] }));
          });
          ledger.take(batch(A, [fates.length + 1]));
          const count = (wanted: string) => fates.filter((fate) => fate === wanted).length;
          expect(countMissing(ledger.missing())).toBe(count('lost'));
          expect(ledger.counts.duplicates).toBe(count('twice'));
          expect(ledger.counts.records).toBe(count('come') + count('twice') + 2);
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe('a set of intervals', () => {
  it('is what a set of numbers is', () => {
    const range = fc.tuple(fc.nat(60), fc.nat(6));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 30 }), (ranges) => {
        const set = intervalSet();
        const model = new Set<number>();
        for (const [from, length] of ranges) {
          set.add(from, from + length);
          for (let number = from; number <= from + length; number++) model.add(number);
        }
        const numbers = Array.from({ length: 70 }, (_, number) => number);
        expect(numbers.filter(set.has)).toEqual(numbers.filter((number) => model.has(number)));
        const holes = set.holes(0, 69).flatMap(({ from, to }) => numbers.slice(from, to + 1));
        expect(holes).toEqual(numbers.filter((number) => !model.has(number)));
        for (const [index, { from }] of set.ranges.entries()) {
          expect(from).toBeGreaterThan((set.ranges[index - 1]?.to ?? -2) + 1);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('takes numbers of others among thinned ones as what they are, and does not alarm before their turn', () => {
    const ledger = createLedger();
    // 4..9 were thinned by three; 2, 5 and 8 belong to others.
    const thinned = gap(A, 4, 9, 'thinned', 3);
    expect(ledger.take(batch(A, [1, 3], { skipped: 1, gaps: [thinned] })).missing).toBe(0);
    ledger.take(batch(A, [4, 10], { skipped: 2, gaps: [thinned] }));
    expect(countMissing(ledger.missing())).toBe(0);
  });
});
