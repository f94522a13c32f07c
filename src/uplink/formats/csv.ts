/**
 * `csv`: RFC 4180 with a header, one row per channel value: a station's sensors differ in their channels, and a table that
 * grows downwards opens in any spreadsheet and never changes its columns.
 *
 * - `device, stream, seq` say which record a row is of and `channels` how many rows that record has: a receiver removes
 *   duplicates and sees a record that was cut off. The columns are those of `sedge receive --format csv`, and `unit`.
 * - The samples of a window are a row of `rate_hz`, one of `scale`, and one for each axis with all its numbers, as there.
 * - Rows of other kinds say what a `json` batch says beside its records, so that a receiver can see that nothing else is missing:
 *   `gap` (seq to `to`, `lost`, `reason`), `previous` (the stream before this one and its last number), `skipped`
 *   (`value` numbers from seq to `to` that this uplink was not asked to carry), `volatile` (seq to `to` were never on the card).
 */
import type { BatchRecord } from '../../batch.ts';
import type { Catalogue } from '../../reading.ts';
import { type Frame, inMessages, samplesOf, valuesOf } from './messages.ts';
import type { BatchFormat } from './types.ts';

export const CSV_COLUMNS = [
  ...['device', 'stream', 'kind', 'seq', 'to', 'lost', 'reason', 'time', 'duration_ms', 'sensor', 'channel', 'value'],
  ...['unit', 'channels', 'clock', 'boot', 'mono_ms'],
] as const;
const END = '\r\n';
export const CSV_HEADER = `${CSV_COLUMNS.join(',')}${END}`;

export const csv: BatchFormat = {
  name: 'csv',
  mediaType: 'text/csv; charset=utf-8; header=present',
  encode(batch, { device, maxBytes, catalogue }) {
    const messages = inMessages(batch, maxBytes, {
      separatorBytes: 0,
      record: (record) => recordRows(record, `${device},${batch.stream}`, catalogue),
      message: (frame, rows) => `${CSV_HEADER}${frameRows(frame, device)}${rows.join('')}`,
    });
    return messages.map((message) => (message.payload === CSV_HEADER ? { ...message, payload: '' } : message));
  },
};

function recordRows(record: BatchRecord, where: string, catalogue: Catalogue): string {
  const { seq, kind, sensor, time, durationMs = '', unsynced, valuesJson } = record;
  const channels = catalogue[sensor]?.channels;
  const values = [
    ...valuesOf(valuesJson).map(([channel, value]) => [channel, value, channels?.[channel]?.unit ?? ''] as const),
    ...sampleRows(record),
  ];
  const before = `${where},${kind},${seq},,,,${time},${durationMs},${sensor}`;
  const clock = unsynced ? `unsynced,${unsynced.boot},${Math.round(unsynced.monoMs)}` : ',,';
  const after = `${values.length},${clock}${END}`;
  let rows = '';
  for (const [channel, value, unit] of values) rows += `${before},${channel},${value},${quoted(unit)},${after}`;
  return rows;
}

function sampleRows(record: BatchRecord): readonly (readonly [channel: string, value: string, unit: string])[] {
  const samples = samplesOf(record);
  if (!samples) return [];
  const axes = Object.entries(samples.axes).map(([axis, steps]) => [axis, steps.join(' '), ''] as const);
  return [['rate_hz', String(samples.rate_hz), 'Hz'], ['scale', String(samples.scale), samples.unit], ...axes];
}

/** Columns 1 to 7 and `value`: all that a row without a record has. */
function frameRows({ stream, range, skipped, volatile, previous, gaps }: Frame, device: string): string {
  const row = (of: string, kind: string, seq: number, to: number | '', lost: number | '', reason: string, value = '') =>
    `${device},${of},${kind},${seq},${to},${lost},${reason},,,,,${value},,,,,${END}`;
  let rows = '';
  if (previous) rows += row(previous.stream, 'previous', previous.last, '', '', '');
  for (const gap of gaps) rows += row(gap.stream, 'gap', gap.from, gap.to, gap.lost, gap.reason);
  if (range && volatile) rows += row(stream, 'volatile', range.first, range.last, '', '');
  if (range && skipped > 0) rows += row(stream, 'skipped', range.first, range.last, '', '', String(skipped));
  return rows;
}

/** Only a unit of a user's driver can hold anything that needs it (RFC 4180 section 2, rules 5 to 7). */
const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
