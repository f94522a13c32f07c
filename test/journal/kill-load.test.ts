/** A real process on real files, killed at random moments under load, again and again on the same journal. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { verifyJournal } from '../../src/journal/verify.ts';
import { seeded } from './explorer/random.ts';

const ROUNDS = 6;
const MAX_LINES = 120;

it('kill -9 under load loses nothing that was accepted, and leaves nothing that verify calls damage', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sedge-kill-'));
  const random = seeded(14);
  const accepted = new Map<string, [number, number][]>();
  for (let round = 0; round < ROUNDS; round++) {
    const program = join(import.meta.dirname, 'killed-writer.ts');
    const child = spawn(process.execPath, ['--import', 'tsx', program, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    // At a moment of its work, not of the clock: after so many commits, and wherever it then is.
    const killAfter = 1 + random.below(MAX_LINES);
    child.stdout.on('data', (bytes) => {
      text += bytes;
      if (text.split('\n').length > killAfter) child.kill('SIGKILL');
    });
    await once(child, 'close');
    for (const line of text.split('\n').slice(0, -1)) {
      const [stream, first, last] = line.split(' ');
      accepted.set(stream!, [...(accepted.get(stream!) ?? []), [Number(first), Number(last)]]);
    }
    expect((await verifyJournal(directory)).damages).toEqual([]);
  }
  const journal = await openJournal({
    directory,
    maxSizeBytes: 64_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 1,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: systemClock,
  });
  const reader = journal.reader('cloud');
  const delivered = new Set<number>();
  for (let batch = await reader.next({ maxRecords: 500, maxBytes: 1e6 }); batch; ) {
    expect(batch.gaps).toEqual([]);
    for (const { seq } of batch.records) delivered.add(seq);
    reader.acknowledge(batch.position);
    batch = await reader.next({ maxRecords: 500, maxBytes: 1e6 });
  }
  const firstDelivered = Math.min(...delivered);
  let count = 0;
  for (const [, ranges] of accepted) {
    for (const [from, to] of ranges) {
      for (let seq = from; seq <= to; seq++) {
        count += 1;
        // What is before the first was acknowledged by an earlier process.
        expect(seq < firstDelivered || delivered.has(seq), `accepted ${seq}`).toBe(true);
      }
    }
  }
  expect(count).toBeGreaterThan(ROUNDS * 20);
  await journal.close();
  await rm(directory, { recursive: true });
}, 120_000);
