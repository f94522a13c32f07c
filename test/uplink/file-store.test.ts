/** Files for a stick that a person takes away: real files, and the states that power cuts and people leave them in. */
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type VirtualClock, virtualClock } from '../../src/clock.ts';
import { createFileStore, type FileStoreOptions } from '../../src/uplink/file-store.ts';

const HOUR_MS = 3_600_000;
const FIRST = 'hut-000001-20261122T120000Z.jsonl';
const SECOND = 'hut-000002-20261122T120000Z.jsonl';

let directory: string;
let clock: VirtualClock;
let lastNumber: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sedge-files-'));
  clock = virtualClock();
  lastNumber = 0;
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const store = (more: Partial<FileStoreOptions> = {}) =>
  createFileStore({
    directory,
    prefix: 'hut',
    ending: 'jsonl',
    header: '',
    maxBytes: 1_000,
    maxAgeMs: HOUR_MS,
    clock,
    numbers: {
      get: () => lastNumber,
      set(number) {
        lastNumber = number;
      },
    },
    ...more,
  });
const names = async () => (await readdir(directory)).sort();
const text = (name: string) => readFile(join(directory, name), 'utf8');

describe('files of lines', () => {
  it('are named so that they sort, and hold what was appended', async () => {
    const files = store();
    await files.append('{"a":1}\n');
    await files.append('{"a":2}\n');
    expect(await names()).toEqual([FIRST]);
    expect(await text(FIRST)).toBe('{"a":1}\n{"a":2}\n');
  });

  it('begin anew when one is full; a text larger than a file has one of its own', async () => {
    const files = store({ maxBytes: 20 });
    await files.append('{"a":1}\n');
    await files.append('{"a":2}\n');
    await files.append('{"a":3}\n');
    await files.append(`${'x'.repeat(50)}\n`);
    await files.append('{"a":4}\n');
    const written = await Promise.all((await names()).map(text));
    expect(written).toEqual(['{"a":1}\n{"a":2}\n', '{"a":3}\n', `${'x'.repeat(50)}\n`, '{"a":4}\n']);
  });

  it('begin anew when one is old, also across a restart, and after the clock was set back', async () => {
    await store().append('1\n');
    await clock.advance(HOUR_MS - 1_000);
    await store().append('2\n');
    await clock.advance(1_000);
    await store().append('3\n');
    clock.step(-10 * HOUR_MS);
    await store().append('4\n');
    expect(await Promise.all((await names()).map(text))).toEqual(['1\n2\n', '3\n', '4\n']);
  });

  it('have a header each', async () => {
    const files = store({ header: 'a,b\r\n', maxBytes: 14 });
    for (const row of ['1,2\r\n', '3,4\r\n']) await files.append(row);
    expect(await Promise.all((await names()).map(text))).toEqual(['a,b\r\n1,2\r\n', 'a,b\r\n3,4\r\n']);
  });

  it('go on in the file of an earlier run', async () => {
    await store().append('1\n');
    await store().append('2\n');
    expect(await text(FIRST)).toBe('1\n2\n');
  });
});

describe('what a power cut or kill -9 leaves', () => {
  it.each([
    ['a line cut off', '1\n2\n{"a', '1\n2\n'],
    ['nothing but a line cut off', '{"a', ''],
    ['blocks that were never written', `1\n${'\0'.repeat(5_000)}`, '1\n'],
    ['a line with such a block in it', `1\n2${'\0'.repeat(100)}\n`, '1\n'],
    ['only such blocks and line ends', `${'\0'.repeat(10)}\n${'\0'.repeat(10)}\n`, ''],
    ['a line cut off behind more than one read', `1\n${'x'.repeat(200_000)}`, '1\n'],
    ['long whole lines', `${'y'.repeat(100_000)}\n${'x'.repeat(100_000)}\n`, undefined],
  ])('is mended: %s', async (_what, left, kept) => {
    await writeFile(join(directory, FIRST), left);
    await store({ maxBytes: 10_000_000 }).append('new\n');
    expect(await text(FIRST)).toBe(`${kept ?? left}new\n`);
  });

  it('is a header again when that was cut off', async () => {
    await writeFile(join(directory, FIRST), 'a,');
    await store({ header: 'a,b\r\n' }).append('1,2\r\n');
    expect(await text(FIRST)).toBe('a,b\r\n1,2\r\n');
  });

  it('is cut to what was acknowledged when a write failed half way', async () => {
    const files = store();
    await files.append('1\n');
    await appendFile(join(directory, FIRST), '2\n3');
    await files.append('2\n');
    expect(await text(FIRST)).toBe('1\n2\n');
  });
});

describe('a person', () => {
  it('takes a file away, or swaps the stick: the next one has the next number', async () => {
    const files = store();
    await files.append('1\n');
    await rename(join(directory, FIRST), join(directory, '..', 'sedge-taken'));
    await rm(join(directory, '..', 'sedge-taken'));
    await files.append('2\n');
    expect(await names()).toEqual([SECOND]);
  });

  it('shortens the file: what is left of it stays, whole lines only', async () => {
    const files = store();
    await files.append('1111\n2222\n');
    await truncate(join(directory, FIRST), 7);
    await files.append('3\n');
    expect(await text(FIRST)).toBe('1111\n3\n');
  });

  it('has files of the same name: none is ever written over', async () => {
    const mine = SECOND.replace('000002', '000007');
    await writeFile(join(directory, mine), 'old\n');
    await clock.advance(2 * HOUR_MS);
    await store().append('new\n');
    expect(await names()).toEqual([mine, 'hut-000008-20261122T140000Z.jsonl']);
    expect(await text(mine)).toBe('old\n');
  });

  it('has put a link where a file would be: it is not followed', async () => {
    const elsewhere = join(directory, 'elsewhere');
    await mkdir(elsewhere);
    await symlink(join(elsewhere, 'target'), join(directory, FIRST));
    await expect(store().append('1\n')).resolves.toBeUndefined();
    expect(await readdir(elsewhere)).toEqual([]);
  });
});

describe('a stick that is not there', () => {
  it('is told, and nothing is made in its place', async () => {
    const gone = join(directory, 'stick');
    await expect(store({ directory: gone }).append('1\n')).rejects.toMatchObject({
      code: 'uplink.storage',
      message: `The directory ${gone} is not there: put the stick in, or make the directory on it.`,
    });
    expect(await names()).toEqual([]);
  });

  it('is seen by the mount point', async () => {
    await expect(store({ mountPoint: directory }).append('1\n')).rejects.toMatchObject({
      message: `Nothing is mounted at ${directory}: put the stick in, or correct mount_point.`,
    });
    expect(await names()).toEqual([]);
    await store({ mountPoint: '/proc' }).append('1\n');
    expect(await names()).toEqual([FIRST]);
  });

  it('comes back: what was not written goes where it belongs', async () => {
    const stick = join(directory, 'stick');
    await mkdir(stick);
    const files = store({ directory: stick });
    await files.append('1\n');
    await rename(stick, `${stick}-away`);
    await expect(files.append('2\n')).rejects.toMatchObject({ code: 'uplink.storage' });
    await rename(`${stick}-away`, stick);
    await files.append('2\n');
    expect(await readFile(join(stick, FIRST), 'utf8')).toBe('1\n2\n');
  });
});
