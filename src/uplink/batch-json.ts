/**
 * The JSON of records and of what is said of one alone (design: MQTT), byte for byte the same for the same record. A batch of
 * them is formats/json.ts.
 *
 * Text is built by concatenation: ids, times, streams and channel names are ASCII without anything to escape (their
 * patterns are part of the contract), and values come as the JSON text they were rounded to. So length is bytes.
 */
import type { BatchRecord } from '../batch.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { DeadLetter } from './sender.ts';
import type { AlertMessage, StateMessage } from './types.ts';

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

/** The live copy of an event: as in a batch, with the device and the stream that its number belongs to. */
export function alertJson(alert: AlertMessage, device: string): string {
  return `{"device":"${device}","stream":"${alert.stream}",${recordJson({ kind: 'event', ...alert }).slice(1)}`;
}

/** A record that was refused for good, with the reason; the record itself only where it fits. */
export function deadLetterJson(
  letter: DeadLetter,
  { device, maxBytes }: { readonly device: string; readonly maxBytes: number },
): string {
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
