/** When a commit happens, and what one costs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countingFs } from '../../bench/counting-fs.ts';
import { virtualClock } from '../../src/clock.ts';
import { nodeFs } from '../../src/journal/fs.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { memoryFs } from '../../src/journal/memory.ts';
import type { JournalRecord } from '../../src/journal/types.ts';

const options = {
  maxSizeBytes: 4_000_000,
  whenFull: 'drop_oldest',
  commitEveryMs: 1_000,
  consumers: ['cloud'],
  bootId: '11111111-2222-3333-4444-555555555555',
} as const;
const RECORD: JournalRecord = { type: 1, version: 1, payload: Buffer.alloc(60, 'r') };

describe('a commit', () => {
  const opened = async () => {
    const clock = virtualClock();
    const journal = await openJournal({ ...options, directory: '/journal', clock, fs: memoryFs() });
    // The first record of an opening goes at once.
    await journal.append(RECORD);
    return { clock, journal };
  };
  const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

  it('waits for commit_every_offline while nobody is connected, and comes at once when somebody is', async () => {
    const { clock, journal } = await opened();
    journal.commitEvery(60_000);
    const offline = journal.append(RECORD);
    await clock.advance(59_000);
    await turns();
    expect(journal.status().last).toBe(1);
    await clock.advance(1_000);
    expect(await offline).toBe(2);
    const waiting = journal.append(RECORD);
    await clock.advance(5_000);
    journal.commitEvery(1_000);
    await clock.advance(1_000);
    expect(await waiting).toBe(3);
    await journal.close();
  });

  it('is made at once for an event, and takes along what waits', async () => {
    const { journal } = await opened();
    journal.commitEvery(60_000);
    const { commits } = journal.status();
    const reading = journal.append(RECORD);
    expect(await journal.append({ ...RECORD, type: 2 }, true)).toBe(3);
    expect(await reading).toBe(2);
    expect(journal.status().commits).toBe(commits + 1);
    await journal.close();
  });
});

describe('a commit of ten readings', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sedge-commit-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is one write of one block, and one flush', async () => {
    const { fs, counts } = countingFs(nodeFs);
    const journal = await openJournal({ ...options, directory, clock: virtualClock(), fs });
    await journal.append(RECORD, true);
    await journal.flush();
    // The next segment in waiting is made beside it.
    const quiet = async () => {
      for (let before = -1; before !== counts.flushes; await new Promise((resolve) => setTimeout(resolve, 50)))
        before = counts.flushes;
    };
    await quiet();
    const before = { ...counts };
    for (let commit = 0; commit < 5; commit++) {
      const taken = Array.from({ length: 10 }, () => journal.append(RECORD));
      await journal.flush();
      await Promise.all(taken);
    }
    expect(counts).toEqual({ bytes: before.bytes + 5 * 4096, flushes: before.flushes + 5 });
    await journal.close();
  });
});
