/**
 * `npx tsx bench/packing.ts [--seconds S]`: what waits offline takes on disk, before and after packing, for ten sensors at
 * 1 Hz with twenty values a second. Simulated time, real files. Prints one line of JSON. Machines differ and are noisy in
 * the times; the bytes are exact.
 */
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { blockCodec } from '../src/block-codec.ts';
import { systemClock } from '../src/clock.ts';
import { openJournal } from '../src/journal/journal.ts';
import { simulatedDay } from './simulated-day.ts';

/** A commit each second holds one reading of each sensor. */
const READINGS_A_COMMIT = 10;
const BUDGET_BYTES = 512_000_000;
const VALUES_A_SECOND = 20;
const DAY_SECONDS = 86_400;
/** The simulated time is written so often, one behind the other, so that packing has segments to work on. */
const ROUNDS = 12;

export async function measurePacking(seconds = 600) {
  const { records, values } = await simulatedDay(seconds);
  const directory = await mkdtemp(join(tmpdir(), 'sedge-packing-'));
  const journal = await openJournal({
    directory,
    maxSizeBytes: 100_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 1_000,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: systemClock,
    codec: blockCodec,
    tuning: { packAfterMs: 0 },
  });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (let from = 0; from < records.length; from += READINGS_A_COMMIT) {
        const taken = records.slice(from, from + READINGS_A_COMMIT).map((record) => journal.append(record));
        await journal.flush();
        await Promise.all(taken);
      }
    }
    const { commits } = journal.status();
    await quiet(() => journal.status().bytesWritten);
    const sizes = await packedSizes(directory);
    const valuesPacked = (sizes.records * values) / records.length;
    const bytesPerValue = sizes.bytes / valuesPacked;
    return {
      values: values * ROUNDS,
      valuesPacked: Math.round(valuesPacked),
      bytesPerValueUnpacked: round((commits * 4096) / (values * ROUNDS)),
      bytesPerValuePacked: round(bytesPerValue),
      daysIn512MB: Math.floor(BUDGET_BYTES / (bytesPerValue * VALUES_A_SECOND * DAY_SECONDS)),
      ...sliceTimes(records),
    };
  } finally {
    await journal.close();
    await rm(directory, { recursive: true });
  }
}

const round = (value: number): number => Math.round(value * 1_000) / 1_000;

/** Of packed segments, whole files: the kind and the number of records are in their headers (src/journal/format.ts). */
async function packedSizes(directory: string): Promise<{ bytes: number; records: number }> {
  let bytes = 0;
  let records = 0;
  for (const name of (await readdir(directory)).filter((one) => one.endsWith('.segment'))) {
    const head = Buffer.alloc(256);
    const file = await open(join(directory, name));
    await file.read(head, 0, head.length, 0);
    await file.close();
    if (head[10] !== 1) continue;
    bytes += (await stat(join(directory, name))).size;
    records += head.readUInt32LE(132);
  }
  return { bytes, records };
}

/** How long one slice of packing keeps others waiting: one block, packed and checked. */
function sliceTimes(records: Awaited<ReturnType<typeof simulatedDay>>['records']) {
  const times: number[] = [];
  for (let from = 0; from + 1_000 <= records.length; from += 1_000) {
    const startedMs = performance.now();
    blockCodec.unpack(blockCodec.pack(records.slice(from, from + 1_000)));
    times.push(performance.now() - startedMs);
  }
  const ascending = times.sort((a, b) => a - b);
  return {
    sliceMsMedian: round(ascending[ascending.length >> 1] ?? 0),
    microsecondsPerReading: round(ascending[ascending.length >> 1] ?? 0),
  };
}

async function quiet(bytesWritten: () => number): Promise<void> {
  for (let before = -1; before !== bytesWritten(); ) {
    before = bytesWritten();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

const isMain = process.argv[1] !== undefined && import.meta.filename === process.argv[1];
if (isMain) {
  const { values } = parseArgs({ options: { seconds: { type: 'string' } } });
  console.log(JSON.stringify(await measurePacking(Number(values.seconds ?? 600))));
}
