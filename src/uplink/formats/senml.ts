/**
 * `senml`: Sensor Measurement Lists, RFC 8428, as JSON. One SenML record per channel value, named
 * `<device>/<sensor>/<channel>`; digits and time as everywhere.
 *
 * - Units are those of the registry. Where our unit is a secondary one (RFC 8798: hPa, ppm, /100), the pack says version 26,
 *   which is version 10 with the feature "secondary units" (RFC 9100). A unit that the registry does not have (`mm/s`,
 *   `g/m3`, `rad/s`) is no `u`, but stands in our own `unit`: a value is never converted, so its digits stay the same.
 * - Fields of our own (RFC 8428 section 4.4 lets receivers ignore them): `seq` in each record; in the first `stream`, `first`,
 *   `last`, `skipped`, `volatile`, `previous_stream`, `previous_last`; `kind` for events and windows, and `duration_ms`.
 *   Together they prove what a `json` batch proves.
 * - The samples of a window are one record, `<device>/<sensor>/samples`, with the JSON of a batch as its text.
 * - A gap is a record `<device>/gap` with text: `<stream> <from>..<to> <lost> <reason>`.
 * - SenML takes a time below 2^28 s (1978) for one relative to now, and has no word for "unknown". So a record of a board whose
 *   clock was never set carries `clock`, `boot` and `mono_ms`, and its time, if it is below that, in `time` instead.
 */
import type { BatchRecord } from '../../batch.ts';
import type { Catalogue } from '../../reading.ts';
import { type Frame, inMessages, valuesOf } from './messages.ts';
import type { BatchFormat } from './types.ts';

/** RFC 8428 section 12.1 and RFC 8798 section 2, as far as they hold units of ours; a user's driver may name others of them. */
const PRIMARY = new Set(
  (
    'm kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3 l m/s m/s2 m3/s l/s W/m2 ' +
    'cd/m2 bit bit/s lat lon pH dB dBW Bspl count / %RH %EL EL 1/s 1/min S/m B VA VAs var vars J/m kg/m3 deg'
  ).split(' '),
);
/** RFC 8798 section 3, table 2. */
const SECONDARY = new Set(
  (
    'ms min h MHz kW kVA kvar Ah Wh kWh varh kvarh kVAh Wh/km KiB GB Mbit/s B/s MB/s mV mA dBm ug/m3 mm/h m/h ppm ' +
    '/100 /1000 hPa mm cm km km/h'
  ).split(' '),
);
/** Our symbols that mean the same under another name. `%` is no percent in SenML (RFC 8798 section 3, note 1). */
const RENAMED: Readonly<Record<string, string>> = { '1': '/', '%': '/100', byte: 'B' };
const SECONDARY_UNITS_VERSION = 26;
/** RFC 8428 section 4.5.3: times from here on are absolute. */
const ABSOLUTE_FROM_MS = 2 ** 28 * 1_000;

export const senml: BatchFormat = {
  name: 'senml',
  mediaType: 'application/senml+json',
  encode(batch, { device, maxBytes, catalogue }) {
    const label = labels(catalogue);
    const version = usesSecondary(catalogue) ? `,"bver":${SECONDARY_UNITS_VERSION}` : '';
    return inMessages(batch, maxBytes, {
      separatorBytes: 3,
      record: (record) => recordText(record, label),
      message(frame, records) {
        const texts = [...frame.gaps.map(gapText), ...records];
        if (texts.length === 0) texts.push(`"n":"skipped","v":${frame.skipped}`);
        return `[{"bn":"${device}/"${version}${frameText(frame)},${texts.join('},{')}}]`;
      },
    });
  },
};

function frameText({ stream, range, skipped, volatile, previous }: Frame): string {
  let text = `,"stream":"${stream}"`;
  if (range) text += `,"first":${range.first},"last":${range.last}`;
  if (skipped > 0) text += `,"skipped":${skipped}`;
  if (volatile) text += ',"volatile":true';
  if (previous) text += `,"previous_stream":"${previous.stream}","previous_last":${previous.last}`;
  return text;
}

const gapText = ({ stream, from, to, lost, reason }: Frame['gaps'][number]): string =>
  `"n":"gap","vs":"${stream} ${from}..${to} ${lost} ${reason}"`;

function recordText(record: BatchRecord, label: (sensor: string, channel: string) => string): string {
  const { seq, sensor, kind, durationMs, unsynced } = record;
  const ms = Date.parse(record.time);
  const isRelative = ms < ABSOLUTE_FROM_MS;
  let own = `,"seq":${seq}`;
  if (kind !== 'reading') own += `,"kind":"${kind}"`;
  if (durationMs !== undefined) own += `,"duration_ms":${durationMs}`;
  if (unsynced) own += `,"clock":"unsynced","boot":"${unsynced.boot}","mono_ms":${Math.round(unsynced.monoMs)}`;
  if (isRelative) own += `,"time":"${record.time}"`;
  const texts = valuesOf(record.valuesJson).map(([channel, value]) => `${label(sensor, channel)},"v":${value}${own}`);
  if (record.samplesJson !== undefined)
    texts.push(`"n":"${sensor}/samples","vs":${JSON.stringify(record.samplesJson)}${own}`);
  return texts.length === 0 ? '' : `"bt":${isRelative ? 0 : secondsText(ms)},${texts.join('},{')}`;
}

/** Seconds in decimal, without a detour over binary fractions. */
function secondsText(ms: number): string {
  const rest = ms % 1_000;
  const seconds = (ms - rest) / 1_000;
  return rest === 0 ? `${seconds}` : `${seconds}.${String(rest).padStart(3, '0').replace(/0+$/, '')}`;
}

/** Name and unit of a channel, made once for each in a batch. */
function labels(catalogue: Catalogue): (sensor: string, channel: string) => string {
  const known = new Map<string, string>();
  return (sensor, channel) => {
    const name = `${sensor}/${channel}`;
    let text = known.get(name);
    if (text === undefined) {
      text = `"n":"${name}"${unitText(symbolOf(catalogue[sensor]?.channels[channel]))}`;
      known.set(name, text);
    }
    return text;
  };
}

interface ChannelUnit {
  readonly quantity: string;
  readonly unit: string;
}
const symbolOf = (channel: ChannelUnit | undefined): string | undefined =>
  channel && (channel.quantity === 'count' ? 'count' : (RENAMED[channel.unit] ?? channel.unit));

function unitText(symbol: string | undefined): string {
  if (symbol === undefined) return '';
  if (PRIMARY.has(symbol) || SECONDARY.has(symbol)) return `,"u":"${symbol}"`;
  return `,"unit":${asciiJson(symbol)}`;
}

/** A user's driver may write any unit; length stays bytes. */
const asciiJson = (text: string): string =>
  JSON.stringify(text).replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

const usesSecondary = (catalogue: Catalogue): boolean =>
  Object.values(catalogue).some(({ channels }) =>
    Object.values(channels).some((channel) => SECONDARY.has(symbolOf(channel) ?? '')),
  );
