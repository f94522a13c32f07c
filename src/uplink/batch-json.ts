/**
 * The JSON of batches and state messages (design: MQTT), byte for byte the same for the same records.
 *
 * Text is built by concatenation: ids, times, streams and channel names are ASCII without anything to escape (their
 * patterns are part of the contract), and values come as the JSON text they were rounded to. So length is bytes.
 */
import { type Batch, type BatchRecord, skippedWithin, thinnedFrom } from '../batch.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { Gap } from '../journal/types.ts';
import type { BatchMessage, DeadLetter } from './sender.ts';
import type { AlertMessage, StateMessage } from './types.ts';

export interface TextMessage extends BatchMessage {
  readonly payload: string;
}

export interface BatchJsonOptions {
  readonly device: string;
  /** Bound on one payload. A single larger record, or the first one with its gaps, goes alone. */
  readonly maxBytes: number;
}

export function recordJson(record: BatchRecord): string {
  let json = `{"seq":${record.seq},"time":"${record.time}","sensor":"${record.sensor}","values":${record.valuesJson}`;
  if (record.durationMs !== undefined) json += `,"duration_ms":${record.durationMs}`;
  if (record.samplesJson !== undefined) json += `,"samples":${record.samplesJson}`;
  if (record.unsynced) {
    json += `,"clock":"unsynced","boot":"${record.unsynced.boot}","mono_ms":${Math.round(record.unsynced.monoMs)}`;
  }
  return `${json}}`;
}

/** The latest values of a sensor, flat. */
export function stateJson(message: StateMessage): string {
  const values = message.valuesJson.slice(1, -1);
  let json = `{"time":"${message.time}"${values === '' ? '' : ','}${values}`;
  if (message.durationMs !== undefined) json += `,"duration_ms":${message.durationMs}`;
  if (message.unsynced) json += ',"clock":"unsynced"';
  return `${json}}`;
}

/** `,"first":,"last":,"skipped":` with three numbers of 16 digits, the empty lists, `,"volatile":true` and the last brace. */
const FRAME_BYTES = 160;

/**
 * The messages that carry a batch: one, or as many as `maxBytes` asks for. Gaps go with the first, and again with each that
 * covers numbers of theirs; each message has a position of its own, so a batch can be acknowledged in parts.
 */
export function encodeBatch(batch: Batch, { device, maxBytes }: BatchJsonOptions): TextMessage[] {
  const { stream, records, position, range } = batch;
  const head = `{"format":1,"device":"${device}","stream":"${stream}"`;
  const previous = batch.previous
    ? `,"previous":{"stream":"${batch.previous.stream}","last":${batch.previous.last}}`
    : '';
  const messages: TextMessage[] = [];
  let gaps = gapsJson(batch.gaps);
  let first = 0;
  let firstSeq = range?.first ?? 0;
  let part = emptyPart();

  const room = () => maxBytes - head.length - previous.length - gaps.length - FRAME_BYTES;
  const finish = (end: number) => {
    const isLast = end === records.length;
    const lastSeq = isLast ? (range?.last ?? 0) : records[end - 1]!.seq;
    const numbers = range ? `,"first":${firstSeq},"last":${lastSeq}` : '';
    const skipped = range ? skippedWithin(batch, firstSeq, lastSeq) : 0;
    const events = part.event === '' ? '' : `,"events":[${part.event}]`;
    const windows = part.window === '' ? '' : `,"windows":[${part.window}]`;
    const skips = skipped > 0 ? `,"skipped":${skipped}` : '';
    const tail = `${events}${windows}${gaps}${skips}${batch.volatile ? ',"volatile":true' : ''}}`;
    messages.push({
      payload: `${head}${numbers}${previous},"readings":[${part.reading}]${tail}`,
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
    part = emptyPart();
    gaps = gapsJson(thinnedFrom(batch, firstSeq));
  };

  let leftBytes = room();
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    const json = recordJson(record);
    if (json.length > leftBytes && index > first) {
      finish(index);
      leftBytes = room();
    }
    part[record.kind] += part[record.kind] === '' ? json : `,${json}`;
    leftBytes -= json.length + 1;
  }
  finish(records.length);
  return messages;
}

/** The live copy of an event: as in a batch, with the device and the stream that its number belongs to. */
export function alertJson(alert: AlertMessage, device: string): string {
  return `{"device":"${device}","stream":"${alert.stream}",${recordJson({ kind: 'event', ...alert }).slice(1)}`;
}

/** A record that was refused for good, with the reason; the record itself only where it fits. */
export function deadLetterJson(letter: DeadLetter, { device, maxBytes }: BatchJsonOptions): string {
  const { stream, record, error } = letter;
  const head = JSON.stringify({
    format: 1,
    device,
    stream,
    seq: record.seq,
    reason: 'refused',
    error: codeOf(error),
    message: messageOf(error),
  }).slice(0, -1);
  const whole = `${head},"kind":"${record.kind}","record":${recordJson(record)}}`;
  return whole.length <= maxBytes ? whole : `${head},"sensor":"${record.sensor}"}`;
}

const emptyPart = () => ({ reading: '', event: '', window: '' });

function gapsJson(gaps: readonly Gap[]): string {
  if (gaps.length === 0) return '';
  const texts = gaps.map(
    ({ stream, from, to, lost, reason }) =>
      `{"stream":"${stream}","from":${from},"to":${to},"lost":${lost},"reason":"${reason}"}`,
  );
  return `,"gaps":[${texts.join(',')}]`;
}
