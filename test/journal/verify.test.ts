/** `verifyJournal`: what it calls damage, where it says that it is, and what it does not call damage. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { type MemoryFs, memoryFs } from '../../src/journal/memory.ts';
import type { Journal } from '../../src/journal/types.ts';
import { verifyJournal } from '../../src/journal/verify.ts';

const open = (fs: MemoryFs): Promise<Journal> =>
  openJournal({
    directory: '/journal',
    maxSizeBytes: 1_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 5,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: virtualClock(),
    fs,
    tuning: { segmentBytes: 4 * 4096, cursorBytes: 8 * 4096 },
  });
/** Three frames of two records in each segment: 1 to 6, 7 to 12, 13 to 18. */
async function written(close = true): Promise<{ fs: MemoryFs; stream: string; segments: string[] }> {
  const fs = memoryFs();
  const journal = await open(fs);
  for (let frame = 0; frame < 9; frame++) {
    for (const half of [1, 2]) {
      void journal.append({ type: 1, version: 1, payload: Buffer.from(String(2 * frame + half)) });
    }
    await journal.flush();
  }
  const { stream } = journal;
  if (close) await journal.close();
  const segments = fs.names().filter((name) => name.endsWith('.segment'));
  return { fs, stream, segments: segments.sort() };
}
const verify = async (fs: MemoryFs) => {
  const seqs: number[] = [];
  const before = fs.names().map((name) => [name, fs.bytes(name)!.toString('hex')]);
  const found = await verifyJournal('/journal', {
    fs,
    onRecords(records) {
      for (const { seq, payload } of records) {
        expect(Buffer.from(payload).toString()).toBe(String(seq));
        seqs.push(seq);
      }
    },
  });
  // It never writes.
  expect(fs.names().map((name) => [name, fs.bytes(name)!.toString('hex')])).toEqual(before);
  expect(found.records).toBe(seqs.length);
  return { ...found, seqs };
};
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('a journal is sound', () => {
  it('when closed, when running, when killed, and when there is none', async () => {
    for (const close of [true, false]) {
      const { fs } = await written(close);
      expect(await verify(fs)).toMatchObject({ damages: [], segments: 3, seqs: numbers(1, 18) });
    }
    expect(await verify(memoryFs())).toMatchObject({ damages: [], segments: 0, records: 0 });
  });

  it('with a torn commit at its end, which nobody was promised', async () => {
    const { fs, segments } = await written(false);
    const last = fs.bytes(segments[2]!)!;
    last.fill(0x5a, 3 * 4096, 3 * 4096 + 100);
    // The cursor knew nothing of it yet.
    expect((await verify(fs)).damages).toEqual([]);
  });
});

describe('damage is named by file, byte and numbers', () => {
  it('in the middle of a segment, and at its end', async () => {
    const { fs, stream, segments } = await written();
    fs.bytes(segments[0]!)![2 * 4096 + 40]! ^= 1;
    fs.bytes(segments[1]!)![3 * 4096 + 40]! ^= 1;
    const what = 'a frame is not what was written';
    const found = await verify(fs);
    expect(found.damages).toEqual([
      { file: segments[0], offset: 2 * 4096, from: 3, to: 4, stream, what },
      { file: segments[1], offset: 3 * 4096, from: 11, to: 12, stream, what },
    ]);
    expect(found.seqs).toEqual([1, 2, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18]);
  });

  it('at the very end, when the cursor knows that more was accepted', async () => {
    const { fs, stream, segments } = await written();
    fs.bytes(segments[2]!)![3 * 4096 + 40]! ^= 1;
    const what = 'no file holds these records';
    expect((await verify(fs)).damages).toEqual([
      { file: `after ${segments[2]}`, offset: null, from: 17, to: 18, stream, what },
    ]);
  });

  it('a segment that is gone, and one whose header is', async () => {
    const { fs, stream, segments } = await written();
    fs.bytes(segments[1]!)!.fill(0, 0, 4096);
    const header = await verify(fs);
    expect(header.damages).toMatchObject([
      { file: `after ${segments[0]}`, from: 7, to: 12, stream },
      { file: segments[1], offset: 0, from: null },
    ]);
    await fs.unlink(segments[1]!);
    expect((await verify(fs)).damages).toMatchObject([{ file: `after ${segments[0]}`, from: 7, to: 12 }]);
  });

  it('no longer when an opening has named it to the uplink; the file is kept aside and said', async () => {
    const { fs, segments } = await written();
    fs.bytes(segments[1]!)!.fill(0, 0, 4096);
    await (await open(fs)).close();
    expect(await verify(fs)).toMatchObject({
      damages: [],
      keptAside: [{ file: `${segments[1]}.damaged`, bytes: 4 * 4096 }],
    });
  });

  it('one copy of a header, for which the other one stands in: nothing is lost', async () => {
    const { fs, stream, segments } = await written();
    fs.bytes(segments[0]!)![20]! ^= 1;
    fs.bytes(segments[2]!)![2048 + 107]! ^= 1;
    const what = 'a copy of its header is not what was written; another one was read';
    const found = await verify(fs);
    expect(found.damages).toEqual([
      { file: segments[0], offset: 0, from: null, to: null, stream, what },
      { file: segments[2], offset: 2048, from: null, to: null, stream, what },
    ]);
    expect(found.seqs).toEqual(numbers(1, 18));
  });

  it('both cursors', async () => {
    const { fs } = await written();
    for (const name of ['cursor-0', 'cursor-1']) fs.bytes(name)!.fill(0xff);
    expect((await verify(fs)).damages).toMatchObject([{ file: 'cursor-0, cursor-1' }]);
  });
});
