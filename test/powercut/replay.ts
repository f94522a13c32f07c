/**
 * One torn replay: the disk as a drive could have left it that lost its power at some write, recovered by e2fsck as the kernel
 * does at the next mount, and its journal opened by the program's own code. Everything that the broker had by then must be
 * acknowledged or readable; what is readable must be what was delivered.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { unpack } from '../../src/codec.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { JournalOptions } from '../../src/journal/types.ts';
import { type Torn, tornImage } from '../board/rig.ts';
import type { Arrived } from './ledger.ts';

/** e2fsck: 0 clean, 1 mended (the journal was replayed). */
const MENDED = 1;
const BATCH = { maxRecords: 500, maxBytes: 1e6 };

export interface Replay {
  readonly kept: { readonly torn: number; readonly lost: number };
  /** Records that the broker had, or that were readable, before the power went. */
  readonly accepted: number;
  /** Of those: neither acknowledged nor readable. Must be 0. */
  readonly lost: number;
  /** Readable, and not what was delivered under its number. Must be 0. */
  readonly wrong: number;
}

/** Where the journal is on the disk, and how it is opened. */
export type JournalOnDisk = Pick<JournalOptions, 'maxSizeBytes' | 'consumers'> & { readonly path: string };

/** `arrived` is everything that reached the broker so far; `before` the newest number of earlier boots. */
export async function replay(torn: Torn, arrived: readonly Arrived[], journal: JournalOnDisk): Promise<Replay> {
  const work = mkdtempSync(join(tmpdir(), 'sedge-torn-'));
  try {
    const image = join(work, 'disk');
    const directory = join(work, 'files');
    const kept = tornImage(image, torn);
    const check = spawnSync('e2fsck', ['-fy', image], { encoding: 'utf8' });
    if ((check.status ?? 8) > MENDED) throw new Error(`e2fsck ended with ${check.status}: ${check.stdout}`);
    mkdirSync(directory);
    execFileSync('debugfs', ['-R', `rdump ${journal.path} ${directory}`, image], { stdio: 'ignore' });
    const found = await readAll(join(directory, journal.path), journal);
    const contents = new Map(arrived.map((one) => [one.seq, one]));
    const wrong = found.records.filter(({ seq, stream, sensor, valuesJson }) => {
      const one = contents.get(seq);
      return one !== undefined && (one.stream !== stream || one.sensor !== sensor || one.valuesJson !== valuesJson);
    }).length;
    // Accepted by then: what had arrived, and everything before it; what is readable was flushed.
    const known = arrived
      .filter(({ logBytes }) => logBytes <= kept.at)
      .reduce((last, { seq }) => Math.max(last, seq), 0);
    const there = new Set(found.records.map(({ seq }) => seq));
    // What is no longer there has been acknowledged: the broker must have it.
    const first = Math.min(...there, found.last + 1);
    let lost = 0;
    for (let seq = 1; seq <= Math.max(known, found.last); seq++) {
      if (seq < first ? !contents.has(seq) : !there.has(seq)) lost += 1;
    }
    return { kept, accepted: Math.max(known, found.last), lost, wrong };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function readAll(directory: string, { maxSizeBytes, consumers }: JournalOnDisk) {
  const journal = await openJournal({
    directory,
    maxSizeBytes,
    whenFull: 'drop_oldest',
    commitEveryMs: 1_000,
    consumers,
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: systemClock,
  });
  try {
    const reader = journal.reader(consumers[0]!);
    const last = journal.status().last ?? 0;
    const records: { seq: number; stream: string; sensor: string | undefined; valuesJson: string | undefined }[] = [];
    for (let batch = await reader.next(BATCH); batch; batch = await reader.next(BATCH)) {
      // A gap is a loss: its numbers are not among the records.
      for (const record of batch.records) {
        const reading = unpack(record);
        records.push({
          seq: record.seq,
          stream: batch.stream,
          sensor: reading?.sensor,
          valuesJson: reading?.valuesJson,
        });
      }
    }
    return { last, records };
  } finally {
    await journal.close();
  }
}
