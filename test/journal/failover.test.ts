/** A device that dies and comes back, under a journal that is in use. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { openDurableJournal } from '../../src/journal/failover.ts';
import { errno, type JournalFs } from '../../src/journal/fs.ts';
import { memoryFs } from '../../src/journal/memory.ts';
import type { Journal, JournalRecord, RawBatch } from '../../src/journal/types.ts';

const LIMITS = { maxRecords: 100, maxBytes: 100_000 };

/** A file system whose writes fail while `broken`. */
function device() {
  const state: { broken: string | undefined; fs: JournalFs } = { broken: undefined, fs: memoryFs() };
  const inner = state.fs;
  const check = () => {
    if (state.broken) throw errno(state.broken, 'device');
  };
  state.fs = {
    ...inner,
    async open(path, mode) {
      if (mode !== 'read') check();
      const file = await inner.open(path, mode);
      return {
        ...file,
        async write(bytes, position) {
          check();
          return file.write(bytes, position);
        },
        async fdatasync() {
          check();
          return file.fdatasync();
        },
      };
    },
  };
  return state;
}
const record = (text: string): JournalRecord => ({ type: 1, version: 1, payload: Buffer.from(text) });
const texts = (batch: RawBatch | undefined) => batch?.records.map(({ payload }) => Buffer.from(payload).toString());
const openOn = (fs: JournalFs, clock = virtualClock()): Promise<Journal> =>
  openDurableJournal({
    directory: '/journal',
    maxSizeBytes: 4_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 10,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock,
    fs,
    tuning: { segmentBytes: 8 * 4096 },
  });

describe.each(['EIO', 'EROFS', 'ENOSPC'])('a device that fails with %s', (code) => {
  it('while running: live records go out volatile, stored ones too, and the device is taken back', async () => {
    const state = device();
    const clock = virtualClock();
    const journal = await openOn(state.fs, clock);
    await journal.append(record('stored'), true);
    const stream = journal.stream;
    state.broken = code;
    expect(await journal.append(record('live'), true)).toBe(1);
    expect([journal.volatile, journal.status().storage]).toEqual([true, 'storage-failed']);
    expect(journal.stream).not.toBe(stream);

    const reader = journal.reader('cloud');
    const stored = await reader.next(LIMITS);
    expect([stored?.stream, stored?.volatile, texts(stored)]).toEqual([stream, false, ['stored']]);
    const live = await reader.next(LIMITS);
    expect([live?.volatile, texts(live)]).toEqual([true, ['live']]);
    expect(reader.pending).toBe(2);
    reader.acknowledge(stored!.position);
    reader.acknowledge(live!.position);
    expect(reader.pending).toBe(0);
    expect(await reader.next(LIMITS)).toBeUndefined();

    state.broken = undefined;
    await clock.advance(5_000);
    expect([journal.volatile, journal.status().storage]).toEqual([false, 'ok']);
    expect(await journal.append(record('again'), true)).toBeGreaterThanOrEqual(2);
    const batches = [];
    for (let batch = await reader.next(LIMITS); batch; batch = await reader.next(LIMITS)) batches.push(batch);
    expect(batches.flatMap(texts).at(-1)).toBe('again');
    await journal.close();
  });

  it('at the start: the journal opens in memory, and moves to the device when it works', async () => {
    const state = device();
    const clock = virtualClock();
    state.broken = code;
    const journal = await openOn(state.fs, clock);
    expect(journal.volatile).toBe(true);
    await journal.append(record('early'), true);
    await clock.advance(5_000);
    expect(journal.volatile).toBe(true);
    state.broken = undefined;
    await clock.advance(10_000);
    expect(journal.volatile).toBe(false);
    await journal.append(record('late'), true);
    const reader = journal.reader('cloud');
    const first = await reader.next(LIMITS);
    const second = await reader.next(LIMITS);
    expect([texts(first), first?.volatile, texts(second), second?.volatile]).toEqual([
      ['early'],
      true,
      ['late'],
      false,
    ]);
    reader.acknowledge(first!.position);
    reader.acknowledge(second!.position);
    expect(reader.pending).toBe(0);
    await journal.close();
    expect(clock.sleepers).toBe(0);
  });
});

describe.each(['EIO', 'EROFS', 'ENOSPC'])(
  'a device that takes no writes (%s) but still reads, at the start',
  (code) => {
    it('has what it holds delivered as it is, and what was acknowledged meanwhile is not sent again', async () => {
      const state = device();
      const clock = virtualClock();
      const before = await openOn(state.fs, clock);
      for (const text of ['one', 'two', 'three']) await before.append(record(text), true);
      const { stream } = before;
      await before.close();

      state.broken = code;
      const journal = await openOn(state.fs, clock);
      expect([journal.volatile, journal.status().storage]).toEqual([true, 'storage-failed']);
      expect(journal.status().pending).toEqual({ cloud: 3 });
      await journal.append(record('live'), true);
      const reader = journal.reader('cloud');
      const stored = await reader.next({ maxRecords: 2, maxBytes: 1e6 });
      expect([stored?.stream, stored?.volatile, texts(stored)]).toEqual([stream, false, ['one', 'two']]);
      reader.acknowledge(stored!.position);
      // Many attempts later it is still so, and the process has not asked to be restarted.
      await clock.advance(600_000);
      reader.rewind();
      expect(texts(await reader.next(LIMITS))).toEqual(['three']);
      const live = await reader.next(LIMITS);
      expect([live?.volatile, texts(live)]).toEqual([true, ['live']]);

      state.broken = undefined;
      await clock.advance(60_000);
      expect([journal.volatile, journal.status().storage]).toEqual([false, 'ok']);
      expect(await journal.append(record('durable'), true)).toBe(4);
      reader.rewind();
      const rest: [boolean, string[] | undefined][] = [];
      for (let batch = await reader.next(LIMITS); batch; batch = await reader.next(LIMITS)) {
        rest.push([batch.volatile, texts(batch)]);
        expect(batch.gaps).toEqual([]);
        reader.acknowledge(batch.position);
      }
      expect(rest.sort()).toEqual([
        [false, ['durable']],
        [false, ['three']],
        [true, ['live']],
      ]);
      await journal.close();
      expect(clock.sleepers).toBe(0);
    });
  },
);
