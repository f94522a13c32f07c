/** A device that is really full: needs to mount a small tmpfs, so it runs as root on Linux (the project's CI does). */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
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
describe.skipIf(!canMount())('a full device (needs root, to mount a small file system; runs in CI)', () => {
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
