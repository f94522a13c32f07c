/** `sedge journal`, from a journal on disk to the line of JSON and the table. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { journalReport, reportText } from '../../src/cli/journal.ts';
import { systemClock } from '../../src/clock.ts';
import { pack } from '../../src/codec.ts';
import type { Config } from '../../src/config/types.ts';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { FORMATS } from '../../src/receive/formats.ts';
import { sedge } from '../sedge-process.ts';

it('reports an empty journal, a running one, and one that was closed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sedge-report-'));
  const place = { directory: join(directory, 'journal'), maxSizeBytes: 4_000_000 };
  const config = { journal: place, uplinks: [{ name: 'cloud' }] } as unknown as Config;
  const report = async () => journalReport(await inspectJournal(place.directory), config);
  const empty = await report();
  expect(empty).toEqual({
    stream: null,
    pending: { cloud: 0 },
    first: null,
    last: null,
    oldest: null,
    size: 0,
    max_size: 4_000_000,
    gaps: [],
    bytes_per_day: null,
    card: 'too early to say what this means for a card',
    kept_aside: [],
  });
  expect(reportText(empty, place.directory)).toContain('No journal yet');

  const journal = await openJournal({
    ...place,
    whenFull: 'drop_oldest',
    commitEveryMs: 1,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: systemClock,
  });
  const at = { wallMs: Date.UTC(2026, 10, 22, 12), monoMs: 1, synced: true };
  await journal.append(pack({ kind: 'reading', sensor: 'air', at, valuesJson: '{}' }));
  const running = await report();
  expect(running).toMatchObject({
    stream: journal.stream,
    pending: { cloud: 1 },
    first: 1,
    last: 1,
    oldest: '2026-11-22T12:00:00.000Z',
    gaps: [],
  });
  const table = reportText(running, place.directory);
  expect(table).toMatch(/^waits for cloud +1$/m);
  expect(table).toMatch(/^oldest that waits +1 of 2026-11-22T12:00:00.000Z$/m);

  const reader = journal.reader('cloud');
  reader.acknowledge((await reader.next({ maxRecords: 1, maxBytes: 1 }))!.position);
  await journal.close();
  expect(await report()).toMatchObject({ pending: { cloud: 0 }, first: null, last: 1, oldest: null });
  await rm(directory, { recursive: true });
});

describe('sedge journal verify and export', () => {
  let place: string;
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'sedge-export-'));
    await cp(join(import.meta.dirname, '..', 'journal', 'fixtures', 'format-1-killed'), join(place, 'copy'), {
      recursive: true,
    });
  });
  afterEach(() => rm(place, { recursive: true, force: true }));
  const run = (...args: string[]) => sedge(['journal', ...args, '--directory', 'copy'], { cwd: place });

  it('say that a copy is sound, and write each record as `sedge receive` does, with its time set right', async () => {
    expect(await run('verify')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/20 records intact.*sound\n$/s),
    });
    const exported = await run('export', '--device', 'greenhouse-1');
    expect(exported).toMatchObject({ status: 0, stderr: '20 records exported\n' });
    const lines = exported.stdout.trimEnd().split('\n');
    const stream = JSON.parse(lines[0]!).stream as string;
    expect(lines.find((line) => line.includes('"seq":8,'))).toBe(
      `{"device":"greenhouse-1","stream":"${stream}","seq":8,"time":"2026-11-22T12:00:00.007Z","sensor":"s1","values":{"temperature":20.07,"humidity":45}}`,
    );
    // Taken before the clock was set, corrected by the boot's anchor.
    expect(lines.find((line) => line.includes('"seq":9,'))).toContain('"time":"2026-11-22T12:00:00.009Z"');
    // What `sedge receive` would take for its own.
    const reader = FORMATS.jsonl.reader();
    for (const line of lines) expect(reader.line(line)).toMatchObject({ device: 'greenhouse-1' });
  });

  it('as csv to a new file, and never over another', async () => {
    const args = ['export', '--device', 'd', '--format', 'csv', '--out', 'out.csv'];
    expect(await run(...args)).toMatchObject({ status: 0, stdout: '' });
    const text = await readFile(join(place, 'out.csv'), 'utf8');
    expect(text.startsWith(FORMATS.csv.header)).toBe(true);
    expect(text.trimEnd().split('\n')).toHaveLength(1 + 2 * 20);
    expect(await run(...args)).toMatchObject({ status: 2, stderr: expect.stringContaining('is there already') });
  });

  it('name damage on both, and end with 1', async () => {
    const path = join(place, 'copy', '0000000005.segment');
    const bytes = await readFile(path);
    bytes[4096 + 40]! ^= 1;
    await writeFile(path, bytes);
    const verified = await run('verify');
    expect(verified.status).toBe(1);
    expect(verified.stdout).toMatch(
      /^damaged: 0000000005.segment, byte 4096: 1 record lost, 9 to 9 of stream [0-9a-f]{24}/m,
    );
    expect(JSON.parse((await run('verify', '--json')).stdout)).toMatchObject({
      records: 19,
      damages: [{ file: '0000000005.segment', offset: 4096, from: 9, to: 9 }],
      kept_aside: [],
    });
    const exported = await run('export', '--device', 'd');
    expect(exported.status).toBe(1);
    expect(exported.stdout).toContain('"from":9,"to":9,"lost":1,"reason":"damaged"');
    expect(exported.stderr).toContain('damaged: 0000000005.segment, byte 4096');
  });

  it('refuse what they do not know, with the way out', async () => {
    expect(await run('verfy')).toMatchObject({ status: 2, stderr: expect.stringContaining('did you mean verify') });
    expect(await run('verify', '--out', 'x')).toMatchObject({ status: 2, stderr: expect.stringContaining('--out') });
    expect(await run('export', '--format', 'xml')).toMatchObject({ status: 2 });
    expect((await run('export')).status).toBe(78);
  });
});
