/** How much is written to the device in a day, over many openings. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { inspectJournal } from '../../src/journal/inspect.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { memoryFs } from '../../src/journal/memory.ts';
import { bytesPerDay, createWear } from '../../src/journal/wear.ts';

const DAY_MS = 86_400_000;

describe('bytes written in a day', () => {
  it('are not guessed in the first ten minutes, and then follow what is written', async () => {
    const clock = virtualClock();
    const counters = { bytesWritten: 1_000_000 };
    const wear = createWear(undefined, clock, counters);
    await clock.advance(9 * 60_000);
    expect(bytesPerDay(wear.total())).toBeNull();
    await clock.advance(DAY_MS - 9 * 60_000);
    counters.bytesWritten = 300_000_000;
    expect(bytesPerDay(wear.total())).toBe(300_000_000);
  });

  it('follow a changed habit within days', async () => {
    const clock = virtualClock();
    let written = { bytes: 365 * 300e6, overMs: 365 * DAY_MS };
    for (let day = 0; day < 21; day++) {
      const counters = { bytesWritten: 10e6 };
      const wear = createWear(written, clock, counters);
      await clock.advance(DAY_MS);
      written = wear.total();
    }
    expect(bytesPerDay(written)).toBeLessThan(60e6);
  });

  it('are remembered beside the cursors, for `sedge journal` and the next opening', async () => {
    const fs = memoryFs();
    const clock = virtualClock();
    const open = () =>
      openJournal({
        directory: '/journal',
        maxSizeBytes: 4_000_000,
        whenFull: 'drop_oldest',
        commitEveryMs: 1_000,
        consumers: ['cloud'],
        bootId: '11111111-2222-3333-4444-555555555555',
        clock,
        fs,
      });
    let sum = 0;
    for (let opening = 0; opening < 2; opening++) {
      const journal = await open();
      await journal.append({ type: 1, version: 1, payload: Buffer.alloc(100) }, true);
      await clock.advance(DAY_MS / 2);
      sum += journal.status().bytesWritten;
      expect(journal.status().bytesPerDay).not.toBeNull();
      await journal.close();
    }
    const { bytesPerDay: stored } = await inspectJournal('/journal', { fs });
    // The cursor cannot count itself.
    expect(Math.abs(stored! - sum)).toBeLessThan(3 * 32_768);
  });
});
