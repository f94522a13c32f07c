/**
 * The longest time between two slots of a cron expression, for expressions that run on every day. Pure; never too short.
 * Undefined where days are skipped, or where a field is written in a way that it does not know.
 */
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** The expression has been checked by the configuration; 5 fields, or 6 with seconds first. */
export function longestCronGapMs(expression: string): number | undefined {
  const fields = expression.trim().split(/\s+/);
  const [minutes, hours, ...days] = fields.slice(-5);
  if (minutes === undefined || hours === undefined || days.join(' ') !== '* * *') return undefined;
  const minuteGap = longestGap(minutes, 60);
  const hourGap = longestGap(hours, 24);
  if (minuteGap === undefined || hourGap === undefined) return undefined;
  // In hours that are not consecutive: from the first minute of one to the last of the next; a change of the clocks adds one.
  if (hourGap > 1) return (hourGap + 2) * HOUR_MS;
  return Math.max(minuteGap * MINUTE_MS, MINUTE_MS);
}

/** Around the clock: from each value to the next, and from the last to the first. */
function longestGap(field: string, size: number): number | undefined {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
    if (!match) return undefined;
    const [, first, last, step] = match;
    const from = Number(first ?? 0);
    const to = last === undefined ? (first === undefined || step !== undefined ? size - 1 : from) : Number(last);
    const by = Math.max(1, Number(step ?? 1));
    for (let value = from; value <= Math.min(to, size - 1); value += by) values.add(value);
  }
  const sorted = [...values].sort((a, b) => a - b);
  const first = sorted[0];
  if (first === undefined) return undefined;
  return Math.max(...sorted.map((value, at) => (sorted[at + 1] ?? first + size) - value));
}
