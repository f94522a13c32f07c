/** A day in seconds: 24 h of readings with a thousand outages of the uplink and a card that fails now and then. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { openDurableJournal } from '../../src/journal/failover.ts';
import { seeded } from './explorer/random.ts';
import { failingFs } from './failing-fs.ts';

const DAY_S = 86_400;
const EVERY_S = 4;
const OUTAGES = 1_000;
const MAX_SIZE_BYTES = 400_000;

describe('a day with a thousand outages', () => {
  it('adds up: everything accepted was delivered or named, in a bounded size, and nothing is left behind', async () => {
    const random = seeded(35);
    const clock = virtualClock();
    const disk = failingFs();
    const journal = await openDurableJournal({
      directory: '/journal',
      maxSizeBytes: MAX_SIZE_BYTES,
      whenFull: 'drop_oldest',
      commitEveryMs: 1_000,
      consumers: ['cloud'],
      bootId: '11111111-2222-3333-4444-555555555555',
      clock,
      fs: disk.fs,
      tuning: { segmentBytes: 8 * 4096, cursorBytes: 8 * 4096, strideRecords: 64 },
    });
    const reader = journal.reader('cloud');
    const accepted = new Set<string>();
    const explained = new Set<string>();
    let taken = 0;
    let outages = 0;
    let isOnline = true;
    const drain = async () => {
      for (let batch = await reader.next({ maxRecords: 50, maxBytes: 1e5 }); batch; ) {
        for (const { seq } of batch.records) explained.add(`${batch.stream}/${seq}`);
        for (const { stream, from, to } of batch.gaps) {
          for (let seq = from; seq <= to; seq++) explained.add(`${stream}/${seq}`);
        }
        reader.acknowledge(batch.position);
        batch = await reader.next({ maxRecords: 50, maxBytes: 1e5 });
      }
    };
    for (let second = 0; second < DAY_S; second += EVERY_S) {
      taken += 1;
      const at = journal.append({ type: 1, version: 1, payload: Buffer.alloc(100, 'x') }, true);
      accepted.add(`${journal.stream}/${await at}`);
      if (random.chance(OUTAGES / (DAY_S / EVERY_S))) {
        isOnline = !isOnline;
        outages += 1;
        reader.rewind();
      }
      // Once in an hour or so the card does not take one write.
      if (random.chance(EVERY_S / 3_600)) disk.plan({ kind: 'write', nth: 1 + random.below(3), code: 'EIO' });
      if (isOnline) await drain();
      if (second % 60 === 0) {
        await clock.advance(60_000);
        expect(journal.status().sizeBytes).toBeLessThanOrEqual(MAX_SIZE_BYTES);
      }
    }
    disk.mend();
    await clock.advance(120_000);
    reader.rewind();
    await drain();
    expect(outages).toBeGreaterThan(OUTAGES / 2);
    expect(taken).toBe(DAY_S / EVERY_S);
    expect([...accepted].filter((key) => !explained.has(key))).toEqual([]);
    expect(reader.pending).toBe(0);
    await journal.close();
    expect(clock.sleepers).toBe(0);
    expect(disk.flushedAgain).toEqual([]);
  });
});
