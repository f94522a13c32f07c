/** Kills as a user meets them, told as stories. What can happen in between is the crash explorer's (crash.test.ts). */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { type MemoryFs, memoryFs } from '../../src/journal/memory.ts';
import type { Journal } from '../../src/journal/types.ts';

const MAX_SIZE_BYTES = 1_000_000;
const open = (fs: MemoryFs): Promise<Journal> =>
  openJournal({
    directory: '/journal',
    maxSizeBytes: MAX_SIZE_BYTES,
    whenFull: 'drop_oldest',
    commitEveryMs: 1_000,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: virtualClock(),
    fs,
    tuning: { segmentBytes: 16 * 4096, cursorBytes: 8 * 4096, strideRecords: 64 },
  });
const write = async (journal: Journal, count: number) => {
  for (let i = 0; i < count; i++)
    await journal.append({ type: 1, version: 1, payload: Buffer.alloc(3_000, 'x') }, true);
};
/** What the next process finds after kill -9: all files as they are, nothing closed. */
const killed = (fs: MemoryFs) => memoryFs(fs);
const sizeOf = (fs: MemoryFs) => fs.names().reduce((sum, name) => sum + fs.bytes(name)!.length, 0);

describe('a station that is killed', () => {
  it('in the middle of a drain, fills up offline, and comes back: received and gaps are everything, and never overlap', async () => {
    const received = new Set<number>();
    const before = memoryFs();
    const online = await open(before);
    await write(online, 150);
    const reader = online.reader('cloud');
    for (let i = 0; i < 3; i++) {
      const batch = await reader.next({ maxRecords: 10, maxBytes: 1e6 });
      for (const { seq } of batch!.records) received.add(seq);
      if (i === 0) reader.acknowledge(batch!.position);
    }
    const during = killed(before);
    const offline = await open(during);
    await write(offline, 400);
    const after = killed(during);
    const again = await open(after);
    const lost = new Set<number>();
    const bounds = new Map<number, number>();
    const last = again.reader('cloud');
    for (;;) {
      const batch = await last.next({ maxRecords: 50, maxBytes: 1e6 });
      if (!batch) break;
      for (const { seq } of batch.records) received.add(seq);
      for (const { from, to } of batch.gaps) {
        expect(bounds.get(from) ?? to).toBe(to);
        bounds.set(from, to);
        for (let seq = from; seq <= to; seq++) lost.add(seq);
      }
      last.acknowledge(batch.position);
    }
    expect(lost.size).toBeGreaterThan(200);
    expect([...received].filter((seq) => lost.has(seq))).toEqual([]);
    expect(received.size + lost.size).toBe(550);
    expect(last.pending).toBe(0);
    await again.close();
  });

  it('eighty times, with one reading each time, loses nothing and stays small', async () => {
    let fs = memoryFs();
    for (let i = 0; i < 80; i++) {
      const journal = await open(fs);
      await write(journal, 1);
      expect(sizeOf(fs)).toBeLessThanOrEqual(MAX_SIZE_BYTES);
      fs = killed(fs);
    }
    const journal = await open(fs);
    const reader = journal.reader('cloud');
    expect(reader.pending).toBe(80);
    const seqs: number[] = [];
    for (let batch = await reader.next({ maxRecords: 50, maxBytes: 1e6 }); batch; ) {
      expect(batch.gaps).toEqual([]);
      seqs.push(...batch.records.map(({ seq }) => seq));
      reader.acknowledge(batch.position);
      batch = await reader.next({ maxRecords: 50, maxBytes: 1e6 });
    }
    expect(seqs).toEqual(Array.from({ length: 80 }, (_, index) => index + 1));
    await journal.close();
    expect(fs.names().length).toBeLessThanOrEqual(4);
  });
});
