/**
 * Where the blocks of a packed segment lie: as its index says, or, where that is damaged, as the blocks themselves say, each of
 * them checked. Promises: a block that is intact is found whatever is damaged beside it; what lies between is a place with
 * nothing readable, and all places together cover the numbers of the segment and count its records.
 */
import { BLOCK_BYTES, type Checksum, readSeq, type SegmentHeader } from './format.ts';
import { errnoOf, type JournalFile, readFully } from './fs.ts';

export const BLOCK_MAGIC = 0x4b425053; // "SPBK"
export const INDEX_MAGIC = 0x58495053; // "SPIX"
export const BLOCK_HEADER_BYTES = 40;
export const INDEX_HEADER_BYTES = 8;
export const ENTRY_BYTES = 12;
/** Largest block that is read; packing.ts makes far smaller ones. */
export const MAX_BLOCK_BYTES = 1024 * 1024;
const MAGIC = Buffer.from('SPBK', 'latin1');

/** Where a block lies; one that cannot be found has no length. */
export interface Place {
  readonly at: number;
  readonly length: number;
  readonly firstSeq: number;
  readonly covered: number;
  readonly stored: number;
}

/** Whether this is a whole block of the segment; of a certain one, where it is known which it should be. */
export function isBlock(bytes: Buffer, header: SegmentHeader, crc: Checksum, firstSeq?: number): boolean {
  return (
    bytes.length >= BLOCK_HEADER_BYTES &&
    bytes.readUInt32LE(0) === BLOCK_MAGIC &&
    bytes.length === BLOCK_HEADER_BYTES + bytes.readUInt32LE(8) &&
    bytes.readUInt32LE(24) === header.number &&
    (firstSeq === undefined || readSeq(bytes, 16) === firstSeq) &&
    crc(bytes.subarray(8), header.salt) === bytes.readUInt32LE(4)
  );
}

/** Undefined if the index is damaged. */
export async function placesByIndex(
  file: JournalFile,
  header: SegmentHeader,
  crc: Checksum,
): Promise<Place[] | undefined> {
  const { indexAt, blocks } = header.packed!;
  const length = INDEX_HEADER_BYTES + blocks * ENTRY_BYTES;
  const bytes = await readOrNothing(file, length, indexAt);
  if (bytes.length < length || bytes.readUInt32LE(0) !== INDEX_MAGIC) return undefined;
  if (crc(bytes.subarray(INDEX_HEADER_BYTES), header.salt) !== bytes.readUInt32LE(4)) return undefined;
  const found: Place[] = [];
  let at = BLOCK_BYTES;
  let { firstSeq } = header;
  for (let entry = INDEX_HEADER_BYTES; entry < length; entry += ENTRY_BYTES) {
    const covered = bytes.readUInt32LE(entry + 4);
    found.push({ at, length: bytes.readUInt32LE(entry), firstSeq, covered, stored: bytes.readUInt32LE(entry + 8) });
    at += bytes.readUInt32LE(entry);
    firstSeq += covered;
  }
  return found;
}

/** What a block says of itself is believed only if its checksum is right; else the next one is looked for. */
export async function placesByWalking(file: JournalFile, header: SegmentHeader, crc: Checksum): Promise<Place[]> {
  const { indexAt, lastSeq, stored } = header.packed!;
  const found: Place[] = [];
  for (let at = BLOCK_BYTES; at < indexAt; ) {
    const block = await blockAt(file, at, header, crc);
    if (block) found.push(block);
    at = block ? at + block.length : await nextMagic(file, at + 1, indexAt);
  }
  let missing = found.reduce((left, block) => left - block.stored, stored);
  const places: Place[] = [];
  let at = BLOCK_BYTES;
  let next = header.firstSeq;
  const fill = (to: number) => {
    if (to < next) return;
    const covered = to - next + 1;
    // Of several holes it is not known which held how much: the sum is right.
    const held = Math.max(0, Math.min(covered, missing));
    places.push({ at, length: 0, firstSeq: next, covered, stored: held });
    missing -= held;
  };
  for (const block of found) {
    fill(block.firstSeq - 1);
    places.push(block);
    at = block.at + block.length;
    next = block.firstSeq + block.covered;
  }
  fill(lastSeq);
  return places;
}

async function blockAt(
  file: JournalFile,
  at: number,
  header: SegmentHeader,
  crc: Checksum,
): Promise<Place | undefined> {
  const head = await readOrNothing(file, BLOCK_HEADER_BYTES, at);
  if (head.length < BLOCK_HEADER_BYTES || head.readUInt32LE(0) !== BLOCK_MAGIC) return undefined;
  const length = BLOCK_HEADER_BYTES + head.readUInt32LE(8);
  if (length > MAX_BLOCK_BYTES || at + length > header.packed!.indexAt) return undefined;
  const bytes = await readOrNothing(file, length, at);
  if (!isBlock(bytes, header, crc)) return undefined;
  return { at, length, firstSeq: readSeq(bytes, 16), covered: bytes.readUInt32LE(12), stored: bytes.readUInt32LE(28) };
}

/** Where the next block may begin; `end` if nowhere. */
async function nextMagic(file: JournalFile, from: number, end: number): Promise<number> {
  // In pieces of a block of the device, with the beginning of the next one: a bad one costs no more than itself.
  for (let at = from; at < end; at += BLOCK_BYTES) {
    const bytes = await readOrNothing(file, Math.min(BLOCK_BYTES + MAGIC.length - 1, end - at), at);
    const found = bytes.indexOf(MAGIC);
    if (found >= 0) return at + found;
  }
  return end;
}

/** Nothing where the device cannot read; a device that does not answer at all is an error. */
export async function readOrNothing(file: JournalFile, length: number, position: number): Promise<Buffer> {
  try {
    return await readFully(file, length, position);
  } catch (error) {
    if (errnoOf(error) !== 'EIO') throw error;
    await readFully(file, BLOCK_BYTES, 0);
    return Buffer.alloc(0);
  }
}
