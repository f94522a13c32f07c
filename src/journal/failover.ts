/**
 * A journal that outlives its device: while the storage fails, records go to a journal in memory, under a stream of its
 * own and marked volatile; the device is tried again with growing pauses, and taken back when it works.
 *
 * Promises: `openDurableJournal` fails only for what a person must change (permission, another process), never for a
 * device that fails or does not answer (device.ts); an append that the device refused is in the memory journal, in the order of calls; what is stored and
 * still readable goes on being delivered, also from a device that only reads (overlay.ts); acknowledgements reach whichever
 * journal holds the record; where each reader stands, and what it was told, is kept until the device takes it (carried.ts),
 * and a stop in order tries it once more.
 */

import { codeOf, messageOf } from '../errors.ts';
import { carriedNothing } from './carried.ts';
import { deviceOf } from './device.ts';
import { type OpenOptions, openJournal } from './journal.ts';
import { memoryJournal } from './memory.ts';
import { overlayFs } from './overlay.ts';
import type { BatchPosition, Journal, JournalReader, JournalRecord, JournalStatus } from './types.ts';

const FIRST_RETRY_MS = 5_000;
const MAX_RETRY_MS = 60_000;
/** Journals in memory of which a late acknowledgement may come: it is none of a stored record. */
const MAX_MEMORY_STREAMS = 16;

export async function openDurableJournal(options: OpenOptions): Promise<Journal> {
  const log = options.log ?? (() => {});
  let disk: Journal | undefined;
  let memory: Journal | undefined;
  let switching: Promise<Journal> | undefined;
  let returning: Promise<void> | undefined;
  let closed = false;
  const ended = new AbortController();
  /** Called when the set of journals changes. */
  const changed = new Set<() => void>();
  const memoryNotes = new Map<string, string | undefined>();
  const readers = new Map<string, JournalReader>();
  const carried = carriedNothing();
  const device = deviceOf(options, (error) => {
    // Also where nothing is appended just now: what is open knows its files no longer.
    if (disk && !closed) void toMemory(error).catch(() => {});
  });
  /** Of the newest memory journals, also of those that are gone. */
  let memoryStreams: string[] = [];
  /** What was said of stored records while no journal of them was open; no more than was in flight. */
  let missed: { readonly name: string; readonly position: BatchPosition }[] = [];
  const rewound = new Set<string>();

  /** The interval of the moment: what is opened next goes on with it. */
  let { commitEveryMs } = options;

  const isStorage = (error: unknown) => codeOf(error) === 'journal.storage';
  /** In the order in which they are read: what was stored before the failure, then memory, then the device that is back. */
  const journals = (): Journal[] => (switching ? [disk, memory] : [memory, disk]).filter((one) => one !== undefined);
  const tell = () => {
    for (const one of [...changed]) one();
  };

  const toMemory = (error: unknown): Promise<Journal> => {
    switching ??= (async () => {
      memory ??= await memoryJournal({ ...options, commitEveryMs, consumers: [...readers.keys()] });
      memoryStreams = [...memoryStreams, memory.stream].slice(-MAX_MEMORY_STREAMS);
      log('journal-storage-failed', { directory: options.directory, error: messageOf(error) });
      tell();
      returning = comeBack();
      return memory;
    })();
    return switching;
  };

  /** Opens what is stored for reading, if the device still reads: whatever is written stays in memory. */
  const readOnly = async () => {
    try {
      const consumers = [...readers.keys()];
      disk = await openJournal({ ...options, consumers, carried, readOnly: true, fs: overlayFs(device.fs()) });
      catchUp(disk);
      log('journal-read-only', { directory: options.directory });
      tell();
    } catch (error) {
      log('journal-unreadable', { error: messageOf(error) });
    }
  };

  const catchUp = (opened: Journal) => {
    for (const { name, position } of missed) opened.reader(name).acknowledge(position);
    missed = [];
    for (const name of rewound) opened.reader(name).rewind();
    rewound.clear();
  };

  /** Opens the journal on the device again, if that takes a write: a new stream. */
  const takeBack = async () => {
    await device.probe();
    await disk?.close();
    disk = undefined;
    disk = await openJournal({ ...options, fs: device.fs(), commitEveryMs, consumers: [...readers.keys()], carried });
    catchUp(disk);
    for (const [key, value] of memoryNotes) disk.setNote(key, value);
    memoryNotes.clear();
    switching = undefined;
    log('journal-storage-back', { directory: options.directory });
    forgetMemory();
    tell();
  };

  const comeBack = async () => {
    for (let pauseMs = FIRST_RETRY_MS; !closed; pauseMs = Math.min(2 * pauseMs, MAX_RETRY_MS)) {
      await options.clock.sleep(pauseMs, ended.signal);
      if (closed) return;
      try {
        return await takeBack();
      } catch (error) {
        log('journal-retry-failed', { error: messageOf(error) });
        if (!disk && !closed) await readOnly();
      }
    }
  };

  const target = (): Journal => (switching ? memory : disk) ?? memory ?? disk!;
  const append = async (record: JournalRecord, urgent?: boolean): Promise<number> => {
    if (switching) return (await switching).append(record, urgent);
    try {
      return await disk!.append(record, urgent);
    } catch (error) {
      if (!isStorage(error) || closed) throw error;
      return (await toMemory(error)).append(record, urgent);
    }
  };

  /** Lets go of a memory journal that has delivered all it had. */
  const forgetMemory = () => {
    if (!memory || switching) return;
    if ([...readers.keys()].some((name) => memory!.reader(name).pending > 0)) return;
    const done = memory;
    memory = undefined;
    void done.close();
    tell();
  };

  const reader = (name: string): JournalReader => {
    /** Journals that gave all they had, or cannot be read, since the last rewind or change. */
    let finished = new Set<Journal>();
    let known = '';
    const open = () => {
      const all = journals();
      // A change of journals begins anew: what was in flight may have to come from another one.
      const now = all.map(({ stream }) => stream).join();
      if (now !== known) finished = new Set();
      known = now;
      return all.filter((journal) => !finished.has(journal));
    };
    return {
      name,
      async next(limits) {
        for (const journal of open()) {
          try {
            const batch = await journal.reader(name).next(limits);
            if (batch) return batch;
          } catch (error) {
            if (!isStorage(error) || !memory) throw error;
          }
          if (journal !== target()) finished.add(journal);
        }
        return undefined;
      },
      rewind() {
        finished = new Set();
        for (const journal of journals()) journal.reader(name).rewind();
        if (!disk) rewound.add(name);
      },
      acknowledge(position: BatchPosition) {
        if (memory?.stream === position.stream) memory.reader(name).acknowledge(position);
        else if (!memoryStreams.includes(position.stream)) {
          if (disk) disk.reader(name).acknowledge(position);
          else missed.push({ name, position });
        }
        forgetMemory();
      },
      refuse(stream, seqs) {
        if (memory?.stream === stream) return memory.reader(name).refuse(stream, seqs);
        // A memory journal that is gone has nothing that waits.
        return memoryStreams.includes(stream) || (disk?.reader(name).refuse(stream, seqs) ?? false);
      },
      async waitForRecords(signal, count) {
        const stop = new AbortController();
        const abort = () => stop.abort();
        if (signal.aborted) return;
        signal.addEventListener('abort', abort, { once: true });
        changed.add(abort);
        try {
          await Promise.race(open().map((journal) => journal.reader(name).waitForRecords(stop.signal, count)));
        } finally {
          signal.removeEventListener('abort', abort);
          changed.delete(abort);
          stop.abort();
        }
      },
      get pending() {
        return journals().reduce((sum, journal) => sum + journal.reader(name).pending, 0);
      },
      get unread() {
        return open().reduce((sum, journal) => sum + journal.reader(name).unread, 0);
      },
      get dropped() {
        return journals().reduce((sum, journal) => sum + journal.reader(name).dropped, 0);
      },
    };
  };

  for (const name of options.consumers) readers.set(name, reader(name));

  try {
    disk = await openJournal({ ...options, fs: device.fs(), carried });
  } catch (error) {
    if (!isStorage(error)) throw error;
    await readOnly();
    await toMemory(error);
  }

  const status = (): JournalStatus => {
    const all = journals().map((journal) => journal.status());
    const sum = (of: (one: JournalStatus) => number) => all.reduce((total, one) => total + of(one), 0);
    // The numbers are those of the device, where there is one: nothing in memory counts as accepted.
    const base = (disk ?? memory)!.status();
    return {
      ...base,
      stream: target().stream,
      storage: switching ? 'storage-failed' : base.storage,
      pending: Object.fromEntries([...readers].map(([name, one]) => [name, one.pending])),
      maxSizeBytes: options.maxSizeBytes,
      bytesPerDay: disk ? base.bytesPerDay : null,
      accepted: sum((one) => one.accepted),
      dropped: sum((one) => one.dropped),
      commits: sum((one) => one.commits),
      bytesWritten: sum((one) => one.bytesWritten),
    };
  };

  const close = async () => {
    closed = true;
    ended.abort();
    device.hurry();
    await switching?.catch(() => {});
    await returning;
    // What was given out or acknowledged meanwhile is known to this process only.
    if (switching) await takeBack().catch((error) => log('journal-retry-failed', { error: messageOf(error) }));
    await Promise.all([disk?.close(), memory?.close()]);
    tell();
  };
  let closing: Promise<void> | undefined;

  return {
    get stream() {
      return target().stream;
    },
    bootId: options.bootId,
    get volatile() {
      return target().volatile;
    },
    append,
    flush() {
      // Only who is to end asks for it.
      device.hurry();
      return target().flush();
    },
    commitEvery(ms) {
      commitEveryMs = ms;
      for (const one of journals()) one.commitEvery(ms);
    },
    reader(name) {
      const known = readers.get(name) ?? reader(name);
      readers.set(name, known);
      return known;
    },
    forget(name) {
      readers.delete(name);
      missed = missed.filter((one) => one.name !== name);
      rewound.delete(name);
      for (const one of journals()) one.forget(name);
    },
    async oldest() {
      for (const one of journals()) {
        const record = await one.oldest().catch(() => null);
        if (record) return record;
      }
      return null;
    },
    status,
    observe: (fromSeq, maxRecords) => (disk ?? memory)!.observe(fromSeq, maxRecords),
    note: (key) => (memoryNotes.has(key) ? memoryNotes.get(key) : (disk ?? memory)!.note(key)),
    setNote(key, value) {
      if (switching) memoryNotes.set(key, value);
      (disk ?? memory)!.setNote(key, value);
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}
