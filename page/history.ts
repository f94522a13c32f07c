/** The readings of one sensor that the page holds: bounded, ascending in time, with a hole where some are missing. Pure. */

/** A reading as the station says it. */
export interface Reading {
  readonly time: string;
  readonly sensor: string;
  readonly values: Readonly<Record<string, number>>;
}

/** One channel of many readings. */
export interface Series {
  /** Seconds since 1970; ascending. */
  readonly times: readonly number[];
  /** null is a hole. */
  readonly values: readonly (number | null)[];
}

/** As many as the station itself holds (src/api/recent.ts). */
export const MAX_POINTS = 600;
/** So many intervals without a reading are a hole. */
const HOLE_INTERVALS = 3;

export interface History {
  add(reading: Reading): void;
  /** Takes earlier ones that were asked for; those that came meanwhile stay. */
  fill(readings: readonly Reading[]): void;
  /** With `untilS` the last value holds until then: what watches would have said that it changed. */
  series(channel: string, untilS?: number): Series;
  readonly length: number;
}

export function createHistory(everyMs: number | undefined): History {
  let points: { readonly atS: number; readonly values: Reading['values'] }[] = [];
  const pointOf = ({ time, values }: Reading) => ({ atS: Date.parse(time) / 1_000, values });
  const isHole = (fromS: number, toS: number) =>
    everyMs !== undefined && (toS - fromS) * 1_000 > Math.max(HOLE_INTERVALS * everyMs, everyMs + 2_000);

  return {
    add(reading) {
      const point = pointOf(reading);
      // A clock that was set back begins a new line: the old one would cross it.
      if (point.atS <= (points.at(-1)?.atS ?? Number.NEGATIVE_INFINITY))
        points = points.filter(({ atS }) => atS < point.atS);
      points.push(point);
      if (points.length > MAX_POINTS) points.splice(0, points.length - MAX_POINTS);
    },
    fill(readings) {
      const byTime = new Map([...readings.map(pointOf), ...points].map((point) => [point.atS, point]));
      points = [...byTime.values()].sort((a, b) => a.atS - b.atS).slice(-MAX_POINTS);
    },
    series(channel, untilS) {
      const times: number[] = [];
      const values: (number | null)[] = [];
      for (const { atS, values: all } of points) {
        const before = times.at(-1);
        if (before !== undefined && isHole(before, atS)) {
          times.push((before + atS) / 2);
          values.push(null);
        }
        times.push(atS);
        values.push(all[channel] ?? null);
      }
      const last = times.at(-1);
      if (untilS !== undefined && last !== undefined && untilS > last) {
        times.push(untilS);
        values.push(values.at(-1) ?? null);
      }
      return { times, values };
    },
    get length() {
      return points.length;
    },
  };
}
