/** `sedge journal`, from a journal on disk to the line of JSON and the table. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { journalReport, renderJournal } from '../../src/cli/journal.ts';
import { systemClock } from '../../src/clock.ts';
import { openJournal } from '../../src/journal/journal.ts';

const timeOf = () => '2026-11-22T12:00:00.000Z';

it('reports an empty journal, a running one, and one that was closed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sedge-report-'));
  const place = { directory: join(directory, 'journal'), maxSizeBytes: 4_000_000, timeOf };
  const empty = await journalReport(place);
  expect(empty).toEqual({
    stream: null,
    pending: {},
    first: null,
    last: null,
    oldest: null,
    size: 0,
    max_size: 4_000_000,
    gaps: [],
  });
  expect(renderJournal(empty, place.directory)).toContain('No journal yet');

  const journal = await openJournal({
    ...place,
    whenFull: 'drop_oldest',
    commitEveryMs: 1,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: systemClock,
  });
  await journal.append({ type: 1, version: 1, payload: Buffer.from('a') });
  const running = await journalReport(place);
  expect(running).toMatchObject({
    stream: journal.stream,
    pending: { cloud: 1 },
    first: 1,
    last: 1,
    oldest: '2026-11-22T12:00:00.000Z',
    gaps: [],
  });
  const table = renderJournal(running, place.directory);
  expect(table).toContain('pending cloud  1 records');
  expect(table).toContain('gaps           none');

  const reader = journal.reader('cloud');
  reader.acknowledge((await reader.next({ maxRecords: 1, maxBytes: 1 }))!.position);
  await journal.close();
  expect(await journalReport(place)).toMatchObject({ pending: { cloud: 0 }, first: null, last: 1, oldest: null });
  await rm(directory, { recursive: true });
});
