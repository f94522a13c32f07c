import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addToRanges, createLedger } from '../../src/demo/ledger.ts';

const readings = (stream: string, ...seqs: number[]) =>
  JSON.stringify({ format: 1, stream, readings: seqs.map((seq) => ({ seq })) });

describe("the broker's own count", () => {
  it('counts each (stream, seq) once, whatever came twice', () => {
    const ledger = createLedger();
    ledger.take(readings('a', 1, 2, 3));
    ledger.take(readings('a', 2, 3, 4));
    ledger.take(readings('b', 1));
    ledger.take(readings('b', 1));
    expect(ledger).toMatchObject({ batches: 3, distinct: 5, repeated: 3, unreadable: 0 });
  });

  it('counts readings, events and windows alike', () => {
    const ledger = createLedger();
    ledger.take(
      JSON.stringify({ stream: 'a', readings: [{ seq: 1 }], events: [{ seq: 2 }], windows: [{ seq: 3 }], skipped: 1 }),
    );
    expect(ledger.distinct).toBe(3);
  });

  it('adds up what the batches say will not come, each gap once', () => {
    const ledger = createLedger();
    const gap = { stream: 'a', from: 1, to: 10, lost: 10, reason: 'journal_full' };
    ledger.take(JSON.stringify({ stream: 'a', gaps: [gap] }));
    ledger.take(JSON.stringify({ stream: 'a', gaps: [gap, { ...gap, from: 20, to: 20, lost: 1 }] }));
    expect(ledger.declaredLost).toBe(11);
  });

  it('survives what is no batch', () => {
    const ledger = createLedger();
    ledger.take('not json');
    expect(ledger).toMatchObject({ distinct: 0, unreadable: 1 });
  });

  it('keeps ranges that say the same as a set, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 })), (numbers) => {
        const ranges: { first: number; last: number }[] = [];
        const seen = new Set<number>();
        for (const number of numbers) {
          expect(addToRanges(ranges, number)).toBe(!seen.has(number));
          seen.add(number);
        }
        const listed = ranges.flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_, at) => first + at),
        );
        expect(listed).toEqual([...seen].sort((a, b) => a - b));
        for (const [at, range] of ranges.entries())
          if (at > 0) expect(range.first).toBeGreaterThan(ranges[at - 1]!.last + 1);
      }),
    );
  });
});
