/**
 * Row 42 of the fault matrix: memory runs out last. With the broker away and the card gone, or so slow that it might as well be,
 * what is kept is bounded, and what does not fit is counted.
 */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { codeOf } from '../../src/errors.ts';
import { openDurableJournal } from '../../src/journal/failover.ts';
import { errno, type JournalFs } from '../../src/journal/fs.ts';
import { memoryFs } from '../../src/journal/memory.ts';
import type { Gap, Journal } from '../../src/journal/types.ts';

const PAYLOAD_BYTES = 4_000;
const GROUP = 100;
const open = (fs: JournalFs): Promise<Journal> =>
  openDurableJournal({
    directory: '/journal',
    maxSizeBytes: 4_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 10,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: virtualClock(),
    fs,
  });
const record = () => ({ type: 1, version: 1, payload: Buffer.alloc(PAYLOAD_BYTES, 'x') });

describe('row 42: the card is gone and the broker away', () => {
  it('the journal in memory stays within 16 MiB, and the gap names exactly what it dropped', async () => {
    const fs: JournalFs = {
      ...memoryFs(),
      open: () => Promise.reject(errno('EIO', 'card')),
    };
    const journal = await open(fs);
    expect(journal.volatile).toBe(true);
    // Twice what it may keep.
    const count = GROUP * Math.ceil((2 * 16 * 1024 * 1024) / PAYLOAD_BYTES / GROUP);
    for (let given = 0; given < count; given += GROUP) {
      const accepted = Promise.all(Array.from({ length: GROUP }, () => journal.append(record())));
      await journal.flush();
      await accepted;
    }
    const { sizeBytes, dropped } = journal.status();
    expect(sizeBytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(dropped).toBeGreaterThan(0);

    const reader = journal.reader('cloud');
    const gaps = new Map<number, Gap>();
    const seqs = new Set<number>();
    for (;;) {
      const batch = await reader.next({ maxRecords: 500, maxBytes: 1e6 });
      if (!batch) break;
      expect(batch.volatile).toBe(true);
      for (const { seq } of batch.records) seqs.add(seq);
      for (const gap of batch.gaps) gaps.set(gap.from, gap);
      reader.acknowledge(batch.position);
    }
    const lost = [...gaps.values()].reduce((sum, gap) => sum + gap.lost, 0);
    expect([...gaps.values()].map(({ reason }) => reason)).toEqual([...gaps].map(() => 'journal_full'));
    expect(lost).toBe(dropped);
    expect(seqs.size + lost).toBe(count);
    await journal.close();
  });
});

describe('row 42: the card takes a write and never says that it is done', () => {
  it('at most 8 MiB wait for it; what comes then is refused with a code, so that it is counted', async () => {
    let hangs = false;
    let release: () => void = () => {};
    const inner = memoryFs();
    const hung = new Promise<void>((resolve) => {
      release = resolve;
    });
    const fs: JournalFs = {
      ...inner,
      async open(path, mode) {
        const file = await inner.open(path, mode);
        return { ...file, fdatasync: () => (hangs ? hung : file.fdatasync()) };
      },
    };
    const journal = await open(fs);
    await journal.append(record(), true);
    hangs = true;
    const count = (2 * 8 * 1024 * 1024) / PAYLOAD_BYTES;
    const outcomes: Promise<string>[] = [];
    for (let given = 0; given < count; given += 1)
      outcomes.push(
        journal.append(record(), true).then(
          () => 'accepted',
          (error: unknown) => codeOf(error) ?? 'uncoded',
        ),
      );
    hangs = false;
    release();
    const said = await Promise.all(outcomes);
    const accepted = said.filter((one) => one === 'accepted').length;
    expect(new Set(said)).toEqual(new Set(['accepted', 'journal.full']));
    expect(accepted * PAYLOAD_BYTES).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(accepted * PAYLOAD_BYTES).toBeGreaterThan(7 * 1024 * 1024);
    await journal.close();
  });
});
