/**
 * Reading the frames of one segment, one after the other. A frame that is not valid is stepped over block by block; whoever asks
 * sees it as a hole in the numbers. Promises: what is returned passed its CRC just now; a segment is read in pieces of
 * bounded size, whatever its length.
 */
import {
  BLOCK_BYTES,
  type Checksum,
  decodeFrame,
  type Frame,
  frameLength,
  roundUpToBlock,
  type SegmentHeader,
} from './format.ts';
import { errnoOf, type JournalFile, readFully } from './fs.ts';

/** Read ahead; a larger frame is read whole. */
const READ_AHEAD_BYTES = 256 * 1024;

export interface FrameReader {
  /** The next valid frame that ends with `fromSeq` or later, or undefined at the end of what is accepted. */
  next(fromSeq: number): Promise<Frame | undefined>;
  readonly block: number;
  /** Begins to read, for when it is asked. */
  preload(): void;
  close(): Promise<void>;
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

  /**
   * The bytes from the first frame on that the window does not hold whole, already on their way: a device answers late, and the
   * frames before them take their time too. Some are read twice, so that none has to be copied.
   */
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
    const more = next?.at === position ? await next.bytes : undefined;
    const isEnough = more !== undefined && more.length >= length;
    window = isEnough ? more : await readBlocks(file, Math.min(Math.max(length, READ_AHEAD_BYTES), most), position);
    windowAt = position;
    const wholeBytes = wholeFrames(window);
    if (wholeBytes > 0) readAhead(windowAt + wholeBytes);
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

/** Where the first frame begins that does not end in these bytes, by what the frames claim: a guess, as good as they are. */
function wholeFrames(bytes: Buffer): number {
  let at = 0;
  while (at + BLOCK_BYTES <= bytes.length) {
    const end = at + roundUpToBlock(frameLength(bytes, at) ?? BLOCK_BYTES);
    if (end > bytes.length) break;
    at = end;
  }
  return at;
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
