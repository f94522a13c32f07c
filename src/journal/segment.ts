/** One segment file: what is known of it, its header, which numbers are in it, and its frames whatever its form. */
import type { Stored } from './consumer.ts';
import {
  BLOCK_BYTES,
  type Checksum,
  decodeHeader,
  type Frame,
  PACKED_HEADER_BYTES,
  type SegmentHeader,
} from './format.ts';
import { type FrameReader, frameReader } from './frame-reader.ts';
import { type JournalFile, type JournalFs, readFully } from './fs.ts';
import { keptOf, packedReader } from './packed.ts';
import type { BlockCodec } from './types.ts';

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
    let unread: unknown;
    const first = await readFully(file, BLOCK_BYTES, 0).catch((error) => {
      unread = error;
      return Buffer.alloc(0);
    });
    const header = decodeHeader(first) ?? (await headerAtEnd(file));
    if (!header && unread) throw unread;
    return header;
  } finally {
    await file.close();
  }
}

/** A packed segment has it at its end, too. */
async function headerAtEnd(file: JournalFile): Promise<SegmentHeader | undefined> {
  const sizeBytes = await file.size();
  if (sizeBytes <= BLOCK_BYTES + PACKED_HEADER_BYTES) return undefined;
  const last = decodeHeader(await readFully(file, PACKED_HEADER_BYTES, sizeBytes - PACKED_HEADER_BYTES));
  return typeof last === 'object' && last.packed ? last : undefined;
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
