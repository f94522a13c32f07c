/**
 * A journal with hundreds of megabytes waiting (part of `npm run bench:journal`): how long it takes to open, to publish the
 * first batch, to drain, to verify; and what memory it takes. The segments are written directly in the journal's format, and
 * read by a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/clock.ts';
import { BLOCK_BYTES, encodeFrame, encodeHeader, FRAME_HEADER_BYTES, segmentName } from '../src/journal/format.ts';
import { openJournal } from '../src/journal/journal.ts';
import { verifyJournal } from '../src/journal/verify.ts';
import { round } from './process-stat.ts';

const SEGMENT_BYTES = 1024 * 1024;
const BOOT = '11111111-2222-3333-4444-555555555555';
const PAYLOAD = Buffer.alloc(40, 'r');
const RECORD_BYTES = 46;
/** A frame of an uplink that is away: many readings a commit. */
const FRAME_BLOCKS = 15;
const RECORDS = Math.floor((FRAME_BLOCKS * BLOCK_BYTES - FRAME_HEADER_BYTES) / RECORD_BYTES);
const FIRST_RECORDS = 500;

/** Writes segments full of readings until `bytes` are there. Returns how many readings. */
async function fill(directory: string, bytes: number): Promise<number> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const records = Array.from({ length: RECORDS }, () => ({ type: 1, version: 1, payload: PAYLOAD }));
  const segment = Buffer.alloc(SEGMENT_BYTES);
  let seq = 1;
  for (let number = 1; number * SEGMENT_BYTES <= bytes; number++) {
    const header = {
      number,
      salt: number,
      stream: '5f0c00112233445566778899',
      bootId: BOOT,
      firstSeq: seq,
      streamFirstSeq: 1,
      previous: undefined,
      wallMs: 0,
      monoMs: 0,
    };
    encodeHeader(header).copy(segment);
    for (let block = 1; (block + FRAME_BLOCKS) * BLOCK_BYTES <= SEGMENT_BYTES; block += FRAME_BLOCKS) {
      encodeFrame(segment.subarray(block * BLOCK_BYTES), records, seq, block, header);
      seq += RECORDS;
    }
    await writeFile(join(directory, segmentName(number)), segment, { mode: 0o600 });
  }
  return seq - 1;
}

const openAt = (directory: string) =>
  openJournal({
    directory,
    maxSizeBytes: 2_000_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 1_000,
    consumers: ['cloud'],
    bootId: BOOT,
    clock: systemClock,
  });

/** Milliseconds that `work` took, and what it gave. */
async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const startMs = systemClock.monotonic();
  const result = await work();
  return { ms: round(systemClock.monotonic() - startMs), result };
}

/** In a process of its own: opens what is there, looks at one batch, drains the rest. */
async function openAndDrain(directory: string) {
  const rss = () => process.memoryUsage.rss() / 1e6;
  const startRss = rss();
  const { ms: openMs, result: journal } = await timed(() => openAt(directory));
  if (journal.status().last === null) await journal.append({ type: 1, version: 1, payload: PAYLOAD }, true);
  const reader = journal.reader('cloud');
  const { ms: firstBatchMs } = await timed(() => reader.next({ maxRecords: FIRST_RECORDS, maxBytes: 100_000 }));
  const openedRss = rss();
  reader.rewind();
  let peakRss = openedRss;
  let records = 0;
  const { ms: drainMs } = await timed(async () => {
    for (let batch = await reader.next({ maxRecords: 500, maxBytes: 100_000 }); batch; ) {
      records += batch.records.length;
      reader.acknowledge(batch.position);
      peakRss = Math.max(peakRss, rss());
      batch = await reader.next({ maxRecords: 500, maxBytes: 100_000 });
    }
  });
  await journal.close();
  return {
    openMs,
    firstBatchMs,
    readings: records,
    drainReadingsPerS: Math.round((records * 1_000) / drainMs),
    rssMb: { start: round(startRss), opened: round(openedRss), drainingAtMost: round(peakRss) },
  };
}

/** Every file from its beginning to its end, as fast as it comes. */
async function readAll(directory: string): Promise<number> {
  const piece = Buffer.allocUnsafe(256 * 1024);
  let bytes = 0;
  for (const name of await readdir(directory)) {
    const file = await open(join(directory, name));
    for (let read = 1; read > 0; bytes += read) read = (await file.read(piece, 0, piece.length)).bytesRead;
    await file.close();
  }
  return bytes;
}

export async function measurePending(root: string, bytes: number) {
  const full = join(root, 'pending');
  const pending = await fill(full, bytes);
  const child = (directory: string) => {
    const args = ['--import', 'tsx', fileURLToPath(import.meta.url), directory];
    const ran = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(ran.stderr);
    return JSON.parse(ran.stdout) as Awaited<ReturnType<typeof openAndDrain>>;
  };
  // Once, so that all of it is in the cache for both.
  await readAll(full);
  const sequential = await timed(() => readAll(full));
  const verify = await timed(() => verifyJournal(full));
  if (verify.result.records !== pending) throw new Error('the filling is wrong');
  const mbPerS = (ms: number) => Math.round(bytes / 1e3 / ms);
  return {
    megabytes: bytes / 1e6,
    pending,
    verifyMbPerS: mbPerS(verify.ms),
    sequentialReadMbPerS: mbPerS(sequential.ms),
    empty: child(join(root, 'none')),
    full: child(full),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  console.log(JSON.stringify(await openAndDrain(process.argv[2]!)));
