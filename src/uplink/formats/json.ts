/** `json`: the batch of the contract, which says all that a receiver needs to prove that nothing is missing. */
import type { Batch } from '../../batch.ts';
import type { Gap } from '../../journal/types.ts';
import type { ReadingKind } from '../../reading.ts';
import { recordJson } from '../batch-json.ts';
import { type Frame, inMessages, type TextMessage } from './messages.ts';
import type { BatchFormat, EncodeOptions } from './types.ts';

export const json: BatchFormat = {
  name: 'json',
  mediaType: 'application/json',
  encode: encodeBatch,
};

/** Lists that a message has only if it holds such records: `,"events":[]` and `,"windows":[]`. */
const SPARE_BYTES = 25;

export function encodeBatch(
  batch: Batch,
  { device, maxBytes }: Pick<EncodeOptions, 'device' | 'maxBytes'>,
): readonly TextMessage[] {
  const head = `{"format":1,"device":"${device}","stream":"${batch.stream}"`;
  return inMessages(batch, maxBytes, {
    separatorBytes: 1,
    spareBytes: SPARE_BYTES,
    record: recordJson,
    message: (frame, texts) => `${head}${numbersJson(frame)}${listsJson(frame, texts)}${tailJson(frame)}}`,
  });
}

function numbersJson({ range, previous }: Frame): string {
  const numbers = range ? `,"first":${range.first},"last":${range.last}` : '';
  return previous ? `${numbers},"previous":{"stream":"${previous.stream}","last":${previous.last}}` : numbers;
}

/** Every record is a text, in the same order. */
function listsJson({ records }: Frame, texts: readonly string[]): string {
  // Nearly all of a backlog.
  if (texts.every((_, at) => records[at]!.kind === 'reading')) return `,"readings":[${texts.join(',')}]`;
  const of = (kind: ReadingKind) => texts.filter((_, at) => records[at]!.kind === kind).join(',');
  const [events, windows] = [of('event'), of('window')];
  const more = `${events && `,"events":[${events}]`}${windows && `,"windows":[${windows}]`}`;
  return `,"readings":[${of('reading')}]${more}`;
}

function tailJson({ gaps, skipped, volatile }: Frame): string {
  const list = gaps.length === 0 ? '' : `,"gaps":[${gaps.map(gapJson).join(',')}]`;
  return `${list}${skipped > 0 ? `,"skipped":${skipped}` : ''}${volatile ? ',"volatile":true' : ''}`;
}

const gapJson = ({ stream, from, to, lost, reason }: Gap): string =>
  `{"stream":"${stream}","from":${from},"to":${to},"lost":${lost},"reason":"${reason}"}`;
