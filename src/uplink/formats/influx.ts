/**
 * `influx`: InfluxDB's line protocol, one line per record, times in nanoseconds.
 *
 *     sedge,device=<device>,sensor=<sensor> <channel>=<value>,...,seq=<n>i,stream="<stream>" <time>
 *     sedge_batch,device=<device> stream="...",first=<n>i,last=<n>i,skipped=<n>i,... <time>
 *     sedge_gap,device=<device>,reason=<reason> stream="...",from=<n>i,to=<n>i,lost=<n>i <time>
 *
 * - Every channel is a float, also one that counts: a float holds every value exactly (integers to 2^53), and a field never
 *   changes its type, which InfluxDB would refuse. Our own numbers are integers.
 * - Tags make few series: `kind` for events and windows, and `clock=unsynced` with `boot` where the clock was never set, so
 *   that two such boots cannot overwrite each other. `seq` and `stream` are fields; a channel of that name goes before them.
 * - The samples of a window are `samples_rate_hz`, `samples_scale`, and for each axis a text such as `samples_x="3 -1 4"`: one
 *   text for all could be longer than the 64 KB that a field takes.
 * - A point is its series and its time, and two readings of one sensor never carry the same time: a duplicate overwrites
 *   itself. `sedge_batch` says which numbers each message covered, `sedge_gap` what will not come: with them a query proves
 *   what a `json` batch proves. Their nanoseconds hold digits of a number, so that no two of them are one point. A gap told
 *   twice has the same stream, from and to.
 * - Nothing needs an escape: ids, channels, streams and reasons hold neither spaces, commas, equals signs, quotes nor backslashes
 *   (their patterns are part of the contract).
 */
import type { BatchRecord } from '../../batch.ts';
import { type Frame, inMessages, samplesOf, valuesOf } from './messages.ts';
import type { BatchFormat } from './types.ts';

export const influx: BatchFormat = {
  name: 'influx',
  // The protocol has no registered media type; InfluxDB takes any.
  mediaType: 'text/plain; charset=utf-8',
  encode: (batch, { device, maxBytes }) =>
    inMessages(batch, maxBytes, {
      separatorBytes: 1,
      record: (record) => recordLine(record, device, batch.stream),
      message: (frame, lines) => [...gapLines(frame, device), ...lines, ...batchLines(frame, device), ''].join('\n'),
    }),
};

function recordLine(record: BatchRecord, device: string, stream: string): string {
  const { seq, kind, sensor, durationMs, unsynced, valuesJson } = record;
  const values = [...valuesOf(valuesJson), ...sampleFields(record)];
  if (values.length === 0) return '';
  // In the order of their names, which spares InfluxDB the sorting.
  const clock = unsynced ? `boot=${unsynced.boot},clock=unsynced,` : '';
  const tags = `${clock}device=${device}${kind === 'reading' ? '' : `,kind=${kind}`},sensor=${sensor}`;
  const own: (readonly [string, string])[] = [
    ['seq', `${seq}i`],
    ['stream', `"${stream}"`],
  ];
  if (durationMs !== undefined) own.push(['duration_ms', `${Math.round(durationMs)}i`]);
  if (unsynced) own.push(['mono_ms', `${Math.round(unsynced.monoMs)}i`]);
  let fields = '';
  for (const [name, value] of values) fields += `,${name}=${value}`;
  for (const [name, value] of own) if (!values.some(([channel]) => channel === name)) fields += `,${name}=${value}`;
  return `sedge,${tags} ${fields.slice(1)} ${nanoseconds(record.time)}`;
}

function sampleFields(record: BatchRecord): readonly (readonly [string, string])[] {
  const samples = samplesOf(record);
  if (!samples) return [];
  const axes = Object.entries(samples.axes).map(
    ([axis, steps]) => [`samples_${axis}`, `"${steps.join(' ')}"`] as const,
  );
  return [['samples_rate_hz', String(samples.rate_hz)], ['samples_scale', String(samples.scale)], ...axes];
}

function batchLines(frame: Frame, device: string): readonly string[] {
  const { stream, range, skipped, volatile, previous, records } = frame;
  if (!range) return [];
  let fields = `stream="${stream}",first=${range.first}i,last=${range.last}i,skipped=${skipped}i`;
  if (volatile) fields += ',volatile=true';
  if (previous) fields += `,previous_stream="${previous.stream}",previous_last=${previous.last}i`;
  return [`sedge_batch,device=${device} ${fields}${timeOf(records.at(-1), range.last)}`];
}

const gapLines = ({ gaps, records }: Frame, device: string): readonly string[] =>
  gaps.map(({ stream, from, to, lost, reason }) => {
    const fields = `stream="${stream}",from=${from}i,to=${to}i,lost=${lost}i`;
    return `sedge_gap,device=${device},reason=${reason} ${fields}${timeOf(records[0], from)}`;
  });

/** Without a record to take it from, the database's own clock. */
const timeOf = (record: BatchRecord | undefined, distinct: number): string =>
  record ? ` ${nanoseconds(record.time, distinct)}` : '';

/** As text, because 2^53 ns is in April 1970. */
function nanoseconds(time: string, distinct = 0): string {
  const ms = Date.parse(time);
  const digits = String(distinct % 1_000_000).padStart(6, '0');
  // Before 1970 the digits would count backwards, and 0 would begin with zeros.
  return ms > 0 ? `${ms}${digits}` : String(BigInt(ms) * 1_000_000n + BigInt(digits));
}
