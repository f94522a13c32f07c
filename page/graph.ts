/** One channel over time, drawn by uPlot: as large as its box, in the page's colours, with a hole where nothing was measured. */
import uPlot from 'uplot';
import type { Series } from './history.ts';

export interface Graph {
  draw(series: Series): void;
  /** Colours changed. */
  restyle(): void;
  remove(): void;
}

export interface GraphOptions {
  readonly box: HTMLElement;
  readonly decimals: number;
  /** States and counts jump from one value to the next; they do not slope. */
  readonly isStepped: boolean;
  /** 0 or 1, and nothing between. */
  readonly isState: boolean;
  /** The point under the pointer, or none. */
  readonly onPoint: (at: number | undefined) => void;
}

const HEIGHT_PX = 104;
const STATE_RANGE: [number, number] = [-0.2, 1.2];
const AXIS_PX = 46;
const FONT = '11px system-ui, sans-serif';

export function createGraph({ box, decimals, isStepped, isState, onPoint }: GraphOptions): Graph {
  let plot: uPlot | undefined;
  let shown: Series = { times: [], values: [] };
  const data = (): uPlot.AlignedData => [[...shown.times], [...shown.values]];

  const make = () => {
    plot?.destroy();
    const style = getComputedStyle(box);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour('--quiet'), font: FONT, ticks: { show: false } };
    const grid = { stroke: colour('--line'), width: 1 };
    plot = new uPlot(
      {
        width: Math.max(80, box.clientWidth),
        height: HEIGHT_PX,
        padding: [6, 18, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 7, fill: colour('--accent') } },
        scales: { y: { range: (_plot, low, high) => (isState ? STATE_RANGE : rangeAround(low, high, decimals)) } },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 20,
            space: 70,
            gap: 4,
            values: (_plot, splits) => splits.map(timeText),
          },
          {
            ...axis,
            grid,
            size: AXIS_PX,
            space: 30,
            gap: 4,
            ...(isState && { splits: [0, 1] }),
            values: (_plot, splits) => splits.map((value) => axisText(value, splits)),
          },
        ],
        series: [
          {},
          {
            stroke: colour('--accent'),
            fill: colour('--accent-soft'),
            width: 1.5,
            spanGaps: false,
            points: { show: true, size: 4, filter: () => alone(shown.values) },
            ...(isStepped && uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
          },
        ],
        hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
      },
      data(),
      box,
    );
  };
  const resized = new ResizeObserver(() => {
    if (plot) plot.setSize({ width: Math.max(80, box.clientWidth), height: HEIGHT_PX });
  });
  resized.observe(box);

  return {
    draw(series) {
      shown = series;
      if (plot) plot.setData(data());
      else if (box.clientWidth > 0) make();
    },
    restyle: () => {
      if (plot) make();
    },
    remove() {
      resized.disconnect();
      plot?.destroy();
    },
  };
}

/** Points between two holes: no line leads to them. */
const alone = (values: Series['values']): number[] =>
  values.flatMap((value, at) =>
    value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null ? [at] : [],
  );

/** A flat line is flat, not noise blown up: at least some steps of the last digit are shown. */
function rangeAround(low: number | null, high: number | null, decimals: number): [number, number] {
  if (low === null || high === null) return [0, 1];
  const least = decimals === 0 ? 2 : 8 * 10 ** -decimals;
  const pad = Math.max((high - low) * 0.12, (least - (high - low)) / 2, 0);
  return [low - pad, high + pad];
}

const two = (value: number): string => String(value).padStart(2, '0');
function timeText(seconds: number): string {
  const date = new Date(seconds * 1_000);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return date.getSeconds() === 0 ? clock : `${clock}:${two(date.getSeconds())}`;
}

/** As many digits as the distance of the marks asks for; large values short. */
function axisText(value: number, splits: readonly number[]): string {
  const step = Math.abs((splits[1] ?? 1) - (splits[0] ?? 0)) || 1;
  if (Math.abs(value) >= 100_000) return new Intl.NumberFormat('en', { notation: 'compact' }).format(value);
  return value.toFixed(Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))));
}
