/**
 * The two forms of output, written and read back.
 *
 * jsonl: one record a line, as in the batch, with device and stream before it; a gap is a line of its own.
 * csv: one row per value. `channels` says how many rows a record has, so that a record that was cut off by a crash is
 * seen and cut, and its message, which was not acknowledged, writes it again. The samples of a window are one row an axis,
 * with the steps in one field, after rows of their `rate_hz` and `scale`. No field needs quotes: everything that gets
 * here matched a pattern (incoming.ts).
 */
import type { Gap } from '../journal/types.ts';
import type { ReadingKind } from '../reading.ts';
import { gapOf, type IncomingRecord, recordOf, type Skipped, samplesOf, skippedOf } from './incoming.ts';

export type Item =
  | { readonly device: string; readonly stream: string; readonly record: IncomingRecord }
  | { readonly device: string; readonly gap: Gap };

/** What a batch said of numbers that its uplink does not carry. No reading, so it has a file of its own: `skips`. */
export interface SkippedItem {
  readonly device: string;
  readonly skipped: Skipped;
}

export interface Reader<T> {
  /**
   * Takes one line. Returns an item when one is complete; 'more' when it goes on in the next line, or holds none; throws if
   * the line is none of ours.
   */
  line(text: string): T | 'header' | 'more';
}

export interface Format<T = Item> {
  readonly header: string;
  /** What every file of ours begins with: no other file is ever appended to, or cut. */
  readonly begins: string;
  /** With line ends. */
  write(item: T): string;
  reader(): Reader<T>;
}

export type FormatName = 'jsonl' | 'csv';

const jsonl: Format = {
  header: '',
  begins: '{"device":"',
  write(item) {
    if ('gap' in item) return `${JSON.stringify({ device: item.device, gap: item.gap })}\n`;
    return `${JSON.stringify({ device: item.device, stream: item.stream, ...item.record.members })}\n`;
  },
  reader: () => ({
    line(text) {
      const { device, stream, gap, ...members } = JSON.parse(text) as Record<string, unknown>;
      if (gap !== undefined) return { device: String(device), gap: gapOf(gap) };
      // Which list a record was in is not written; nothing here asks for it.
      return { device: String(device), stream: String(stream), record: recordOf('reading', members) };
    },
  }),
};

export const COLUMNS = [
  'device',
  'stream',
  'kind',
  'seq',
  'to',
  'lost',
  'reason',
  'time',
  'duration_ms',
  'sensor',
  'channel',
  'value',
  'channels',
  'clock',
  'boot',
  'mono_ms',
] as const;
type Row = Partial<Record<(typeof COLUMNS)[number], string | number>>;
const rowText = (row: Row): string => `${COLUMNS.map((column) => row[column] ?? '').join(',')}\n`;

const csv: Format = {
  header: `${COLUMNS.join(',')}\n`,
  begins: `${COLUMNS.join(',')}\n`,
  write(item) {
    const { device } = item;
    if ('gap' in item) {
      const { stream, from, to, lost, reason } = item.gap;
      return rowText({ device, stream, kind: 'gap', seq: from, to, lost, reason });
    }
    const { kind, seq, time, sensor, members } = item.record;
    const cells = cellsOf(item.record);
    const common: Row = {
      device,
      stream: item.stream,
      kind,
      seq,
      time,
      duration_ms: plain(members.duration_ms),
      sensor,
      channels: cells.length,
      clock: plain(members.clock),
      boot: plain(members.boot),
      mono_ms: plain(members.mono_ms),
    };
    const rows = cells.map(([channel, value]) => rowText({ ...common, channel, value }));
    return rows.length === 0 ? rowText(common) : rows.join('');
  },
  reader() {
    let rows = 0;
    let values: Record<string, number> = {};
    return {
      line(text) {
        const fields = text.split(',');
        if (`${text}\n` === csv.header) return 'header';
        if (fields.length !== COLUMNS.length) throw new Error('not a row of sedge receive');
        const row = Object.fromEntries(COLUMNS.map((column, index) => [column, fields[index]!])) as Record<
          (typeof COLUMNS)[number],
          string
        >;
        const { device, stream, reason, time, sensor } = row;
        const seq = Number(row.seq);
        if (row.kind === 'gap') {
          return { device, gap: gapOf({ stream, from: seq, to: Number(row.to), lost: Number(row.lost), reason }) };
        }
        if (row.channel !== '') rows += 1;
        // What a window held is not asked for again, only that all of it was written.
        if (row.channel !== '' && row.kind !== 'window') values[row.channel] = Number(row.value);
        if (rows < Number(row.channels)) return 'more';
        const record = recordOf(row.kind as ReadingKind, { seq, time, sensor, values });
        rows = 0;
        values = {};
        return { device, stream, record };
      },
    };
  },
};

/** The rows of a record: channel and value. Samples of a form that is not known are left out; jsonl has them. */
function cellsOf({ kind, values, members }: IncomingRecord): [channel: string, value: string | number][] {
  const samples = kind === 'window' ? samplesOf(members) : undefined;
  if (!samples) return Object.entries(values);
  const axes = Object.entries(samples.axes).map(([axis, steps]): [string, string] => [axis, steps.join(' ')]);
  return [...Object.entries(values), ['rate_hz', samples.rateHz], ['scale', samples.scale], ...axes];
}

/** Members beside the values are not checked by pattern, so only what cannot break a row gets into one. */
function plain(member: unknown): string | number {
  if (typeof member === 'number') return member;
  return typeof member === 'string' && /^[\w-]*$/.test(member) ? member : '';
}

export const FORMATS: Readonly<Record<FormatName, Format>> = { jsonl, csv };

export const skips: Format<SkippedItem> = {
  header: '',
  begins: '{"device":"',
  write: ({ device, skipped }) => `${JSON.stringify({ device, skipped })}\n`,
  reader: () => ({
    line(text) {
      const { device, skipped } = JSON.parse(text) as Record<string, unknown>;
      return { device: String(device), skipped: skippedOf(skipped) };
    },
  }),
};
