/**
 * The live view of a running service: the report as a screen that moves, with curves that grow while one looks. Pure; it never
 * has more lines than the terminal and never wraps.
 */
import { bar, shownElapsed } from '../terminal/figures.ts';
import { type ChannelView, MAX_HISTORY, type SensorView, sensorLines } from '../terminal/sensor-lines.ts';
import { cells, cutLine, type Line, padEnd, span, spread } from '../terminal/text.ts';
import type { SensorReport, ServiceReport } from './report.ts';
import { deliveryOf, journalLines, overall, warningLines } from './text.ts';
import { shownRate } from './words.ts';

/** What was seen while looking: values per channel, and the largest backlog per uplink. */
export interface Seen {
  take(report: ServiceReport): void;
  history(sensor: string, channel: string): readonly number[];
  /** The scale of the uplink's bar. */
  peak(uplink: string): number;
}

/** A bar that is full at three records would be alarming. */
const MIN_BACKLOG_SCALE = 20;

export function createSeen(): Seen {
  const times = new Map<string, string>();
  const histories = new Map<string, number[]>();
  const peaks = new Map<string, number>();
  const key = (sensor: string, channel: string) => `${sensor}/${channel}`;
  return {
    take({ sensors, uplinks }) {
      for (const [name, { pending }] of Object.entries(uplinks)) {
        peaks.set(name, Math.max(MIN_BACKLOG_SCALE, peaks.get(name) ?? 0, pending));
      }
      for (const [id, { time, channels }] of Object.entries(sensors)) {
        // The same reading seen twice is one point of the curve.
        if (time === null || times.get(id) === time) continue;
        times.set(id, time);
        for (const [channel, { value }] of Object.entries(channels)) {
          if (value === null) continue;
          const history = histories.get(key(id, channel)) ?? [];
          histories.set(key(id, channel), [...history, value].slice(-MAX_HISTORY));
        }
      }
    },
    history: (sensor, channel) => histories.get(key(sensor, channel)) ?? [],
    peak: (uplink) => peaks.get(uplink) ?? MIN_BACKLOG_SCALE,
  };
}

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Since when nobody answers, and why; the last report stays on the screen. */
  readonly silence?: { readonly forMs: number; readonly reason: string };
}

/** On a wide terminal the ages stay near their values. */
const MAX_COLUMNS = 100;
const MAX_BAR = 24;
const BLANK: Line = [];

export function statusFrame(
  report: ServiceReport,
  seen: Seen,
  { columns: all, rows, silence }: Screen,
): readonly Line[] {
  const columns = Math.min(all, MAX_COLUMNS);
  const silenceMs = silence?.forMs ?? 0;
  const head = [header(report, silenceMs, columns), BLANK];
  const foot = [
    BLANK,
    ...uplinkLines(report, seen, columns),
    BLANK,
    ...journalLines(report).map((line) => [span(' '), ...line]),
    ...warningLines(report).map((line) => (line.length === 0 ? line : [span(' '), ...line])),
    ...(silence ? [BLANK, [span(` no answer: ${silence.reason}`, 'bad')]] : []),
    BLANK,
    [span(' q ', 'bold'), span('quit', 'dim')],
  ];
  const sensors = Object.entries(report.sensors).map(([id, sensor]) => sensorView(id, sensor, seen, silenceMs));
  const room = rows - head.length - foot.length;
  const body = room >= 1 ? sensorLines(sensors, columns, room) : [];
  const lines = [...head, ...body, ...foot].map((line) => cutLine(line, columns));
  if (lines.length <= rows) return lines;
  return lines.filter((line) => line.length > 0).slice(0, Math.max(1, rows));
}

function header(report: ServiceReport, silenceMs: number, columns: number): Line {
  const [word, style] = silenceMs > 0 ? (['no answer', 'bad'] as const) : overall(report);
  const facts = `Sedge ${report.version}${report.simulated ? ', simulated sensors' : ''}${report.clock === 'synced' ? '' : ', clock not set yet'}`;
  return spread(
    [span(` ${report.device}`, 'bold'), span('  '), span(word, style), span(`  ${facts}`, 'dim')],
    [span(`up ${shownElapsed(report.uptime_s * 1_000)} `, 'dim')],
    columns,
  );
}

function sensorView(id: string, sensor: SensorReport, seen: Seen, silenceMs: number): SensorView {
  const reason = [sensor.error, sensor.message].filter((part) => part !== undefined).join(': ');
  // A board without a thermometer never has a temperature: after the first reading only what came is shown.
  const isKnown = ([name, { value }]: [string, { value: number | null }]) =>
    sensor.time === null || value !== null || seen.history(id, name).length > 0;
  const channels = Object.entries(sensor.channels)
    .filter(isKnown)
    .map(([name, { value, unit, decimals }]): ChannelView => {
      const history = seen.history(id, name);
      return { name, unit, decimals, history, ...(value !== null && { latest: value }) };
    });
  return {
    id,
    driver: sensor.driver,
    state: sensor.state,
    unplugged: false,
    channels,
    ...(reason !== '' && { reason }),
    ...(sensor.age_s !== null && { ageMs: sensor.age_s * 1_000 + silenceMs }),
  };
}

function uplinkLines({ uplinks }: ServiceReport, seen: Seen, columns: number): readonly Line[] {
  const entries = Object.entries(uplinks);
  if (entries.length === 0) return [[span(' no uplinks are configured: everything stays in the journal', 'dim')]];
  const width = Math.max(...entries.map(([name]) => cells(name)));
  return entries.map(([name, uplink]) => {
    const isOnline = uplink.state === 'online';
    const [full, empty] = bar(uplink.pending, seen.peak(name), Math.max(4, Math.min(MAX_BAR, columns - width - 50)));
    return [
      span(isOnline ? ' ● ' : ' ○ ', isOnline ? 'good' : 'bad'),
      span(`${padEnd(name, width)}  `, 'bold'),
      span(full, isOnline ? 'accent' : 'warn'),
      span(empty, 'dim'),
      span(`  ${uplink.pending}`, 'bold'),
      span(' waiting  ', 'dim'),
      span(`${shownRate(uplink.per_second)}  `),
      ...deliveryOf(uplink).flatMap((piece) => [...piece, span(' ')]),
    ];
  });
}
