/**
 * Packed segments: what waits for long, in a fraction of the space. Pure functions and one reader; packing.ts and
 * thinning.ts write them.
 *
 * `NNNNNNNNNN.segment` of kind 1 (header in format.ts): the header block; packed blocks, one behind the other; the index;
 * the header once more, as the last bytes of the file. It is written aside, flushed, and renamed over the first segment
 * that it stands for; the others with numbers up to `lastNumber` are then surplus. All numbers little-endian.
 *
 *   block (not aligned)                                            index
 *     0  u32 magic                                                   0  u32 magic
 *     4  u32 CRC-32 of what follows, seeded with the salt            4  u32 CRC-32 of what follows, seeded
 *     8  u32 length of kept list and body                            8  for each block: u32 length with its header,
 *    12  u32 numbers covered, 16 u64 first number covered               u32 numbers covered, u32 records stored
 *    24  u32 segment number, 28 u32 records stored
 *    32  u8 method (0 as in a frame, 1 packed by the codec), 3 zeros
 *    36  u32 length of the kept list; 0: every number is there
 *    40  kept list: varints, how many numbers are missing before each record; then the body
 *
 * A damaged block costs its own records, exactly: the index says which. If the index is damaged too, the blocks
 * that are intact are looked for (packed-places.ts).
 */
import {
  BLOCK_BYTES,
  type Checksum,
  encodeHeader,
  encodeRecords,
  type Frame,
  PACKED_HEADER_BYTES,
  type PackedInfo,
  recordsOf,
  type SegmentHeader,
  writeSeq,
} from './format.ts';
import type { JournalFile } from './fs.ts';
import {
  BLOCK_HEADER_BYTES,
  BLOCK_MAGIC,
  ENTRY_BYTES,
  INDEX_HEADER_BYTES,
  INDEX_MAGIC,
  isBlock,
  MAX_BLOCK_BYTES,
  type Place,
  placesByIndex,
  placesByWalking,
  readOrNothing,
} from './packed-places.ts';
import type { BlockCodec, StoredRecord } from './types.ts';

const VERBATIM = 0;
const PACKED = 1;

export interface PackedBlock {
  readonly firstSeq: number;
  readonly covered: number;
  readonly stored: number;
  /** With its header; CRC and segment number are written by `sealBlock`. */
  readonly bytes: Buffer;
}

/** A block of these records, which stand for the numbers `firstSeq`..`lastSeq`; packed if that is smaller and exact. */
export function packBlock(
  records: readonly StoredRecord[],
  firstSeq: number,
  lastSeq: number,
  codec: BlockCodec,
): PackedBlock {
  const covered = lastSeq - firstSeq + 1;
  const kept = covered === records.length ? Buffer.alloc(0) : encodeKept(records, firstSeq);
  const verbatim = encodeRecords(records);
  const packed = packedExactly(records, verbatim, codec);
  const body = packed ?? verbatim;
  const bytes = Buffer.alloc(BLOCK_HEADER_BYTES + kept.length + body.length);
  bytes.writeUInt32LE(BLOCK_MAGIC, 0);
  bytes.writeUInt32LE(kept.length + body.length, 8);
  bytes.writeUInt32LE(covered, 12);
  writeSeq(bytes, firstSeq, 16);
  bytes.writeUInt32LE(records.length, 28);
  bytes[32] = packed ? PACKED : VERBATIM;
  bytes.writeUInt32LE(kept.length, 36);
  kept.copy(bytes, BLOCK_HEADER_BYTES);
  bytes.set(body, BLOCK_HEADER_BYTES + kept.length);
  return { firstSeq, covered, stored: records.length, bytes };
}

/** Undefined unless the codec gives back every byte: a mistake in it must cost space, not a record. */
function packedExactly(records: readonly StoredRecord[], verbatim: Buffer, codec: BlockCodec): Uint8Array | undefined {
  try {
    const packed = codec.pack(records);
    if (packed.length >= verbatim.length) return undefined;
    return encodeRecords(codec.unpack(packed)).equals(verbatim) ? packed : undefined;
  } catch {
    return undefined;
  }
}

/** Makes the block one of this segment. */
export function sealBlock({ bytes }: PackedBlock, header: Pick<SegmentHeader, 'number' | 'salt'>, crc: Checksum): void {
  bytes.writeUInt32LE(header.number, 24);
  bytes.writeUInt32LE(crc(bytes.subarray(8), header.salt), 4);
}

/** Header block, index and closing header of a segment made of these blocks. */
export function frameOfPacked(
  header: SegmentHeader,
  blocks: readonly Pick<PackedBlock, 'covered' | 'stored'>[],
  lengths: readonly number[],
  info: Omit<PackedInfo, 'indexAt' | 'blocks' | 'stored'>,
  crc: Checksum,
): { readonly header: SegmentHeader; readonly head: Buffer; readonly tail: Buffer } {
  const index = Buffer.alloc(INDEX_HEADER_BYTES + blocks.length * ENTRY_BYTES);
  index.writeUInt32LE(INDEX_MAGIC, 0);
  for (const [at, { covered, stored }] of blocks.entries()) {
    index.writeUInt32LE(lengths[at]!, INDEX_HEADER_BYTES + at * ENTRY_BYTES);
    index.writeUInt32LE(covered, INDEX_HEADER_BYTES + at * ENTRY_BYTES + 4);
    index.writeUInt32LE(stored, INDEX_HEADER_BYTES + at * ENTRY_BYTES + 8);
  }
  index.writeUInt32LE(crc(index.subarray(INDEX_HEADER_BYTES), header.salt), 4);
  const packed = {
    ...info,
    stored: blocks.reduce((sum, { stored }) => sum + stored, 0),
    indexAt: lengths.reduce((sum, length) => sum + length, BLOCK_BYTES),
    blocks: blocks.length,
  };
  const whole = { ...header, packed };
  const head = encodeHeader(whole);
  return { header: whole, head, tail: Buffer.concat([index, head.subarray(0, PACKED_HEADER_BYTES)]) };
}

function encodeKept(records: readonly StoredRecord[], firstSeq: number): Buffer {
  const bytes: number[] = [];
  let next = firstSeq;
  for (const { seq } of records) {
    let missing = seq - next;
    for (; missing >= 0x80; missing = Math.floor(missing / 128)) bytes.push((missing % 128) | 0x80);
    bytes.push(missing);
    next = seq + 1;
  }
  return Buffer.from(bytes);
}

function decodeKept(bytes: Buffer, firstSeq: number): number[] {
  const seqs: number[] = [];
  let next = firstSeq;
  let missing = 0;
  let scale = 1;
  for (const byte of bytes) {
    missing += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte >= 0x80) continue;
    seqs.push(next + missing);
    next += missing + 1;
    missing = 0;
    scale = 1;
  }
  return seqs;
}

export interface PackedReader {
  /** The next valid block that ends with `fromSeq` or later, or undefined at the end. */
  next(fromSeq: number): Promise<Frame | undefined>;
  /** The next valid block as it is, to be copied to another segment. Each is given once. */
  nextBlock(fromSeq: number): Promise<PackedBlock | undefined>;
  places(): Promise<readonly Place[]>;
  /** False: what it says of the blocks had to be found out from themselves. */
  isIndexSound(): Promise<boolean>;
  readonly block: number;
  preload(): void;
  close(): Promise<void>;
}

export function packedReader(
  file: JournalFile,
  header: SegmentHeader,
  codec: BlockCodec | undefined,
  crc: Checksum,
): PackedReader {
  let places: Promise<{ readonly found: readonly Place[]; readonly isSound: boolean }> | undefined;
  let turn = 0;

  const find = async () => {
    const indexed = await placesByIndex(file, header, crc);
    return { found: indexed ?? (await placesByWalking(file, header, crc)), isSound: indexed !== undefined };
  };
  const known = () => {
    places ??= find().catch((error) => {
      // What fails now is tried again when it is needed.
      places = undefined;
      throw error;
    });
    return places;
  };
  const all = async () => (await known()).found;
  const nextBlock = async (fromSeq: number): Promise<PackedBlock | undefined> => {
    const found = await all();
    for (; turn < found.length; turn++) {
      const { at, length, firstSeq, covered, stored } = found[turn]!;
      if (firstSeq + covered <= fromSeq || length > MAX_BLOCK_BYTES) continue;
      const bytes = await readOrNothing(file, length, at);
      if (!isBlock(bytes, header, crc, firstSeq)) continue;
      turn += 1;
      return { firstSeq, covered, stored, bytes };
    }
    return undefined;
  };

  return {
    get block() {
      return turn;
    },
    nextBlock,
    places: all,
    isIndexSound: async () => (await known()).isSound,
    preload: () => void all().catch(() => {}),
    async next(fromSeq) {
      for (let block = await nextBlock(fromSeq); block; block = await nextBlock(fromSeq)) {
        const frame = frameOf(block, codec);
        if (frame) return frame;
      }
      return undefined;
    },
    close: () => file.close(),
  };
}

/** The numbers whose records are in the block. */
export const keptOf = ({ bytes, firstSeq, covered }: PackedBlock): number[] => {
  const keptLength = bytes.readUInt32LE(36);
  if (keptLength === 0) return Array.from({ length: covered }, (_, index) => firstSeq + index);
  return decodeKept(bytes.subarray(BLOCK_HEADER_BYTES, BLOCK_HEADER_BYTES + keptLength), firstSeq);
};

function frameOf(block: PackedBlock, codec: BlockCodec | undefined): Frame | undefined {
  const { bytes, firstSeq, covered, stored } = block;
  const keptLength = bytes.readUInt32LE(36);
  const body = bytes.subarray(BLOCK_HEADER_BYTES + keptLength);
  const seqs = keptLength === 0 ? undefined : keptOf(block);
  const frame = { firstSeq, count: covered, seqs, block: 0, blocks: 0 };
  try {
    const records = bytes[32] === VERBATIM ? body : encodeRecords(codec!.unpack(body));
    // A body with another number of records than it was sealed with is damage that the CRC did not see.
    return recordsOf({ ...frame, records }).length === stored ? { ...frame, records } : undefined;
  } catch {
    return undefined;
  }
}
