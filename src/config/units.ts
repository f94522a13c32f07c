/**
 * Quantities with a unit, as a person writes them: `500ms`, `10s`, `64MB`, `1.6kHz`. A bare number is refused, because
 * nobody can see whether 10 means seconds or milliseconds; the refusal says what to write. Pure.
 */

export interface UnitTable {
  /** "a duration" */
  readonly title: string;
  /** Unit -> factor to the unit in which the value arrives. Ascending. */
  readonly units: Readonly<Record<string, number>>;
  /** What a bare number most likely meant. */
  readonly usual: string;
  /** Spellings that people try -> the unit. Compared in lower case. */
  readonly spellings: Readonly<Record<string, string>>;
  /** For a sentence: "500ms, 10s, 5m, 1h or 1d". */
  readonly examples: string;
  /** Step to which values are rounded, in the arriving unit: cuts off what binary fractions add. */
  readonly step: number;
}

/** Arrives in milliseconds. */
export const DURATION: UnitTable = {
  title: 'a duration',
  units: { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 },
  usual: 's',
  spellings: {
    msec: 'ms',
    millis: 'ms',
    milliseconds: 'ms',
    sec: 's',
    secs: 's',
    second: 's',
    seconds: 's',
    min: 'm',
    mins: 'm',
    minute: 'm',
    minutes: 'm',
    hr: 'h',
    hour: 'h',
    hours: 'h',
    day: 'd',
    days: 'd',
  },
  examples: '500ms, 10s, 5m, 1h or 1d',
  step: 0.001,
};

/** Arrives in bytes. Powers of 1000. */
export const SIZE: UnitTable = {
  title: 'a size',
  units: { KB: 1e3, MB: 1e6, GB: 1e9 },
  usual: 'MB',
  spellings: { k: 'KB', kib: 'KB', m: 'MB', mib: 'MB', g: 'GB', gib: 'GB' },
  examples: '100KB, 64MB or 2GB',
  step: 1,
};

/** Arrives in hertz. */
export const RATE: UnitTable = {
  title: 'a rate',
  units: { Hz: 1, kHz: 1e3 },
  usual: 'Hz',
  spellings: { hertz: 'Hz', sps: 'Hz' },
  examples: '200Hz or 1.6kHz',
  step: 1e-6,
};

const AMOUNT = /^([0-9]{1,15}(?:\.[0-9]{1,9})?)[ \t]*([A-Za-z]*)$/;

/** The value in the arriving unit, or a sentence (a predicate: "needs a unit: write 10s"). */
export function parseAmount(text: string, table: UnitTable): { value: number } | { wrong: string } {
  const match = AMOUNT.exec(text);
  if (!match) return { wrong: `is not ${table.title}: write ${table.examples}` };
  const [, digits = '', unit = ''] = match;
  if (unit === '') return { wrong: `needs a unit: write ${digits}${table.usual}` };
  const factor = Object.hasOwn(table.units, unit) ? table.units[unit] : undefined;
  if (factor !== undefined && text === `${digits}${unit}`) {
    return { value: Number((Math.round((Number(digits) * factor) / table.step) * table.step).toPrecision(15)) };
  }
  const meant =
    Object.keys(table.units).find((known) => known === unit) ??
    Object.keys(table.units).find((known) => known.toLowerCase() === unit.toLowerCase()) ??
    (Object.hasOwn(table.spellings, unit.toLowerCase()) ? table.spellings[unit.toLowerCase()] : undefined);
  return meant === undefined
    ? { wrong: `has the unknown unit \`${unit}\`: write ${table.examples}` }
    : { wrong: `is not written as ${table.title} is: write ${digits}${meant}` };
}

/** In the largest unit that gives a whole number: 60000 -> `1m`, 90000 -> `90s`. Reads back as the same value. */
export function formatAmount(value: number, table: UnitTable): string {
  const units = Object.entries(table.units);
  const [unit, factor] = units.findLast(([, factor]) => value >= factor && value % factor === 0) ?? units[0]!;
  return `${value / factor}${unit}`;
}
