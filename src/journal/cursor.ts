/**
 * The cursors on disk: where each consumer is, its gaps, the highest number ever known durable, and the notes. Two files
 * are overwritten in turn, so that a torn write leaves the other. Promises: `save` resolves when a state taken after the
 * call is durable; a failed save never touches the slot that holds the newest durable state.
 *
 * Slot (little-endian): 0 "SEDGECUR", 8 u32 CRC-32 of what follows up to the end of the body, 12 u16 version, 14 u16 0,
 * 16 u32 body length, 20 u64 generation, 28 body: JSON, then zeros to the block's end. JSON because the body is small,
 * written every 5 s at most, and readable with `strings` when something went wrong.
 */
import { crc32 } from 'node:zlib';
import { SedgeError } from '../errors.ts';
import type { Consumer, GapEntry } from './consumer.ts';
import { BLOCK_BYTES, roundUpToBlock } from './format.ts';
import { errno, errnoOf, type JournalFile, type JournalFs, readFully, writeDurably, writeFully } from './fs.ts';
import type { Written } from './wear.ts';

export const CURSOR_NAMES = ['cursor-0', 'cursor-1'] as const;
const MAGIC = Buffer.from('SEDGECUR', 'latin1');
/** Bound on one slot: the notes, the gaps, the consumers, all at their largest. */
export const MAX_CURSOR_BYTES = 84 * BLOCK_BYTES;
export const CURSOR_TEMPORARY = 'cursor-new';
/** Size of a new slot file, so that it need not grow on a full device. */
export const CURSOR_FILE_BYTES = 8 * BLOCK_BYTES;
const VERSION = 1;
const HEAD_BYTES = 28;
/** Attempts of one save: in place, in place, on a fresh file. */
const MAX_ATTEMPTS = 3;

export interface CursorState {
  /** The stream of the newest opening, also while it holds no record. */
  readonly stream: string;
  /** Newest record ever known durable. */
  readonly newest: { readonly stream: string; readonly seq: number } | undefined;
  readonly consumers: Readonly<Record<string, StoredConsumer>>;
  readonly notes: Readonly<Record<string, string>>;
  /** To the device, in this and earlier openings; not in cursors of the first days. */
  readonly written?: Written;
  /** A thinned segment that waits under THINNED_NAME to take the place of this one: its gaps are told already. */
  readonly replacement?: Replacement | undefined;
}
export interface Replacement {
  readonly number: number;
  readonly salt: number;
}
export type StoredConsumer = Pick<Consumer, 'stream' | 'acked' | 'offered' | 'dropped'> & {
  readonly gaps: readonly StoredGap[];
};
/** [stream, from, to, reason, offered, settled]; where thinning was at work also lost, covers, spanFrom, spanTo. */
export type StoredGap = readonly [string, number, number, GapEntry['reason'], 0 | 1, 0 | 1, ...StoredSpan];
type StoredSpan = readonly [] | readonly [number, 0 | 1, number, number];

export const storedConsumer = (consumer: Consumer): StoredConsumer => ({
  stream: consumer.stream,
  acked: consumer.acked,
  offered: consumer.marked,
  dropped: consumer.dropped,
  gaps: consumer.gaps.map((gap) => {
    const { stream, from, to, reason, lost, spanFrom, spanTo } = gap;
    const isPlain = gap.covers && from === spanFrom && to === spanTo && lost === to - from + 1;
    const span: StoredSpan = isPlain ? [] : [lost, bit(gap.covers), spanFrom, spanTo];
    return [stream, from, to, reason, bit(gap.offered), bit(gap.settled), ...span];
  }),
});
const bit = (flag: boolean): 0 | 1 => (flag ? 1 : 0);

export const gapFrom = ([stream, from, to, reason, offered, settled, ...span]: StoredGap): GapEntry => {
  const [lost = to - from + 1, covers = 1, spanFrom = from, spanTo = to] = span;
  const flags = { covers: covers === 1, offered: offered === 1, settled: settled === 1 };
  return { stream, from, to, lost, reason, spanFrom, spanTo, ...flags };
};

export function encodeCursor(state: CursorState, generation: number): Buffer {
  const body = Buffer.from(JSON.stringify(state));
  const bytes = Buffer.alloc(roundUpToBlock(HEAD_BYTES + body.length));
  MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(VERSION, 12);
  bytes.writeUInt32LE(body.length, 16);
  bytes.writeBigUInt64LE(BigInt(generation), 20);
  body.copy(bytes, HEAD_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(12, HEAD_BYTES + body.length)), 8);
  return bytes;
}

export function decodeCursor(bytes: Buffer): { state: CursorState; generation: number } | undefined {
  const end = endOfBody(bytes);
  if (end === undefined || bytes.readUInt16LE(12) !== VERSION) return undefined;
  const state = JSON.parse(bytes.toString('utf8', HEAD_BYTES, end)) as CursorState;
  return { state, generation: Number(bytes.readBigUInt64LE(20)) };
}

/** Whether a later version of the program wrote this slot. */
export function isNewerCursor(bytes: Buffer): boolean {
  return endOfBody(bytes) !== undefined && bytes.readUInt16LE(12) > VERSION;
}

/** Undefined unless the slot is whole. */
function endOfBody(bytes: Buffer): number | undefined {
  if (bytes.length < HEAD_BYTES || !bytes.subarray(0, 8).equals(MAGIC)) return undefined;
  const end = HEAD_BYTES + bytes.readUInt32LE(16);
  return end <= bytes.length && crc32(bytes.subarray(12, end)) === bytes.readUInt32LE(8) ? end : undefined;
}

/** The newest valid slot. Read only: safe beside a running journal. */
export async function readCursor(
  fs: JournalFs,
  pathOf: (name: string) => string,
  maxBytes: number,
): Promise<{ state: CursorState; generation: number; slot: number } | undefined> {
  let newest: { state: CursorState; generation: number; slot: number } | undefined;
  for (const [slot, name] of CURSOR_NAMES.entries()) {
    try {
      const file = await fs.open(pathOf(name), 'read');
      try {
        const decoded = decodeCursor(await readFully(file, Math.min(await file.size(), maxBytes), 0));
        if (decoded && decoded.generation > (newest?.generation ?? -1)) newest = { ...decoded, slot };
      } finally {
        await file.close();
      }
    } catch {
      // Missing, unreadable, or something else under its name: the other slot decides.
    }
  }
  return newest;
}

export interface CursorStore {
  /** Resolves when a state taken after this call is durable. Saves that wait are one save. */
  save(): Promise<void>;
  readonly sizeBytes: number;
  /** The last save failed: what it wrote may yet turn out to be durable, until the next one succeeds. */
  readonly uncertain: boolean;
  close(): Promise<void>;
}

export interface CursorStoreOptions {
  readonly fs: JournalFs;
  readonly directory: string;
  readonly pathOf: (name: string) => string;
  readonly generation: number;
  /** Slot that holds the newest state; the first save goes to the other. */
  readonly slot: number;
  readonly slotBytes: readonly number[];
  /** Most that a slot may take; three files at once are bounded by two of these. */
  readonly maxBytes: number;
  /** Size of a new slot file. */
  readonly fileBytes: number;
  /** Takes the state to write and returns it with what to do when it is durable. */
  readonly snapshot: () => { state: CursorState; durable: () => void };
  readonly written: (bytes: number) => void;
}

export function cursorStore(options: CursorStoreOptions): CursorStore {
  const { fs, directory, pathOf } = options;
  let { generation, slot } = options;
  let uncertain = false;
  let ended = false;
  const files: (JournalFile | undefined)[] = [undefined, undefined];
  const sizes = [...options.slotBytes];
  let running: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;

  const overwrite = async (index: number, bytes: Buffer) => {
    files[index] ??= await fs.open(pathOf(CURSOR_NAMES[index]!), 'commit');
    await writeDurably(files[index], bytes, 0);
  };
  /** A fresh file under the slot's name: the first one, and for a slot that failed twice. Full of zeros, to have room. */
  const replace = async (index: number, bytes: Buffer) => {
    const path = pathOf(CURSOR_TEMPORARY);
    await fs.unlink(path).catch((error) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
    const sized = Buffer.alloc(Math.max(bytes.length, options.fileBytes));
    if (sizes[0]! + sizes[1]! + sized.length > 2 * options.maxBytes)
      throw errno('ENOSPC', 'no room for a third cursor');
    bytes.copy(sized);
    const file = await fs.open(path, 'create');
    try {
      await writeFully(file, sized, 0);
      await file.fdatasync();
      await fs.rename(path, pathOf(CURSOR_NAMES[index]!));
      await fs.syncDirectory(directory);
    } catch (error) {
      await file.close().catch(() => {});
      await fs.unlink(path).catch(() => {});
      throw error;
    }
    // The next save opens what has its name now, for durable writes.
    await file.close().catch(() => {});
    await files[index]?.close().catch(() => {});
    files[index] = undefined;
    sizes[index] = sized.length;
  };

  const write = async () => {
    const { state, durable } = options.snapshot();
    generation += 1;
    slot = 1 - slot;
    const bytes = encodeCursor(state, generation);
    for (let attempt = 1; ; attempt++) {
      try {
        // A flush that failed says nothing of the next one, unless all bytes are written again: here they are.
        await (sizes[slot]! > 0 && attempt < MAX_ATTEMPTS ? overwrite : replace)(slot, bytes);
        break;
      } catch (error) {
        await files[slot]?.close().catch(() => {});
        files[slot] = undefined;
        if (attempt === MAX_ATTEMPTS) {
          // The slot may be torn: the next save goes to it again, not to the good one.
          slot = 1 - slot;
          uncertain = true;
          throw error;
        }
      }
    }
    sizes[slot] = Math.max(sizes[slot]!, bytes.length);
    uncertain = false;
    options.written(bytes.length);
    durable();
  };
  const start = () => {
    running = write().finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    save() {
      if (ended) return Promise.reject(new SedgeError('journal.closed', 'The journal is closed.'));
      if (!running) return start();
      waiting ??= running
        .catch(() => {})
        .then(() => {
          waiting = undefined;
          return start();
        });
      return waiting;
    },
    get sizeBytes() {
      return sizes[0]! + sizes[1]!;
    },
    get uncertain() {
      return uncertain;
    },
    async close() {
      ended = true;
      await running?.catch(() => {});
      await Promise.all(files.map((file) => file?.close().catch(() => {})));
    },
  };
}
