/**
 * Journals that other versions of the program wrote. The fixtures are whole directories as format 1 left them: they must be
 * readable for ever. `npx tsx test/journal/fixtures/make.ts DIRECTORY` wrote them; they are never written again.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { blockCodec } from '../../src/block-codec.ts';
import { systemClock } from '../../src/clock.ts';
import { unpack } from '../../src/codec.ts';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { Journal } from '../../src/journal/types.ts';
import { verifyJournal } from '../../src/journal/verify.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sedge-fixture-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (log?: (event: string) => void): Promise<Journal> =>
  openJournal({
    directory,
    codec: blockCodec,
    maxSizeBytes: 4_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 5,
    consumers: ['cloud'],
    bootId: '22222222-2222-3333-4444-555555555555',
    clock: systemClock,
    ...(log && { log }),
  });
async function drained(journal: Journal) {
  const reader = journal.reader('cloud');
  const records = [];
  for (let batch = await reader.next({ maxRecords: 100, maxBytes: 1e6 }); batch; ) {
    for (const record of batch.records) records.push({ seq: record.seq, stream: batch.stream, ...unpack(record) });
    expect(batch.gaps).toEqual([]);
    reader.acknowledge(batch.position);
    batch = await reader.next({ maxRecords: 100, maxBytes: 1e6 });
  }
  return records;
}
const files = async (of: string) => {
  const names = (await readdir(of, { withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name);
  const contents = await Promise.all(names.sort().map(async (name) => [name, await readFile(join(of, name), 'hex')]));
  return Object.fromEntries(contents) as Record<string, string>;
};

describe.each(['format-1-closed', 'format-1-killed'])('the journal %s', (name) => {
  it('is read: every record that was not acknowledged, under its number and stream, with its values', async () => {
    await cp(join(FIXTURES, name), directory, { recursive: true });
    const expected = JSON.parse(await readFile(join(FIXTURES, `${name}.json`), 'utf8')) as unknown[];
    const journal = await open();
    expect(await drained(journal)).toEqual(expected);
    const at = { wallMs: 1, monoMs: 1, synced: true };
    expect(journal.note('anchors')).toBe('11111111-2222-3333-4444-555555555555');
    expect(await journal.append({ type: 1, version: 1, payload: Buffer.from(JSON.stringify(at)) }, true)).toBe(
      (expected.at(-1) as { seq: number }).seq + 1,
    );
    await journal.close();
  });
});

describe('the journal format-1-packed', () => {
  it('is read: every record under its number and stream, with its values, out of a packed segment', async () => {
    await cp(join(FIXTURES, 'format-1-packed'), directory, { recursive: true });
    const { damages, records } = await verifyJournal(directory, { codec: blockCodec });
    expect([damages, records]).toEqual([[], 30]);
    const segments = (await readdir(directory)).filter((name) => name.endsWith('.segment'));
    const kinds = await Promise.all(segments.map(async (name) => (await readFile(join(directory, name)))[10]));
    expect(kinds).toContain(1);
    const journal = await open();
    const expected = JSON.parse(await readFile(join(FIXTURES, 'format-1-packed.json'), 'utf8')) as unknown[];
    expect(await drained(journal)).toEqual(expected);
    await journal.close();
  });
});

describe('a journal that a newer version wrote', () => {
  /** The same file, of a version that does not exist yet, with the checksum it would have. */
  const raise = async (
    name: string,
    versionAt: number,
    checksumAt: number,
    from: number,
    to: (bytes: Buffer) => number,
  ) => {
    const bytes = await readFile(join(directory, name));
    for (const copy of name.endsWith('.segment') ? [0, 2048] : [0]) {
      bytes.writeUInt16LE(99, copy + versionAt);
      bytes.writeUInt32LE(crc32(bytes.subarray(copy + from, copy + to(bytes))), copy + checksumAt);
    }
    await writeFile(join(directory, name), bytes);
  };

  it('is kept as it is; a journal of its own begins beneath it, is found again, and the whole stays within max_size', async () => {
    await cp(join(FIXTURES, 'format-1-closed'), directory, { recursive: true });
    for (const name of await readdir(directory)) {
      if (name.endsWith('.segment')) await raise(name, 8, 104, 0, () => 104);
      if (name.startsWith('cursor-')) await raise(name, 12, 8, 12, (bytes) => 28 + bytes.readUInt32LE(16));
    }
    const before = await files(directory);
    const said: string[] = [];
    for (const seq of [1, 2]) {
      const journal = await open((event) => said.push(event));
      expect(await journal.append({ type: 1, version: 1, payload: Buffer.from('x') }, true)).toBe(seq);
      expect(journal.status().sizeBytes).toBeGreaterThan(Object.values(before).join('').length / 2);
      await journal.close();
      expect(await files(directory)).toEqual(before);
    }
    expect(said.filter((event) => event === 'journal-newer-kept')).toHaveLength(2);
    expect(await readdir(join(directory, 'format-1'))).toContain('cursor-0');
    expect(await inspectJournal(directory)).toMatchObject({ first: 1, last: 2, pending: { cloud: 2 } });
  });
});
