/**
 * Packs sealed segments that wait (no uplink, nobody reads): several become one, in packed blocks; small packed ones are
 * merged. Promises: off the path of commits, in slices of one block; the packed file is flushed before it takes the name
 * of the first segment, in one rename, and the directory is flushed before the others go; whatever stops it leaves what
 * was there; never beyond the size; a segment with damage in it stays as it is, for the reader to name what is lost.
 */
import { type Core, reservedBytes } from './core.ts';
import { BLOCK_BYTES, recordsOf, type SegmentHeader, segmentName } from './format.ts';
import { errno, errnoOf, type JournalFile, writeFully } from './fs.ts';
import { frameOfPacked, type PackedBlock, type PackedReader, packBlock, packedReader, sealBlock } from './packed.ts';
import { PACKING_NAME } from './recovery.ts';
import { discard } from './retention.ts';
import { framesOf, moving, type Segment } from './segment.ts';
import type { StoredRecord } from './types.ts';

/** A block ends with this many bytes of records, so that none is large to read. */
export const MAX_BLOCK_RECORD_BYTES = 128 * 1024;
/** Packed segments that are merged are so many times as many as those that are packed. */
const MERGE_FACTOR = 2;
/** What a packed segment may at least be expected to save: an eighth of its size is enough room to write it. */
const EXPECTED_SHARE = 1 / 8;

/** Somebody reads: packing would take the time of a backlog that drains, for segments that are about to go. */
const isRead = (core: Core): boolean => core.clock.monotonic() - core.givenMs < core.tuning.packAfterMs;

/** Packs all that is worth it now. */
export async function packWaiting(core: Core): Promise<void> {
  if (!core.codec) return;
  const failed = new Set<Segment>();
  const goesOn = () => !core.closed && core.storage === 'ok' && !isRead(core);
  // Each round makes at least one segment fewer, or leaves one out.
  for (let rounds = 2 * core.segments.length; rounds > 0 && goesOn(); rounds--) {
    const run = nextRun(core, failed);
    if (run.length === 0) return;
    if (!(await packRun(core, run))) for (const segment of run) failed.add(segment);
  }
}

const roomFor = (core: Core): number =>
  core.maxSizeBytes - reservedBytes(core) - (core.spareBytes > 0 ? 0 : core.tuning.segmentBytes);

/** The oldest segments that make one; none if nothing is to be done. */
function nextRun(core: Core, failed: ReadonlySet<Segment>): Segment[] {
  const { packSegments, segmentBytes } = core.tuning;
  const most = Math.max(1, Math.floor(roomFor(core) / (segmentBytes * EXPECTED_SHARE)));
  let run: Segment[] = [];
  for (const segment of core.segments) {
    const last = run.at(-1);
    if (last && !follows(last, segment)) {
      // No more of this stream will come: what there is of it is packed, however little.
      if (!last.header.packed && last.header.stream !== segment.header.stream) return run.slice(0, most);
      run = [];
    }
    if (!mayPack(core, segment) || failed.has(segment)) {
      run = [];
      continue;
    }
    run.push(segment);
    const sizeBytes = run.reduce((sum, { sizeBytes: size }) => sum + size, 0);
    if (segment.header.packed && sizeBytes > segmentBytes) run = [segment];
    if (run.length >= (segment.header.packed ? MERGE_FACTOR * packSegments : packSegments)) return run.slice(0, most);
  }
  return [];
}

function mayPack(core: Core, segment: Segment): boolean {
  const { header, lastSeq } = segment;
  return (
    segment !== core.active &&
    segment !== core.segments.at(-1) &&
    segment.readers === 0 &&
    // One that could not get its place is the next opening's work: the cursor names it.
    segment.name === segmentName(header.number) &&
    !core.unpackable.has(header.number) &&
    lastSeq >= header.firstSeq &&
    [...core.consumers.values()].every(({ acked, offered }) => offered < header.firstSeq || acked >= lastSeq)
  );
}

const follows = (a: Segment, b: Segment): boolean =>
  a.header.stream === b.header.stream &&
  a.header.bootId === b.header.bootId &&
  a.lastSeq + 1 === b.header.firstSeq &&
  a.header.packed?.timesThinned === b.header.packed?.timesThinned;

/** True if the run is one packed segment now. */
async function packRun(core: Core, run: readonly Segment[]): Promise<boolean> {
  const [first, last] = [run[0]!, run.at(-1)!];
  const { packed } = first.header;
  const file = await openAside(core, PACKING_NAME);
  let sizeBytes = 0;
  try {
    const header = { ...first.header, salt: core.random(4).readUInt32LE(0) };
    const written = blockWriter(core, file, header, Math.min(roomFor(core), sumOf(run) - 1));
    const add = (block: PackedBlock) => {
      if (isRead(core)) throw errno('ECANCELED', 'somebody reads now');
      return written.add(block);
    };
    const all = await (packed ? copyBlocks(core, run, add) : packRecords(core, run, add));
    if (!all) return false;
    const taken = run.flatMap((segment) => (segment.header.packed?.lostFrom ? [segment.header.packed] : []));
    const whole = await written.end({
      lastSeq: last.lastSeq,
      lastNumber: last.header.packed?.lastNumber ?? last.header.number,
      lostFrom: taken[0]?.lostFrom ?? 0,
      lostTo: taken.at(-1)?.lostTo ?? 0,
      timesThinned: packed?.timesThinned ?? 0,
    });
    sizeBytes = whole.sizeBytes;
    return await core.exclusive(() => replaceRun(core, run, whole));
  } catch (error) {
    const isExpected = ['ECANCELED', 'ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');
    if (!isExpected) core.log('journal-packing', { error: String(error) });
    return false;
  } finally {
    await file.close().catch(() => {});
    if (!run.every((segment) => !core.segments.includes(segment)) || sizeBytes === 0)
      await removeAside(core, PACKING_NAME);
  }
}

const sumOf = (run: readonly Segment[]): number => run.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

export async function openAside(core: Core, name: string): Promise<JournalFile> {
  await removeAside(core, name);
  return core.fs.open(core.pathOf(name), 'create');
}

/** The file that was in the making, if it is there; what it took is free again. */
export async function removeAside(core: Core, name: string): Promise<void> {
  try {
    await core.fs.unlink(core.pathOf(name));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') return;
  }
  core.asideBytes.delete(name);
}

export interface BlockWriter {
  add(block: PackedBlock): Promise<void>;
  /** Flushes the file. */
  end(
    info: Parameters<typeof frameOfPacked>[3],
  ): Promise<{ readonly header: SegmentHeader; readonly sizeBytes: number }>;
}

/** Writes a packed segment behind room for its header. Throws ENOSPC beyond `maxBytes`, EDQUOT while there is no room. */
export function blockWriter(
  core: Core,
  file: JournalFile,
  header: SegmentHeader,
  maxBytes: number,
  name: string = PACKING_NAME,
): BlockWriter {
  const blocks: Pick<PackedBlock, 'covered' | 'stored'>[] = [];
  const lengths: number[] = [];
  let at = BLOCK_BYTES;
  const write = async (bytes: Buffer, position: number) => {
    const before = core.asideBytes.get(name) ?? 0;
    const end = Math.max(before, position + bytes.length);
    if (end > maxBytes) throw errno('ENOSPC', 'packing would not save enough');
    // The commits go on meanwhile: the room there was at the beginning may be theirs by now.
    if (reservedBytes(core) + end - before > core.maxSizeBytes) throw errno('EDQUOT', 'no room to pack now');
    core.asideBytes.set(name, end);
    await writeFully(file, bytes, position);
    core.counters.bytesWritten += bytes.length;
  };
  return {
    async add(block) {
      if (core.closed) throw errno('ECANCELED', 'the journal is being closed');
      sealBlock(block, header, core.tuning.checksum);
      await write(block.bytes, at);
      blocks.push({ covered: block.covered, stored: block.stored });
      lengths.push(block.bytes.length);
      at += block.bytes.length;
      // One block is one slice: whoever samples comes first.
      await new Promise<void>((resolve) => setImmediate(resolve));
    },
    async end(info) {
      const { head, tail, header: whole } = frameOfPacked(header, blocks, lengths, info, core.tuning.checksum);
      await write(tail, at);
      await write(head, 0);
      await file.fdatasync();
      return { header: whole, sizeBytes: at + tail.length };
    },
  };
}

/** Packs the records of raw segments; false if one of them is damaged. */
async function packRecords(
  core: Core,
  run: readonly Segment[],
  add: (block: PackedBlock) => Promise<void>,
): Promise<boolean> {
  const { blockRecords } = core.tuning;
  let waiting: StoredRecord[] = [];
  let bytes = 0;
  const pack = async () => {
    if (waiting.length === 0) return;
    await add(packBlock(waiting, waiting[0]!.seq, waiting.at(-1)!.seq, core.codec!));
    waiting = [];
    bytes = 0;
  };
  for (const segment of run) {
    const ended = await eachRecord(core, segment, async (record) => {
      waiting.push(record);
      bytes += record.payload.length;
      if (waiting.length >= blockRecords || bytes >= MAX_BLOCK_RECORD_BYTES) await pack();
    });
    if (!ended) {
      core.unpackable.add(segment.header.number);
      return false;
    }
  }
  await pack();
  return true;
}

/** Calls back for each record of a segment; false if one that should be there is not. */
export async function eachRecord(
  core: Core,
  segment: Segment,
  give: (record: StoredRecord) => Promise<void>,
): Promise<boolean> {
  const frames = framesOf(
    await core.fs.open(core.pathOf(segment.name), 'read'),
    segment,
    core.codec,
    core.tuning.checksum,
  );
  try {
    let next = segment.header.firstSeq;
    while (next <= segment.lastSeq) {
      const frame = await frames.next(next);
      if (!frame || frame.firstSeq > next) return false;
      for (const record of recordsOf(frame)) {
        if (record.seq >= next && record.seq <= segment.lastSeq) await give(record);
      }
      next = frame.firstSeq + frame.count;
    }
    return true;
  } finally {
    await frames.close().catch(() => {});
  }
}

/** Copies packed blocks as they are, each checked; false if one is damaged. */
async function copyBlocks(
  core: Core,
  run: readonly Segment[],
  add: (block: PackedBlock) => Promise<void>,
): Promise<boolean> {
  for (const { name, header, lastSeq } of run) {
    const file = await core.fs.open(core.pathOf(name), 'read');
    const reader: PackedReader = packedReader(file, header, core.codec, core.tuning.checksum);
    try {
      for (let next = header.firstSeq; next <= lastSeq; ) {
        const block = await reader.nextBlock(next);
        if (!block || block.firstSeq > next) {
          core.unpackable.add(header.number);
          return false;
        }
        await add(block);
        next = block.firstSeq + block.covered;
      }
    } finally {
      await file.close().catch(() => {});
    }
  }
  return true;
}

/** Inside `exclusive`: the packed file takes the place of the run, unless somebody needs that just now. */
async function replaceRun(
  core: Core,
  run: readonly Segment[],
  { header, sizeBytes }: { readonly header: SegmentHeader; readonly sizeBytes: number },
): Promise<boolean> {
  // Somebody may have come to it meanwhile, and be in the middle of it now.
  const isUnchanged = run.every((one) => core.segments.includes(one) && mayPack(core, one));
  if (core.closed || core.storage !== 'ok' || !isUnchanged) return false;
  return moving(run, () => takePlace(core, run, header, sizeBytes));
}

async function takePlace(
  core: Core,
  run: readonly Segment[],
  header: SegmentHeader,
  sizeBytes: number,
): Promise<boolean> {
  const [first, ...others] = run;
  const name = segmentName(header.number);
  await core.fs.rename(core.pathOf(PACKING_NAME), core.pathOf(name));
  const packed = { header, name, lastSeq: header.packed!.lastSeq, endBytes: sizeBytes, sizeBytes, readers: 0 };
  core.segments.splice(core.segments.indexOf(first!), run.length, packed);
  core.asideBytes.delete(PACKING_NAME);
  try {
    await core.fs.syncDirectory(core.directory);
  } catch (error) {
    // The next opening may find the old form of the first: it needs the others beside it.
    core.otherBytes += sumOf(others);
    throw error;
  }
  for (const segment of others) await discard(core, segment);
  return true;
}
