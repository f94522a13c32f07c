/** The journal on the real file system: what a user of it sees. */
import { cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { type OpenOptions, openJournal } from '../../src/journal/journal.ts';
import type { Journal, JournalReader, JournalRecord, RawBatch } from '../../src/journal/types.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const LIMITS = { maxRecords: 100, maxBytes: 100_000 };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sedge-journal-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (more: Partial<OpenOptions> = {}): Promise<Journal> =>
  openJournal({
    directory,
    maxSizeBytes: 4_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 5,
    consumers: ['cloud'],
    bootId: BOOT,
    clock: systemClock,
    ...more,
  });
const record = (text: string): JournalRecord => ({ type: 1, version: 1, payload: Buffer.from(text) });
const texts = (batch: RawBatch | undefined) => batch?.records.map(({ payload }) => Buffer.from(payload).toString());
async function drain(
  reader: JournalReader,
): Promise<{ records: Map<number, string>; gaps: RawBatch['gaps'][number][] }> {
  const records = new Map<number, string>();
  const gaps: RawBatch['gaps'][number][] = [];
  for (let batch = await reader.next(LIMITS); batch; batch = await reader.next(LIMITS)) {
    for (const { seq, payload } of batch.records) records.set(seq, Buffer.from(payload).toString());
    gaps.push(...batch.gaps.filter((gap) => !gaps.some((one) => one.from === gap.from)));
    reader.acknowledge(batch.position);
  }
  return { records, gaps };
}
const totalBytes = async () => {
  const sizes = await Promise.all(
    (await readdir(directory)).map(async (name) => (await stat(join(directory, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
};

describe('a journal', () => {
  it('hands accepted records to its reader in order, under consecutive numbers', async () => {
    const journal = await open();
    const numbers = await Promise.all(['a', 'b', 'c'].map((text) => journal.append(record(text))));
    expect(numbers).toEqual([1, 2, 3]);
    const reader = journal.reader('cloud');
    const batch = await reader.next(LIMITS);
    expect(texts(batch)).toEqual(['a', 'b', 'c']);
    expect(batch).toMatchObject({
      stream: journal.stream,
      bootId: BOOT,
      volatile: false,
      gaps: [],
      previous: undefined,
    });
    expect(await reader.next(LIMITS)).toBeUndefined();
    expect([reader.pending, reader.unread]).toEqual([3, 0]);
    reader.rewind();
    expect(reader.unread).toBe(3);
    expect(texts(await reader.next({ maxRecords: 2, maxBytes: 1000 }))).toEqual(['a', 'b']);
    reader.acknowledge(batch!.position);
    expect(reader.pending).toBe(0);
    await journal.close();
  });

  it('goes on counting in a new stream after each opening, and names the previous one until a batch is acknowledged', async () => {
    const first = await open();
    await first.append(record('a'));
    await first.append(record('b'));
    await first.close();
    const second = await open();
    expect(second.stream).not.toBe(first.stream);
    expect(await second.append(record('c'))).toBe(3);
    const reader = second.reader('cloud');
    const old = await reader.next(LIMITS);
    expect([old?.stream, old?.previous, texts(old)]).toEqual([first.stream, undefined, ['a', 'b']]);
    const fresh = await reader.next({ maxRecords: 1, maxBytes: 1 });
    expect([fresh?.stream, fresh?.previous]).toEqual([second.stream, { stream: first.stream, last: 2 }]);
    await second.append(record('d'));
    expect((await reader.next(LIMITS))?.previous).toEqual({ stream: first.stream, last: 2 });
    reader.acknowledge(fresh!.position);
    reader.rewind();
    expect((await reader.next(LIMITS))?.previous).toBeUndefined();
    await second.close();
  });

  it('remembers what was acknowledged, per consumer, and forgets consumers that are no longer named', async () => {
    const first = await open({ consumers: ['one', 'two'] });
    await first.append(record('a'));
    await first.append(record('b'));
    await drain(first.reader('one'));
    await first.close();
    const second = await open({ consumers: ['two', 'three'] });
    expect(second.reader('two').pending).toBe(2);
    expect(second.reader('three').pending).toBe(2);
    expect(Object.keys(second.status().pending)).toEqual(['two', 'three']);
    await second.close();
  });

  it('takes a consumer in while it is open, at the oldest record stored, and lets one go with what only it waited for', async () => {
    const journal = await open({ consumers: ['old'] });
    await journal.append(record('a'));
    await journal.append(record('b'));
    const renamed = journal.reader('new');
    expect(renamed.pending).toBe(2);
    journal.forget('old');
    expect(Object.keys(journal.status().pending)).toEqual(['new']);
    const { records } = await drain(renamed);
    expect(records).toHaveLength(2);
    await journal.close();
    expect((await inspectJournal(directory)).pending).toEqual({ new: 0 });
  });

  it('names records that a consumer refuses for good in gaps of their own, for this consumer only, also after a kill', async () => {
    let journal = await open({ consumers: ['cloud', 'other'] });
    const stream = journal.stream;
    for (const text of ['a', 'b', 'c', 'd', 'e']) await journal.append(record(text));
    let reader = journal.reader('cloud');
    const first = await reader.next({ maxRecords: 1, maxBytes: 1000 });
    reader.acknowledge(first!.position);
    await reader.next(LIMITS);
    // 1 is delivered and stays so.
    expect(reader.refuse(stream, [1, 3])).toBe(true);
    expect([reader.pending, reader.dropped, journal.reader('other').pending]).toEqual([3, 1, 5]);
    reader.rewind();
    const gap = { stream, from: 3, to: 3, lost: 1, reason: 'refused' };
    const before = await reader.next(LIMITS);
    expect([texts(before), before?.gaps]).toEqual([['b'], [gap]]);
    // The gap is durable now: another opening of the same files tells it again, with the same bounds.
    await cp(directory, `${directory}-copy`, { recursive: true });
    await rm(join(`${directory}-copy`, 'lock'), { force: true, recursive: true });
    await journal.close();
    journal = await open({ directory: `${directory}-copy`, consumers: ['cloud', 'other'] });
    reader = journal.reader('cloud');
    const { records, gaps } = await drain(reader);
    expect([...records.values()]).toEqual(['b', 'd', 'e']);
    expect(gaps).toEqual([gap]);
    expect([reader.pending, journal.status().gaps.cloud]).toEqual([0, []]);
    expect((await drain(journal.reader('other'))).records.size).toBe(5);
    await journal.close();
    await rm(`${directory}-copy`, { recursive: true });
  });

  it('refuses no record while too many gaps wait to be told', async () => {
    const journal = await open();
    for (let seq = 1; seq <= 700; seq++) void journal.append(record(String(seq)));
    await journal.flush();
    const reader = journal.reader('cloud');
    await reader.next({ maxRecords: 1000, maxBytes: 1e6 });
    const every = (from: number) => Array.from({ length: 150 }, (_, index) => from + 2 * index);
    expect([reader.refuse(journal.stream, every(2)), reader.refuse(journal.stream, every(302))]).toEqual([true, true]);
    expect(reader.refuse(journal.stream, [700])).toBe(false);
    reader.rewind();
    const { records, gaps } = await drain(reader);
    expect([records.size, gaps.length]).toEqual([400, 300]);
    expect(reader.refuse(journal.stream, [700])).toBe(true);
    expect(reader.dropped).toBe(300);
    await journal.close();
  });

  it('drops the oldest when full, names exactly what it dropped, and never grows past its size', async () => {
    let journal = await open({ commitEveryMs: 0 });
    const payload = Buffer.alloc(9_000, 'x');
    for (let i = 0; i < 900; i++) {
      void journal.append({ type: 1, version: 1, payload });
      if (i % 20 === 19) {
        await journal.flush();
        expect(await totalBytes()).toBeLessThanOrEqual(4_000_000);
      }
    }
    await journal.close();
    expect(await inspectJournal(directory)).toMatchObject({ last: 900, sizeBytes: await totalBytes() });
    journal = await open();
    const { records, gaps } = await drain(journal.reader('cloud'));
    const lost = gaps.reduce((sum, gap) => sum + gap.lost, 0);
    expect(lost).toBeGreaterThan(0);
    expect(gaps).toEqual([{ stream: gaps[0]!.stream, from: 1, to: lost, lost, reason: 'journal_full' }]);
    expect([...records.keys()]).toEqual(Array.from({ length: 900 - lost }, (_, index) => lost + 1 + index));
    expect(journal.reader('cloud').dropped).toBe(lost);
    await journal.close();
  });

  it('refuses new records when full, if told so', async () => {
    const journal = await open({ whenFull: 'reject_new', commitEveryMs: 0 });
    const payload = Buffer.alloc(9_000, 'x');
    const results = await Promise.allSettled(
      Array.from({ length: 500 }, () => journal.append({ type: 1, version: 1, payload })),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ reason }) => reason.code === 'journal.full')).toBe(true);
    expect((await drain(journal.reader('cloud'))).records.size).toBe(500 - refused.length);
    await journal.close();
  });

  it('is bounded in files over a hundred openings, and loses nothing by them', async () => {
    for (let i = 0; i < 100; i++) {
      const journal = await open();
      if (i % 10 === 0) await journal.append(record(String(i)));
      await journal.close();
    }
    expect((await readdir(directory)).length).toBeLessThanOrEqual(13);
    const journal = await open();
    expect([...(await drain(journal.reader('cloud'))).records.values()]).toHaveLength(10);
    await journal.close();
  });

  it('is inspected while it runs', async () => {
    expect(await inspectJournal(join(directory, 'none'))).toMatchObject({
      stream: null,
      last: null,
      first: null,
      sizeBytes: 0,
    });
    const journal = await open();
    await journal.append(record('a'));
    await journal.append(record('b'));
    const status = await inspectJournal(directory);
    expect(status).toMatchObject({ stream: journal.stream, pending: { cloud: 2 }, first: 1, last: 2 });
    expect(Buffer.from(status.oldest!.payload).toString()).toBe('a');
    await drain(journal.reader('cloud'));
    await journal.close();
    expect(await inspectJournal(directory)).toMatchObject({
      pending: { cloud: 0 },
      first: null,
      last: 2,
      oldest: null,
    });
  });

  it('keeps notes with the cursors', async () => {
    const first = await open();
    first.setNote('anchor', 'x "y"');
    await first.close();
    const second = await open();
    expect(second.note('anchor')).toBe('x "y"');
    expect(() => second.setNote('k', 'x'.repeat(5000))).toThrow('does not fit');
    await second.close();
  });

  it('is held by one opener at a time', async () => {
    const journal = await open();
    await expect(open()).rejects.toMatchObject({ code: 'journal.locked' });
    await journal.close();
    await (await open()).close();
  });

  it('rejects what comes after close, and a record that can never fit', async () => {
    const journal = await open();
    await expect(journal.append({ type: 1, version: 1, payload: Buffer.alloc(300_000) })).rejects.toMatchObject({
      code: 'journal.record-size',
    });
    await journal.close();
    await journal.close();
    await expect(journal.append(record('a'))).rejects.toMatchObject({ code: 'journal.closed' });
  });
});
