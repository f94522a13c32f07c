/**
 * The live view as text: one frame from one view. Pure; the terminal itself is src/terminal/. It never has more lines than
 * the terminal and never wraps.
 */
import { bar, shownElapsed } from '../terminal/figures.ts';
import { sensorLines } from '../terminal/sensor-lines.ts';
import { cutLine, frameText, type Line, lineCells, type Style, span, spread } from '../terminal/text.ts';
import type { DemoView } from './view.ts';

export interface ScreenOptions {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

const BLANK: Line = [];
/** On a wide terminal the ages stay near their values. */
const MAX_COLUMNS = 100;

/** A frame as the terminal wants it. */
export function render(view: DemoView, options: ScreenOptions): string {
  return frameText(frame(view, options.columns, options.rows), options.colour);
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

function footer(view: DemoView, columns: number): readonly Line[] {
  const { totals, broker, connected, pageUrl, backlogPeak, notice } = view;
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
  const page: Line[] = pageUrl === undefined ? [] : [[span(' page     ', 'dim'), span(pageUrl)]];
  const lines = [...counts, backlog, brokerLine({ totals, broker, connected }), ...page];
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
