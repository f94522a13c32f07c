/** A set of whole numbers as sorted ranges that neither touch nor overlap. Numbers that come in order cost nothing. */

export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface IntervalSet {
  has(number: number): boolean;
  add(from: number, to?: number): void;
  /** The numbers of `from`..`to` that are not in the set. */
  holes(from: number, to: number): Range[];
  readonly ranges: readonly Range[];
}

export function intervalSet(): IntervalSet {
  const ranges: { from: number; to: number }[] = [];

  /** Index of the first range that ends at or after `number`. */
  const find = (number: number): number => {
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle]!.to < number) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    ranges,
    has(number) {
      const range = ranges[find(number)];
      return range !== undefined && range.from <= number;
    },
    add(from, to = from) {
      const last = ranges.at(-1);
      if (last && from === last.to + 1) {
        last.to = to;
        return;
      }
      // Every range that touches from..to becomes one with it.
      const start = find(from - 1);
      let end = start;
      while (end < ranges.length && ranges[end]!.from <= to + 1) end += 1;
      const touched = ranges.slice(start, end);
      const merged = {
        from: Math.min(from, touched[0]?.from ?? from),
        to: Math.max(to, touched.at(-1)?.to ?? to),
      };
      ranges.splice(start, end - start, merged);
    },
    holes(from, to) {
      const holes: Range[] = [];
      let next = from;
      for (let index = find(from); index < ranges.length && ranges[index]!.from <= to; index++) {
        if (ranges[index]!.from > next) holes.push({ from: next, to: ranges[index]!.from - 1 });
        next = ranges[index]!.to + 1;
      }
      if (next <= to) holes.push({ from: next, to });
      return holes;
    },
  };
}

export const countOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
