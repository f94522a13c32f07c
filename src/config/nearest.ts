/** The nearest of some known names: what "did you mean ...?" is made from. Pure. */

/** Case and separators are the commonest slips, so they cost nothing. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_\s]/g, '');

/** Edits that count as a slip, by the length of the longer name. */
const slips = (length: number): number => (length < 5 ? 1 : length < 9 ? 2 : 3);

/** Longest name that is compared: the comparison is quadratic. */
const MAX_LENGTH = 64;

/** Optimal string alignment: insert, delete, replace, and swap of two neighbours each count as one edit. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** The known name that was most likely meant; undefined when none is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = plain(name);
  if (wanted.length === 0 || wanted.length > MAX_LENGTH) return undefined;
  let best: { name: string; cost: number } | undefined;
  for (const candidate of known) {
    const offered = plain(candidate);
    const distance = editDistance(wanted, offered);
    // `addr` for `address`: a beginning of three letters or more is a hint as good as one slip.
    const begins = wanted.length >= 3 && offered.startsWith(wanted);
    const cost = begins ? Math.min(distance, 1) : distance;
    if (cost > slips(Math.max(wanted.length, offered.length)) || cost >= offered.length) continue;
    if (!best || cost < best.cost) best = { name: candidate, cost };
  }
  return best?.name;
}

/** ": did you mean `every`?", or the known names when there are few of them. */
export function suggestion(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `: did you mean \`${near}\`?`;
  if (known.length === 0) return '';
  const listed = known.slice(0, MAX_LISTED).join(', ');
  return `: known are ${listed}${known.length > MAX_LISTED ? ', ...' : ''}`;
}
const MAX_LISTED = 24;

/** What people write who know other programs. */
const SYNONYMS: Readonly<Record<string, string>> = {
  interval: 'every',
  period: 'every',
  schedule: 'cron',
  chip: 'driver',
  model: 'driver',
  sensor: 'driver',
  type: 'driver',
  pin: 'line',
  gpio: 'line',
  user: 'username',
  host: 'url',
  broker: 'url',
  server: 'url',
  mqtt: 'uplinks',
  hostname: 'device',
};

/** The free key that an unknown one most likely means: a slip, or another program's word. */
export function meantBy(name: string, free: readonly string[]): string | undefined {
  const word = Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name]! : '';
  return nearest(name, free) ?? (free.includes(word) ? word : undefined);
}
