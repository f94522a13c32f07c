/**
 * `npm run bench:journal -- [--directory D] [--pending-mb N] [PART...]`: what the journal costs, each figure beside the raw limit
 * in the same run. Parts: append, commit, pending, size, way; all unless named. Prints JSON. The directory decides the device: the
 * default is the temporary directory, which may be memory. Machines differ and are noisy: read the ratios.
 */
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.ts';
import { nodeFs } from '../src/journal/fs.ts';
import { openJournal } from '../src/journal/journal.ts';
import { countingFs } from './counting-fs.ts';
import { measureInTheWay } from './in-the-way.ts';
import { measurePending } from './journal-pending.ts';
import { measurePacking } from './packing.ts';
import { round } from './process-stat.ts';

const { values, positionals } = parseArgs({
  options: { directory: { type: 'string' }, 'pending-mb': { type: 'string' } },
  allowPositionals: true,
});
const place = values.directory ?? tmpdir();
const root = await mkdtemp(join(place, 'sedge-bench-'));
const RECORD = { type: 1, version: 1, payload: Buffer.alloc(60, 'r') };
const RECORD_BYTES = 66;
const COMMITS = 250;
const ROUNDS = 5;

/** Bytes written to all block devices (proc(5), diskstats), by whomever; undefined where the kernel does not say. */
async function deviceBytes(): Promise<number | undefined> {
  const text = await readFile('/proc/diskstats', 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const whole = text.split('\n').filter((line) => /\s(sd[a-z]|vd[a-z]|mmcblk\d|nvme\d+n\d+)\s/.test(line));
  return whole.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[9]) * 512, 0);
}

/** So many commits of `group` readings: rate, processor time per reading, bytes per commit. */
async function measure(group: number, commit: () => Promise<unknown>) {
  const before = await deviceBytes();
  const cpu = process.cpuUsage();
  const startedMs = systemClock.monotonic();
  for (let i = 0; i < COMMITS; i++) await commit();
  const spentMs = systemClock.monotonic() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  const after = await deviceBytes();
  return {
    readingsPerS: Math.round((COMMITS * group * 1_000) / spentMs),
    cpuUsPerReading: round((user + system) / (COMMITS * group), 2),
    deviceBytesPerCommit: before === undefined ? null : Math.round((after! - before) / COMMITS),
  };
}

const OPTIONS = {
  maxSizeBytes: 512_000_000,
  whenFull: 'drop_oldest',
  commitEveryMs: 1_000,
  consumers: ['cloud'],
  bootId: '11111111-2222-3333-4444-555555555555',
  clock: systemClock,
} as const;
const journalAt = (name: string) => openJournal({ ...OPTIONS, directory: join(root, name) });

interface Run {
  readonly journal: Awaited<ReturnType<typeof measure>>;
  readonly plainAppend: Awaited<ReturnType<typeof measure>>;
  readonly cpuRatio: number;
}

async function append(group: number) {
  const journal = await journalAt(`group-${group}`);
  await journal.append(RECORD, true);
  const plain = await open(join(root, `plain-${group}`), 'w');
  const bytes = Buffer.alloc(group * RECORD_BYTES);
  let at = 0;
  const runs: Run[] = [];
  // In turn, so that the noise of the machine meets both.
  for (let turn = 0; turn < ROUNDS; turn++) {
    const ours = await measure(group, async () => {
      const pending = Array.from({ length: group }, () => journal.append(RECORD));
      await journal.flush();
      await Promise.all(pending);
    });
    const raw = await measure(group, async () => {
      at += (await plain.write(bytes, 0, bytes.length, at)).bytesWritten;
      await plain.datasync();
    });
    runs.push({ journal: ours, plainAppend: raw, cpuRatio: round(ours.cpuUsPerReading / raw.cpuUsPerReading, 2) });
  }
  await plain.close();
  await journal.close();
  // Others write to the same device meanwhile: the least of the rounds is nearest to ours alone.
  const least = (of: 'journal' | 'plainAppend') =>
    Math.min(...runs.map((run) => run[of].deviceBytesPerCommit ?? Number.NaN));
  const middle = runs.sort((a, b) => a.cpuRatio - b.cpuRatio)[Math.floor(ROUNDS / 2)];
  return { ...middle, leastDeviceBytesPerCommit: { journal: least('journal'), plainAppend: least('plainAppend') } };
}

/** What a commit of ten readings asks of the device: one block and one flush. The next segment in waiting is left out. */
async function commitOfTen() {
  const { fs, counts } = countingFs(nodeFs);
  const journal = await openJournal({ ...OPTIONS, directory: join(root, 'ten'), fs });
  await journal.append(RECORD, true);
  await systemClock.sleep(1_000);
  const before = { ...counts };
  const measured = await measure(10, async () => {
    const pending = Array.from({ length: 10 }, () => journal.append(RECORD));
    await journal.flush();
    await Promise.all(pending);
  });
  const perCommit = (of: 'bytes' | 'flushes') => round((counts[of] - before[of]) / COMMITS, 2);
  await journal.close();
  return {
    bytesPerCommit: perCommit('bytes'),
    flushesPerCommit: perCommit('flushes'),
    deviceBytesPerCommit: measured.deviceBytesPerCommit,
  };
}

const PARTS: Readonly<Record<string, () => Promise<unknown>>> = {
  append: async () => ({ group1: await append(1), group100: await append(100) }),
  commit: commitOfTen,
  pending: () => measurePending(root, Number(values['pending-mb'] ?? 512) * 1_000_000),
  size: () => measurePacking(),
  way: () => measureInTheWay(place),
};
try {
  const result: Record<string, unknown> = {};
  for (const part of positionals.length > 0 ? positionals : Object.keys(PARTS)) {
    const run = PARTS[part];
    if (!run) throw new Error(`there is no part ${part}; there are ${Object.keys(PARTS).join(', ')}`);
    result[part] = await run();
  }
  console.log(JSON.stringify(result, null, 2));
} finally {
  await rm(root, { recursive: true });
}
