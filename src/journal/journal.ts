/**
 * Opens a journal and puts its parts together. The promises are in types.ts, the invariants that keep them in format.ts.
 * Opening fails only for want of permission (`journal.permission`), because another process holds it (`journal.locked`),
 * or because the device fails (`journal.storage`), never because of what the files hold.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SedgeError } from '../errors.ts';
import { remember } from './carried.ts';
import { type Consumer, firstPending, gapOf } from './consumer.ts';
import { asideBytes, type Core, mutex, type Tuning } from './core.ts';
import { CURSOR_FILE_BYTES, cursorStore, storedConsumer } from './cursor.ts';
import { type JournalFs, nodeFs, storageError } from './fs.ts';
import { firstStored, oldestPending } from './inspect.ts';
import { addConsumer } from './members.ts';
import { checkNote, notesOf } from './notes.ts';
import { observe } from './observe.ts';
import type { OpenOptions } from './options.ts';
import { placeOf } from './place.ts';
import { createReader, type ManagedReader } from './reader.ts';
import { otherBytesOf, type Recovered, reconcile, type Survey, survey } from './recovery.ts';
import { tidy, voidRefused } from './repair.ts';
import { prepareSpare, release } from './retention.ts';
import { defaultTuning } from './tuning.ts';
import type { Journal, JournalStatus } from './types.ts';
import { createUpkeep } from './upkeep.ts';
import { bytesPerDay, createWear } from './wear.ts';
import { createWriter } from './writer.ts';

export type { JournalLog, Tuning } from './core.ts';
export type { JournalFile, JournalFs } from './fs.ts';
export type { OpenOptions } from './options.ts';

/** Acknowledgements are durable no later than this. */
const CURSOR_EVERY_MS = 5_000;
/** Room for one to write, one to read, and one to write again what an unclean stop left. */
const MIN_SEGMENTS = 3;
const MAX_CONSUMERS = 16;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export async function openJournal(options: OpenOptions): Promise<Journal> {
  const { directory, fs = nodeFs } = options;
  if (!UUID.test(options.bootId)) throw new SedgeError('usage', `The boot id ${options.bootId} is not a UUID.`);
  if (options.consumers.length > MAX_CONSUMERS) {
    throw new SedgeError('config.invalid', `At most ${MAX_CONSUMERS} uplinks can share one journal.`);
  }
  let lock: { release(): Promise<void> } | undefined;
  try {
    await fs.makeDirectory(directory);
    lock = await fs.lock(directory);
    const place = await placeOf(fs, directory);
    if (place.directory !== directory) {
      options.log?.('journal-newer-kept', { kept: directory, directory: place.directory });
      await fs.makeDirectory(place.directory);
    }
    return await openLocked({ ...options, directory: place.directory }, fs, lock, place.besideBytes);
  } catch (error) {
    await lock?.release();
    throw storageError(error, directory);
  }
}

async function openLocked(
  options: OpenOptions,
  fs: JournalFs,
  lock: { release(): Promise<void> },
  besideBytes: number,
): Promise<Journal> {
  const { directory, maxSizeBytes } = options;
  const pathOf = (name: string) => join(directory, name);
  const tuning = { ...defaultTuning(maxSizeBytes), ...options.tuning };
  await voidRefused(fs, pathOf, options.carried);
  const inside = await survey(fs, directory, pathOf, tuning.checksum, options.carried);
  const found = { ...inside, foreignBytes: inside.foreignBytes + besideBytes };
  if (found.foreignBytes + 2 * tuning.cursorBytes + MIN_SEGMENTS * tuning.segmentBytes > maxSizeBytes) {
    const message = `The journal directory ${directory} holds ${found.foreignBytes} bytes of other files, which leaves too little of journal.max_size: move them or raise it.`;
    throw new SedgeError('journal.permission', message);
  }
  const recovered = reconcile(found, options.consumers, options.carried);
  const core = createCore(options, fs, tuning, pathOf, found, recovered);
  remember(options.carried, core, found.cursor?.state);
  await tidy(core, found).catch(async (error) => {
    await core.cursor.close();
    throw error;
  });
  if (options.carried) options.carried.last = core;
  if (recovered.damagedRecords > 0) core.log('journal-damage-found', { records: recovered.damagedRecords });
  return compose(core, options, lock);
}

function createCore(
  options: OpenOptions,
  fs: JournalFs,
  tuning: Tuning,
  pathOf: (name: string) => string,
  found: Survey,
  { newest, consumers }: Recovered,
): Core {
  const random = options.random ?? randomBytes;
  const stream = random(12).toString('hex');
  const streamFirstSeq = (newest?.seq ?? 0) + 1;
  const counters = { accepted: 0, dropped: 0, commits: 0, bytesWritten: 0 };
  const waiters = new Set<() => void>();
  const notes = notesOf(found.cursor?.state.notes);
  const wear = createWear(found.cursor?.state.written, options.clock, counters);
  const snapshot = () => {
    const taken = [...consumers.values()].map((consumer) => ({
      consumer,
      acked: consumer.acked,
      marked: consumer.marked,
    }));
    return {
      state: {
        stream,
        newest: core.newest >= streamFirstSeq ? { stream, seq: core.newest } : newest,
        consumers: Object.fromEntries(taken.map(({ consumer }) => [consumer.name, storedConsumer(consumer)])),
        notes: Object.fromEntries(notes),
        written: wear.total(),
        ...(core.replacement && { replacement: core.replacement }),
      },
      durable: () => {
        for (const { consumer, acked, marked } of taken) {
          consumer.ackedDurable = acked;
          consumer.offered = marked;
        }
      },
    };
  };
  const core: Core = {
    fs,
    directory: options.directory,
    pathOf,
    clock: options.clock,
    log: options.log ?? (() => {}),
    random,
    tuning,
    maxSizeBytes: options.maxSizeBytes,
    minFreeBytes: options.minFreeBytes ?? 0,
    maxAgeMs: options.maxAgeMs,
    ageMs: options.ageMs,
    whenFull: options.whenFull,
    codec: options.codec,
    stream,
    bootId: options.bootId.toLowerCase(),
    volatile: options.volatile ?? false,
    streamFirstSeq,
    previous: newest && { stream: newest.stream, last: newest.seq },
    consumers,
    notes,
    segments: found.segments,
    active: undefined,
    unvoided: [],
    newest: newest?.seq ?? 0,
    nextNumber: found.nextNumber,
    spareBytes: found.spareBytes,
    otherBytes: otherBytesOf(found),
    asideBytes: new Map(),
    storage: options.readOnly ? 'storage-failed' : 'ok',
    closed: false,
    givenMs: Number.NEGATIVE_INFINITY,
    unthinnable: new Set(),
    unpackable: new Set(),
    isThinning: false,
    isThinnedNamed: false,
    sealed: () => {},
    replacement: found.replaced && found.cursor?.state.replacement,
    counters,
    wear,
    exclusive: mutex(),
    waiters,
    wake: () => {
      for (const waiter of [...waiters]) waiter();
    },
    cursor: cursorStore({
      fs,
      directory: options.directory,
      pathOf,
      generation: found.cursor?.generation ?? 0,
      slot: found.cursor?.slot ?? 1,
      slotBytes: found.cursorBytes,
      maxBytes: tuning.cursorBytes,
      fileBytes: Math.min(CURSOR_FILE_BYTES, Math.floor(tuning.cursorBytes / 2)),
      snapshot,
      written: (bytes) => {
        counters.bytesWritten += bytes;
      },
    }),
  };
  return core;
}

function compose(core: Core, options: OpenOptions, lock: { release(): Promise<void> }): Journal {
  const writer = createWriter(core, options.commitEveryMs);
  const upkeep = createUpkeep(core);
  core.sealed = upkeep.begin;
  const readers = new Map<string, ManagedReader>();
  const ended = new AbortController();
  let saving = false;

  /** Writes the cursor within CURSOR_EVERY_MS of the first change, then lets go of what nobody needs. */
  const saveLater = () => {
    if (saving || core.closed) return;
    saving = true;
    void core.clock.sleep(CURSOR_EVERY_MS, ended.signal).then(async () => {
      saving = false;
      if (core.closed) return;
      try {
        await core.cursor.save();
        await core.exclusive(async () => {
          if (!core.closed) await release(core);
        });
      } catch (error) {
        core.log('journal-cursor', { error: String(error) });
      }
    });
  };
  const acknowledged = () => {
    core.wake();
    saveLater();
  };
  const addReader = (consumer: Consumer) => {
    const reader = createReader(core, consumer, acknowledged);
    readers.set(consumer.name, reader);
    return reader;
  };
  for (const consumer of core.consumers.values()) addReader(consumer);
  if (!options.readOnly) {
    void core.exclusive(() => prepareSpare(core)).catch((error) => core.log('journal-spare', { error: String(error) }));
  }
  upkeep.begin();
  const first = () => firstPending(core.consumers.values(), firstStored(core.segments), core.newest);

  let closing: Promise<void> | undefined;
  const close = async () => {
    core.closed = true;
    ended.abort();
    await upkeep.stop();
    await writer.flush();
    // In a clean end it is known exactly what was handed out.
    for (const consumer of core.consumers.values()) consumer.marked = consumer.given;
    await core.cursor.save().catch((error) => core.log('journal-cursor', { error: String(error) }));
    await writer.close();
    core.wake();
    await Promise.all([...readers.values()].map((reader) => reader.close()));
    await core.cursor.close();
    await lock.release();
  };

  return {
    stream: core.stream,
    bootId: core.bootId,
    volatile: core.volatile,
    append: (record, urgent = false) => writer.append(record, urgent),
    flush: () => writer.flush(),
    commitEvery: (ms) => writer.commitEvery(ms),
    reader(name) {
      return readers.get(name) ?? addReader(addConsumer(core, name));
    },
    forget(name) {
      void readers.get(name)?.close();
      readers.delete(name);
      core.consumers.delete(name);
      saveLater();
    },
    oldest() {
      const seq = first();
      if (seq === null) return Promise.resolve(null);
      return oldestPending(core.fs, core.pathOf, core.segments, seq, core.tuning.checksum, core.codec);
    },
    status(): JournalStatus {
      const consumers = [...core.consumers.values()];
      return {
        stream: core.stream,
        storage: core.storage,
        pending: Object.fromEntries(consumers.map(({ name }) => [name, readers.get(name)!.pending])),
        first: first(),
        last: core.newest === 0 ? null : core.newest,
        sizeBytes:
          core.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0) +
          core.spareBytes +
          core.otherBytes +
          asideBytes(core) +
          core.cursor.sizeBytes,
        maxSizeBytes: core.maxSizeBytes,
        gaps: Object.fromEntries(
          consumers.map(({ name, gaps }) => [name, gaps.filter((gap) => !gap.settled).map(gapOf)]),
        ),
        bytesPerDay: bytesPerDay(core.wear.total()),
        ...core.counters,
      };
    },
    observe: (fromSeq, maxRecords) => observe(core, fromSeq, maxRecords),
    note: (key) => core.notes.get(key),
    setNote(key, value) {
      checkNote(core.notes, key, value);
      if (value === undefined) core.notes.delete(key);
      else core.notes.set(key, value);
      saveLater();
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}
