/**
 * A process that writes to a journal as fast as it can and says each number that was accepted; killed by kill-load.test.ts.
 * `node --import tsx test/journal/killed-writer.ts DIRECTORY`.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/clock.ts';
import { openJournal } from '../../src/journal/journal.ts';

const journal = await openJournal({
  directory: process.argv[2]!,
  maxSizeBytes: 64_000_000,
  whenFull: 'drop_oldest',
  commitEveryMs: 1,
  consumers: ['cloud'],
  bootId: '11111111-2222-3333-4444-555555555555',
  clock: systemClock,
});
const reader = journal.reader('cloud');
const GROUP = 20;
for (let round = 0; ; round++) {
  const accepted = await Promise.all(
    Array.from({ length: GROUP }, (_, i) =>
      journal.append({ type: 1, version: 1, payload: Buffer.from(`${process.pid} ${round} ${i}`) }, i === 0),
    ),
  );
  // Synchronously: what was said was accepted before.
  writeSync(1, `${journal.stream} ${accepted[0]} ${accepted.at(-1)}\n`);
  if (round % 10 === 9) {
    const batch = await reader.next({ maxRecords: 50, maxBytes: 1e6 });
    if (batch) reader.acknowledge(batch.position);
  }
}
