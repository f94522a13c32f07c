/** Looking into a journal beside its writer and readers: all that is accepted, and nothing is any different for it. */
import { expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { memoryFs } from '../../src/journal/memory.ts';
import type { Journal } from '../../src/journal/types.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';

function open(maxSizeBytes = 4_000_000): Promise<Journal> {
  return openJournal({
    directory: '/journal',
    maxSizeBytes,
    whenFull: 'drop_oldest',
    commitEveryMs: 1_000,
    consumers: ['cloud'],
    bootId: BOOT,
    clock: virtualClock(),
    fs: memoryFs(),
    tuning: { segmentBytes: 16 * 1024, cursorBytes: 64 * 1024, strideRecords: 100 },
  });
}
/** Records 1 to `count`, each with its number and some weight. */
async function write(journal: Journal, count: number, weightBytes = 200) {
  for (let number = 1; number <= count; number += 10) {
    const appended = Array.from({ length: Math.min(10, count - number + 1) }, (_, at) => {
      const payload = Buffer.alloc(weightBytes);
      payload.writeUInt32LE(number + at);
      return journal.append({ type: 1, version: 1, payload });
    });
    await journal.flush();
    await Promise.all(appended);
  }
}
const seqs = async (journal: Journal, from: number, count: number) =>
  (await journal.observe(from, count)).map(({ seq }) => seq);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

it('gives accepted records from a number on, across segments, as they were written', async () => {
  const journal = await open();
  expect(await journal.observe(1, 10)).toEqual([]);
  await write(journal, 300);
  expect(await seqs(journal, 1, 1_000)).toEqual(range(1, 300));
  expect(await seqs(journal, 120, 70)).toEqual(range(120, 189));
  expect(await seqs(journal, 301, 10)).toEqual([]);
  const [record] = await journal.observe(77, 1);
  expect(record).toMatchObject({ seq: 77, stream: journal.stream, bootId: BOOT, type: 1, version: 1 });
  expect(Buffer.from(record!.payload).readUInt32LE()).toBe(77);
  // Not yet flushed is not yet there.
  void journal.append({ type: 1, version: 1, payload: Buffer.alloc(4) });
  expect(await seqs(journal, 301, 10)).toEqual([]);
  await journal.close();
});

it('moves no cursor: a reader beside it is given all, in order', async () => {
  const journal = await open();
  await write(journal, 50);
  const before = journal.status();
  await journal.observe(1, 50);
  expect(journal.status()).toEqual(before);
  const reader = journal.reader('cloud');
  const read: number[] = [];
  while (reader.unread > 0) {
    await journal.observe(1, 5);
    const batch = await reader.next({ maxRecords: 20, maxBytes: 100_000 });
    read.push(...(batch?.records ?? []).map(({ seq }) => seq));
  }
  expect(read).toEqual(range(1, 50));
  await journal.close();
});

it('holds nothing back: a full journal drops what it drops while somebody looks', async () => {
  const journal = await open(400_000);
  await write(journal, 800);
  const looking = journal.observe(1, 10_000);
  await write(journal, 800);
  const seen = (await looking).map(({ seq }) => seq);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  const { dropped, accepted, pending } = journal.status();
  expect(dropped).toBeGreaterThan(0);
  expect(accepted).toBe(1_600);
  expect(pending.cloud).toBe(accepted - dropped);
  await journal.close();
});
