/**
 * The commit loop: records wait in memory, one frame at a time goes to the device. Promises: `append` resolves after the
 * fdatasync of its frame and rejects if that never will be; the order of numbers is the order of calls; a file that
 * failed once is sealed and the same records go to a fresh one; after MAX_FAILURES in a row the storage counts as failed
 * and everything waiting is rejected with `journal.storage`.
 */
import { codeOf, SedgeError } from '../errors.ts';
import type { Core } from './core.ts';
import {
  BLOCK_BYTES,
  encodeFrame,
  encodeHeader,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  MAX_RECORD_BYTES,
  recordBytes,
  roundUpToBlock,
  type SegmentHeader,
  segmentName,
} from './format.ts';
import { errnoOf, type JournalFile, storageError, writeDurably } from './fs.ts';
import { SPARE_NAME } from './recovery.ts';
import { prepareSpare, release, takeSpare } from './retention.ts';
import type { JournalRecord } from './types.ts';

/** So many bytes waiting are committed at once. */
const COMMIT_BYTES = 16 * 1024;
/** Records that wait for a slow device; beyond, `append` rejects with `journal.full`. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const MAX_FAILURES = 3;

interface Waiting {
  readonly record: JournalRecord;
  readonly resolve: (seq: number) => void;
  readonly reject: (error: Error) => void;
}

export interface Writer {
  append(record: JournalRecord, urgent: boolean): Promise<number>;
  /** Resolves when everything given before was accepted or rejected. */
  flush(): Promise<void>;
  commitEvery(ms: number): void;
  /** Seals the active segment and gives back what it did not use. */
  close(): Promise<void>;
}

/** How much of the commit interval a commit may be early. */
const EARLY_PART = 0.02;

export function createWriter(core: Core, initialCommitEveryMs: number): Writer {
  const { fs, tuning } = core;
  const maxRecordBytes = Math.min(MAX_RECORD_BYTES, tuning.segmentBytes - BLOCK_BYTES - FRAME_HEADER_BYTES - 6);
  let commitEveryMs = initialCommitEveryMs;
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let file: JournalFile | undefined;
  let buffer = Buffer.alloc(16 * BLOCK_BYTES);
  let loop: Promise<void> | undefined;
  let isFirst = true;
  /** Set while records wait for the commit interval to end. */
  let timer: { readonly dueMs: number; readonly cancel: () => void } | undefined;
  let failures = 0;
  /** How many of those that wait are to be committed now; what comes while that goes on waits for its own interval. */
  let demanded = 0;

  const append = (record: JournalRecord, urgent: boolean): Promise<number> => {
    if (core.closed) return Promise.reject(new SedgeError('journal.closed', 'The journal is closed.'));
    if (core.storage !== 'ok') return Promise.reject(storageError(undefined, core.directory));
    const { length } = record.payload;
    if (length > maxRecordBytes) {
      const message = `A record of ${length} bytes is larger than the journal takes (${maxRecordBytes}): raise journal.max_size or make it smaller.`;
      return Promise.reject(new SedgeError('journal.record-size', message));
    }
    if (waitingBytes + length > MAX_WAITING_BYTES) {
      const message = `The storage under ${core.directory} is too slow: ${waitingBytes} bytes wait, the record was not taken.`;
      return Promise.reject(new SedgeError('journal.full', message));
    }
    return new Promise((resolve, reject) => {
      waiting.push({ record, resolve, reject });
      waitingBytes += recordBytes(record);
      // A commit that is as good as due goes with this record: one wake-up less.
      const isDue = timer !== undefined && core.clock.monotonic() >= timer.dueMs - commitEveryMs * EARLY_PART;
      if (urgent || isFirst || isDue || waitingBytes >= COMMIT_BYTES) commitSoon();
      else startTimer();
      isFirst = false;
    });
  };

  const startTimer = () => {
    if (timer) return;
    const dueMs = core.clock.monotonic() + commitEveryMs;
    timer = { dueMs, cancel: core.clock.after(commitEveryMs, () => void commitSoon()) };
  };

  const commitSoon = (): Promise<void> => {
    timer?.cancel();
    timer = undefined;
    demanded = waiting.length;
    // A turn later, so that records appended together are committed together.
    loop ??= new Promise<void>((resolve) => setImmediate(resolve)).then(commitAll).finally(() => {
      loop = undefined;
      if (waiting.length === 0) return;
      // An urgent record may come after the last look at `demanded` and before this line.
      if (demanded > 0) void commitSoon();
      else startTimer();
    });
    return loop;
  };

  const commitAll = async () => {
    demanded = waiting.length;
    while (demanded > 0 && waiting.length > 0 && core.storage === 'ok') {
      try {
        await core.exclusive(commitOne);
        failures = 0;
        // Beyond the first number of this newer segment nothing counts (format.ts, invariant 6).
        core.unvoided.length = 0;
      } catch (error) {
        await failed(error);
      }
    }
  };

  const commitOne = async () => {
    const active = await activeFor(FRAME_HEADER_BYTES + recordBytes(waiting[0]!.record));
    const records = takeFitting(Math.min(active.sizeBytes - active.endBytes, MAX_FRAME_BYTES));
    const bytes = FRAME_HEADER_BYTES + records.reduce((sum, record) => sum + recordBytes(record), 0);
    if (buffer.length < bytes) buffer = Buffer.alloc(roundUpToBlock(bytes));
    const firstSeq = core.newest + 1;
    const position = active.endBytes;
    const length = encodeFrame(buffer, records, firstSeq, position / BLOCK_BYTES, active.header, tuning.checksum);
    await writeDurably(file!, buffer.subarray(0, length), position);
    active.endBytes = position + length;
    active.lastSeq = firstSeq + records.length - 1;
    core.newest = active.lastSeq;
    core.counters.accepted += records.length;
    core.counters.commits += 1;
    core.counters.bytesWritten += length;
    waitingBytes -= bytes - FRAME_HEADER_BYTES;
    const accepted = waiting.slice(0, records.length);
    waiting = waiting.slice(records.length);
    demanded -= records.length;
    if (waiting.length === 0) {
      timer?.cancel();
      timer = undefined;
    }
    for (const [index, { resolve }] of accepted.entries()) resolve(firstSeq + index);
    core.wake();
  };

  const takeFitting = (roomBytes: number): JournalRecord[] => {
    const records: JournalRecord[] = [];
    let bytes = FRAME_HEADER_BYTES;
    for (const { record } of waiting) {
      bytes += recordBytes(record);
      if (bytes > roomBytes) break;
      records.push(record);
    }
    return records;
  };

  /** The segment to write to, with room for so many bytes. */
  const activeFor = async (bytes: number) => {
    if (core.active && core.active.endBytes + bytes <= core.active.sizeBytes) return core.active;
    await seal();
    await takeSpare(core);
    const header: SegmentHeader = {
      number: core.nextNumber,
      salt: core.random(4).readUInt32LE(0),
      stream: core.stream,
      bootId: core.bootId,
      firstSeq: core.newest + 1,
      streamFirstSeq: core.streamFirstSeq,
      previous: core.previous,
      wallMs: core.clock.now(),
      monoMs: core.clock.monotonic(),
    };
    const name = segmentName(header.number);
    core.nextNumber += 1;
    const spare = await fs.open(core.pathOf(SPARE_NAME), 'commit');
    try {
      await writeDurably(spare, encodeHeader(header), 0);
      await fs.rename(core.pathOf(SPARE_NAME), core.pathOf(name));
    } catch (error) {
      // Never trusted again: the next attempt makes another.
      await spare.close().catch(() => {});
      await fs.unlink(core.pathOf(SPARE_NAME)).then(
        () => {
          core.spareBytes = 0;
        },
        () => {},
      );
      throw error;
    }
    const sizeBytes = core.spareBytes;
    const segment = { header, name, lastSeq: core.newest, endBytes: BLOCK_BYTES, sizeBytes, readers: 0 };
    core.spareBytes = 0;
    core.segments.push(segment);
    core.active = segment;
    file = spare;
    core.counters.bytesWritten += BLOCK_BYTES;
    await fs.syncDirectory(core.directory);
    // After this commit, so that it does not wait for it.
    void core
      .exclusive(() => prepareSpare(core))
      .catch((error) => core.log('journal-spare', { error: String(error) }))
      .then(core.sealed);
    return segment;
  };

  const seal = async () => {
    const sealed = file;
    file = undefined;
    core.active = undefined;
    await sealed?.close().catch(() => {});
  };

  /** Decides what a failed commit means for the records that wait. */
  const failed = async (error: unknown) => {
    if (codeOf(error) === 'journal.full') {
      rejectAll(error as SedgeError);
      return;
    }
    failures += 1;
    core.log('journal-write-failed', { error: String(error), failures });
    if (core.active) {
      // What the device kept of the frame is void; the cache must not show it either.
      const { name, header, endBytes: at } = core.active;
      await file?.write(Buffer.alloc(BLOCK_BYTES), at).catch(() => core.unvoided.push({ name, header, at }));
      await seal();
    }
    if (failures < MAX_FAILURES && errnoOf(error) !== 'EROFS') return;
    core.storage = 'storage-failed';
    rejectAll(storageError(error, core.directory));
  };

  const rejectAll = (error: SedgeError) => {
    const rejected = waiting;
    waiting = [];
    waitingBytes = 0;
    demanded = 0;
    for (const { reject } of rejected) reject(error);
  };

  return {
    append,
    async flush() {
      if (waiting.length > 0) await commitSoon();
      await loop;
    },
    commitEvery(ms) {
      commitEveryMs = ms;
      // What waits for a longer interval has waited long enough once an uplink is back.
      if (timer && timer.dueMs > core.clock.monotonic() + ms) {
        timer.cancel();
        timer = undefined;
        startTimer();
      }
    },
    async close() {
      if (waiting.length > 0) await commitSoon();
      await loop;
      timer?.cancel();
      await core
        .exclusive(async () => {
          const { active } = core;
          try {
            if (active && file && core.storage === 'ok' && active.endBytes < active.sizeBytes) {
              await file.truncate(active.endBytes);
              await file.fdatasync();
              active.sizeBytes = active.endBytes;
            }
          } finally {
            await seal();
          }
          await release(core).catch(() => {});
        })
        .catch(() => {});
    },
  };
}
