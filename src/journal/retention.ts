/**
 * Space: segments that every consumer has acknowledged are recycled or removed; a full journal drops its oldest segment,
 * or refuses. Promises: the sum of all files never passes the bound; the cursor that says why is durable before a file
 * goes; a gap names exactly what was stored, unacknowledged and surely not delivered. All run inside `core.exclusive`.
 */
import { SedgeError } from '../errors.ts';
import { addGap, join, MAX_GAPS, mayDrop, withdraw } from './consumer.ts';
import { type Core, reservedBytes } from './core.ts';
import { dropForFree, leavesFree } from './expiry.ts';
import { errnoOf, type JournalFile, writeFully } from './fs.ts';
import { SPARE_NAME } from './recovery.ts';
import { learnKept, type Segment, storedOf, takenOf } from './segment.ts';
import { MAX_THINNED_PART, thinOldest } from './thinning.ts';

const ZEROS = Buffer.alloc(64 * 1024);

/** Removes segments that no consumer needs any more. */
export async function release(core: Core): Promise<void> {
  // Asked anew each time: while a file goes, a consumer may come that begins with the next one.
  for (let segment = unneeded(core); segment; segment = unneeded(core)) {
    core.segments.splice(core.segments.indexOf(segment), 1);
    await discard(core, segment);
  }
}

/** A journal without consumers keeps everything: nobody can have it all. */
function unneeded(core: Core): Segment | undefined {
  const consumers = [...core.consumers.values()];
  const acked = consumers.length === 0 ? 0 : Math.min(...consumers.map((consumer) => consumer.ackedDurable));
  return core.segments.find(
    (segment) =>
      segment !== core.active &&
      segment.readers === 0 &&
      (segment.lastSeq <= acked || segment.lastSeq < segment.header.firstSeq),
  );
}

/** The file of a segment that is no longer in the list becomes the spare, or goes. */
export async function discard(core: Core, segment: Segment): Promise<void> {
  try {
    if (core.spareBytes === 0 && segment.sizeBytes === core.tuning.segmentBytes && !core.closed) {
      await core.fs.rename(core.pathOf(segment.name), core.pathOf(SPARE_NAME));
      core.spareBytes = segment.sizeBytes;
    } else {
      await core.fs.unlink(core.pathOf(segment.name));
    }
  } catch (error) {
    // Still there, so still counted; the next opening removes it, because the cursor says that nobody needs it.
    if (errnoOf(error) !== 'ENOENT') core.otherBytes += segment.sizeBytes;
  }
}

/** Room that only an opening after an unclean stop uses, to write the newest frame again (repair.ts). */
const MAX_TAIL_BYTES = 64 * 1024;

/** Is there room for so many segments more, and for what has to be written to make room? */
export function hasRoom(core: Core, segments = 1): boolean {
  const { segmentBytes } = core.tuning;
  const thinnedBytes = core.whenFull === 'thin' && core.codec ? segmentBytes * MAX_THINNED_PART : 0;
  const besideBytes = Math.min(segmentBytes, MAX_TAIL_BYTES) + thinnedBytes;
  return reservedBytes(core) + segments * segmentBytes + besideBytes <= core.maxSizeBytes;
}

/** Makes sure that there is a spare to write to, dropping the oldest segment if the policy says so. */
export async function takeSpare(core: Core): Promise<void> {
  const isLacking = () => core.spareBytes === 0 && !hasRoom(core);
  if (isLacking()) await release(core);
  // A segment is thinned twice at most.
  for (let rounds = 2 * core.segments.length; rounds > 0 && core.whenFull === 'thin' && isLacking(); rounds--) {
    if (!(await thinOldest(core, (work) => work()))) break;
  }
  // Each round frees one segment; small ones may need several.
  for (let rounds = core.segments.length; rounds > 0 && isLacking(); rounds--) await dropOldest(core);
  if (core.spareBytes === 0 && !(await leavesFree(core))) await dropForFree(core);
  if (core.spareBytes > 0) return;
  if (!hasRoom(core)) throw full(core);
  try {
    await makeSpare(core);
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') throw error;
    // Others fill the device: live on what we hold, if that is enough for one segment.
    const heldBytes = core.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
    if (heldBytes < core.tuning.segmentBytes) throw error;
    for (let rounds = core.segments.length; core.spareBytes === 0 && rounds > 0; rounds--) {
      await dropOldest(core);
      await makeSpare(core).catch(() => {});
    }
    if (core.spareBytes === 0) throw error;
  }
}

/** Makes the next spare ahead of need, where that leaves others enough. */
export async function prepareSpare(core: Core): Promise<void> {
  if (await leavesFree(core)) await makeSpare(core);
}

/** Writes a spare full of zeros, so that commits only overwrite and a full device shows before a commit needs it. */
export async function makeSpare(core: Core): Promise<void> {
  if (core.spareBytes > 0 || !hasRoom(core)) return;
  const path = core.pathOf(SPARE_NAME);
  const { segmentBytes } = core.tuning;
  // Taken before it is there: what is packed meanwhile must not count on the same room.
  core.spareBytes = segmentBytes;
  let file: JournalFile;
  try {
    file = await core.fs.open(path, 'create');
  } catch (error) {
    core.spareBytes = 0;
    throw error;
  }
  try {
    for (let done = 0; done < segmentBytes; done += ZEROS.length) {
      await writeFully(file, ZEROS.subarray(0, Math.min(ZEROS.length, segmentBytes - done)), done);
    }
    await file.fdatasync();
    core.counters.bytesWritten += segmentBytes;
  } catch (error) {
    await core.fs.unlink(path).then(
      () => {},
      () => {
        core.otherBytes += segmentBytes;
      },
    );
    core.spareBytes = 0;
    throw error;
  } finally {
    await file.close().catch(() => {});
  }
}

export function full(core: Core): SedgeError {
  const message = `The journal in ${core.directory} is full (journal.max_size): the record was not taken.`;
  return new SedgeError('journal.full', message);
}

/** Drops the oldest segment that surely holds nothing delivered. Throws `journal.full` if the policy or the pins forbid it. */
export async function dropOldest(core: Core): Promise<void> {
  if (core.whenFull === 'reject_new') throw full(core);
  const consumers = [...core.consumers.values()];
  const gaps = consumers.reduce((sum, consumer) => sum + consumer.gaps.length, 0);
  if (gaps + consumers.length > MAX_GAPS) throw full(core);
  const victim = core.segments.find(
    (segment) =>
      segment !== core.active &&
      segment.readers === 0 &&
      consumers.every((consumer) => mayDrop(consumer, segment.header.firstSeq, segment.lastSeq)),
  );
  if (!victim) throw full(core);
  await drop(core, victim, 'journal_full');
}

/** Drops a segment that `mayDrop` for every consumer, naming what goes. */
export async function drop(core: Core, victim: Segment, reason: 'journal_full' | 'expired'): Promise<void> {
  const { firstSeq, stream } = victim.header;
  const isPart = [...core.consumers.values()].some(
    ({ acked, gaps }) => acked >= victim.header.firstSeq || gaps.some(({ covers, spanTo }) => covers && spanTo > acked),
  );
  if (isPart) {
    victim.readers += 1;
    await learnKept(core.fs, core.pathOf(victim.name), victim, core.tuning.checksum).catch(() => {});
    victim.readers -= 1;
  }
  // Somebody may have come meanwhile, to it or to the journal.
  const consumers = [...core.consumers.values()];
  if (victim.readers > 0 || !consumers.every((one) => mayDrop(one, firstSeq, victim.lastSeq))) throw full(core);
  core.segments.splice(core.segments.indexOf(victim), 1);
  const added = consumers.map((consumer) => ({
    consumer,
    gaps: addGap(consumer, stream, firstSeq, victim.lastSeq, reason, storedOf(victim)),
  }));
  const lostEach = added.map(({ gaps: own }) => own.reduce((sum, gap) => sum + gap.lost, 0));
  const lost = consumers.length === 0 ? victim.lastSeq - firstSeq + 1 - takenOf(victim) : Math.max(...lostEach);
  try {
    await core.cursor.save();
  } catch (error) {
    // Nothing is dropped that the cursor cannot say: the segment is there again.
    for (const { consumer, gaps: own } of added) for (const gap of own) withdraw(consumer, gap);
    const later = core.segments.findIndex((segment) => segment.header.number > victim.header.number);
    core.segments.splice(later < 0 ? core.segments.length : later, 0, victim);
    throw error;
  }
  for (const consumer of consumers) join(consumer);
  core.counters.dropped += lost;
  if (lost > 0) core.log('journal-dropped', { from: firstSeq, to: victim.lastSeq, lost, reason });
  await discard(core, victim);
  core.wake();
}

/** Segments in the way of a smaller `max_size`, at open. */
export async function shrink(core: Core): Promise<void> {
  for (let rounds = core.segments.length; reservedBytes(core) > core.maxSizeBytes && rounds > 0; rounds--) {
    try {
      await dropOldest(core);
    } catch (error) {
      if ((error as SedgeError).code !== 'journal.full') throw error;
      core.log('journal-over-size', { bytes: reservedBytes(core), max: core.maxSizeBytes });
      return;
    }
  }
}
