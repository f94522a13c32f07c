/** What the numbers of an ADS1115 mean, and what a sensor makes of its volts. Pure functions that know no bus. */

const FULL_SCALE = 32768;
const WAKE_MS = 0.025;
const TOLERANCE = 1.1;
export const MAX_POINTS = 100;

/** Volts and what they mean, by rising volts. */
export type Table = readonly (readonly [volts: number, value: number])[];

/** Volts of one step. */
export const stepOf = (range: number): number => range / FULL_SCALE;

/** "Conversion Register": V. `range` is the full scale in V. */
export const volts = (word: number, range: number): number => ((word << 16) >> 16) * stepOf(range);

/** The longest that one conversion takes, in ms. */
export const conversionMs = (rateHz: number): number => (1_000 / rateHz) * TOLERANCE + WAKE_MS;

/** `0.5=100, 1.1=50`: pairs of volts and value in any order. Undefined if it is not two or more pairs of different volts. */
export function parseTable(text: string): Table | undefined {
  const points = text.split(',').map((pair) => {
    const [, at, value] = /^\s*([-+.\de]+)\s*=\s*([-+.\de]+)\s*$/i.exec(pair) ?? [];
    return [Number(at), Number(value)] as const;
  });
  points.sort(([one], [other]) => one - other);
  const isSound = points.every(([at, value], index) => Number.isFinite(at + value) && at !== points[index - 1]?.[0]);
  return isSound && points.length >= 2 && points.length <= MAX_POINTS ? points : undefined;
}

/** Straight between the points of a table; undefined outside of it. */
export function interpolate(table: Table, at: number): number | undefined {
  const next = table.findIndex(([right]) => right >= at);
  const [right, above] = table[next] ?? [];
  if (right === undefined || above === undefined) return undefined;
  if (right === at) return above;
  const [left, below] = table[next - 1] ?? [];
  if (left === undefined || below === undefined) return undefined;
  return below + ((at - left) / (right - left)) * (above - below);
}

/** The most that the value changes with a volt, anywhere in a table. */
export const steepest = (table: Table): number =>
  Math.max(
    ...table.slice(1).map(([at, value], left) => {
      const [from, fromValue] = table[left]!;
      return Math.abs((value - fromValue) / (at - from));
    }),
  );

/** A quantity and how it follows from the volts: all that a sensor is. */
export interface Sensor {
  readonly quantity: string;
  readonly scale: number;
  readonly offset: number;
  readonly table?: string;
}

/** `voltage`, `velocity 34.7`, `pressure 25 -12.5` (scale and offset), `temperature 0.36=80, 2.5=0` (table). */
export function parseSensor(text: string): Sensor | undefined {
  const [, quantity, rest = ''] = /^\s*([a-z][a-z0-9_]*)(?:\s+(.*?))?\s*$/s.exec(text) ?? [];
  if (quantity === undefined) return undefined;
  if (rest.includes('=')) return { quantity, scale: 1, offset: 0, table: rest };
  const numbers = rest === '' ? [] : rest.split(/\s+/).map(Number);
  const [scale = 1, offset = 0] = numbers;
  return numbers.length <= 2 && numbers.every(Number.isFinite) ? { quantity, scale, offset } : undefined;
}
