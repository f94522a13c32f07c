/**
 * One history: a journal is opened, written, read, acknowledged, filled, and stopped at a random file operation; then the
 * same again on what is left, several times; at last it is drained in peace and the oracle adds up.
 */
import { basename } from 'node:path';
import { openDurableJournal } from '../../../src/journal/failover.ts';
import type { JournalFs, OpenOptions, Tuning } from '../../../src/journal/journal.ts';
import { openJournal } from '../../../src/journal/journal.ts';
import { PACKING_NAME, SPARE_NAME } from '../../../src/journal/recovery.ts';
import type { Journal, RawBatch } from '../../../src/journal/types.ts';
import { recordCodec } from './codec.ts';
import { createDisk, NO_FAULTS } from './disk.ts';
import { createOracle } from './oracle.ts';
import { type Random, seeded } from './random.ts';
import { close, type Openers, open, type Session, write } from './session.ts';
import { stillClock } from './still-clock.ts';
import { createTurns } from './turns.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const SEGMENT_BYTES = 6 * 4096;
const CURSOR_BYTES = 4 * 4096;
const MAX_STEPS = 60;
const MAX_ROUNDS = 4;
/** Commits that a full journal may refuse after it was emptied, until it has let go of what is done. */
const MAX_TURNED_AWAY = 100;

/** A way in which the journal is made worse on purpose, to see that the explorer notices. */
export interface Mutation {
  /** The journal made from other source code. */
  readonly openers?: Openers;
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

export async function explore({
  seed,
  eio = false,
  rot = false,
  failover = false,
  mutation = {},
}: ExploreOptions): Promise<Explored> {
  const random = seeded(seed);
  const turns = createTurns(random, random.chance(0.6));
  const disk = createDisk(random, turns);
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
  const { openers = { openJournal, openDurableJournal } } = mutation;
  const opener = failover ? openers.openDurableJournal : openers.openJournal;
  const session: Session = {
    random,
    turns,
    disk,
    oracle,
    consumers,
    options,
    mount,
    opener,
    written: 0,
    isReadOnly: false,
  };
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

/** One process: lives until it dies of the disk, or closes in order. */
async function live(session: Session, online: boolean): Promise<void> {
  const { random, turns, disk, oracle, consumers } = session;
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
    if (random.chance(0.7)) await turns.pass();
  }
  await turns.pass();
  if (wrong) throw wrong;
  if (disk.isDead()) return;
  if (random.chance(0.5)) await close(session, journal);
  // Whatever it was doing, it does no more.
  if (!disk.isDead()) disk.start(Number.POSITIVE_INFINITY);
}

/** On a disk that is sound again everything comes out, and what is new goes in: at once, or when there is room again. */
async function drain(session: Session): Promise<void> {
  const { consumers, turns } = session;
  const clock = stillClock();
  const journal = await open(session, clock);
  if (!journal) throw new Error('the last opening does not end');
  const places = consumers.map((name) => ({ name, last: 0 }));
  const writing = write(session, journal, true);
  for (const place of places) await drainOne(session, journal, place);
  if (!(await turns.pass(() => writing.outcome !== undefined))) throw new Error('a commit does not end');
  if (!['accepted', 'journal.full'].includes(writing.outcome!)) {
    throw new Error(`a commit on a sound disk ended as ${writing.outcome}`);
  }
  // The cursor that says that all is done becomes durable, and lets go: then there is room.
  clock.advance(5_000);
  let again = write(session, journal, true);
  for (let attempts = MAX_TURNED_AWAY; attempts > 0; attempts--) {
    await turns.pass(() => again.outcome !== undefined);
    if (again.outcome !== 'journal.full') break;
    await turns.pass();
    again = write(session, journal, true);
  }
  if (again.outcome !== 'accepted') throw new Error(`a commit to an empty journal ended as ${again.outcome}`);
  for (const place of places) {
    await drainOne(session, journal, place);
    const { pending } = journal.reader(place.name);
    if (pending !== 0) throw new Error(`${pending} records pending, but nothing comes`);
  }
  await close(session, journal);
}

async function drainOne({ oracle, turns }: Session, journal: Journal, place: { name: string; last: number }) {
  const reader = journal.reader(place.name);
  let ended = false;
  let wrong: unknown;
  const all = async () => {
    for (let batch = await reader.next(ALL); batch; batch = await reader.next(ALL)) {
      place.last = oracle.delivered(place.name, batch, place.last);
      reader.acknowledge(batch.position);
    }
  };
  all()
    .catch((error) => {
      wrong = error;
    })
    .finally(() => {
      ended = true;
    });
  await turns.pass(() => ended);
  if (wrong) throw wrong;
  if (!ended) throw new Error('draining does not end');
}
const ALL = { maxRecords: 50, maxBytes: 20_000 };
