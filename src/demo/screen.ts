/**
 * The live view as text: one frame from one view. Pure; the terminal itself is terminal.ts. A frame overwrites the last
 * one in place, line by line, so nothing flickers; it never has more lines than the terminal and never wraps.
 */
import { bar, shownAge, shownElapsed, shownValue, sparkline } from './figures.ts';
import { cells, cutLine, type Line, lineCells, padEnd, padStart, paint, type Style, span, spread } from './text.ts';
import { type ChannelView, type DemoView, MAX_HISTORY, type SensorView } from './view.ts';

export interface ScreenOptions {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const BLANK: Line = [];
/** On a wide terminal the ages stay near their values. */
const MAX_COLUMNS = 100;

/** A frame as the terminal wants it. */
export function render(view: DemoView, options: ScreenOptions): string {
  const lines = frame(view, options.columns, options.rows);
  return HOME + lines.map((line) => paint(line, options.colour) + CLEAR_LINE).join('\r\n') + CLEAR_BELOW;
}

/** The frame's lines, each within `columns` cells: what the golden tests read. */
export function frame(view: DemoView, terminalColumns: number, rows: number): readonly Line[] {
  const columns = Math.min(terminalColumns, MAX_COLUMNS);
  const head = [header(view, columns), BLANK];
  const foot = [BLANK, ...footer(view, columns), BLANK, keys(columns)];
  const room = rows - head.length - foot.length;
  // On a very low terminal the sensors go first: the totals are the point of the demo.
  const body = room >= 1 ? sensorLines(view.sensors, columns, room) : [];
  const lines = [...head, ...body, ...foot].map((line) => cutLine(line, columns));
  if (lines.length <= rows) return lines;
  return lines.filter((line) => line.length > 0).slice(-Math.max(1, rows));
}

function header({ elapsedMs }: DemoView, columns: number): Line {
  return spread(
    [span(' sedge demo', 'bold'), span('  simulated sensors, a journal on disk, a broker of its own', 'dim')],
    [span(`${shownElapsed(elapsedMs)} `, 'dim')],
    columns,
  );
}

/** One line per sensor, and further channels as long as there is room, shared out evenly. */
export function rowsPerSensor(sensors: readonly SensorView[], room: number): readonly number[] {
  const rows = sensors.map((_, index) => (index < room ? 1 : 0));
  let left = room - sensors.length;
  for (let more = true; more && left > 0; ) {
    more = false;
    for (const [index, sensor] of sensors.entries()) {
      if (left <= 0 || rows[index]! >= wantedRows(sensor)) continue;
      rows[index]! += 1;
      left -= 1;
      more = true;
    }
  }
  return rows;
}

/** A sensor that is away has one thing to say. */
const wantedRows = (sensor: SensorView): number =>
  sensor.state === 'offline' ? 1 : Math.max(1, sensor.channels.length);

function sensorLines(sensors: readonly SensorView[], columns: number, room: number): readonly Line[] {
  const idWidth = Math.min(12, Math.max(...sensors.map(({ id }) => cells(id)), 1));
  const shares = rowsPerSensor(sensors, room);
  return sensors.flatMap((sensor, index) => {
    const share = shares[index]!;
    if (share === 0) return [];
    if (sensor.state === 'offline') return [offlineLine(sensor, idWidth, columns)];
    const shown = sensor.channels.slice(0, share);
    const hidden = sensor.channels.length - shown.length;
    if (shown.length === 0) return [channelLine(sensor, undefined, { idWidth, columns, first: true, hidden: 0 })];
    return shown.map((channel, at) =>
      channelLine(sensor, channel, {
        idWidth,
        columns,
        first: at === 0,
        hidden: at === shown.length - 1 ? hidden : 0,
      }),
    );
  });
}

const MARKS: Readonly<Record<SensorView['state'], readonly [string, Style]>> = {
  online: ['●', 'good'],
  starting: ['◌', 'dim'],
  offline: ['○', 'bad'],
};

function offlineLine(sensor: SensorView, idWidth: number, columns: number): Line {
  const [mark, style] = MARKS.offline;
  const said = sensor.unplugged ? 'unplugged' : 'offline';
  const age = sensor.ageMs === undefined ? [] : [span(`${padStart(shownAge(sensor.ageMs), 4)} `, 'dim')];
  const left: Line = [
    span(` ${mark} `, style),
    span(`${padEnd(sensor.id, idWidth)}  `, 'bold'),
    span(said, style),
    span(sensor.reason === undefined ? '' : `  ${sensor.reason}`, 'dim'),
  ];
  return spread(cutLine(left, columns - 6), age, columns);
}

const NAME_WIDTH = 13;
const MIN_NAME_WIDTH = 6;
const NUMBER_WIDTH = 9;
const UNIT_WIDTH = 5;
/** ` ● ` and the gaps between the columns, with the age and its space at the end. */
const FIXED_WIDTH = 3 + 2 + NAME_WIDTH + 1 + NUMBER_WIDTH + 1 + UNIT_WIDTH + 2 + 5;
/** Below this a sparkline says nothing. */
const MIN_SPARKLINE = 6;

interface RowOptions {
  readonly idWidth: number;
  readonly columns: number;
  /** The first line of a sensor carries its name and age. */
  readonly first: boolean;
  /** Channels there was no room for. */
  readonly hidden: number;
}

function channelLine(sensor: SensorView, channel: ChannelView | undefined, row: RowOptions): Line {
  const [mark, style] = MARKS[sensor.state];
  const left = row.first
    ? [span(` ${mark} `, style), span(`${padEnd(sensor.id, row.idWidth)}  `, 'bold')]
    : [span(' '.repeat(3 + row.idWidth + 2))];
  const age = row.first && sensor.ageMs !== undefined ? shownAge(sensor.ageMs) : '';
  const spare = row.columns - row.idWidth - (FIXED_WIDTH - NAME_WIDTH);
  const nameWidth = Math.max(MIN_NAME_WIDTH, Math.min(NAME_WIDTH, spare));
  const more = row.hidden > 0 ? ` +${row.hidden}` : '';
  if (channel === undefined || channel.latest === undefined) {
    const waiting = channel === undefined ? sensor.driver : padEnd(`${channel.name}${more}`, nameWidth);
    return spread([...left, span(waiting, 'dim')], [span(`${age} `, 'dim')], row.columns);
  }
  const [number, unit] = shownValue(channel.latest, channel.unit, channel.decimals);
  const sparklineWidth = Math.min(MAX_HISTORY, row.columns - FIXED_WIDTH - row.idWidth);
  const curve = sparklineWidth >= MIN_SPARKLINE ? sparkline(channel.history, sparklineWidth) : '';
  return spread(
    [
      ...left,
      span(`${padEnd(channel.name, nameWidth - cells(more))}`, 'plain'),
      span(`${more} `, 'dim'),
      span(`${padStart(number, NUMBER_WIDTH)} `, 'bold'),
      span(`${padEnd(unit, UNIT_WIDTH)}  `, 'dim'),
      span(curve, 'accent'),
    ],
    [span(`${age} `, 'dim')],
    row.columns,
  );
}

function footer({ totals, broker, connected, backlogPeak, notice }: DemoView, columns: number): readonly Line[] {
  const figure = (label: string, value: number, style: Style = 'bold'): Line => [
    span(` ${label} `, 'dim'),
    span(String(value), style),
    span('  '),
  ];
  const taken: Line = [...figure('taken', totals.taken), ...figure('accepted', totals.accepted)];
  const delivered: Line = [
    ...figure('acknowledged', totals.acknowledged).slice(0, 2),
    span(` in ${totals.batches} ${totals.batches === 1 ? 'batch' : 'batches'}  `, 'dim'),
    ...figure('gaps', totals.gaps, totals.gaps > 0 ? 'bad' : 'bold'),
  ];
  const counts = lineCells(taken) + lineCells(delivered) <= columns ? [[...taken, ...delivered]] : [taken, delivered];
  const [full, empty] = bar(totals.backlog, backlogPeak, Math.max(4, Math.min(40, columns - 24)));
  const backlog: Line = [
    span(' backlog  ', 'dim'),
    span(full, broker.up ? 'accent' : 'warn'),
    span(empty, 'dim'),
    span(`  ${totals.backlog}`, 'bold'),
  ];
  const lines = [...counts, backlog, brokerLine({ totals, broker, connected })];
  return notice === undefined ? lines : [...lines, [span(' log      ', 'dim'), span(notice, 'warn')]];
}

function brokerLine({ totals, broker, connected }: Pick<DemoView, 'totals' | 'broker' | 'connected'>): Line {
  const state: Line = !broker.up
    ? [span('CUT', 'bad'), span('  what is measured now waits in the journal', 'dim')]
    : connected
      ? [span('up', 'good'), span(`   127.0.0.1:${broker.port}`, 'dim')]
      : [span('up', 'good'), span('   waiting for the uplink to reconnect', 'dim')];
  const twice = totals.repeated > 0 ? `, ${totals.repeated} twice` : '';
  return [span(' broker   ', 'dim'), ...state, span(`  counted ${totals.received} distinct${twice}`, 'dim')];
}

function keys(columns: number): Line {
  const key = (name: string, what: string): Line => [span(` ${name} `, 'bold'), span(`${what}  `, 'dim')];
  const long: Line = [
    ...key('b', 'cut/restore the broker'),
    ...key('u', 'unplug/replug a sensor'),
    ...key('q', 'quit'),
  ];
  const short: Line = [...key('b', 'broker'), ...key('u', 'unplug'), ...key('q', 'quit')];
  return columns >= 64 ? long : short;
}
