/**
 * Puts a directory in order after `survey`, at open. Promises: what was recovered is flushed before anybody sees it; the
 * cursor is durable, in the slot that did not hold it, before anything is moved or removed; damaged files are kept aside,
 * within a bound, for a person to look at.
 */
import type { Carried } from './carried.ts';
import { type Core, reservedBytes } from './core.ts';
import { BLOCK_BYTES, decodeFrame, encodeFrame, encodeHeader, type Frame, recordsOf, segmentName } from './format.ts';
import { errnoOf, type JournalFs, readFully, writeFully } from './fs.ts';
import { QUARANTINE_SUFFIX, SPARE_NAME, type Survey, TAIL_NAME, THINNED_NAME } from './recovery.ts';
import { release, shrink } from './retention.ts';
import { readHeader, type Segment } from './segment.ts';

const MAX_QUARANTINED_FILES = 4;
/** Share of the journal's size that the quarantine may take. */
const MAX_QUARANTINED_SHARE = 1 / 8;

export async function tidy(core: Core, found: Survey): Promise<void> {
  const newest = core.segments.at(-1);
  // What a packed segment stands for goes only when that surely has its name.
  if (found.surplus.length > 0) await core.fs.syncDirectory(core.directory);
  for (const entry of found.surplus) if (await remove(core, entry.name)) core.otherBytes -= entry.sizeBytes;
  // What the cursor says is thinned takes its place, before anybody reads; but the cursor may be in the cache only.
  const thinned = core.segments.find(({ name }) => name === THINNED_NAME);
  if (thinned && found.replaced) {
    await core.cursor.save();
    await core.fs.rename(core.pathOf(THINNED_NAME), core.pathOf(found.replaced.name));
    thinned.name = found.replaced.name;
    core.otherBytes -= found.replaced.sizeBytes;
  }
  if (newest) await syncAndMaybeTruncate(core, newest.name);
  await secureTail(core, found);
  await core.fs.syncDirectory(core.directory);
  core.replacement = undefined;
  // A directory or link under a cursor's name would be in the way.
  for (const entry of found.damaged) {
    if (entry.kind !== 'file' && entry.name.startsWith('cursor-')) await moveAside(core, entry.name);
  }
  await core.cursor.save();
  // Both slots exist from the start, so that a full device later cannot forbid a save.
  if (found.cursorBytes.includes(0)) await core.cursor.save();
  if (newest && newest.endBytes < newest.sizeBytes) {
    await syncAndMaybeTruncate(core, newest.name, newest.endBytes);
    newest.sizeBytes = newest.endBytes;
  }
  for (const entry of found.damaged) {
    if (entry.kind === 'file' || !entry.name.startsWith('cursor-')) await moveAside(core, entry.name);
  }
  await boundQuarantine(core, found);
  if (core.spareBytes > 0 && core.spareBytes !== core.tuning.segmentBytes && (await remove(core, SPARE_NAME))) {
    core.spareBytes = 0;
  }
  await release(core);
  if (core.storage === 'ok' && reservedBytes(core) > core.maxSizeBytes) {
    if (core.spareBytes > 0 && (await remove(core, SPARE_NAME))) core.spareBytes = 0;
    await shrink(core);
  }
}

/**
 * What the opening before refused may stand in its last block all the same: written late by a device that hung, or left by one
 * that took no more. It has gone another way since, so it must not be found. Flushed with the newest segment, in `tidy`.
 */
export async function voidRefused(fs: JournalFs, pathOf: (name: string) => string, carried?: Carried): Promise<void> {
  for (const { name, header, at } of carried?.last?.unvoided ?? []) {
    const there = await readHeader(fs, pathOf(name)).catch((error) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    // It may be another card.
    if (typeof there !== 'object' || there.salt !== header.salt || there.stream !== header.stream) continue;
    const file = await fs.open(pathOf(name), 'write');
    try {
      await writeFully(file, Buffer.alloc(BLOCK_BYTES), at);
    } finally {
      await file.close().catch(() => {});
    }
  }
}

async function syncAndMaybeTruncate(core: Core, name: string, lengthBytes?: number): Promise<void> {
  const file = await core.fs.open(core.pathOf(name), 'write');
  try {
    if (lengthBytes !== undefined) await file.truncate(lengthBytes);
    await file.fdatasync();
  } finally {
    await file.close().catch(() => {});
  }
}

/**
 * The last frame may be in the cache only: the process was stopped between its write and its flush, or just after a flush
 * that failed, and then the pages count as clean and another flush does nothing. So it is written once more, to a segment
 * of its own; the old copy is then beyond the bound of the old segment. Every earlier frame was flushed before this one.
 * Where there is no room for that, it goes behind itself, into what the segment has not used.
 */
async function secureTail(core: Core, found: Survey): Promise<void> {
  const newest = core.segments.at(-1);
  const { lastFrame } = found;
  if (!newest || !lastFrame || newest.lastSeq <= (found.cursor?.state.newest?.seq ?? 0)) return;
  const sizeBytes = (1 + lastFrame.blocks) * BLOCK_BYTES;
  if (reservedBytes(core) + sizeBytes > core.maxSizeBytes && (await remove(core, SPARE_NAME))) core.spareBytes = 0;
  const hasRoom = reservedBytes(core) + sizeBytes <= core.maxSizeBytes;
  const header = {
    ...newest.header,
    number: core.nextNumber,
    salt: core.random(4).readUInt32LE(0),
    firstSeq: lastFrame.firstSeq,
  };
  const source = await core.fs.open(core.pathOf(newest.name), 'read');
  let bytes: Buffer;
  try {
    bytes = await readFully(source, lastFrame.blocks * BLOCK_BYTES, lastFrame.block * BLOCK_BYTES);
  } finally {
    await source.close();
  }
  const frame = decodeFrame(bytes, 0, lastFrame.block, newest.header, core.tuning.checksum);
  if (!frame) return;
  if (!hasRoom) return copyBehind(core, newest, frame);
  const name = segmentName(header.number);
  core.nextNumber += 1;
  const copy = Buffer.alloc(sizeBytes);
  encodeHeader(header).copy(copy);
  encodeFrame(copy.subarray(BLOCK_BYTES), recordsOf(frame), frame.firstSeq, 1, header, core.tuning.checksum);
  const file = await core.fs.open(core.pathOf(TAIL_NAME), 'create');
  try {
    await writeFully(file, copy, 0);
    await file.fdatasync();
  } catch (error) {
    await core.fs.unlink(core.pathOf(TAIL_NAME)).catch(() => {});
    if (!isFull(error)) throw error;
    return copyBehind(core, newest, frame);
  } finally {
    await file.close().catch(() => {});
  }
  await core.fs.rename(core.pathOf(TAIL_NAME), core.pathOf(name));
  core.counters.bytesWritten += sizeBytes;
  core.segments.push({ header, name, lastSeq: newest.lastSeq, endBytes: sizeBytes, sizeBytes, readers: 0 });
  newest.lastSeq = header.firstSeq - 1;
  newest.endBytes = lastFrame.block * BLOCK_BYTES;
}

const isFull = (error: unknown) => ['ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');

/** Readers pass a frame that they have met already. */
async function copyBehind(core: Core, segment: Segment, frame: Frame): Promise<void> {
  const { header, endBytes, sizeBytes } = segment;
  const copy = Buffer.alloc(frame.blocks * BLOCK_BYTES);
  encodeFrame(copy, recordsOf(frame), frame.firstSeq, endBytes / BLOCK_BYTES, header, core.tuning.checksum);
  // A full device must not keep the journal shut: then the flush of the old copy has to do.
  if (endBytes + copy.length > sizeBytes) return;
  const file = await core.fs.open(core.pathOf(segment.name), 'write');
  try {
    await writeFully(file, copy, endBytes);
    await file.fdatasync();
  } catch (error) {
    if (!isFull(error)) throw error;
    return;
  } finally {
    await file.close().catch(() => {});
  }
  core.counters.bytesWritten += copy.length;
  segment.endBytes += copy.length;
}

async function moveAside(core: Core, name: string): Promise<void> {
  core.log('journal-quarantined', { file: name });
  await core.fs.rename(core.pathOf(name), core.pathOf(name + QUARANTINE_SUFFIX)).catch((error) => {
    core.log('journal-quarantine-failed', { file: name, error: String(error) });
  });
}

/** The newest few stay. */
async function boundQuarantine(core: Core, found: Survey): Promise<void> {
  const kept = [
    ...found.quarantined,
    ...found.damaged.map((entry) => ({ ...entry, name: entry.name + QUARANTINE_SUFFIX })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  let bytes = kept.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  while (kept.length > MAX_QUARANTINED_FILES || bytes > core.maxSizeBytes * MAX_QUARANTINED_SHARE) {
    const oldest = kept.shift();
    if (!oldest) return;
    bytes -= oldest.sizeBytes;
    if (await remove(core, oldest.name)) core.otherBytes -= oldest.sizeBytes;
  }
}

async function remove(core: Core, name: string): Promise<boolean> {
  try {
    await core.fs.unlink(core.pathOf(name));
    return true;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}
