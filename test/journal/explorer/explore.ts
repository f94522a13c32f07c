/**
 * One history: a journal is opened, written, read, acknowledged, filled, and stopped at a random file operation; then the
 * same again on what is left, several times; at last it is drained in peace and the oracle adds up.
 */
import { basename } from 'node:path';
import type { Clock } from '../../../src/clock.ts';
import { openDurableJournal } from '../../../src/journal/failover.ts';
import type { JournalFs, OpenOptions, Tuning } from '../../../src/journal/journal.ts';
import { openJournal } from '../../../src/journal/journal.ts';
import { PACKING_NAME, SPARE_NAME } from '../../../src/journal/recovery.ts';
import type { Journal, RawBatch } from '../../../src/journal/types.ts';
import { contentOf, recordCodec } from './codec.ts';
import { createDisk, type Disk, NO_FAULTS } from './disk.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { type Random, seeded } from './random.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const SEGMENT_BYTES = 6 * 4096;
const CURSOR_BYTES = 4 * 4096;
const MAX_STEPS = 60;
const MAX_ROUNDS = 4;
/** An opening that fails because the device failed is tried again; nothing else may make it fail. */
const MAX_OPEN_ATTEMPTS = 50;

/** A way in which the journal is made worse on purpose, to see that the explorer notices. */
export interface Mutation {
  readonly fs?: (fs: JournalFs, random: Random) => JournalFs;
  readonly tuning?: Partial<Tuning>;
  readonly random?: (random: (bytes: number) => Buffer) => (bytes: number) => Buffer;
}

export interface ExploreOptions {
  readonly seed: number;
  readonly eio?: boolean;
  /** Before the end, a bit of a packed segment turns over. */
  readonly rot?: boolean;
  /** The journal fails over to memory, and comes back. */
  readonly failover?: boolean;
  readonly mutation?: Mutation;
}
export interface Explored {
  readonly crashes: number;
  readonly operations: number;
  readonly failure: string | undefined;
  /** How often each path was taken: packed, thinned, expired, dropped, recycled, volatile. */
  readonly paths: Readonly<Record<string, number>>;
}

/** A clock that stands still until told, and wakes sleepers at once: file operations end within one turn of the loop. */
function stillClock(): Clock & { advance(ms: number): void } {
  let nowMs = 1_000;
  let sleepers: { atMs: number; wake: () => void }[] = [];
  return {
    now: () => 1_700_000_000_000 + nowMs,
    monotonic: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        sleepers.push({ atMs: nowMs + ms, wake: resolve });
        signal?.addEventListener('abort', () => resolve());
      }),
    after(ms, callback) {
      const sleeper = { atMs: nowMs + ms, wake: callback };
      sleepers.push(sleeper);
      return () => {
        sleepers = sleepers.filter((one) => one !== sleeper);
      };
    },
    advance(ms) {
      nowMs += ms;
      const due = sleepers.filter(({ atMs }) => atMs <= nowMs);
      sleepers = sleepers.filter(({ atMs }) => atMs > nowMs);
      for (const { wake } of due) wake();
    },
  };
}
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

export async function explore({
  seed,
  eio = false,
  rot = false,
  failover = false,
  mutation = {},
}: ExploreOptions): Promise<Explored> {
  const random = seeded(seed);
  const disk = createDisk(random);
  const oracle = createOracle(rot);
  const consumers = random.chance(0.3) ? ['a', 'b'] : ['a'];
  const maxSizeBytes = 2 * CURSOR_BYTES + SEGMENT_BYTES * (4 + random.below(8));
  const paths: Record<string, number> = {};
  const count = (event: string) => {
    paths[event] = (paths[event] ?? 0) + 1;
  };
  const bytes = (count: number) => random.fill(Buffer.alloc(count));
  const options: Omit<OpenOptions, 'clock' | 'fs'> = {
    directory: '/journal',
    maxSizeBytes,
    whenFull: random.chance(0.4) ? 'thin' : random.chance(0.7) ? 'drop_oldest' : 'reject_new',
    ...(random.chance(0.9) && { codec: recordCodec }),
    ...(random.chance(0.15) && { maxAgeMs: 20, ageMs: ({ payload }) => session.written - numberOf(payload) }),
    ...(random.chance(0.1) && { minFreeBytes: SEGMENT_BYTES }),
    log: (event, fields) => {
      count(event === 'journal-dropped' ? String(fields?.reason) : event.slice('journal-'.length));
      if (event === 'journal-read-only') session.isReadOnly = true;
      if (event !== 'journal-storage-back' || disk.isDead()) return;
      session.isReadOnly = false;
      oracle.noted();
    },
    commitEveryMs: 1_000,
    consumers,
    bootId: BOOT,
    random: mutation.random?.(bytes) ?? bytes,
    tuning: {
      segmentBytes: SEGMENT_BYTES,
      cursorBytes: CURSOR_BYTES,
      strideRecords: 2 + random.below(30),
      packSegments: 2,
      blockRecords: 2 + random.below(12),
      packAfterMs: random.chance(0.7) ? 0 : 1_000,
      ...mutation.tuning,
    },
  };
  let crashes = 0;
  let failure: string | undefined;
  const mount = () => {
    const fs = mutation.fs?.(disk.process(), random) ?? disk.process();
    const rename = async (from: string, to: string) => {
      await fs.rename(from, to);
      if (basename(from) === PACKING_NAME) count('packed');
      if (basename(to) === SPARE_NAME) count('recycled');
    };
    return { ...fs, rename };
  };
  const session: Session = { random, disk, oracle, consumers, options, mount, failover, written: 0, isReadOnly: false };
  try {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      disk.setFaults({
        eioRate: eio ? 0.03 : 0,
        shortWriteRate: 0.03,
        capacityBytes: random.chance(0.15) ? maxSizeBytes * 0.7 : Number.POSITIVE_INFINITY,
        ...(random.chance(0.3) && { freeBytes: random.below(3 * SEGMENT_BYTES) }),
      });
      disk.start(5 + random.below(random.chance(0.4) ? 30 : 400));
      session.isReadOnly = false;
      await live(session, random.chance(0.5));
      oracle.ended();
      if (!disk.isDead()) continue;
      crashes += 1;
      disk.recover(random.chance(0.7));
    }
    disk.setFaults(NO_FAULTS);
    disk.start(Number.POSITIVE_INFINITY);
    if (rot) rotPacked(session);
    await drain(session);
    oracle.finished(consumers);
    if (disk.maxTotalBytes() > maxSizeBytes)
      throw new Error(`${disk.maxTotalBytes()} bytes, more than ${maxSizeBytes}`);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  return { crashes, operations: disk.operations(), failure, paths };
}

const numberOf = (payload: Uint8Array): number => Number(Buffer.from(payload).toString('latin1').split(' ')[1]);

/** One bit of one segment that is packed; nothing if none is. */
function rotPacked({ disk, random }: Session): void {
  const packed = disk.names().filter((name) => name.endsWith('.segment') && disk.kindOf(name) === 1);
  if (packed.length > 0) disk.rot(packed[random.below(packed.length)]!);
}

interface Session {
  readonly random: Random;
  readonly disk: Disk;
  readonly oracle: Oracle;
  readonly consumers: readonly string[];
  readonly options: Omit<OpenOptions, 'clock' | 'fs'>;
  readonly mount: () => JournalFs;
  readonly failover: boolean;
  written: number;
  /** The journal is read from a device that takes no writes. */
  isReadOnly: boolean;
}

/** Opens; undefined if the process died meanwhile. */
async function open({ options, disk, mount, failover }: Session, clock: Clock): Promise<Journal | undefined> {
  const fs = mount();
  for (let attempt = 1; ; attempt++) {
    let result: Journal | undefined;
    let error: unknown;
    (failover ? openDurableJournal : openJournal)({ ...options, clock, fs }).then(
      (journal) => {
        result = journal;
      },
      (reason) => {
        error = reason;
      },
    );
    await settle();
    if (disk.isDead()) return undefined;
    if (result) return result;
    if (error === undefined) throw new Error('an opening does not end');
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'journal.storage' || attempt === MAX_OPEN_ATTEMPTS) throw new Error(`an opening failed: ${message}`);
  }
}

/** One process: lives until it dies of the disk, or closes in order. */
async function live(session: Session, online: boolean): Promise<void> {
  const { random, disk, oracle, consumers } = session;
  const clock = stillClock();
  const journal = await open(session, clock);
  if (!journal) return;
  let wrong: unknown;
  const readers = consumers.map((name) => ({ name, inFlight: [] as RawBatch[], last: 0, busy: false }));
  for (let steps = MAX_STEPS; steps > 0 && !disk.isDead() && !wrong; steps--) {
    const reader = readers[random.below(readers.length)]!;
    const step = random.below(online ? 10 : 5);
    if (step < 4) {
      for (let count = 1 + random.below(4); count > 0; count--) write(session, journal);
    } else if (step === 4) {
      clock.advance(random.chance(0.5) ? 1_000 : 5_000);
    } else if (step < 8 && !reader.busy) {
      reader.busy = true;
      journal
        .reader(reader.name)
        .next({ maxRecords: 1 + random.below(20), maxBytes: 1 + random.below(30_000) })
        .then((batch) => {
          if (disk.isDead() || !batch) return;
          reader.last = oracle.delivered(reader.name, batch, reader.last, !session.isReadOnly);
          reader.inFlight.push(batch);
        })
        .catch((error) => {
          if (error.code !== 'journal.storage') wrong = error;
        })
        .finally(() => {
          reader.busy = false;
        });
    } else if (step < 9) {
      const batch = reader.inFlight.shift();
      if (batch) journal.reader(reader.name).acknowledge(batch.position);
    } else if (random.chance(0.3) && !reader.busy) {
      journal.reader(reader.name).rewind();
      reader.inFlight = [];
      reader.last = 0;
    }
    if (random.chance(0.7)) await settle();
  }
  await settle();
  if (wrong) throw wrong;
  if (disk.isDead()) return;
  if (random.chance(0.5)) {
    void journal.close();
    await settle();
  }
  // Whatever it was doing, it does no more.
  if (!disk.isDead()) disk.start(Number.POSITIVE_INFINITY);
}

function write(session: Session, journal: Journal): void {
  const { random, disk, oracle } = session;
  session.written += 1;
  const padding = random.chance(0.1) ? random.below(9_000) : random.below(600);
  const content = contentOf(session.written, padding);
  const { stream } = journal;
  journal.append({ type: 1, version: 1, payload: Buffer.from(content) }, random.chance(0.3)).then(
    (seq) => {
      // What is in memory only was never promised; nor can it be told where a record went while that changed.
      if (!disk.isDead() && !journal.volatile && journal.stream === stream) oracle.accepted(stream, seq, content);
    },
    () => {},
  );
}

async function drain(session: Session): Promise<void> {
  const { consumers, oracle } = session;
  const journal = await open(session, stillClock());
  if (!journal) throw new Error('the last opening does not end');
  for (const name of consumers) {
    const reader = journal.reader(name);
    let last = 0;
    let ended = false;
    let wrong: unknown;
    const all = async () => {
      for (let batch = await reader.next(ALL); batch; batch = await reader.next(ALL)) {
        last = oracle.delivered(name, batch, last);
        reader.acknowledge(batch.position);
      }
      if (reader.pending !== 0) throw new Error(`${reader.pending} records pending, but nothing comes`);
    };
    all()
      .catch((error) => {
        wrong = error;
      })
      .finally(() => {
        ended = true;
      });
    await settle();
    if (wrong) throw wrong;
    if (!ended) throw new Error('draining does not end');
  }
  void journal.close();
  await settle();
}
const ALL = { maxRecords: 50, maxBytes: 20_000 };
