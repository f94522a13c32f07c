/** Count, smallest, mean, largest and last value per sensor and channel, as a table for people. */
import { countMissing, type Ledger } from './ledger.ts';

interface Statistics {
  count: number;
  min: number;
  mean: number;
  max: number;
  last: number;
}

export interface Summary {
  add(device: string, sensor: string, values: Readonly<Record<string, number>>): void;
  /** Lines to print, each with its line end. */
  text(ledger: Ledger): string;
}

/** Digits of a mean: the channel's own decimals are not known here. */
const MEAN_DIGITS = 7;
const HEAD = ['sensor', 'channel', 'count', 'min', 'mean', 'max', 'last'];

export function createSummary(): Summary {
  const channels = new Map<string, Statistics>();
  return {
    add(device, sensor, values) {
      for (const [channel, value] of Object.entries(values)) {
        const key = `${device}/${sensor} ${channel}`;
        const known = channels.get(key);
        if (known) {
          known.count += 1;
          known.min = Math.min(known.min, value);
          known.max = Math.max(known.max, value);
          known.mean += (value - known.mean) / known.count;
          known.last = value;
        } else channels.set(key, { count: 1, min: value, mean: value, max: value, last: value });
      }
    },
    text(ledger) {
      const rows = [...channels]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, { count, min, mean, max, last }]) => [
          ...key.split(' '),
          ...[count, min, Number(mean.toPrecision(MEAN_DIGITS)), max, last].map(String),
        ]);
      const table = rows.length === 0 ? [] : columns([HEAD, ...rows]);
      const { records, duplicates, gaps, lost } = ledger.counts;
      const missing = ledger.missing();
      return [
        ...table,
        ...missing.map(
          ({ device, stream, from, to, count }) => `missing: ${count} of ${from}..${to}, ${device}, stream ${stream}`,
        ),
        `records: ${records}, duplicates removed: ${duplicates}, missing: ${countMissing(missing)}, gaps: ${gaps} (${lost} lost)`,
      ]
        .map((line) => `${line}\n`)
        .join('');
    },
  };
}

/** Text to the left, numbers to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  '),
  );
}
