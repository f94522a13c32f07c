/** One sensor: what it is, how it is, its values, and one of them over time. Which one, the person chooses. */
import type { SensorReport } from '../src/status/report.ts';
import { element, setData, setText } from './dom.ts';
import { channelTitle, figure, interval, span, unitSymbol } from './format.ts';
import { createGraph, type Graph } from './graph.ts';
import { createHistory, type Reading, type Series } from './history.ts';

export interface SensorCard {
  readonly root: HTMLElement;
  report(report: SensorReport): void;
  reading(reading: Reading): void;
  fill(readings: readonly Reading[]): void;
  /** Draws what came since the last time; called once a frame at most. */
  draw(): void;
  /** Ages go on between reports. */
  tick(nowMs: number): void;
  restyle(): void;
  remove(): void;
}

export interface CardOptions {
  readonly id: string;
  readonly report: SensorReport;
  /** Rejects with the reason. */
  readonly onRead: (id: string) => Promise<unknown>;
}

const WORDS: Readonly<Record<SensorReport['state'], string>> = {
  starting: 'starting',
  online: 'online',
  offline: 'offline',
};
/** A reading this many intervals old is late. */
const LATE_INTERVALS = 3;
/** Quantities that jump from one value to the next. */
const STEPPED = new Set(['state', 'count']);
/** Channels that are shown before somebody asks for all. */
const FEW_CHANNELS = 6;
/** How long the answer to a read at will is shown. */
const NOTE_MS = 6_000;

export function createCard({ id, report: first, onRead }: CardOptions): SensorCard {
  const history = createHistory(first.every_ms);
  const all = Object.keys(first.channels);
  /** A board without a thermometer never has its temperature: what never had a value is not shown, unless nothing had. */
  const seen = new Set(all.filter((name) => first.channels[name]?.value !== null));
  let report = first;
  let chosen = [...seen][0] ?? all[0] ?? '';
  let isWhole = false;
  let latest: Reading['values'] = {};
  let takenMs: number | undefined;
  let point: number | undefined;
  let series: Series = { times: [], values: [] };
  let isDrawn = false;
  let graph: Graph | undefined;

  const title = first.name ?? id;
  const state = element('span', { class: 'state' });
  const age = element('span', { class: 'age' });
  const problem = element('p', { class: 'problem', hidden: true });
  const big = element('span', { class: 'big' });
  const unit = element('span', { class: 'unit' });
  const what = element('span', { class: 'what' });
  const box = element('div', { class: 'graph', role: 'img' });
  const extent = element('p', { class: 'extent' });
  const note = element('span', { class: 'note', role: 'status' });
  const isPolled = first.kind === 'poll';
  const button = element('button', { type: 'button', class: 'read', 'aria-label': `Read ${title} now` }, 'read now');
  const schedule = first.every_ms === undefined ? (first.cron ?? 'when it changes') : interval(first.every_ms);
  const heading = element('h3', { id: `sensor-${id}` }, title);
  const chips = new Map(all.map((name) => [name, chip(name)] as const));
  const list = element('div', { class: 'channels', role: 'group', 'aria-label': `Channels of ${title}` });
  if (all.length > 1) list.append(...[...chips.values()].map(({ root }) => root));
  const more = element('button', { type: 'button', class: 'more' });
  const root = element(
    'article',
    { class: 'sensor', 'aria-labelledby': `sensor-${id}` },
    element('header', {}, heading, state, age),
    element(
      'p',
      { class: 'kind' },
      element('span', {}, first.name === undefined ? first.driver : `${id} · ${first.driver}`),
      ` · ${schedule}`,
      note,
      ...(isPolled ? [button] : []),
    ),
    problem,
    element('p', { class: 'value' }, big, unit, what),
    box,
    extent,
    list,
    more,
  );

  function chip(name: string) {
    const value = element('b');
    const made = element(
      'button',
      { type: 'button', class: 'chip', 'aria-pressed': String(name === chosen) },
      element('span', {}, channelTitle(name)),
      value,
    );
    made.addEventListener('click', () => choose(name));
    return { root: made, value };
  }
  const showChips = () => {
    const shown = all.filter((name) => seen.size === 0 || seen.has(name));
    const few = new Set(isWhole ? shown : [...shown.slice(0, FEW_CHANNELS), chosen]);
    for (const [name, { root: made }] of chips) made.hidden = !few.has(name) || shown.length < 2;
    list.hidden = shown.length < 2;
    more.hidden = shown.length <= FEW_CHANNELS;
    setText(more, isWhole ? 'fewer channels' : `all ${shown.length} channels`);
    more.setAttribute('aria-expanded', String(isWhole));
  };
  more.addEventListener('click', () => {
    isWhole = !isWhole;
    showChips();
  });
  const valueText = (name: string, value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : figure(value, report.channels[name]?.decimals ?? 0);

  function choose(name: string) {
    chosen = name;
    for (const [other, { root: made }] of chips) made.setAttribute('aria-pressed', String(other === name));
    graph?.remove();
    graph = undefined;
    box.replaceChildren();
    point = undefined;
    isDrawn = false;
    showChips();
    draw();
  }
  const showValue = () => {
    const channel = report.channels[chosen];
    const past = point === undefined ? undefined : series.values[point];
    const isPast = past !== undefined && past !== null;
    setText(big, valueText(chosen, isPast ? past : latest[chosen]));
    setText(unit, channel ? unitSymbol(channel.unit) : '');
    const at = isPast
      ? new Date((series.times[point ?? 0] ?? 0) * 1_000).toLocaleTimeString([], { hour12: false })
      : '';
    setText(what, isPast ? `at ${at}` : list.hidden ? '' : channelTitle(chosen));
    setData(root, 'past', String(isPast));
  };
  const draw = () => {
    if (isDrawn) return;
    isDrawn = true;
    const isHeld = first.kind === 'event' && report.state === 'online';
    series = history.series(chosen, isHeld ? Date.now() / 1_000 : undefined);
    const { decimals = 0, quantity = '' } = report.channels[chosen] ?? {};
    const known = series.values.filter((value) => value !== null);
    const isCurve = known.length > 1;
    // While it is away there is nothing to wait for; otherwise the place is kept, so that nothing jumps.
    box.hidden = !isCurve && report.state === 'offline';
    extent.hidden = box.hidden;
    for (const [name, { value }] of chips) setText(value, valueText(name, latest[name]));
    if (!isCurve) {
      showValue();
      setText(extent, 'no curve yet');
      return;
    }
    graph ??= createGraph({
      box,
      decimals,
      isStepped: STEPPED.has(quantity),
      isState: quantity === 'state',
      onPoint(at) {
        point = at;
        showValue();
      },
    });
    graph.draw(series);
    showValue();
    const lasts = (series.times.at(-1) ?? 0) - (series.times[0] ?? 0);
    const said = `${span(lasts)} · ${valueText(chosen, Math.min(...known))} to ${valueText(chosen, Math.max(...known))}`;
    setText(extent, said);
    box.setAttribute('aria-label', `${title}, ${channelTitle(chosen)}: ${said} ${unit.textContent}`);
  };
  const take = (values: Reading['values']) => {
    latest = values;
    const before = seen.size;
    for (const name of Object.keys(values)) seen.add(name);
    if (!seen.has(chosen)) choose([...seen][0] ?? chosen);
    else if (seen.size !== before) showChips();
    isDrawn = false;
  };
  const taken = (reading: Reading) => {
    take(reading.values);
    takenMs = Date.now();
  };
  showChips();
  button.addEventListener('click', () => {
    button.disabled = true;
    onRead(id)
      .then(
        () => setText(note, 'read'),
        (error: Error) => setText(note, error.message),
      )
      .finally(() => {
        button.disabled = false;
        setTimeout(() => setText(note, ''), NOTE_MS);
      });
  });

  return {
    root,
    report(next) {
      report = next;
      if (next.age_s !== null) takenMs ??= Date.now() - next.age_s * 1_000;
      if (Object.keys(latest).length === 0) {
        const values = Object.entries(next.channels).flatMap(([name, { value }]) =>
          value === null ? [] : [[name, value]],
        );
        take(Object.fromEntries(values) as Reading['values']);
      }
      setData(root, 'state', next.state);
      setText(state, WORDS[next.state]);
      const reason = [next.error, next.message].filter((part) => part !== undefined).join(': ');
      setText(problem, reason);
      problem.hidden = reason === '' || next.state === 'online';
    },
    reading(reading) {
      history.add(reading);
      taken(reading);
    },
    fill(readings) {
      history.fill(readings);
      isDrawn = false;
    },
    draw,
    tick(nowMs) {
      const ageMs = takenMs === undefined ? undefined : Math.max(0, nowMs - takenMs);
      setText(age, ageMs === undefined ? 'no reading yet' : `${span(ageMs / 1_000)} ago`);
      const lateMs = first.every_ms === undefined ? Number.POSITIVE_INFINITY : LATE_INTERVALS * first.every_ms + 2_000;
      if (first.kind === 'event') isDrawn = false;
      setData(root, 'late', String((ageMs ?? 0) > lateMs));
    },
    restyle: () => graph?.restyle(),
    remove() {
      graph?.remove();
      root.remove();
    },
  };
}
