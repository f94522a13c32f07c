/**
 * Reading one segment file: its header, and its frames one after the other. A frame that is not valid is stepped over
 * block by block; whoever asks sees it as a hole in the numbers. Promises: what is returned passed its CRC just now; a
 * segment is read in pieces of bounded size, whatever its length.
 */

import type { Stored } from './consumer.ts';
import {
  BLOCK_BYTES,
  type Checksum,
  decodeFrame,
  decodeHeader,
  type Frame,
  frameLength,
  PACKED_HEADER_BYTES,
  roundUpToBlock,
  type SegmentHeader,
} from './format.ts';
import { errnoOf, type JournalFile, type JournalFs, readFully } from './fs.ts';
import { keptOf, packedReader } from './packed.ts';
import type { BlockCodec } from './types.ts';

/** Read ahead; a larger frame is read whole. */
const READ_AHEAD_BYTES = 256 * 1024;

/** What is known of one segment file. */
export interface Segment {
  readonly header: SegmentHeader;
  name: string;
  /** Last number that belongs to it; firstSeq - 1 while it holds none. */
  lastSeq: number;
  /** Where its accepted frames end at most. */
  endBytes: number;
  /** Size of the file. */
  sizeBytes: number;
  /** Readers that are in it just now: it is not dropped. */
  readers: number;
  /** Set while its file is being replaced: a reader waits for the end of it and looks again. */
  moving?: Promise<unknown> | undefined;
  /** Of a thinned segment that somebody is in: the numbers that are there. */
  kept?: readonly number[];
  /** Of those, blocks that cannot be read: how many are in them is known, not which. */
  unread?: readonly (readonly [number, number])[];
}

/** Numbers of the segment that thinning took. */
export const takenOf = ({ header, lastSeq }: Segment): number =>
  header.packed ? lastSeq - header.firstSeq + 1 - header.packed.stored : 0;

export async function readHeader(fs: JournalFs, path: string): Promise<ReturnType<typeof decodeHeader>> {
  const file = await fs.open(path, 'read');
  try {
    const header = decodeHeader(await readFully(file, BLOCK_BYTES, 0));
    if (header) return header;
    // A packed segment has it at its end, too.
    const sizeBytes = await file.size();
    if (sizeBytes <= BLOCK_BYTES + PACKED_HEADER_BYTES) return undefined;
    const last = decodeHeader(await readFully(file, PACKED_HEADER_BYTES, sizeBytes - PACKED_HEADER_BYTES));
    return typeof last === 'object' && last.packed ? last : undefined;
  } finally {
    await file.close();
  }
}

export interface FrameReader {
  /** The next valid frame that ends with `fromSeq` or later, or undefined at the end of what is accepted. */
  next(fromSeq: number): Promise<Frame | undefined>;
  readonly block: number;
  /** Begins to read, for when it is asked. */
  preload(): void;
  close(): Promise<void>;
}

/** How many of the numbers `from`..`to` thinning took from these segments. */
export function takenBetween(segments: readonly Segment[], from: number, to: number): number {
  let taken = 0;
  for (const segment of segments) {
    if (takenOf(segment) === 0 || segment.lastSeq < from) continue;
    if (segment.header.firstSeq > to) break;
    taken += takenWithin(segment, Math.max(from, segment.header.firstSeq), Math.min(to, segment.lastSeq));
  }
  return taken;
}

function takenWithin(segment: Segment, from: number, to: number): number {
  const { header, lastSeq, kept } = segment;
  const span = to - from + 1;
  if (from === header.firstSeq && to === lastSeq) return takenOf(segment);
  if (kept) return span - (firstFrom(kept, to + 1) - firstFrom(kept, from));
  // Nobody has been in it: no place of a consumer is inside, so nobody asks for a part of it but in passing.
  return Math.round((takenOf(segment) * span) / (lastSeq - header.firstSeq + 1));
}

/** Index of the first number that is not below `seq`. */
export function firstFrom(ascending: readonly number[], seq: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What of `from`..`to` is in the segment: bounds and count; undefined for nothing. Of a thinned one, exact for the whole
 * (its first and last are there), and for a part once `kept` is known.
 */
export const storedOf =
  (segment: Segment): Stored =>
  (from, to) => {
    const { kept, unread = [] } = segment;
    if (!kept) return { from, to, lost: to - from + 1 - takenWithin(segment, from, to) };
    const [start, end] = [firstFrom(kept, from), firstFrom(kept, to + 1)];
    if (start >= end) return undefined;
    // What is somewhere in a block is inside the bounds only if the block is.
    const around = unread.filter(([first, last]) => first <= to && from <= last);
    return {
      from: Math.min(kept[start]!, ...around.map(([first]) => Math.max(first, from))),
      to: Math.max(kept[end - 1]!, ...around.map(([, last]) => Math.min(last, to))),
      lost: end - start,
    };
  };

/** Makes `kept` known, where it matters. */
export async function learnKept(fs: JournalFs, path: string, segment: Segment, crc: Checksum): Promise<void> {
  if (segment.kept || takenOf(segment) === 0) return;
  const file = await fs.open(path, 'read');
  try {
    Object.assign(segment, await readKept(file, segment.header, crc));
  } finally {
    await file.close();
  }
}

/** Frames of any segment from its beginning on, commit frames or packed blocks. */
export function framesOf(
  file: JournalFile,
  segment: Pick<Segment, 'header' | 'endBytes'>,
  codec: BlockCodec | undefined,
  crc: Checksum,
): FrameReader {
  if (segment.header.packed) return packedReader(file, segment.header, codec, crc);
  return frameReader(file, segment.header, () => segment.endBytes, crc);
}

/** Keeps readers out of segments that nobody is in, while `work` replaces their files. */
export async function moving<T>(segments: readonly Segment[], work: () => Promise<T>): Promise<T> {
  const ended = work();
  const quiet = ended.catch(() => {});
  for (const segment of segments) segment.moving = quiet;
  try {
    return await ended;
  } finally {
    for (const segment of segments) segment.moving = undefined;
  }
}

type Kept = Required<Pick<Segment, 'kept' | 'unread'>>;

/** The numbers that are in a thinned segment. A block that cannot be read counts with as many as were in it. */
export async function readKept(file: JournalFile, header: SegmentHeader, crc: Checksum): Promise<Kept> {
  const reader = packedReader(file, header, undefined, crc);
  const kept: number[] = [];
  const unread: [number, number][] = [];
  let block = await reader.nextBlock(header.firstSeq);
  for (const { firstSeq, covered, stored } of await reader.places()) {
    if (block?.firstSeq === firstSeq) {
      for (const seq of keptOf(block)) kept.push(seq);
      block = await reader.nextBlock(firstSeq);
      continue;
    }
    for (let index = 0; index < stored; index++) kept.push(firstSeq + index);
    if (stored < covered) unread.push([firstSeq, firstSeq + covered - 1]);
  }
  return { kept, unread };
}

/** Frames of a segment from `block` on. `endBytes` is asked each time: the active segment grows. */
export function frameReader(
  file: JournalFile,
  header: SegmentHeader,
  endBytes: () => number,
  crc: Checksum,
  block = 1,
): FrameReader & { readonly endBlock: number } {
  let at = block;
  let endBlock = block;
  let window: Buffer = Buffer.alloc(0);
  let windowAt = 0;

  /** The bytes behind the window, already on their way: a device answers late, and the frames before them take their time too. */
  let ahead: { readonly at: number; readonly bytes: Promise<Buffer | undefined> } | undefined;
  const readAhead = (position: number) => {
    const length = Math.min(READ_AHEAD_BYTES, endBytes() - position);
    if (length <= 0) return;
    // What fails is read again when it is needed, and then it is an error.
    ahead = { at: position, bytes: readBlocks(file, length, position).catch(() => undefined) };
  };

  /** Makes `length` bytes from `position` on available; false if the file ends before. */
  const load = async (position: number, length: number): Promise<boolean> => {
    if (position >= windowAt && position + length <= windowAt + window.length) return true;
    const most = endBytes() - position;
    if (length > most) return false;
    const next = ahead;
    ahead = undefined;
    const more = next && position >= windowAt && position <= next.at ? await next.bytes : undefined;
    if (next && more && position + length <= next.at + more.length) {
      window = Buffer.concat([window.subarray(position - windowAt), more]);
    } else {
      window = await readBlocks(file, Math.min(Math.max(length, READ_AHEAD_BYTES), most), position);
    }
    windowAt = position;
    readAhead(windowAt + window.length);
    return length <= window.length;
  };

  return {
    get block() {
      return at;
    },
    // Behind the last valid frame, also of one that was passed as a copy of one before.
    get endBlock() {
      return endBlock;
    },
    async next(fromSeq) {
      for (; (at + 1) * BLOCK_BYTES <= endBytes(); at++) {
        const position = at * BLOCK_BYTES;
        if (!(await load(position, BLOCK_BYTES))) return undefined;
        const length = frameLength(window, position - windowAt);
        if (length === undefined || !(await load(position, roundUpToBlock(length)))) continue;
        const frame = decodeFrame(window, position - windowAt, at, header, crc);
        if (!frame) continue;
        endBlock = at + frame.blocks;
        // Numbers below are a frame that was written again after a failure.
        if (frame.firstSeq + frame.count <= fromSeq) {
          at += frame.blocks - 1;
          continue;
        }
        at += frame.blocks;
        return frame;
      }
      return undefined;
    },
    preload() {
      if (!ahead && window.length === 0) readAhead(at * BLOCK_BYTES);
    },
    async close() {
      await ahead?.bytes;
      await file.close();
    },
  };
}

/** Reads whole blocks; a block that the device cannot read comes back as zeros, if the device can be read at all. */
async function readBlocks(file: JournalFile, length: number, position: number): Promise<Buffer> {
  try {
    return await readFully(file, length, position);
  } catch (error) {
    if (errnoOf(error) !== 'EIO') throw error;
    // The header answers, so it is this place that is bad and not the whole device.
    await readFully(file, BLOCK_BYTES, 0);
  }
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; done += BLOCK_BYTES) {
    await readFully(file, Math.min(BLOCK_BYTES, length - done), position + done).then(
      (block) => block.copy(bytes, done),
      () => {},
    );
  }
  return bytes;
}

export interface ScanResult {
  readonly lastSeq: number;
  /** Where the last valid frame ends. */
  readonly endBytes: number;
  /** Numbers that are missing between valid frames. */
  readonly holes: readonly (readonly [number, number])[];
  readonly lastFrame: Pick<Frame, 'firstSeq' | 'block' | 'blocks'> | undefined;
}

/** Reads a whole segment. */
export async function scanSegment(
  fs: JournalFs,
  path: string,
  header: SegmentHeader,
  crc: Checksum,
): Promise<ScanResult> {
  const file = await fs.open(path, 'read');
  try {
    const sizeBytes = await file.size();
    const reader = frameReader(file, header, () => sizeBytes, crc);
    const holes: [number, number][] = [];
    let lastSeq = header.firstSeq - 1;
    let lastFrame: ScanResult['lastFrame'];
    for (let frame = await reader.next(lastSeq + 1); frame; frame = await reader.next(lastSeq + 1)) {
      if (frame.firstSeq > lastSeq + 1) holes.push([lastSeq + 1, frame.firstSeq - 1]);
      lastSeq = frame.firstSeq + frame.count - 1;
      lastFrame = { firstSeq: frame.firstSeq, block: frame.block, blocks: frame.blocks };
    }
    return { lastSeq, endBytes: reader.endBlock * BLOCK_BYTES, holes, lastFrame };
  } finally {
    await file.close();
  }
}
