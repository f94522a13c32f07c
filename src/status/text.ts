/** A report as a calm page of text, as `systemctl status` has it. Pure: lines of spans, painted or not by the caller. */
import { shownValue } from '../terminal/figures.ts';
import { MARKS } from '../terminal/sensor-lines.ts';
import { cells, type Line, lineCells, padEnd, padStart, type Span, type Style, span } from '../terminal/text.ts';
import type { SensorReport, ServiceReport, UplinkReport } from './report.ts';
import { counted, shownRate, shownSize, shownSpan } from './words.ts';

const BLANK: Line = [];

/** Every line of the page. Within `columns` what is long goes on in the next line; on a pipe it stays one, for grep. */
export function statusLines(report: ServiceReport, columns = Number.POSITIVE_INFINITY): readonly Line[] {
  return [
    ...headLines(report),
    BLANK,
    ...sensorTable(report, columns),
    BLANK,
    ...uplinkTable(report, columns),
    BLANK,
    ...journalLines(report),
    ...warningLines(report),
  ];
}

/** Good, or what is wrong, in one word and a colour. */
export function overall({ sensors, uplinks, journal, warnings }: ServiceReport): readonly [string, Style] {
  if (journal.storage !== 'ok') return ['storage failed', 'bad'];
  const away = Object.values(sensors).filter(({ state }) => state === 'offline').length;
  const down = Object.values(uplinks).filter(({ state }) => state === 'offline').length;
  const parts = [
    ...(away > 0 ? [`${counted(away, 'sensor')} offline`] : []),
    ...(down > 0 ? [`${counted(down, 'uplink')} offline`] : []),
  ];
  if (parts.length > 0) return [parts.join(', '), 'warn'];
  return warnings.length > 0 ? [counted(warnings.length, 'warning'), 'warn'] : ['all well', 'good'];
}

export function headLines(report: ServiceReport): readonly Line[] {
  const [word, style] = overall(report);
  const facts = [
    `Sedge ${report.version}`,
    `up ${shownSpan(report.uptime_s)}`,
    `pid ${report.pid}`,
    ...(report.simulated ? ['simulated sensors'] : []),
  ];
  return [
    [span('● ', style), span(report.device, 'bold'), span('  '), span(word, style)],
    [span(`  ${facts.join(' · ')}`, 'dim'), ...clockSpans(report)],
    ...(report.config === null ? [] : [[span(`  ${report.config}`, 'dim')]]),
  ];
}

const clockSpans = ({ clock }: ServiceReport): readonly Span[] =>
  clock === 'synced' ? [span(' · clock set', 'dim')] : [span(' · '), span('clock not set yet', 'warn')];

/** What stands in the last column: pieces that are not broken, and what is between two on one line. */
interface Rest {
  readonly pieces: readonly Line[];
  readonly gap: string;
}
const GAP = '   ';
const words = (text: string, style: Style): readonly Line[] => text.split(' ').map((word) => [span(word, style)]);
const reasonOf = ({ error, message }: { readonly error?: string; readonly message?: string }): string =>
  [error, message].filter((part) => part !== undefined).join(': ');

/** The pieces of a row as lines of at most `width` cells, a piece that is longer than that alone. */
function wrap({ pieces, gap }: Rest, width: number): readonly Line[] {
  const lines: Span[][] = [];
  let used = 0;
  for (const piece of pieces) {
    const wide = lineCells(piece);
    const isNext = lines.length === 0 || used + gap.length + wide > width;
    if (isNext) lines.push([...piece]);
    else lines.at(-1)!.push(span(gap), ...piece);
    used = isNext ? wide : used + gap.length + wide;
  }
  return lines.length === 0 ? [[]] : lines;
}

interface Row {
  readonly mark: Span;
  readonly cells: readonly Span[];
  readonly rest: Rest;
}
interface Table {
  readonly head: readonly string[];
  readonly rows: readonly Row[];
  /** Columns whose text stands at the right. */
  readonly right: readonly number[];
  readonly columns: number;
}
/** A narrow terminal breaks lines itself. */
const MIN_REST_WIDTH = 20;

/** Each column as wide as its widest cell; the last one takes what is left. */
function table({ head, rows, right, columns }: Table): readonly Line[] {
  const titles = head.slice(0, -1);
  const widths = titles.map((title, at) => Math.max(cells(title), ...rows.map((row) => cells(row.cells[at]!.text))));
  const padded = (text: string, at: number) => (right.includes(at) ? padStart : padEnd)(text, widths[at]!);
  const before = 2 + widths.reduce((sum, width) => sum + width + 2, 0);
  const restWidth = Math.max(MIN_REST_WIDTH, columns - before);
  return [
    [span(`  ${[...titles.map(padded), head.at(-1)!].join('  ')}`, 'dim')],
    ...rows.flatMap((row) => {
      const [first, ...more] = wrap(row.rest, restWidth);
      const own = row.cells.flatMap(({ text, style }, at) => [span(padded(text, at), style), span('  ')]);
      return [[row.mark, ...own, ...first!], ...more.map((line) => [span(' '.repeat(before)), ...line])];
    }),
  ];
}

function valuesOf(sensor: SensorReport): Rest {
  const { state, channels, missed } = sensor;
  if (state === 'offline') return { pieces: words(reasonOf(sensor), 'warn'), gap: ' ' };
  const shown = Object.entries(channels).flatMap(([name, { value, unit, decimals }]): Line[] => {
    if (value === null) return [];
    const [number, symbol] = shownValue(value, unit, decimals);
    return [[span(`${name} `, 'dim'), span(number), span(symbol === '' ? '' : ` ${symbol}`, 'dim')]];
  });
  if (shown.length === 0)
    return { pieces: [[span(state === 'starting' ? 'opening' : 'no reading yet', 'dim')]], gap: GAP };
  return { pieces: [...shown, ...(missed > 0 ? [[span(`${missed} missed`, 'dim')]] : [])], gap: GAP };
}

function sensorTable({ sensors }: ServiceReport, columns: number): readonly Line[] {
  const rows = Object.entries(sensors).map(([id, sensor]): Row => {
    const [mark, style] = MARKS[sensor.state];
    return {
      mark: span(`${mark} `, style),
      cells: [
        span(id, 'bold'),
        span(sensor.state, sensor.state === 'offline' ? 'bad' : 'plain'),
        span(sensor.age_s === null ? '–' : shownSpan(sensor.age_s)),
        span(shownRate(sensor.per_second), 'dim'),
      ],
      rest: valuesOf(sensor),
    };
  });
  if (rows.length === 0) return [[span('  no sensors are configured', 'dim')]];
  return table({ head: ['SENSOR', 'STATE', 'AGE', 'RATE', 'VALUES'], rows, right: [2, 3], columns });
}

function uplinkTable({ uplinks }: ServiceReport, columns: number): readonly Line[] {
  const rows = Object.entries(uplinks).map(([name, uplink]): Row => {
    const isOnline = uplink.state === 'online';
    return {
      mark: span(isOnline ? '● ' : '○ ', isOnline ? 'good' : 'bad'),
      cells: [
        span(name, 'bold'),
        span(uplink.state, isOnline ? 'plain' : 'bad'),
        span(String(uplink.pending), uplink.pending > 0 && !isOnline ? 'warn' : 'plain'),
        span(shownRate(uplink.per_second), 'dim'),
      ],
      rest: { pieces: deliveryOf(uplink), gap: ' ' },
    };
  });
  if (rows.length === 0) return [[span('  no uplinks are configured: everything stays in the journal', 'dim')]];
  return table({ head: ['UPLINK', 'STATE', 'WAITING', 'RATE', 'LAST ACKNOWLEDGED'], rows, right: [2, 3], columns });
}

/** Less than this is the ordinary way of a batch, and no backlog. */
const MIN_DRAIN_S = 30;

/** When it last delivered, how long the rest takes, what is wrong: in pieces that go on one line with a space between. */
export function deliveryOf(uplink: UplinkReport): readonly Line[] {
  const { last_acknowledged_s: last, drain_s: drain, gaps, lost, state, dead_letters: letters } = uplink;
  const isBacklog = drain !== null && drain >= MIN_DRAIN_S;
  const reason = reasonOf(uplink);
  return [
    [span(last === null ? 'nothing yet' : `${shownSpan(last)} ago`, 'dim')],
    ...(isBacklog ? words(`· delivered in about ${shownSpan(drain)}`, 'plain') : []),
    ...(gaps > 0 ? words(`· ${counted(lost, 'record')} lost in ${counted(gaps, 'gap')}, not told yet`, 'bad') : []),
    ...(letters > 0 ? words(`· ${counted(letters, 'record')} refused for good`, 'bad') : []),
    ...(state === 'offline' && reason !== '' ? words(`· ${reason}`, 'warn') : []),
  ];
}

export function journalLines({ journal }: ServiceReport): readonly Line[] {
  const { size, max_size, accepted, dropped, oldest, bytes_per_day, card, storage, directory } = journal;
  const facts: Line = [
    span('  '),
    span(shownSize(size), 'bold'),
    span(` of at most ${shownSize(max_size)} · ${accepted} accepted · `, 'dim'),
    dropped > 0 ? span(`${dropped} dropped`, 'bad') : span('none dropped', 'dim'),
    span(oldest === null ? ' · nothing waits' : ` · oldest that waits ${oldest}`, 'dim'),
  ];
  const perDay = bytes_per_day === null ? '' : `writes ${shownSize(bytes_per_day)} a day: `;
  return [
    [
      span(storage === 'ok' ? '● ' : '○ ', storage === 'ok' ? 'good' : 'bad'),
      span('journal', 'bold'),
      span(`  ${directory}`, 'dim'),
      ...(storage === 'ok' ? [] : [span('  the card fails: readings are kept in memory only', 'bad')]),
    ],
    facts,
    [span(`  ${perDay}${card}`, 'dim')],
  ];
}

export const warningLines = ({ warnings }: ServiceReport): readonly Line[] =>
  warnings.length === 0 ? [] : [BLANK, ...warnings.map((warning) => [span('! ', 'warn'), span(warning)])];
