/**
 * Sensors as lines of a table: state, name, one row per channel with its value, unit and curve, and how old it is. Pure.
 * What the demo and `sedge status --watch` show alike.
 */
import { shownAge, shownValue, sparkline } from './figures.ts';
import { cells, cutLine, type Line, padEnd, padStart, type Style, span, spread } from './text.ts';

/** A channel as it is shown. */
export interface ShownChannel {
  readonly name: string;
  readonly unit: string;
  readonly decimals: number;
}
export interface ChannelView extends ShownChannel {
  /** Undefined before the first reading, and when the last one came without this channel. */
  readonly latest?: number;
  /** Oldest first, at most `MAX_HISTORY`. */
  readonly history: readonly number[];
}
export interface SensorView {
  readonly id: string;
  readonly driver: string;
  readonly state: 'starting' | 'online' | 'offline';
  /** Why it is offline: `bus.nack: nothing acknowledges ...`. */
  readonly reason?: string;
  readonly unplugged: boolean;
  /** Since the last reading; undefined before the first. */
  readonly ageMs?: number;
  readonly channels: readonly ChannelView[];
}

/** Values kept per channel: as many as the widest sparkline shows. */
export const MAX_HISTORY = 40;

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

export function sensorLines(sensors: readonly SensorView[], columns: number, room: number): readonly Line[] {
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

export const MARKS: Readonly<Record<SensorView['state'], readonly [string, Style]>> = {
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
