/**
 * Every file operation of a journal's life fails in turn: the first write, the second, ... until a life passes without one
 * to fail (SQLite tests its I/O errors so). A life opens, commits, overflows, reads, acknowledges, closes and opens again.
 * Rows 3 to 6 of docs/journal.md, "How it is tested".
 */
import { describe, expect, it } from 'vitest';
import { type VirtualClock, virtualClock } from '../../src/clock.ts';
import { openDurableJournal } from '../../src/journal/failover.ts';
import { type OpenOptions, openJournal } from '../../src/journal/journal.ts';
import type { Journal, JournalReader } from '../../src/journal/types.ts';
import { createOracle, type Oracle } from './explorer/oracle.ts';
import { seeded } from './explorer/random.ts';
import { type FailingFs, failingFs, KINDS, type Kind } from './failing-fs.ts';

const MAX_SIZE_BYTES = 140_000;
/** A sweep that has not come to its end by then counts nothing. */
const MAX_OPERATIONS = 2_000;
/** Openings that may fail because the device failed. */
const MAX_OPENINGS = 4;
const RECORDS = 60;
const random = seeded(1);

const optionsOn = (disk: FailingFs, clock: VirtualClock): OpenOptions => ({
  directory: '/journal',
  maxSizeBytes: MAX_SIZE_BYTES,
  whenFull: 'drop_oldest',
  commitEveryMs: 10,
  consumers: ['cloud'],
  bootId: '11111111-2222-3333-4444-555555555555',
  clock,
  fs: disk.fs,
  random: (bytes) => random.fill(Buffer.alloc(bytes)),
  tuning: { segmentBytes: 5 * 4096, cursorBytes: 4 * 4096, strideRecords: 8 },
});

/** A process that uses the journal: whatever the device does, it only sees `journal.*` errors. */
function user(oracle: Oracle) {
  let written = 0;
  let last = 0;
  return {
    async write(journal: Journal, count: number) {
      for (let i = 0; i < count; i++) {
        const content = `record ${++written} ${'x'.repeat(900)}`;
        try {
          const seq = await journal.append({ type: 1, version: 1, payload: Buffer.from(content, 'latin1') }, true);
          if (!journal.volatile) oracle.accepted(journal.stream, seq, content);
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^journal\.(storage|full)$/);
        }
      }
    },
    /** Reads and acknowledges up to so many batches; the device may refuse. */
    async read(reader: JournalReader, batches: number) {
      for (let i = 0; i < batches; i++) {
        try {
          const batch = await reader.next({ maxRecords: 7, maxBytes: 1e6 });
          if (!batch) return;
          if (!batch.volatile) last = oracle.delivered('cloud', batch, last);
          reader.acknowledge(batch.position);
        } catch (error) {
          expect((error as { code?: string }).code).toBe('journal.storage');
          return;
        }
      }
    },
    rewind(reader: JournalReader) {
      reader.rewind();
      last = 0;
    },
  };
}

/** Opens, again if the device fails. */
async function opened(disk: FailingFs, clock: VirtualClock): Promise<Journal> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openJournal(optionsOn(disk, clock));
    } catch (error) {
      expect((error as { code?: string }).code).toBe('journal.storage');
      if (attempt === MAX_OPENINGS) throw error;
    }
  }
}

/** A whole life on a device on which one operation fails; true if there was one to fail. */
async function live(disk: FailingFs): Promise<boolean> {
  const clock = virtualClock();
  const oracle = createOracle(false);
  const self = user(oracle);
  for (let openings = 0; openings < 2; openings++) {
    const journal = await opened(disk, clock);
    const reader = journal.reader('cloud');
    self.rewind(reader);
    await self.write(journal, RECORDS / 4);
    await self.read(reader, 2);
    await clock.advance(5_000);
    await self.write(journal, RECORDS / 4);
    expect(journal.status().sizeBytes).toBeLessThanOrEqual(MAX_SIZE_BYTES);
    await journal.close();
  }
  const happened = disk.hasFailed;
  disk.mend();
  const last = await opened(disk, clock);
  self.rewind(last.reader('cloud'));
  await self.read(last.reader('cloud'), 1_000);
  expect(last.reader('cloud').pending).toBe(0);
  oracle.finished(['cloud']);
  await last.close();
  expect(clock.sleepers).toBe(0);
  return happened;
}

async function sweep(
  plan: { kind: Kind; code: string; short?: boolean; lasting?: boolean },
  life = live,
): Promise<number> {
  // One that lasts fails what comes after it too, so a quarter of the beginnings sees every operation fail.
  const step = plan.lasting ? 4 : 1;
  for (let nth = 1; nth <= MAX_OPERATIONS; nth += step) {
    const disk = failingFs();
    disk.plan({ ...plan, nth });
    let happened: boolean;
    try {
      happened = await life(disk);
    } catch (error) {
      throw new Error(`${plan.kind} number ${nth} (${plan.code}): ${(error as Error).message}`, { cause: error });
    }
    expect([disk.flushedAgain, disk.held], `${plan.kind} number ${nth}`).toEqual([[], 0]);
    if (!happened) return nth - step;
  }
  throw new Error('the sweep does not end');
}

/** A life on a device that fails for good from some operation on, until it is mended: the journal never asks for a restart. */
async function outlive(disk: FailingFs): Promise<boolean> {
  const clock = virtualClock();
  const oracle = createOracle(false);
  const self = user(oracle);
  const journal = await openDurableJournal(optionsOn(disk, clock));
  const reader = journal.reader('cloud');
  for (let part = 0; part < 4; part++) {
    await self.write(journal, RECORDS / 4);
    await self.read(reader, 2);
    await clock.advance(5_000);
  }
  const happened = disk.hasFailed;
  disk.mend();
  await clock.advance(120_000);
  expect([journal.volatile, journal.status().storage]).toEqual([false, 'ok']);
  await self.write(journal, 2);
  self.rewind(reader);
  await self.read(reader, 1_000);
  expect(reader.pending).toBe(0);
  oracle.finished(['cloud']);
  await journal.close();
  expect(clock.sleepers).toBe(0);
  return happened;
}

describe('one operation that fails, whichever it is, costs nothing that was accepted', () => {
  it.each(KINDS)('%s with EIO', async (kind) => {
    expect(await sweep({ kind, code: 'EIO' })).toBeGreaterThan(1);
  });
  it.each(['open', 'write'] as const)('%s with ENOSPC', async (kind) => {
    expect(await sweep({ kind, code: 'ENOSPC' })).toBeGreaterThan(1);
  });
  it('a write that takes only half', async () => {
    expect(await sweep({ kind: 'write', code: '', short: true })).toBeGreaterThan(1);
  });
});

describe('a device that fails for good, from whichever operation on, is lived through and taken back when it works', () => {
  // A life that begins on an empty directory asks for no sizes and truncates nothing but at its end.
  const ASKED = KINDS.filter((kind) => kind !== 'truncate' && kind !== 'size');
  it.each(ASKED)('%s with EIO', async (kind) => {
    expect(await sweep({ kind, code: 'EIO', lasting: true }, outlive)).toBeGreaterThan(0);
  });
  it.each(['open', 'write', 'rename', 'unlink'] as const)('%s with EROFS', async (kind) => {
    expect(await sweep({ kind, code: 'EROFS', lasting: true }, outlive)).toBeGreaterThan(0);
  });
  it.each(['open', 'write'] as const)('%s with ENOSPC', async (kind) => {
    expect(await sweep({ kind, code: 'ENOSPC', lasting: true }, outlive)).toBeGreaterThan(0);
  });
});
