/**
 * Whether the journal is in the way of sampling, and others in the way of the journal (part of `npm run bench:journal`):
 * lateness of a 10 ms grid while each commit takes 500 ms; time of a commit while four lookups hang, and while all threads of
 * the pool are held; what a worker thread would cost instead.
 *
 * `node --import tsx bench/in-the-way.ts` prints one line of JSON. Hung lookups need a name server that never answers, so they
 * are measured in a network and mount namespace of their own, as root on Linux; elsewhere that figure is null.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import { open as openFile, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../src/clock.ts';
import { type JournalFs, nodeFs } from '../src/journal/fs.ts';
import { openJournal } from '../src/journal/journal.ts';
import { round } from './process-stat.ts';

const GRID_MS = 10;
const SLOW_FLUSH_MS = 500;
const MEASURE_MS = 6_000;
const COMMITS = 40;
const HUNG_LOOKUPS = 4;
const RECORD = { type: 1, version: 1, payload: Buffer.alloc(60, 'r') };

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Every flush takes so much longer, as on a card that collects its garbage. */
function slowFs(extraMs: number): JournalFs {
  return {
    ...nodeFs,
    async open(path, mode) {
      const file = await nodeFs.open(path, mode);
      const late = async <T>(work: Promise<T>): Promise<T> => {
        const [result] = await Promise.all([work, sleep(extraMs)]);
        return result;
      };
      const { writeDurable } = file;
      return {
        ...file,
        fdatasync: () => late(file.fdatasync()),
        ...(writeDurable && { writeDurable: (bytes: Uint8Array, at: number) => late(writeDurable(bytes, at)) }),
      };
    },
  };
}

const journalIn = (directory: string, fs: JournalFs) =>
  openJournal({
    directory,
    maxSizeBytes: 64_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 1_000,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: systemClock,
    fs,
  });

/** Of the thread that runs JavaScript, in ms: time on a processor, time spent waiting for one (proc(5), schedstat). */
function mainThread(): { readonly onMs: number; readonly waitedMs: number } {
  const [on = 0, waited = 0] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ').map(Number);
  return { onMs: on / 1e6, waitedMs: waited / 1e6 };
}

/**
 * How late each slot of a 10 ms grid is; each takes a reading and gives it to the journal. What the thread waited for a
 * processor is left out: on a shared machine that is the others' doing.
 */
async function lateness(take: () => void): Promise<{ p50: number; p99: number; onProcessorMs: number }> {
  const late: number[] = [];
  const before = mainThread();
  const startMs = systemClock.monotonic() + GRID_MS;
  for (let slot = 0; slot * GRID_MS < MEASURE_MS; slot++) {
    const dueMs = startMs + slot * GRID_MS;
    const { waitedMs } = mainThread();
    const leftMs = dueMs - systemClock.monotonic();
    await sleep(Math.max(0, leftMs));
    // A slot that is late because the one before was is no measure of its own.
    if (leftMs > 0) late.push(Math.max(0, systemClock.monotonic() - dueMs - (mainThread().waitedMs - waitedMs)));
    take();
  }
  const onProcessorMs = round(mainThread().onMs - before.onMs);
  return { p50: round(quantile(late, 0.5), 2), p99: round(quantile(late, 0.99), 2), onProcessorMs };
}

async function sampling(root: string) {
  const alone = await lateness(() => {});
  const withFlush = async (name: string, extraMs: number) => {
    const journal = await journalIn(join(root, name), slowFs(extraMs));
    const late = await lateness(() => void journal.append(RECORD).catch(() => {}));
    const { commits } = journal.status();
    await journal.close();
    return { ...late, commits };
  };
  return {
    aloneMs: alone,
    journalMs: await withFlush('quick', 0),
    slowFlushMs: await withFlush('slow', SLOW_FLUSH_MS),
  };
}

async function commitMs(directory: string): Promise<{ p50: number; p99: number }> {
  const journal = await journalIn(directory, nodeFs);
  await journal.append(RECORD, true);
  const times: number[] = [];
  for (let i = 0; i < COMMITS; i++) {
    const startMs = systemClock.monotonic();
    await journal.append(RECORD, true);
    times.push(systemClock.monotonic() - startMs);
    await sleep(10);
  }
  await journal.close();
  return { p50: round(quantile(times, 0.5), 2), p99: round(quantile(times, 0.99), 2) };
}

/** In a namespace whose name server takes questions and never answers. */
async function inNamespace(root: string) {
  execFileSync('mount', ['--bind', join(root, 'resolv.conf'), '/etc/resolv.conf']);
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const deaf = createSocket('udp4');
  deaf.bind(53, '127.0.0.1');
  await once(deaf, 'listening');
  const idle = await commitMs(join(root, 'idle'));
  let answered = 0;
  for (let i = 0; i < HUNG_LOOKUPS; i++) lookup(`nobody-${i}.example.org`, () => (answered += 1));
  const hung = await commitMs(join(root, 'hung'));
  return { idleMs: idle, hungLookupsMs: hung, lookupsThatEnded: answered };
}

/** A FIFO that nobody writes to holds the thread that opens it. */
async function heldThreads(root: string, threads: number) {
  const fifo = join(root, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const journal = await journalIn(join(root, 'held'), nodeFs);
  await journal.append(RECORD, true);
  for (let i = 0; i < threads; i++) openFile(fifo, 'r', () => {});
  const startMs = systemClock.monotonic();
  const accepted = journal.append(RECORD, true);
  const waitedMs = await Promise.race([accepted.then(() => systemClock.monotonic() - startMs), sleep(2_000)]);
  spawnSync('sh', ['-c', `exec 3<>${fifo}; sleep 0.2`]);
  await accepted;
  await journal.close();
  return waitedMs === undefined ? 'until a thread was free' : `${round(waitedMs, 1)} ms`;
}

async function workerRssMb(): Promise<number> {
  const before = process.memoryUsage.rss();
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
  await once(worker, 'online');
  await sleep(500);
  const grown = process.memoryUsage.rss() - before;
  await worker.terminate();
  return round(grown / 1e6);
}

/** Runs this file once more in namespaces of its own, or as it is. */
function child(args: readonly string[], root: string, env: NodeJS.ProcessEnv = {}): unknown {
  const self = [process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url), ...args, root];
  const [program, ...rest] = args[0] === '--hung' ? ['unshare', '-mn', ...self] : self;
  const ran = spawnSync(program!, rest, { encoding: 'utf8', env: { ...process.env, ...env } });
  return ran.status === 0 ? JSON.parse(ran.stdout) : null;
}

export async function measureInTheWay(place = tmpdir()) {
  const root = await mkdtemp(join(place, 'sedge-way-'));
  try {
    await writeFile(join(root, 'resolv.conf'), 'nameserver 127.0.0.1\n');
    return {
      sampling: await sampling(root),
      fourHungLookups: child(['--hung'], root),
      fourThreadsHeld: child(['--held', '4'], await mkdtemp(join(root, 'p4-'))),
      fourOfEightThreadsHeld: child(['--held', '4'], await mkdtemp(join(root, 'p8-')), { UV_THREADPOOL_SIZE: '8' }),
      workerThreadRssMb: await workerRssMb(),
      rssMb: round(process.memoryUsage.rss() / 1e6),
    };
  } finally {
    await rm(root, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [what, ...rest] = process.argv.slice(2);
  if (what === '--hung') console.log(JSON.stringify(await inNamespace(rest[0]!)));
  else if (what === '--held') console.log(JSON.stringify(await heldThreads(rest[1]!, Number(rest[0]))));
  else console.log(JSON.stringify(await measureInTheWay(), null, 2));
  // Lookups that hang would keep it for a while.
  process.exit();
}
