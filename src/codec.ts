/**
 * How a reading stands in a journal record, and the only place that knows both. The journal sees bytes.
 *
 * Payload, version 1, little-endian:
 *   u8 flags (1 = wall clock was set, 2 = has a duration) | f64 wall ms | f64 monotonic ms | f64 duration ms, if flagged
 *   | u8 length of the sensor's id | sensor's id, ASCII | the values as JSON text, UTF-8, to the end
 * Version 2, for a window with samples: the same, but between id and values u32 length of the values, and after them the
 * samples as JSON text, UTF-8, to the end.
 * Values and samples stay text, so that the digits that were accepted are the digits that are published, and a backlog
 * drains without parsing them. New versions are added beside these; old records stay readable.
 */
import type { JournalRecord } from './journal/types.ts';
import type { Instant, ReadingKind } from './reading.ts';

export const RECORD_VERSION = 1;
const VERSION_WITH_SAMPLES = 2;
const TYPES: Readonly<Record<ReadingKind, number>> = { reading: 1, event: 2, window: 3 };
const KINDS: Readonly<Record<number, ReadingKind>> = { 1: 'reading', 2: 'event', 3: 'window' };
const FLAG_SYNCED = 1;
const FLAG_DURATION = 2;

/** A reading whose values have become text. */
export interface PackedReading {
  readonly kind: ReadingKind;
  readonly sensor: string;
  readonly at: Instant;
  readonly durationMs?: number;
  readonly valuesJson: string;
  /** Of a window: the samples, as they are published. */
  readonly samplesJson?: string;
}

export function pack({ kind, sensor, at, durationMs, valuesJson, samplesJson }: PackedReading): JournalRecord {
  const hasDuration = durationMs !== undefined;
  const head = 17 + (hasDuration ? 8 : 0);
  const text = samplesJson === undefined ? valuesJson : `${valuesJson}${samplesJson}`;
  const textAt = head + 1 + sensor.length + (samplesJson === undefined ? 0 : 4);
  const payload = Buffer.allocUnsafe(textAt + Buffer.byteLength(text));
  payload[0] = (at.synced ? FLAG_SYNCED : 0) | (hasDuration ? FLAG_DURATION : 0);
  payload.writeDoubleLE(at.wallMs, 1);
  payload.writeDoubleLE(at.monoMs, 9);
  if (hasDuration) payload.writeDoubleLE(durationMs, 17);
  payload[head] = sensor.length;
  payload.write(sensor, head + 1, 'latin1');
  if (samplesJson !== undefined) payload.writeUInt32LE(Buffer.byteLength(valuesJson), textAt - 4);
  payload.write(text, textAt);
  return { type: TYPES[kind], version: samplesJson === undefined ? RECORD_VERSION : VERSION_WITH_SAMPLES, payload };
}

/** Undefined for a record of a kind or version that this program does not know. */
export function unpack({ type, version, payload }: JournalRecord): PackedReading | undefined {
  const kind = KINDS[type];
  if (!kind || (version !== RECORD_VERSION && version !== VERSION_WITH_SAMPLES)) return undefined;
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const flags = bytes[0]!;
  const hasDuration = (flags & FLAG_DURATION) !== 0;
  const head = 17 + (hasDuration ? 8 : 0);
  const idEnd = head + 1 + bytes[head]!;
  const sensor = bytes.toString('latin1', head + 1, idEnd);
  const at = { wallMs: bytes.readDoubleLE(1), monoMs: bytes.readDoubleLE(9), synced: (flags & FLAG_SYNCED) !== 0 };
  // Nearly all of a backlog.
  if (!hasDuration && version === RECORD_VERSION) {
    return { kind, sensor, at, valuesJson: bytes.toString('utf8', idEnd) };
  }
  const hasSamples = version === VERSION_WITH_SAMPLES;
  const valuesAt = hasSamples ? idEnd + 4 : idEnd;
  const valuesEnd = hasSamples ? valuesAt + bytes.readUInt32LE(idEnd) : bytes.length;
  return {
    kind,
    sensor,
    at,
    ...(hasDuration && { durationMs: bytes.readDoubleLE(17) }),
    valuesJson: bytes.toString('utf8', valuesAt, valuesEnd),
    ...(hasSamples && { samplesJson: bytes.toString('utf8', valuesEnd) }),
  };
}
