/**
 * `npm run bench:journal -- [--directory D] [--seconds S]`: what a commit costs, beside a plain write and fdatasync of the
 * same bytes in the same run, and how fast a backlog drains. Prints one line of JSON. The directory decides the device:
 * the default is the temporary directory, which may be memory.
 */
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.ts';
import { openJournal } from '../src/journal/journal.ts';

const { values } = parseArgs({ options: { directory: { type: 'string' }, seconds: { type: 'string' } } });
const secondsEach = Number(values.seconds ?? 2);
const root = await mkdtemp(join(values.directory ?? tmpdir(), 'sedge-bench-'));
const RECORD = { type: 1, version: 1, payload: Buffer.alloc(60, 'r') };
const DRAIN_RECORDS = 200_000;

/** Sectors written to all devices, as bytes; undefined where the kernel does not say. */
async function deviceBytes(): Promise<number | undefined> {
  const text = await readFile('/proc/diskstats', 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const whole = text.split('\n').filter((line) => /\s(sd[a-z]|vd[a-z]|mmcblk\d|nvme\d+n\d+)\s/.test(line));
  return whole.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[9]) * 512, 0);
}

/** Runs `commit` for a while: commits per second and bytes that reached the devices per commit. */
async function measure(commit: () => Promise<unknown>) {
  const before = await deviceBytes();
  const startedMs = systemClock.monotonic();
  let commits = 0;
  let nowMs = startedMs;
  for (; nowMs - startedMs < secondsEach * 1000; nowMs = systemClock.monotonic()) {
    await commit();
    commits += 1;
  }
  const after = await deviceBytes();
  return {
    commits,
    perSecond: Math.round((commits * 1000) / (nowMs - startedMs)),
    deviceBytesPerCommit: before === undefined ? null : Math.round((after! - before) / commits),
  };
}

const journalAt = (name: string) =>
  openJournal({
    directory: join(root, name),
    maxSizeBytes: 512_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 1_000,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: systemClock,
  });

async function appends(group: number) {
  const journal = await journalAt(`group-${group}`);
  const ours = await measure(async () => {
    const pending = Array.from({ length: group }, () => journal.append(RECORD));
    await journal.flush();
    await Promise.all(pending);
  });
  const { commits, bytesWritten } = journal.status();
  await journal.close();
  const file = await open(join(root, `plain-${group}`), 'w');
  const bytes = Buffer.alloc(group * 66);
  let at = 0;
  const plain = await measure(async () => {
    at += (await file.write(bytes, 0, bytes.length, at)).bytesWritten;
    await file.datasync();
  });
  await file.close();
  return {
    readingsPerSecond: ours.perSecond * group,
    commitsPerSecond: ours.perSecond,
    bytesWrittenPerCommit: Math.round(bytesWritten / commits),
    deviceBytesPerCommit: ours.deviceBytesPerCommit,
    plainAppendCommitsPerSecond: plain.perSecond,
    plainAppendDeviceBytesPerCommit: plain.deviceBytesPerCommit,
  };
}

async function drain() {
  const journal = await journalAt('drain');
  for (let done = 0; done < DRAIN_RECORDS; done += 1000) {
    const pending = Array.from({ length: 1000 }, () => journal.append(RECORD));
    await journal.flush();
    await Promise.all(pending);
  }
  const reader = journal.reader('cloud');
  const startedMs = systemClock.monotonic();
  let records = 0;
  for (;;) {
    const batch = await reader.next({ maxRecords: 500, maxBytes: 100_000 });
    if (!batch) break;
    records += batch.records.length;
    reader.acknowledge(batch.position);
  }
  const seconds = (systemClock.monotonic() - startedMs) / 1000;
  const closingMs = systemClock.monotonic();
  await journal.close();
  const closedMs = systemClock.monotonic();
  await (await journalAt('drain')).close();
  return {
    records,
    recordsPerSecond: Math.round(records / seconds),
    closeMs: Math.round(closedMs - closingMs),
    reopenMs: Math.round(systemClock.monotonic() - closedMs),
    rssBytes: process.memoryUsage.rss(),
  };
}

const result = { group1: await appends(1), group100: await appends(100), drain: await drain() };
console.log(JSON.stringify(result));
await rm(root, { recursive: true });
