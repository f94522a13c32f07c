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

/** A journal that was opened on a device that only reads; it holds `one`, `two`, `three`. */
async function onReadOnlyDevice() {
  const state = device();
  const clock = virtualClock();
  const before = await openOn(state.fs, clock);
  for (const text of ['one', 'two', 'three']) await before.append(record(text), true);
  await before.close();
  state.broken = 'EROFS';
  const journal = await openOn(state.fs, clock);
  return { state, clock, journal, reader: journal.reader('cloud') };
}
const restOf = async (journal: Journal): Promise<string[]> => {
  const all: string[] = [];
  const reader = journal.reader('cloud');
  for (let batch = await reader.next(LIMITS); batch; batch = await reader.next(LIMITS)) all.push(...texts(batch)!);
  return all;
};

describe('what was given out while the device took no cursor', () => {
  it('is not given again when the device is back, until the connection is lost', async () => {
    const { state, clock, journal, reader } = await onReadOnlyDevice();
    const first = await reader.next({ maxRecords: 2, maxBytes: 1e6 });
    expect(texts(first)).toEqual(['one', 'two']);
    state.broken = undefined;
    await clock.advance(5_000);
    expect(journal.volatile).toBe(false);
    expect(await restOf(journal)).toEqual(['three']);
    reader.rewind();
    expect(await restOf(journal)).toEqual(['one', 'two', 'three']);
    reader.acknowledge(first!.position);
    reader.rewind();
    expect(await restOf(journal)).toEqual(['three']);
    await journal.close();
  });

  it('is never named as lost, when the journal overflows after the device is back', async () => {
    const { state, clock, journal, reader } = await onReadOnlyDevice();
    expect((await reader.next(LIMITS))?.records).toHaveLength(3);
    state.broken = undefined;
    await clock.advance(5_000);
    for (let count = 0; count < 250; count++) await journal.append(record('x'.repeat(20_000)), true);
    const next = await reader.next(LIMITS);
    expect(next?.gaps).not.toEqual([]);
    expect(next?.gaps.every(({ from }) => from > 3)).toBe(true);
    await journal.close();
  });

  it('is remembered by a stop in order, if the device takes it by then', async () => {
    const { state, clock, journal, reader } = await onReadOnlyDevice();
    reader.acknowledge((await reader.next({ maxRecords: 2, maxBytes: 1e6 }))!.position);
    state.broken = undefined;
    await journal.close();
    const after = await openOn(state.fs, clock);
    expect(await restOf(after)).toEqual(['three']);
    await after.close();
    expect(clock.sleepers).toBe(0);
  });

  it('says nothing of another journal that is there instead, as on a card that was exchanged', async () => {
    const { state, clock, journal, reader } = await onReadOnlyDevice();
    reader.acknowledge((await reader.next(LIMITS))!.position);
    for (const name of ['0000000001.segment', 'cursor-0', 'cursor-1', 'spare']) {
      await state.fs.unlink(`/journal/${name}`).catch(() => {});
    }
    state.broken = undefined;
    await clock.advance(5_000);
    expect(await journal.append(record('new'), true)).toBe(1);
    expect(await restOf(journal)).toEqual(['new']);
    await journal.close();
  });
});

it('a late acknowledgement of what was in memory says nothing of what is stored', async () => {
  const { state, clock, journal, reader } = await onReadOnlyDevice();
  for (const text of ['live 1', 'live 2']) await journal.append(record(text), true);
  expect(await restOf(journal)).toEqual(['one', 'two', 'three', 'live 1', 'live 2']);
  reader.rewind();
  await reader.next(LIMITS);
  const live = await reader.next(LIMITS);
  expect(live?.volatile).toBe(true);
  reader.acknowledge(live!.position);
  state.broken = undefined;
  await clock.advance(5_000);
  reader.acknowledge(live!.position);
  expect(reader.pending).toBe(3);
  await journal.close();
});
