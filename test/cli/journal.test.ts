/** `sedge journal`, from a journal on disk to the line of JSON and the table. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { journalReport, reportText } from '../../src/cli/journal.ts';
import { systemClock } from '../../src/clock.ts';
import { pack } from '../../src/codec.ts';
import type { Config } from '../../src/config/types.ts';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { openJournal } from '../../src/journal/journal.ts';

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
