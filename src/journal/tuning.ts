/** The sizes of a journal as they follow from `max_size`: how long its files are, how far ahead it marks, what it packs. */
import type { Tuning } from './core.ts';
import { MAX_CURSOR_BYTES } from './cursor.ts';
import { BLOCK_BYTES, checksum } from './format.ts';

const MIN_SEGMENT_BYTES = 64 * 1024;
const MAX_SEGMENT_BYTES = 1024 * 1024;
/** Segments that a journal of the smallest size is cut into. */
const SEGMENTS = 16;
/** Half of it is read while a mark is flushed: a card that takes 200 ms for that still drains 300,000 a second. */
const STRIDE_RECORDS = 131_072;
/** Share of a journal that such a mark may pin. */
const STRIDE_SHARE = 1 / 32;
/** See `Tuning`. A block of ten sensors at 1 Hz is then 100 s; smaller ones pack worse, larger ones take longer slices. */
const PACK_SEGMENTS = 8;
const BLOCK_RECORDS = 1_000;
const PACK_AFTER_MS = 60_000;

export function defaultTuning(maxSizeBytes: number): Tuning {
  const share = Math.floor(maxSizeBytes / SEGMENTS / BLOCK_BYTES) * BLOCK_BYTES;
  const segmentBytes = Math.max(MIN_SEGMENT_BYTES, Math.min(MAX_SEGMENT_BYTES, share));
  return {
    segmentBytes,
    cursorBytes: MAX_CURSOR_BYTES,
    strideRecords: STRIDE_RECORDS,
    strideSegments: Math.max(1, Math.floor((maxSizeBytes * STRIDE_SHARE) / segmentBytes)),
    packSegments: PACK_SEGMENTS,
    blockRecords: BLOCK_RECORDS,
    packAfterMs: PACK_AFTER_MS,
    checksum,
  };
}
