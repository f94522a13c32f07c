/**
 * Cuts a batch into messages of a bounded size, for any format, in which every record is a text of its own: each message says
 * which numbers it covers, and has a position of its own, so that a batch can be acknowledged in parts. Gaps go with the first,
 * and again with each that covers numbers of theirs.
 */
import { type Batch, type BatchRecord, skippedWithin, thinnedFrom } from '../../batch.ts';
import type { Gap } from '../../journal/types.ts';
import type { BatchMessage } from '../sender.ts';

export interface TextMessage extends BatchMessage {
  readonly payload: string;
}

/** What a message says besides its records. */
export interface Frame {
  readonly stream: string;
  readonly volatile: boolean;
  readonly previous: Batch['previous'];
  /** The numbers that the message covers; undefined when it carries gaps only. */
  readonly range: Batch['range'];
  /** Numbers of the range that this uplink was not asked to carry. */
  readonly skipped: number;
  /** With the first message, and again with each that covers numbers of theirs. */
  readonly gaps: readonly Gap[];
  readonly records: readonly BatchRecord[];
}

export interface Texts {
  /** Empty for a record without values. */
  record(record: BatchRecord): string;
  /** Bytes between two records. */
  readonly separatorBytes: number;
  /** Bytes that a message may need beside its frame and its records. */
  readonly spareBytes?: number;
  message(frame: Frame, records: readonly string[]): string;
}

export function inMessages(batch: Batch, maxBytes: number, texts: Texts): readonly TextMessage[] {
  const { stream, volatile, previous, records, range, position } = batch;
  const messages: TextMessage[] = [];
  let gaps = batch.gaps;
  let first = 0;
  let firstSeq = range?.first ?? 0;
  let part: string[] = [];

  /** What is left for records: measured on a frame with the longest numbers there can be. */
  const room = () => {
    const longest = Number.MAX_SAFE_INTEGER;
    const numbers = { range: range && { first: longest, last: longest }, skipped: range ? longest : 0 };
    const frame = { stream, volatile, previous, gaps, records: records.slice(first, first + 1), ...numbers };
    return maxBytes - Buffer.byteLength(texts.message(frame, [])) - (texts.spareBytes ?? 0);
  };
  const finish = (end: number) => {
    const isLast = end === records.length;
    const lastSeq = isLast ? (range?.last ?? 0) : records[end - 1]!.seq;
    const frame: Frame = {
      stream,
      volatile,
      previous,
      range: range && { first: firstSeq, last: lastSeq },
      skipped: range ? skippedWithin(batch, firstSeq, lastSeq) : 0,
      gaps,
      records: records.slice(first, end),
    };
    messages.push({
      payload: texts.message(frame, part),
      position: {
        stream: position.stream,
        seq: isLast ? position.seq : lastSeq,
        gaps: first === 0 ? position.gaps : [],
      },
      records: end - first,
      ...(end - first === 1 && { only: records[first]! }),
    });
    first = end;
    firstSeq = lastSeq + 1;
    part = [];
    gaps = thinnedFrom(batch, firstSeq);
  };

  let leftBytes = room();
  for (let index = 0; index < records.length; index++) {
    const text = texts.record(records[index]!);
    const bytes = Buffer.byteLength(text) + texts.separatorBytes;
    if (bytes > leftBytes && index > first) {
      finish(index);
      leftBytes = room();
    }
    if (text !== '') part.push(text);
    leftBytes -= bytes;
  }
  finish(records.length);
  return messages;
}

/** The values of a record, name and JSON text: flat, and neither names nor numbers hold a comma or a colon. */
export function valuesOf(valuesJson: string): readonly (readonly [name: string, value: string])[] {
  if (valuesJson === '{}') return [];
  return valuesJson
    .slice(1, -1)
    .split(',')
    .map((pair) => {
      const colon = pair.indexOf(':');
      return [pair.slice(1, colon - 1), pair.slice(colon + 1)] as const;
    });
}

/** The samples of a window, as the journal keeps them. */
export interface Samples {
  readonly rate_hz: number;
  readonly unit: string;
  readonly scale: number;
  readonly axes: Readonly<Record<string, readonly number[]>>;
}

export const samplesOf = ({ samplesJson }: BatchRecord): Samples | undefined =>
  samplesJson === undefined ? undefined : (JSON.parse(samplesJson) as Samples);
