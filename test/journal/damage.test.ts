/** Files that are not what they were: the journal opens, delivers what is intact, and says exactly what is missing. */
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { errno } from '../../src/journal/fs.ts';
import { type OpenOptions, openJournal } from '../../src/journal/journal.ts';
import { memoryFs } from '../../src/journal/memory.ts';
import type { Gap, Journal } from '../../src/journal/types.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sedge-damage-'));
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
const segments = async () => (await readdir(directory)).filter((name) => name.endsWith('.segment')).sort();

/** Segments that are quick to fill with zeros. */
const SMALL = { segmentBytes: 8 * 4096 };

/** `frames` commits of two records each, then a clean close. */
async function fill(frames: number, more: Partial<OpenOptions> = {}, bytes = 20): Promise<void> {
  const journal = await open(more);
  for (let frame = 0; frame < frames; frame++) {
    for (const half of [0, 1]) {
      void journal.append({ type: 1, version: 1, payload: Buffer.from(String(2 * frame + half + 1).padEnd(bytes)) });
    }
    await journal.flush();
  }
  await journal.close();
}

/** Opens, reads everything, and returns what came and what was named as lost. */
async function delivered(more: Partial<OpenOptions> = {}): Promise<{ seqs: number[]; lost: number[]; gaps: Gap[] }> {
  const journal = await open(more);
  const reader = journal.reader('cloud');
  const seqs: number[] = [];
  const gaps: Gap[] = [];
  for (;;) {
    const batch = await reader.next({ maxRecords: 1000, maxBytes: 1e6 });
    if (!batch) break;
    for (const { seq, payload } of batch.records) {
      expect(Buffer.from(payload).toString().trim()).toBe(String(seq));
      seqs.push(seq);
    }
    for (const gap of batch.gaps) if (!gaps.some(({ from }) => from === gap.from)) gaps.push(gap);
    reader.acknowledge(batch.position);
  }
  expect(reader.pending).toBe(0);
  await journal.close();
  const lost = gaps.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
  return { seqs, lost, gaps };
}
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const sorted = (list: number[]) => [...list].sort((a, b) => a - b);

/** The commits of a journal small enough to be damaged at each of its bytes. */
const FRAMES = 2;
const small = async () => {
  // On a file system in memory, which makes thousands of openings cheap.
  const whole = memoryFs();
  await fill(FRAMES, { fs: whole, tuning: SMALL });
  const name = whole.names().find((one) => one.endsWith('.segment'))!;
  return { whole, name, length: whole.bytes(name)!.length };
};

/** Every place that is not padding, and some of the padding between, which says nothing and is not checked. */
const telling = (bytes: Buffer) =>
  Array.from(bytes.keys()).filter((at) => at % 61 === 0 || bytes.subarray(Math.max(0, at - 8), at + 8).some(Boolean));

describe('one damaged byte', () => {
  it('costs at most the records of one frame, named exactly, whichever it is', async () => {
    const { whole, name, length } = await small();
    expect(length).toBe((1 + FRAMES) * 4096);
    for (const at of telling(whole.bytes(name)!)) {
      const fs = memoryFs(whole);
      fs.bytes(name)![at]! ^= 0x5a;
      const { seqs, lost, gaps } = await delivered({ fs, tuning: SMALL });
      expect(sorted([...seqs, ...lost])).toEqual(numbers(1, 2 * FRAMES));
      expect(lost.length).toBeLessThanOrEqual(2);
      expect(gaps.every(({ reason }) => reason === 'damaged')).toBe(true);
    }
  });

  it('in a cursor costs nothing, whichever it is', async () => {
    const { whole } = await small();
    for (const name of ['cursor-0', 'cursor-1']) {
      const used = whole.bytes(name)!.findLastIndex((byte) => byte !== 0) + 1;
      for (let at = 0; at < used; at++) {
        const fs = memoryFs(whole);
        fs.bytes(name)![at]! ^= 0x5a;
        expect(await delivered({ fs, tuning: SMALL })).toEqual({ seqs: numbers(1, 2 * FRAMES), lost: [], gaps: [] });
      }
    }
  });
});

describe('a truncated segment', () => {
  it('opens at every length, and what is gone is named', async () => {
    const { whole, name } = await small();
    for (const size of telling(whole.bytes(name)!)) {
      const fs = memoryFs(whole);
      fs.set(name, fs.bytes(name)!.subarray(0, size));
      const { seqs, lost } = await delivered({ fs, tuning: SMALL });
      expect(sorted([...seqs, ...lost])).toEqual(numbers(1, 2 * FRAMES));
    }
  });
});

describe('damaged cursors', () => {
  it('cost nothing but duplicates when both are gone', async () => {
    await fill(3);
    for (const name of ['cursor-0', 'cursor-1']) await unlink(join(directory, name));
    expect((await delivered()).seqs).toEqual(numbers(1, 6));
  });

  it('fall back to the older one when the newer is garbage', async () => {
    await fill(3);
    await delivered();
    const journal = await open();
    await journal.append({ type: 1, version: 1, payload: Buffer.from('7') });
    await journal.close();
    for (const name of ['cursor-0', 'cursor-1']) {
      const before = await readFile(join(directory, name));
      await writeFile(join(directory, name), Buffer.alloc(before.length, 0xa5));
      const { seqs, lost } = await delivered();
      expect([seqs.filter((seq) => seq > 7), lost]).toEqual([[], []]);
    }
    const again = await open();
    expect(await again.append({ type: 1, version: 1, payload: Buffer.from('8') })).toBe(8);
    await again.close();
  });

  it('of an older day give duplicates, and lose nothing', async () => {
    const fs = memoryFs();
    await fill(3, { fs, tuning: SMALL });
    const old = memoryFs(fs);
    const journal = await open({ fs, tuning: SMALL });
    const reader = journal.reader('cloud');
    reader.acknowledge((await reader.next({ maxRecords: 4, maxBytes: 1e6 }))!.position);
    await journal.close();
    for (const name of ['cursor-0', 'cursor-1']) fs.set(name, Buffer.from(old.bytes(name)!));
    expect(await delivered({ fs, tuning: SMALL })).toEqual({ seqs: numbers(1, 6), lost: [], gaps: [] });
  });

  it('of a later day than the segments name what the segments no longer have', async () => {
    const fs = memoryFs();
    await fill(2, { fs, tuning: SMALL });
    const old = memoryFs(fs);
    const journal = await open({ fs, tuning: SMALL });
    for (const text of ['5', '6', '7']) {
      await journal.append({ type: 1, version: 1, payload: Buffer.from(text) }, true);
    }
    await journal.close();
    // The segments of a backup under the cursors of today.
    for (const name of fs.names()) if (name.endsWith('.segment')) await fs.unlink(name);
    for (const name of old.names()) if (name.endsWith('.segment')) fs.set(name, old.bytes(name)!);
    const { seqs, lost } = await delivered({ fs, tuning: SMALL });
    expect([seqs, lost]).toEqual([numbers(1, 4), numbers(5, 7)]);
    const again = await open({ fs, tuning: SMALL });
    expect(await again.append({ type: 1, version: 1, payload: Buffer.from('8') }, true)).toBe(8);
    await again.close();
  });

  it('are replaced when a directory lies in their place', async () => {
    await mkdir(join(directory, 'cursor-0'));
    await fill(2);
    expect((await delivered()).seqs).toEqual(numbers(1, 4));
  });
});

describe('a recycled segment', () => {
  it('whose old frames are whole and valid under its old salt gives none of them', async () => {
    const { whole, name } = await small();
    const fs = memoryFs(whole);
    const journal = await open({ fs, tuning: SMALL });
    await journal.append({ type: 1, version: 1, payload: Buffer.from('5') }, true);
    const newest = fs
      .names()
      .filter((one) => one.endsWith('.segment'))
      .sort()
      .at(-1)!;
    // The process is killed; behind its first frame the file still holds what it held under another name.
    const killed = memoryFs(fs);
    const old = whole.bytes(name)!;
    old.copy(killed.bytes(newest)!, 2 * 4096, 4096);
    expect((await delivered({ fs: killed, tuning: SMALL })).seqs).toEqual(numbers(1, 5));
    await journal.close();
  });
});

describe('an empty spare, as a power cut leaves it', () => {
  it('is in nobody’s way', async () => {
    const fs = memoryFs();
    fs.set('spare', Buffer.alloc(0));
    await fill(3, { fs, tuning: SMALL });
    expect((await delivered({ fs, tuning: SMALL })).seqs).toEqual(numbers(1, 6));
  });
});

describe('a segment that this user may not read', () => {
  it('is moved aside and named, and the rest comes', async () => {
    const fs = memoryFs();
    await fill(10, { fs, tuning: { segmentBytes: 3 * 4096 } });
    const forbidden = fs
      .names()
      .filter((one) => one.endsWith('.segment'))
      .sort()[1]!;
    // For root nothing is forbidden, so the file system says it.
    const guarded = {
      ...fs,
      async open(path: string, mode: 'read' | 'write' | 'create' | 'commit') {
        if (path.endsWith(forbidden)) throw errno('EACCES', path);
        return fs.open(path, mode);
      },
    };
    const { seqs, lost } = await delivered({ fs: guarded, tuning: { segmentBytes: 3 * 4096 } });
    expect(lost).toEqual([5, 6, 7, 8]);
    expect(sorted([...seqs, ...lost])).toEqual(numbers(1, 20));
    expect(fs.names().filter((one) => one.endsWith('.damaged'))).toHaveLength(1);
  });
});

describe('a missing or unusable segment', () => {
  const several = { tuning: { segmentBytes: 3 * 4096 } };

  it('in the middle becomes a gap, and the rest comes in order', async () => {
    await fill(10, several);
    const names = await segments();
    expect(names).toHaveLength(5);
    await rm(join(directory, names[2]!));
    const { seqs, lost } = await delivered(several);
    expect(lost).toEqual([9, 10, 11, 12]);
    expect(sorted([...seqs, ...lost])).toEqual(numbers(1, 20));
    expect(seqs).toEqual(sorted(seqs));
  });

  it.each(['first', 'last'])('that is the %s is named too', async (which) => {
    await fill(10, several);
    const names = await segments();
    await rm(join(directory, which === 'first' ? names[0]! : names.at(-1)!));
    const { seqs, lost } = await delivered(several);
    expect(lost).toHaveLength(4);
    expect(sorted([...seqs, ...lost])).toEqual(numbers(1, 20));
  });

  it.each(['empty', 'zeros', 'garbage', 'directory', 'link'])(
    '(%s) is moved aside, and the journal opens',
    async (kind) => {
      await fill(10, several);
      const names = await segments();
      const path = join(directory, names[1]!);
      const { size } = await stat(path);
      await copyFile(path, join(directory, '..', `${names[1]}.copy`));
      await rm(path);
      if (kind === 'empty') await writeFile(path, '');
      if (kind === 'zeros') await writeFile(path, Buffer.alloc(size));
      if (kind === 'garbage') await writeFile(path, Buffer.alloc(size, 'garbage'));
      if (kind === 'directory') await mkdir(path);
      if (kind === 'link') await symlink(join(directory, '..', `${names[1]}.copy`), path);
      const { seqs, lost } = await delivered(several);
      await rm(join(directory, '..', `${names[1]}.copy`));
      expect(lost).toEqual([5, 6, 7, 8]);
      expect(sorted([...seqs, ...lost])).toEqual(numbers(1, 20));
      expect((await readdir(directory)).filter((name) => name.endsWith('.damaged'))).toHaveLength(1);
    },
  );

  it('keeps at most four files aside', async () => {
    for (let i = 0; i < 8; i++) {
      await fill(2, several);
      for (const name of await segments()) await truncate(join(directory, name), 100);
    }
    await delivered(several);
    expect((await readdir(directory)).filter((name) => name.endsWith('.damaged')).length).toBeLessThanOrEqual(4);
  });
});

describe('files of others', () => {
  it('are left alone and counted', async () => {
    await writeFile(join(directory, 'notes.txt'), 'mine');
    await fill(2);
    expect(await readFile(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
    await writeFile(join(directory, 'big'), Buffer.alloc(3_500_000));
    await expect(open()).rejects.toMatchObject({ code: 'journal.permission' });
  });

  it('in the place of the directory are a matter of permission', async () => {
    await writeFile(join(directory, 'file'), '');
    await expect(open({ directory: join(directory, 'file') })).rejects.toMatchObject({ code: 'journal.permission' });
    await expect(open({ directory: join(directory, 'file', 'below') })).rejects.toMatchObject({
      code: 'journal.permission',
    });
  });
});
