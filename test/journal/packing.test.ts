/** Packing, thinning and expiry on the real file system: what a user of the journal sees. */
import { mkdtemp, open as openFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simulatedDay } from '../../bench/simulated-day.ts';
import { blockCodec } from '../../src/block-codec.ts';
import { virtualClock } from '../../src/clock.ts';
import { pack, unpack } from '../../src/codec.ts';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { type OpenOptions, openJournal } from '../../src/journal/journal.ts';
import type { Gap, Journal, JournalReader, JournalRecord } from '../../src/journal/types.ts';
import { verifyJournal } from '../../src/journal/verify.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const TUNING = { segmentBytes: 64 * 1024, packAfterMs: 0, blockRecords: 200 };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sedge-packing-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (more: Partial<OpenOptions> = {}): Promise<Journal> =>
  openJournal({
    directory,
    maxSizeBytes: 4_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 1,
    consumers: ['cloud'],
    bootId: BOOT,
    clock: virtualClock(),
    codec: blockCodec,
    tuning: TUNING,
    ...more,
  });
const record = (index: number): JournalRecord =>
  pack({
    kind: 'reading',
    sensor: `s${index % 5}`,
    at: { wallMs: 1_700_000_000_000 + 200 * index, monoMs: 1_000 + 200 * index, synced: true },
    valuesJson: `{"temperature":${(2_000 + ((index * 7) % 300)) / 100},"n":${index}}`,
  });
/** Commits of ten readings, as a station of ten sensors makes. */
async function write(journal: Journal, from: number, to: number): Promise<void> {
  for (let index = from; index < to; index += 10) {
    const taken = Array.from({ length: Math.min(10, to - index) }, (_, at) => journal.append(record(index + at)));
    await journal.flush();
    await Promise.all(taken);
  }
}
async function drain(reader: JournalReader): Promise<{ records: Map<number, string>; gaps: Gap[] }> {
  const records = new Map<number, string>();
  const gaps: Gap[] = [];
  const limits = { maxRecords: 100, maxBytes: 100_000 };
  for (let batch = await reader.next(limits); batch; batch = await reader.next(limits)) {
    for (const { seq, payload } of batch.records) records.set(seq, Buffer.from(payload).toString('hex'));
    gaps.push(...batch.gaps.filter((gap) => !gaps.some((one) => one.from === gap.from)));
    reader.acknowledge(batch.position);
  }
  return { records, gaps };
}
const hex = (index: number) => Buffer.from(record(index).payload).toString('hex');
const totalBytes = async () => {
  const sizes = await Promise.all(
    (await readdir(directory)).map(async (name) => (await stat(join(directory, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};
/** To be damaged. */
async function firstSegment() {
  const [name] = (await readdir(directory)).filter((one) => one.endsWith('.segment')).sort();
  return { name, file: await openFile(join(directory, name!), 'r+') };
}
/** Lets what goes on beside the commits come to its end. */
async function quiet(journal: Journal): Promise<void> {
  let before = -1;
  for (let looks = 0; looks < QUIET_LOOKS; looks++) {
    if (before !== journal.status().bytesWritten) looks = 0;
    before = journal.status().bytesWritten;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
/** Of 50 ms: between two writes much is read, on a busy machine for long. */
const QUIET_LOOKS = 5;
const SMALL = { maxRecords: 10, maxBytes: 100_000 };
const sumLost = (gaps: readonly Gap[]) => gaps.reduce((sum, { lost }) => sum + lost, 0);

describe('what waits', () => {
  it('is packed, and comes back to the byte, also after another opening', async () => {
    let journal = await open();
    await write(journal, 0, 4_000);
    await quiet(journal);
    expect(journal.status().pending).toEqual({ cloud: 4_000 });
    const packedBytes = await totalBytes();
    expect(packedBytes).toBeLessThan(600_000);
    expect(journal.status().sizeBytes).toBe(packedBytes);
    await journal.close();
    expect((await inspectJournal(directory, { codec: blockCodec })).pending).toEqual({ cloud: 4_000 });
    journal = await open();
    const { records, gaps } = await drain(journal.reader('cloud'));
    expect(gaps).toEqual([]);
    expect([...records.keys()]).toEqual(Array.from({ length: 4_000 }, (_, index) => index + 1));
    for (const [seq, payload] of records) expect(payload).toBe(hex(seq - 1));
    await journal.close();
  });

  it('is not packed while somebody reads', async () => {
    const journal = await open({ tuning: { ...TUNING, packAfterMs: 60_000 } });
    await write(journal, 0, 10);
    await journal.reader('cloud').next({ maxRecords: 1, maxBytes: 1_000 });
    await write(journal, 10, 3_000);
    await quiet(journal);
    expect(await totalBytes()).toBeGreaterThan(1_000_000);
    await journal.close();
  });

  it('is left as it is as soon as somebody reads', async () => {
    let journal = await open({ tuning: { ...TUNING, packSegments: 10_000 } });
    await write(journal, 0, 4_000);
    await journal.close();
    const rawBytes = await totalBytes();
    expect(rawBytes).toBeGreaterThan(1_000_000);
    journal = await open({ tuning: { ...TUNING, packAfterMs: 60_000 } });
    await journal.reader('cloud').next(SMALL);
    await quiet(journal);
    expect(await totalBytes()).toBeGreaterThan(rawBytes / 2);
    expect((await readdir(directory)).filter((name) => /packing/.test(name))).toEqual([]);
    const { records } = await drain(journal.reader('cloud'));
    expect(records.size).toBe(3_990);
    await journal.close();
  });

  it('loses one block where a packed segment is damaged, and says exactly which records', async () => {
    let journal = await open();
    await write(journal, 0, 4_000);
    await quiet(journal);
    await journal.close();
    const { name, file } = await firstSegment();
    await file.write(Buffer.from('damage'), 0, 6, 4096 + 100);
    await file.close();
    const { damages, records: intact } = await verifyJournal(directory, { codec: blockCodec });
    expect([damages.length, intact]).toEqual([1, 3_800]);
    expect(damages[0]).toMatchObject({ file: name, offset: 4_096, from: 1, to: 200 });
    journal = await open();
    const { records, gaps } = await drain(journal.reader('cloud'));
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatchObject({ reason: 'damaged', lost: 200 });
    expect(records.size).toBe(3_800);
    for (let seq = 1; seq <= 4_000; seq++) {
      expect(records.has(seq)).toBe(seq < gaps[0]!.from || seq > gaps[0]!.to);
    }
    await journal.close();
  });

  it('comes whole where only the index of a packed segment is damaged, and verify says so', async () => {
    let journal = await open();
    await write(journal, 0, 4_000);
    await quiet(journal);
    await journal.close();
    const { name, file } = await firstSegment();
    const head = Buffer.alloc(4096);
    await file.read(head, 0, 4096, 0);
    const indexAt = head.readUInt32LE(136);
    await file.write(Buffer.from('damage'), 0, 6, indexAt + 8);
    const { damages, records: intact } = await verifyJournal(directory, { codec: blockCodec });
    expect([damages.length, intact]).toEqual([1, 4_000]);
    expect(damages[0]).toMatchObject({ file: name, offset: indexAt, from: null, to: null });
    // Of the three copies of its header one is enough.
    const copyAt = (await file.stat()).size - 148;
    await file.write(Buffer.from('damage'), 0, 6, copyAt + 30);
    expect((await verifyJournal(directory, { codec: blockCodec })).damages.map(({ offset }) => offset)).toEqual([
      copyAt,
      indexAt,
    ]);
    await file.write(head.subarray(30, 36), 0, 6, copyAt + 30);
    // And with the length of its second block wrong as well, those behind it are still found.
    const first = Buffer.alloc(12);
    await file.read(first, 0, 12, 4096);
    await file.write(Buffer.from('damage'), 0, 6, 4096 + 40 + first.readUInt32LE(8) + 8);
    await file.close();
    const twice = await verifyJournal(directory, { codec: blockCodec });
    expect(twice.damages).toEqual([
      expect.objectContaining({ file: name, from: 201, to: 400 }),
      expect.objectContaining({ file: name, offset: indexAt, from: null }),
    ]);
    journal = await open();
    const { records, gaps } = await drain(journal.reader('cloud'));
    expect(gaps).toEqual([expect.objectContaining({ from: 201, to: 400, lost: 200, reason: 'damaged' })]);
    expect(records.size).toBe(3_800);
    await journal.close();
  });

  it('is at most 1.6 bytes a value for ten sensors, files and all: 180 days in 512 MB', async () => {
    const { records, values } = await simulatedDay(300);
    const journal = await open({ maxSizeBytes: 40_000_000, tuning: { packAfterMs: 0 } });
    const rounds = 12;
    for (let round = 0; round < rounds; round++) {
      for (let index = 0; index < records.length; index += 10) {
        const taken = records.slice(index, index + 10).map((one) => journal.append(one));
        await journal.flush();
        await Promise.all(taken);
      }
    }
    await quiet(journal);
    const names = await readdir(directory);
    let packedBytes = 0;
    let packedRecords = 0;
    for (const name of names.filter((one) => one.endsWith('.segment'))) {
      const file = await openFile(join(directory, name), 'r');
      const head = Buffer.alloc(4096);
      await file.read(head, 0, 4096, 0);
      const { size } = await file.stat();
      await file.close();
      if (head[10] !== 1) continue;
      packedBytes += size;
      packedRecords += head.readUInt32LE(132);
    }
    expect(packedRecords).toBeGreaterThan(0.4 * rounds * records.length);
    expect(packedBytes / ((packedRecords * values) / records.length)).toBeLessThan(1.6);
    await journal.close();
  }, 60_000);
});

describe('a full journal that thins', () => {
  it('keeps the extremes and every tenth of the oldest, and names exactly the rest', async () => {
    const journal = await open({ whenFull: 'thin', maxSizeBytes: 1_200_000 });
    const total = 25_000;
    await write(journal, 0, total);
    // Thinning goes on behind the writing; what is counted now is to be what is read then.
    await quiet(journal);
    expect(await totalBytes()).toBeLessThanOrEqual(1_200_000);
    const { pending, dropped } = journal.status();
    const { records, gaps } = await drain(journal.reader('cloud'));
    expect(pending).toEqual({ cloud: records.size });
    expect(new Set(gaps.map(({ reason }) => reason))).toContain('thinned');
    expect(records.size + sumLost(gaps)).toBe(total);
    expect(dropped).toBe(sumLost(gaps));
    for (const [seq, payload] of records) expect(payload).toBe(hex(seq - 1));
    const thinned = gaps.findLast(({ reason, to }) => reason === 'thinned' && records.has(to + 1))!;
    const values = [...records].flatMap(([seq, payload]) => {
      if (seq < thinned.from || seq > thinned.to) return [];
      const { valuesJson } = unpack({ type: 1, version: 1, payload: Buffer.from(payload, 'hex') })!;
      return [(JSON.parse(valuesJson) as { temperature: number }).temperature];
    });
    expect([Math.min(...values), Math.max(...values)]).toEqual([20, 22.99]);
    await journal.close();
  }, 60_000);

  it('tells a consumer that comes later the same, and accounts in each batch for its numbers, also for what was told before', async () => {
    const journal = await open({ whenFull: 'thin', maxSizeBytes: 1_200_000 });
    await write(journal, 0, 20_000);
    await quiet(journal);
    const { records, gaps } = await drain(journal.reader('late'));
    const first = Math.min(...records.keys());
    expect(records.size + sumLost(gaps)).toBe(20_000 - first + 1);

    const reader = journal.reader('later');
    const bounds = new Map<string, string>();
    let thinnedBatches = 0;
    for (let batch = await reader.next(SMALL); batch; batch = await reader.next(SMALL)) {
      reader.acknowledge(batch.position);
      const [first, last] = [batch.records[0]?.seq, batch.records.at(-1)?.seq];
      if (first === undefined || last === undefined) continue;
      for (const { stream, from, to, lost } of batch.gaps) {
        const told = bounds.get(`${stream} ${from}`);
        expect(told ?? `${to} ${lost}`).toBe(`${to} ${lost}`);
        bounds.set(`${stream} ${from}`, `${to} ${lost}`);
      }
      const missing = last - first + 1 - batch.records.length;
      if (missing === 0) continue;
      thinnedBatches += 1;
      const isNamed = batch.gaps.some(({ reason, from, to }) => reason === 'thinned' && from <= last && first <= to);
      expect(isNamed).toBe(true);
    }
    expect(thinnedBatches).toBeGreaterThan(5);
    await journal.close();
  }, 60_000);
});

describe('old records', () => {
  it('expire after max_age, a segment at a time, and are named', async () => {
    const clock = virtualClock();
    const nowMs = { value: 0 };
    const journal = await open({
      clock,
      codec: undefined,
      maxAgeMs: 3_600_000,
      ageMs: ({ payload }) => nowMs.value - unpack({ type: 1, version: 1, payload })!.at.wallMs,
    });
    await write(journal, 0, 1_000);
    nowMs.value = 1_700_000_000_000 + 3_600_000 + 200 * 500;
    await clock.advance(60_000);
    await quiet(journal);
    const { records, gaps } = await drain(journal.reader('cloud'));
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatchObject({ from: 1, reason: 'expired' });
    expect(gaps[0]!.to).toBeLessThanOrEqual(500);
    expect(gaps[0]!.to).toBeGreaterThan(500 - 320);
    expect(records.size + gaps[0]!.lost).toBe(1_000);
    await journal.close();
  });
});
