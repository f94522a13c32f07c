/**
 * The journal on disk: its invariants, its layout, and the pure functions that write and read it.
 *
 * Invariants (every file of this directory leans on them; test/journal/explorer tries to break them)
 *
 *  1. A record is accepted when the fdatasync after its frame has returned, not before. Only accepted records are read.
 *  2. One frame in flight: frame n+1 is written after the fdatasync of frame n returned. So an invalid frame with a valid
 *     one behind it is damaged accepted data, and an invalid frame at the end of the newest segment is a torn commit that
 *     nobody was promised (unless the cursor's durable mark says otherwise).
 *  3. Frames begin at block boundaries: no write ever touches a block that holds accepted data.
 *  4. A segment is filled with zeros and flushed before its first frame, so that a commit changes no metadata; its header
 *     is flushed before it gets its name, and the directory is flushed before its first frame is accepted.
 *  5. An old segment is never appended to. Each opening is a new stream and starts a new segment with its first record.
 *  6. Numbers go on: a new segment begins at (highest number ever known durable) + 1, so a segment's last number follows
 *     from the next segment's header. Numbers beyond that bound in the older segment were never accepted: ignored.
 *  7. Nothing is unlinked, recycled or truncated before the cursor that justifies it is durable.
 *  8. After a failed write or fdatasync a file is sealed: never flushed again, and written only to void that frame.
 *
 * Segment file `NNNNNNNNNN.segment`: one header block, then frames. All numbers are little-endian.
 *
 *   header (at 0, and once more at 2048 of the same block)      frame (at a multiple of 4096)
 *     0  8 bytes "SEDGEJNL"                                       0  u32 magic
 *     8  u16 format version, u8 kind (0: commit frames,           4  u32 CRC-32 of what follows, seeded with the salt
 *    12  u32 segment number (as in the name)                      8  u32 length of the records in bytes
 *    16  u32 salt                                                12  u32 count of records
 *    20  12 bytes stream                                         16  u64 first seq
 *    32  16 bytes boot id                                        24  u32 segment number
 *    48  u64 first seq of the segment                            28  u32 block index in the segment
 *    56  u64 first seq of the stream                             32  records, then zeros to the block's end
 *    64  12 bytes previous stream (zeros: none), u32 0
 *    80  u64 last seq of the previous stream                   record
 *    88  f64 wall clock, 96 f64 monotonic ms at creation          0  u32 length of the payload
 *   104  u32 CRC-32 of bytes 0..103                               4  u8 type, u8 version, payload
 *   or, packed: 104 u64 last seq, 112 u64 first and 120 u64 last seq that thinning took (0: none), 128 u32 last segment
 *   number that it stands for, 132 u32 records stored, 136 u32 place of the index, 140 u32 blocks, 144 u32 CRC-32
 *
 * The salt makes frames that a recycled file held before invalid. Never change the order of fields: raise the version.
 */
import { crc32 } from 'node:zlib';
import type { JournalRecord, StoredRecord } from './types.ts';

export const BLOCK_BYTES = 4096;
export const FORMAT_VERSION = 1;
export const FRAME_HEADER_BYTES = 32;
const RECORD_HEADER_BYTES = 6;
/** Largest payload; smaller where a segment is smaller. */
export const MAX_RECORD_BYTES = 256 * 1024;
/** Largest frame: a record of the largest size fits. */
export const MAX_FRAME_BYTES = MAX_RECORD_BYTES + BLOCK_BYTES;
const FRAME_MAGIC = 0x4d524653; // "SFRM"
const HEADER_MAGIC = Buffer.from('SEDGEJNL', 'latin1');
export const HEADER_BYTES = 108;
export const PACKED_HEADER_BYTES = 148;
export const HEADER_COPY_AT = 2048;
const NO_STREAM = '0'.repeat(24);

/** CRC-32 of the bytes, continued from `seed`. Injected so that a test can show what happens without it. */
export type Checksum = (bytes: Uint8Array, seed: number) => number;
export const checksum: Checksum = (bytes, seed) => crc32(bytes, seed);

export interface PreviousStream {
  readonly stream: string;
  readonly last: number;
}

export interface SegmentHeader {
  readonly number: number;
  readonly salt: number;
  /** 24 hex digits. */
  readonly stream: string;
  /** UUID. */
  readonly bootId: string;
  readonly firstSeq: number;
  /** First number of the stream, in this or an earlier segment. */
  readonly streamFirstSeq: number;
  readonly previous: PreviousStream | undefined;
  readonly wallMs: number;
  readonly monoMs: number;
  /** Set for a segment of packed blocks, which is written once and never grows. */
  readonly packed?: PackedInfo | undefined;
}
export interface PackedInfo {
  readonly lastSeq: number;
  /** It stands for the segments from its own number to this one. */
  readonly lastNumber: number;
  /** Records in it; fewer than its numbers where it was thinned. */
  readonly stored: number;
  /** First and last number that thinning took; 0 if it took none. */
  readonly lostFrom: number;
  readonly lostTo: number;
  readonly timesThinned: number;
  readonly indexAt: number;
  readonly blocks: number;
}

export const segmentName = (number: number): string => `${String(number).padStart(10, '0')}.segment`;
export const segmentNumber = (name: string): number | undefined => {
  const match = /^(\d{10})\.segment$/.exec(name);
  return match ? Number(match[1]) : undefined;
};

export const roundUpToBlock = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
/** Bytes that a record takes inside a frame. */
export const recordBytes = (record: JournalRecord): number => RECORD_HEADER_BYTES + record.payload.length;

export function bootIdToBytes(bootId: string): Buffer {
  return Buffer.from(bootId.replaceAll('-', ''), 'hex');
}
export function bootIdFromBytes(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  HEADER_MAGIC.copy(block, 0);
  block.writeUInt16LE(FORMAT_VERSION, 8);
  block.writeUInt32LE(header.number, 12);
  block.writeUInt32LE(header.salt, 16);
  block.write(header.stream, 20, 12, 'hex');
  bootIdToBytes(header.bootId).copy(block, 32);
  writeSeq(block, header.firstSeq, 48);
  writeSeq(block, header.streamFirstSeq, 56);
  if (header.previous) {
    block.write(header.previous.stream, 64, 12, 'hex');
    writeSeq(block, header.previous.last, 80);
  }
  block.writeDoubleLE(header.wallMs, 88);
  block.writeDoubleLE(header.monoMs, 96);
  const { packed } = header;
  if (packed) {
    block[10] = 1;
    block[11] = packed.timesThinned;
    writeSeq(block, packed.lastSeq, 104);
    writeSeq(block, packed.lostFrom, 112);
    writeSeq(block, packed.lostTo, 120);
    block.writeUInt32LE(packed.lastNumber, 128);
    block.writeUInt32LE(packed.stored, 132);
    block.writeUInt32LE(packed.indexAt, 136);
    block.writeUInt32LE(packed.blocks, 140);
  }
  const length = packed ? PACKED_HEADER_BYTES : HEADER_BYTES;
  block.writeUInt32LE(crc32(block.subarray(0, length - 4)), length - 4);
  block.copy(block, HEADER_COPY_AT, 0, length);
  return block;
}

/** The header; 'newer' for a format that this program does not know; undefined if neither copy is valid. */
export function decodeHeader(block: Buffer): SegmentHeader | 'newer' | undefined {
  return decodeHeaderAt(block, 0) ?? decodeHeaderAt(block, HEADER_COPY_AT);
}

function decodeHeaderAt(block: Buffer, at: number): SegmentHeader | 'newer' | undefined {
  const length = block[at + 10] === 1 ? PACKED_HEADER_BYTES : HEADER_BYTES;
  const bytes = block.subarray(at, at + length);
  if (bytes.length < length || !bytes.subarray(0, 8).equals(HEADER_MAGIC)) return undefined;
  if (bytes.readUInt32LE(length - 4) !== crc32(bytes.subarray(0, length - 4))) return undefined;
  if (bytes.readUInt16LE(8) !== FORMAT_VERSION || bytes.readUInt8(10) > 1) return 'newer';
  const previous = bytes.toString('hex', 64, 76);
  return {
    number: bytes.readUInt32LE(12),
    salt: bytes.readUInt32LE(16),
    stream: bytes.toString('hex', 20, 32),
    bootId: bootIdFromBytes(bytes.subarray(32, 48)),
    firstSeq: readSeq(bytes, 48),
    streamFirstSeq: readSeq(bytes, 56),
    previous: previous === NO_STREAM ? undefined : { stream: previous, last: readSeq(bytes, 80) },
    wallMs: bytes.readDoubleLE(88),
    monoMs: bytes.readDoubleLE(96),
    packed: bytes[10] === 1 ? packedInfo(bytes) : undefined,
  };
}

const packedInfo = (bytes: Buffer): PackedInfo => ({
  timesThinned: bytes[11]!,
  lastSeq: readSeq(bytes, 104),
  lostFrom: readSeq(bytes, 112),
  lostTo: readSeq(bytes, 120),
  lastNumber: bytes.readUInt32LE(128),
  stored: bytes.readUInt32LE(132),
  indexAt: bytes.readUInt32LE(136),
  blocks: bytes.readUInt32LE(140),
});

/** Writes the records one behind the other from `at` on; returns where they end. */
function writeRecords(target: Buffer, records: readonly JournalRecord[], from: number): number {
  let at = from;
  for (const record of records) {
    target.writeUInt32LE(record.payload.length, at);
    target[at + 4] = record.type;
    target[at + 5] = record.version;
    target.set(record.payload, at + RECORD_HEADER_BYTES);
    at += RECORD_HEADER_BYTES + record.payload.length;
  }
  return at;
}

/** The records as they stand in a frame. */
export function encodeRecords(records: readonly JournalRecord[]): Buffer {
  const bytes = Buffer.allocUnsafe(records.reduce((sum, record) => sum + recordBytes(record), 0));
  writeRecords(bytes, records, 0);
  return bytes;
}

/**
 * Writes one frame to the start of `target` and returns its length, a multiple of the block size. The target must be
 * large enough: FRAME_HEADER_BYTES + the sum of recordBytes, rounded up to a block.
 */
export function encodeFrame(
  target: Buffer,
  records: readonly JournalRecord[],
  firstSeq: number,
  block: number,
  header: SegmentHeader,
  crc: Checksum = checksum,
): number {
  const at = writeRecords(target, records, FRAME_HEADER_BYTES);
  target.writeUInt32LE(FRAME_MAGIC, 0);
  target.writeUInt32LE(at - FRAME_HEADER_BYTES, 8);
  target.writeUInt32LE(records.length, 12);
  writeSeq(target, firstSeq, 16);
  target.writeUInt32LE(header.number, 24);
  target.writeUInt32LE(block, 28);
  target.writeUInt32LE(crc(target.subarray(8, at), header.salt), 4);
  const length = roundUpToBlock(at);
  target.fill(0, at, length);
  return length;
}

/** What the first bytes of a frame claim, before its CRC is checked: enough to know how much to read. */
export function frameLength(bytes: Buffer, at: number): number | undefined {
  if (bytes.readUInt32LE(at) !== FRAME_MAGIC) return undefined;
  const length = FRAME_HEADER_BYTES + bytes.readUInt32LE(at + 8);
  return length <= MAX_FRAME_BYTES ? length : undefined;
}

export interface Frame {
  readonly firstSeq: number;
  /** Numbers that it covers: one for each record, unless `seqs` says which are there. */
  readonly count: number;
  readonly seqs?: readonly number[] | undefined;
  /** Where it lies in the segment, in blocks. */
  readonly block: number;
  readonly blocks: number;
  /** The records, encoded. A view: valid as long as the buffer it was read into. */
  readonly records: Buffer;
}

/** The frame at `at` if it is whole and valid for this segment and place. */
export function decodeFrame(
  bytes: Buffer,
  at: number,
  block: number,
  header: SegmentHeader,
  crc: Checksum = checksum,
): Frame | undefined {
  const length = frameLength(bytes, at);
  if (length === undefined || at + length > bytes.length) return undefined;
  if (bytes.readUInt32LE(at + 24) !== header.number || bytes.readUInt32LE(at + 28) !== block) return undefined;
  if (crc(bytes.subarray(at + 8, at + length), header.salt) !== bytes.readUInt32LE(at + 4)) return undefined;
  const count = bytes.readUInt32LE(at + 12);
  return {
    firstSeq: readSeq(bytes, at + 16),
    count,
    block,
    blocks: roundUpToBlock(length) / BLOCK_BYTES,
    records: bytes.subarray(at + FRAME_HEADER_BYTES, at + length),
  };
}

/** The record at byte `at` of a frame's records, and where the next begins. */
export function decodeRecord(records: Buffer, at: number, seq: number): { record: StoredRecord; next: number } {
  const next = at + RECORD_HEADER_BYTES + records.readUInt32LE(at);
  const payload = records.subarray(at + RECORD_HEADER_BYTES, next);
  return { record: { seq, type: records[at + 4]!, version: records[at + 5]!, payload }, next };
}

/** The number of the frame's n-th record. */
export const seqAt = ({ firstSeq, seqs }: Frame, index: number): number => seqs?.[index] ?? firstSeq + index;

/** All records of a frame. */
export function recordsOf(frame: Frame): StoredRecord[] {
  const records: StoredRecord[] = [];
  for (let at = 0; at < frame.records.length; ) {
    const { record, next } = decodeRecord(frame.records, at, seqAt(frame, records.length));
    records.push(record);
    at = next;
  }
  return records;
}

/** Seqs are integers below 2^53, written as u64. */
export function writeSeq(bytes: Buffer, seq: number, at: number): void {
  bytes.writeUInt32LE(seq % 2 ** 32, at);
  bytes.writeUInt32LE(Math.floor(seq / 2 ** 32), at + 4);
}
export function readSeq(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
}
