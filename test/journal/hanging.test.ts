/**
 * A device that hangs: an operation that was given to it does not come back, for a while or for ever, and is done late all the
 * same. The journal waits for it for a bounded time, goes on in memory, and is taken back when the device has answered.
 */
import { describe, expect, it } from 'vitest';
import { type VirtualClock, virtualClock } from '../../src/clock.ts';
import { openDurableJournal } from '../../src/journal/failover.ts';
import { memoryFs } from '../../src/journal/memory.ts';
import { HURRIED_PATIENCE_MS, PATIENCE_MS } from '../../src/journal/patience.ts';
import type { Journal, JournalRecord } from '../../src/journal/types.ts';
import { type FailingFs, failingFs, KINDS, type Kind } from './failing-fs.ts';

const LIMITS = { maxRecords: 100, maxBytes: 1e6 };
const STEP_MS = 1_000;
/** Longer than anything may wait, the pause before the device is tried again included. */
const MAX_WAIT_MS = 300_000;
const RECORDS = 40;

const record = (text: string): JournalRecord => ({ type: 1, version: 1, payload: Buffer.from(text) });

function rig(disk: FailingFs = failingFs(memoryFs())) {
  const clock = virtualClock();
  const said: string[] = [];
  const open = () =>
    openDurableJournal({
      directory: '/journal',
      maxSizeBytes: 200_000,
      whenFull: 'drop_oldest',
      commitEveryMs: 10,
      consumers: ['cloud'],
      bootId: '11111111-2222-3333-4444-555555555555',
      clock,
      deviceClock: clock,
      fs: disk.fs,
      log: (event, fields) => said.push(`${event} ${fields?.error ?? ''}`.trim()),
      tuning: { segmentBytes: 5 * 4096, cursorBytes: 4 * 4096, strideRecords: 8 },
    });
  return { disk, clock, said, open };
}

/** Lets time pass until it is settled, and says how long that took. */
async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const beganMs = clock.monotonic();
  let isSettled = false;
  void promise
    .catch(() => {})
    .finally(() => {
      isSettled = true;
    });
  await clock.advance(0);
  while (!isSettled) {
    if (clock.monotonic() - beganMs > MAX_WAIT_MS) throw new Error('it waits for ever');
    await clock.advance(STEP_MS);
  }
  return { value: await promise, tookMs: clock.monotonic() - beganMs };
}

interface Delivered {
  readonly stored: string[];
  readonly volatile: string[];
  lost: number;
}
/** All that is there, acknowledged. */
async function drain(journal: Journal, into: Delivered = { stored: [], volatile: [], lost: 0 }): Promise<Delivered> {
  const reader = journal.reader('cloud');
  for (let batch = await reader.next(LIMITS); batch; batch = await reader.next(LIMITS)) {
    const texts = batch.records.map(({ payload }) => Buffer.from(payload).toString());
    (batch.volatile ? into.volatile : into.stored).push(...texts);
    into.lost += batch.gaps.reduce((sum, { lost }) => sum + lost, 0);
    reader.acknowledge(batch.position);
  }
  return into;
}

describe.each(['write', 'fdatasync'] as const)('a commit whose %s hangs', (kind) => {
  it('is given up after PATIENCE_MS: what was not accepted goes out from memory, and the log says why', async () => {
    const { disk, clock, said, open } = rig();
    const journal = await open();
    await journal.append(record('stored'), true);
    disk.plan({ kind, nth: 1, code: '', hang: true });
    const hung = journal.append(record('live 1'), true);
    const behind = journal.append(record('live 2'));
    expect((await settled(clock, hung)).tookMs).toBe(PATIENCE_MS);
    await behind;
    expect([journal.volatile, journal.status().storage]).toEqual([true, 'storage-failed']);
    expect(said).toContain(
      'journal-storage-failed The storage under /journal does not answer: check the card, or replace it.',
    );
    // From now on nothing waits for the device.
    await journal.append(record('live 3'), true);
    expect(await drain(journal)).toEqual({ stored: [], volatile: ['live 1', 'live 2', 'live 3'], lost: 0 });
    // And it is not tried again: each attempt would cost a thread.
    const { hanging } = disk;
    await clock.advance(600_000);
    expect([disk.hanging, journal.volatile]).toEqual([hanging, true]);

    disk.mend();
    await clock.advance(60_000);
    expect([journal.volatile, journal.status().storage]).toEqual([false, 'ok']);
    await journal.append(record('again'), true);
    // What the device wrote late was not accepted: it is neither delivered again nor called lost.
    expect(await drain(journal)).toEqual({ stored: ['stored', 'again'], volatile: [], lost: 0 });
    expect(journal.reader('cloud').pending).toBe(0);
    await journal.close();
    expect([disk.held, clock.sleepers]).toEqual([0, 0]);
    // Nor does another process find it.
    const after = await open();
    expect(await drain(after)).toEqual({ stored: [], volatile: [], lost: 0 });
    expect(after.status().last).toBe(2);
    await after.close();
  });

  it('that is slow but comes in time is accepted like any other', async () => {
    const { disk, clock, open } = rig();
    const journal = await open();
    await journal.append(record('first'), true);
    disk.plan({ kind, nth: 1, code: '', hang: true });
    const slow = journal.append(record('slow'), true);
    await clock.advance(PATIENCE_MS - 1);
    disk.mend();
    expect((await settled(clock, slow)).value).toBe(2);
    expect([journal.volatile, journal.status().storage]).toEqual([false, 'ok']);
    expect(await drain(journal)).toEqual({ stored: ['first', 'slow'], volatile: [], lost: 0 });
    await journal.close();
    expect([disk.held, clock.sleepers]).toEqual([0, 0]);
  });

  it('does not keep the process from ending in time, and nothing accepted is lost', async () => {
    const { disk, clock, open } = rig();
    const journal = await open();
    await journal.append(record('stored'), true);
    disk.plan({ kind, nth: 1, code: '', hang: true });
    const hung = journal.append(record('live'), true);
    await clock.advance(0);
    const flushed = await settled(clock, journal.flush());
    expect(flushed.tookMs).toBeLessThanOrEqual(HURRIED_PATIENCE_MS);
    await hung;
    expect((await drain(journal)).volatile).toEqual(['live']);
    expect((await settled(clock, journal.close())).tookMs).toBe(0);
    expect(clock.sleepers).toBe(0);
    // The device comes back when nobody is there any more: what it had open is closed.
    disk.mend();
    await clock.advance(0);
    expect(disk.held).toBe(0);
  });
});

it('a device that hangs while it is opened lets the station start in memory', async () => {
  const { disk, clock, open } = rig();
  disk.plan({ kind: 'list', nth: 1, code: '', hang: true });
  const { value: journal, tookMs } = await settled(clock, open());
  expect([journal.volatile, tookMs]).toEqual([true, PATIENCE_MS]);
  await journal.append(record('early'), true);
  disk.mend();
  await clock.advance(60_000);
  expect(journal.volatile).toBe(false);
  expect(await drain(journal)).toEqual({ stored: [], volatile: ['early'], lost: 0 });
  await journal.close();
  expect([disk.held, clock.sleepers]).toEqual([0, 0]);
});

/** A life in which the n-th operation of a kind hangs, and then all others, until the device comes back; true if it came to that. */
async function outlive(kind: Kind, nth: number): Promise<boolean> {
  const { disk, clock, open } = rig();
  const accepted: string[] = [];
  const all: string[] = [];
  const delivered: Delivered = { stored: [], volatile: [], lost: 0 };
  disk.plan({ kind, nth, code: '', hang: true });
  const { value: journal } = await settled(clock, open());
  for (let part = 0; part < 4; part++) {
    for (let count = 0; count < RECORDS / 4; count++) {
      const text = `record ${all.length} ${'x'.repeat(900)}`;
      all.push(text);
      await settled(clock, journal.append(record(text), true));
      if (!journal.volatile) accepted.push(text);
    }
    // What is under way when the device falls silent is an error; then comes what is in memory.
    if (part % 2 === 1)
      await settled(
        clock,
        drain(journal, delivered).catch(() => {}),
      );
    await clock.advance(5_000);
  }
  const happened = disk.hasFailed;
  disk.mend();
  await clock.advance(120_000);
  expect([journal.volatile, journal.status().storage]).toEqual([false, 'ok']);
  const last = 'the last one';
  await journal.append(record(last), true);
  journal.reader('cloud').rewind();
  await settled(clock, drain(journal, delivered));
  expect([journal.reader('cloud').pending, delivered.lost]).toEqual([0, 0]);
  // What was accepted came from the device, the rest from memory, and nothing both ways.
  expect(delivered.stored).toEqual([...accepted, last]);
  expect(new Set(delivered.volatile)).toEqual(new Set(all.filter((text) => !accepted.includes(text))));
  await settled(clock, journal.close());
  expect([disk.held, disk.flushedAgain, clock.sleepers]).toEqual([0, [], 0]);
  return happened;
}

describe('whichever operation it is that hangs, everything comes once: what was accepted from the device, the rest from memory', () => {
  // A life that begins on an empty directory asks for no sizes and truncates nothing but at its end.
  it.each(KINDS.filter((kind) => kind !== 'truncate' && kind !== 'size'))('%s', async (kind) => {
    let nth = 1;
    for (let happened = true; happened; nth++) {
      happened = await outlive(kind, nth).catch((error: Error) => {
        throw new Error(`${kind} number ${nth}: ${error.message}`, { cause: error });
      });
    }
    expect(nth).toBeGreaterThan(2);
  });
});

describe('a stop while the device is being taken back', () => {
  it('waits for the opening, wherever that is, and leaves nothing open', async () => {
    for (let nth = 1; ; nth++) {
      const { disk, clock, open } = rig();
      const journal = await open();
      await journal.append(record('stored'), true);
      disk.plan({ kind: 'write', nth: 1, code: 'EIO', lasting: true });
      await journal.append(record('live'), true);
      // It works again, but slowly: the n-th write of its being taken back is under way when the stop comes.
      disk.plan({ kind: 'write', nth, code: '', hang: true });
      await clock.advance(5_000);
      const isUnderWay = disk.hasFailed;
      const closing = journal.close();
      await clock.advance(0);
      disk.mend();
      await settled(clock, closing);
      expect([disk.held, clock.sleepers], `write number ${nth}`).toEqual([0, 0]);
      const after = await open();
      expect((await drain(after)).stored).toEqual(['stored']);
      await after.close();
      if (!isUnderWay) return expect(nth).toBeGreaterThan(2);
    }
  });

  it('a second stop waits for the first', async () => {
    const { disk, clock, open } = rig();
    const journal = await open();
    disk.plan({ kind: 'write', nth: 1, code: 'EIO', lasting: true });
    await journal.append(record('live'), true);
    disk.mend();
    await Promise.all([journal.close(), journal.close()]);
    expect([disk.held, clock.sleepers]).toEqual([0, 0]);
  });
});
