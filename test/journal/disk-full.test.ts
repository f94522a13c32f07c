/** A device that is really full: needs to mount a small tmpfs, so it runs as root on Linux (the project's CI does). */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, statfs, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { nodeFs } from '../../src/journal/fs.ts';
import { openJournal } from '../../src/journal/journal.ts';

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    const probe = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe]);
    execFileSync('rmdir', [probe]);
    return true;
  } catch {
    return false;
  }
}

// Without the right to mount there is no full device to be had; CI runs this file as root.
const isMountable = canMount();
describe.skipIf(!isMountable)('a full device (needs root, to mount a small file system; runs in CI)', () => {
  it('costs the oldest records, each of them named, and goes on when there is room again', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sedge-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
    try {
      const journal = await openJournal({
        directory,
        maxSizeBytes: 4_000_000,
        whenFull: 'drop_oldest',
        commitEveryMs: 1,
        consumers: ['cloud'],
        bootId: '11111111-2222-3333-4444-555555555555',
        clock: systemClock,
      });
      await writeFile(join(directory, 'other'), Buffer.alloc(100_000));
      const accepted: number[] = [];
      const write = async (count: number) => {
        for (let i = 0; i < count; i++) {
          accepted.push(await journal.append({ type: 1, version: 1, payload: Buffer.alloc(9_000, 'x') }, true));
        }
      };
      await write(200);
      await unlink(join(directory, 'other'));
      await write(50);
      const reader = journal.reader('cloud');
      const seen = new Set<number>();
      for (;;) {
        const batch = await reader.next({ maxRecords: 100, maxBytes: 100_000 });
        if (!batch) break;
        for (const { seq } of batch.records) seen.add(seq);
        for (const { from, to } of batch.gaps) for (let seq = from; seq <= to; seq++) seen.add(seq);
        reader.acknowledge(batch.position);
      }
      expect(accepted).toHaveLength(250);
      expect([...seen].sort((a, b) => a - b)).toEqual(accepted);
      expect(journal.status().storage).toBe('ok');
      await journal.close();
    } finally {
      execFileSync('umount', [directory]);
      await rm(directory, { recursive: true });
    }
  });
});

describe.skipIf(!isMountable)('a full device without the journal (needs root, to mount one; runs in CI)', () => {
  it.each(['journal', 'var/lib/journal'])('is said to be full, not to be missing: %s', async (below) => {
    const directory = await mkdtemp(join(tmpdir(), 'sedge-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=1', 'tmpfs', directory]);
    try {
      await expect(nodeFs.makeDirectory(join(directory, below))).rejects.toMatchObject({ code: 'ENOSPC' });
    } finally {
      execFileSync('umount', [directory]);
      await rm(directory, { recursive: true });
    }
  });
});

describe.skipIf(!isMountable)('min_free on a small device (needs root, to mount one; runs in CI)', () => {
  it('leaves others their room, naming what went, while new records go in', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sedge-free-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', directory]);
    const minFreeBytes = 600_000;
    const freeBytes = async () => {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    };
    try {
      const journal = await openJournal({
        directory,
        maxSizeBytes: 4_000_000,
        minFreeBytes,
        whenFull: 'drop_oldest',
        commitEveryMs: 1,
        consumers: ['cloud'],
        bootId: '11111111-2222-3333-4444-555555555555',
        clock: systemClock,
      });
      let accepted = 0;
      const write = async (count: number) => {
        for (; count > 0; count--) {
          accepted = await journal.append({ type: 1, version: 1, payload: Buffer.alloc(9_000, 'x') }, true);
        }
      };
      await write(250);
      expect(await freeBytes()).toBeGreaterThanOrEqual(minFreeBytes);
      // Others come: at the next segment the oldest of ours go.
      await writeFile(join(directory, 'other'), Buffer.alloc(400_000));
      await write(50);
      await expect.poll(freeBytes).toBeGreaterThanOrEqual(minFreeBytes);
      const reader = journal.reader('cloud');
      let [read, lost] = [0, 0];
      const told = new Set<number>();
      for (;;) {
        const batch = await reader.next({ maxRecords: 100, maxBytes: 100_000 });
        if (!batch) break;
        read += batch.records.length;
        for (const gap of batch.gaps.filter(({ from }) => !told.has(from))) {
          expect(gap.reason).toBe('journal_full');
          told.add(gap.from);
          lost += gap.lost;
        }
        reader.acknowledge(batch.position);
      }
      expect(lost).toBeGreaterThan(0);
      expect([accepted, read + lost]).toEqual([300, 300]);
      await journal.close();
    } finally {
      // Lazily: what failed above is to be seen, not that a file is still open.
      execFileSync('umount', ['-l', directory]);
      await rm(directory, { recursive: true });
    }
  });
});
