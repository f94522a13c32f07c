/**
 * What the parts of an open journal share. journal.ts makes it; writer, retention and readers work on it. Everything
 * here is touched by one event loop; work on files that must not overlap goes through `exclusive`.
 */
import type { Clock } from '../clock.ts';
import type { Consumer } from './consumer.ts';
import type { CursorStore, Replacement } from './cursor.ts';
import type { Checksum, PreviousStream, SegmentHeader } from './format.ts';
import type { JournalFs } from './fs.ts';
import type { Segment } from './segment.ts';
import type { BlockCodec, OldestRecord } from './types.ts';
import type { Wear } from './wear.ts';

export type JournalLog = (event: string, fields?: Readonly<Record<string, string | number | boolean>>) => void;

/** Sizes that tests make small. Production takes them from max_size, see `defaultTuning`. */
export interface Tuning {
  readonly segmentBytes: number;
  /** Kept free for each of the two cursor files. */
  readonly cursorBytes: number;
  /** How far ahead of what is handed out the durable mark goes. */
  readonly strideRecords: number;
  /** And at most into this many segments after the one that is read: they cannot be dropped after a crash. */
  readonly strideSegments: number;
  /** Sealed segments that are packed into one, and records in one block. */
  readonly packSegments: number;
  readonly blockRecords: number;
  /** Nothing is packed until nobody has read for so long. */
  readonly packAfterMs: number;
  readonly checksum: Checksum;
}

export interface Core {
  readonly fs: JournalFs;
  readonly directory: string;
  readonly pathOf: (name: string) => string;
  readonly clock: Clock;
  readonly log: JournalLog;
  readonly random: (bytes: number) => Buffer;
  readonly tuning: Tuning;
  readonly maxSizeBytes: number;
  readonly minFreeBytes: number;
  readonly maxAgeMs: number | undefined;
  readonly ageMs: ((record: OldestRecord) => number | undefined) | undefined;
  readonly whenFull: 'drop_oldest' | 'reject_new' | 'thin';
  readonly codec: BlockCodec | undefined;
  readonly stream: string;
  readonly bootId: string;
  readonly volatile: boolean;
  readonly streamFirstSeq: number;
  readonly previous: PreviousStream | undefined;
  readonly cursor: CursorStore;
  readonly consumers: Map<string, Consumer>;
  readonly notes: Map<string, string>;
  /** Ascending. The last one is written to if `active` says so. */
  readonly segments: Segment[];
  active: Segment | undefined;
  /** Where a frame that was refused may yet stand, because the device did not let it be voided. */
  readonly unvoided: { readonly header: SegmentHeader; readonly name: string; readonly at: number }[];
  /** Newest accepted number; 0 before the first. */
  newest: number;
  nextNumber: number;
  spareBytes: number;
  /** Quarantine and files that are not ours. */
  otherBytes: number;
  /** Files in the making, by name. */
  readonly asideBytes: Map<string, number>;
  storage: 'ok' | 'storage-failed';
  closed: boolean;
  /** When a reader last gave records (monotonic): what is being delivered is not worth packing. */
  givenMs: number;
  isThinning: boolean;
  /** A save that named a replacement failed: it may yet be durable, so the file must stay until another has succeeded. */
  isThinnedNamed: boolean;
  /** Numbers of segments that were tried in vain. */
  readonly unthinnable: Set<number>;
  /** Of segments that hold damage: trying again would wear the card for nothing. */
  readonly unpackable: Set<number>;
  /** A segment was filled: upkeep.ts may have something to do. */
  sealed: () => void;
  /** A thinned segment on its way to its place: goes into the cursor. */
  replacement: Replacement | undefined;
  readonly counters: { accepted: number; dropped: number; commits: number; bytesWritten: number };
  readonly wear: Wear;
  /** Runs after all that was given before has ended. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Something may be there to read. */
  wake(): void;
  readonly waiters: Set<() => void>;
}

export const asideBytes = ({ asideBytes: aside }: Core): number =>
  [...aside.values()].reduce((sum, bytes) => sum + bytes, 0);

/** Most of what the directory may hold at this moment, cursors at their largest. */
export const reservedBytes = (core: Core): number =>
  core.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0) +
  core.spareBytes +
  core.otherBytes +
  asideBytes(core) +
  2 * core.tuning.cursorBytes;

/** A queue of one: each work begins when the one before has ended, well or not. */
export function mutex(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work, work);
    last = result.catch(() => {});
    return result;
  };
}
