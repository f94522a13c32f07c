/** From journal records to batches: times are corrected, or held back, or marked. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../src/clock.ts';
import { pack } from '../src/codec.ts';
import { createDelivery, isoTime } from '../src/delivery.ts';
import type { JournalReader, RawBatch, StoredRecord } from '../src/journal/types.ts';
import type { Anchor } from '../src/timekeeper.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const BOOT = 'this-boot';
const LIMITS = { maxRecords: 100, maxBytes: 1e6 };

/** A journal's reader over given records, one batch. */
function readerOf(records: readonly StoredRecord[], bootId = BOOT): JournalReader {
  const batch: RawBatch = {
    stream: 'a'.repeat(24),
    bootId,
    volatile: false,
    previous: undefined,
    records,
    gaps: [],
    position: { stream: 'a'.repeat(24), seq: records.at(-1)!.seq, gaps: [] },
  };
  let given = false;
  return {
    name: 'cloud',
    async next() {
      if (given) return undefined;
      given = true;
      return batch;
    },
    rewind() {
      given = false;
    },
    acknowledge: () => {},
    refuse: () => true,
    waitForRecords: async () => {},
    pending: records.length,
    get unread() {
      return given ? 0 : records.length;
    },
    dropped: 0,
  };
}
const record = (seq: number, at: { wallMs: number; monoMs: number; synced: boolean }): StoredRecord => ({
  seq,
  ...pack({ kind: 'reading', sensor: 'air', at, valuesJson: '{"temperature":21.5}' }),
});

function delivery(
  records: readonly StoredRecord[],
  { bootId = BOOT, anchors = new Map<string, Anchor>(), clock = virtualClock({ monoMs: 10_000 }) } = {},
) {
  return createDelivery({
    reader: readerOf(records, bootId),
    clock,
    bootId: BOOT,
    anchorOf: (boot) => anchors.get(boot),
    waitMs: 120_000,
  });
}

describe('a record taken', () => {
  it('while the clock was set keeps its time', async () => {
    const batch = await delivery([record(1, { wallMs: NOW, monoMs: 5_000, synced: true })]).next(LIMITS);
    expect(batch).toMatchObject({ range: { first: 1, last: 1 }, skippedSeqs: [] });
    expect(batch!.records).toEqual([
      { seq: 1, kind: 'reading', sensor: 'air', time: '2026-11-22T12:00:00.000Z', valuesJson: '{"temperature":21.5}' },
    ]);
  });

  it('before the clock was set is corrected by the anchor of its boot, also of an earlier one', async () => {
    const anchors = new Map([['old-boot', { wallMs: NOW, monoMs: 60_000 }]]);
    const batch = await delivery([record(1, { wallMs: 17, monoMs: 50_000.25, synced: false })], {
      bootId: 'old-boot',
      anchors,
    }).next(LIMITS);
    expect(batch!.records[0]).toMatchObject({ time: '2026-11-22T11:59:50.000Z' });
    expect(batch!.records[0]!.unsynced).toBeUndefined();
  });

  it('in a boot that never knew the time goes out marked, at once', async () => {
    const batch = await delivery([record(1, { wallMs: 17_000, monoMs: 50_000, synced: false })], {
      bootId: 'old-boot',
    }).next(LIMITS);
    expect(batch!.records[0]).toMatchObject({
      time: '1970-01-01T00:00:17.000Z',
      unsynced: { boot: 'old-boot', monoMs: 50_000 },
    });
  });
});

describe('a record of this boot, whose clock may still be set', () => {
  it('is held back until it is', async () => {
    const clock = virtualClock({ wallMs: 10_000, monoMs: 10_000 });
    const anchors = new Map<string, Anchor>();
    const source = delivery([record(1, { wallMs: 9_000, monoMs: 9_000, synced: false })], { clock, anchors });
    expect(await source.next(LIMITS)).toBeUndefined();
    expect(source.unread).toBe(1);
    await clock.advance(30_000);
    anchors.set(BOOT, { wallMs: NOW, monoMs: 40_000 });
    expect((await source.next(LIMITS))!.records[0]).toMatchObject({ time: '2026-11-22T11:59:29.000Z' });
  });

  it('waits for at most clock.wait, then goes out marked', async () => {
    const clock = virtualClock({ wallMs: 10_000, monoMs: 10_000 });
    const source = delivery([record(1, { wallMs: 10_000, monoMs: 10_000, synced: false })], { clock });
    const waited: string[] = [];
    const waiting = (async () => {
      while (!(await source.next(LIMITS))) await source.waitForRecords(new AbortController().signal);
      waited.push(`after ${clock.monotonic() - 10_000} ms`);
    })();
    await clock.advance(119_000);
    expect(waited).toEqual([]);
    await clock.advance(1_000);
    await waiting;
    expect(waited).toEqual(['after 120000 ms']);
  });

  it('that was held back is read again after a rewind', async () => {
    const clock = virtualClock({ wallMs: 10_000, monoMs: 10_000 });
    const source = delivery([record(1, { wallMs: 9_000, monoMs: 9_000, synced: false })], { clock });
    await source.next(LIMITS);
    source.rewind();
    expect(source.unread).toBe(1);
  });
});

it('a record of a newer program is counted as skipped, never lost from the range', async () => {
  const known = record(1, { wallMs: NOW, monoMs: 1, synced: true });
  const batch = await delivery([known, { seq: 2, type: 99, version: 7, payload: new Uint8Array(3) }]).next(LIMITS);
  expect(batch).toMatchObject({ range: { first: 1, last: 2 }, skippedSeqs: [2] });
  expect(batch!.records).toHaveLength(1);
});

describe('a time as text', () => {
  it('is what Date says, for every millisecond that a Date can be', () => {
    const anyTime = fc.oneof(
      fc.integer({ min: -8.64e15, max: 8.64e15 }),
      fc.integer({ min: NOW, max: NOW + 100_000 }),
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.constantFrom(-8.64e15, 8.64e15, 0, -0, -1, 59_999.6),
    );
    fc.assert(
      fc.property(anyTime, (ms) => isoTime(ms) === new Date(Math.round(ms)).toISOString()),
      { numRuns: 2_000 },
    );
  });
});
