/**
 * What a row of a vector file says, and whether an outcome agrees with it.
 *
 * A number must be met within the file's tolerance (the larger of absolute and relative). null means that no value may be
 * reported: the channel is absent, or the read is refused with a coded error. `saturated` must be refused as such.
 * `accept: "either"` allows the value in `alt`, and a refusal; `accept: "any-alt"` any number in `alt`.
 */
import type { Values } from '../src/driver.ts';

export interface VectorRow {
  readonly id: string;
  readonly note?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly wire?: Readonly<Record<string, unknown>>;
  readonly expect?: Readonly<Record<string, unknown>> | null;
  readonly alt?: Readonly<Record<string, unknown>>;
  readonly accept?: string;
  readonly saturated?: boolean;
  readonly statusBusy?: boolean;
  readonly error?: string;
  readonly [other: string]: unknown;
}

export interface VectorFile {
  readonly sensor: string;
  readonly tolerance?: Readonly<Record<string, number>>;
  readonly toleranceRel?: Readonly<Record<string, number>>;
  readonly vectors?: readonly VectorRow[];
}

/** What a read came to. */
export type Outcome = { readonly values: Values } | { readonly code: string };

/** Member of a row's `expect` (`pressure`, `acceleration.x`) -> our channel, and what its unit is in ours. */
export type Members = Readonly<Record<string, { readonly channel: string; readonly scale: number }>>;

/** Names of reasons in the files that have a code of ours; others are met by any `sensor.*`. */
const REASONS: Readonly<Record<string, string>> = {
  'chip-id': 'sensor.identity',
  crc: 'sensor.crc',
  'no-data': 'sensor.no-data',
  overflow: 'sensor.overrun',
};

/** `{acceleration: {x: 1}}` -> `[['acceleration.x', 1]]`. */
function flatten(value: Readonly<Record<string, unknown>>, prefix = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'object' && inner !== null
      ? flatten(inner as Readonly<Record<string, unknown>>, `${prefix}${name}.`)
      : [[prefix + name, inner] as [string, unknown]],
  );
}

/** Undefined when the outcome is what the row asks for; else a sentence. */
export function judge(row: VectorRow, file: VectorFile, outcome: Outcome, members: Members): string | undefined {
  const refused = 'code' in outcome;
  if (refused && !outcome.code.startsWith('sensor.')) return `failed with ${outcome.code}`;
  if (row.saturated) {
    return refused && outcome.code === 'sensor.saturated' ? undefined : 'reported a value at the rail as a measurement';
  }
  const expected = row.expect ? flatten(row.expect) : [];
  if (expected.every(([, value]) => value === null)) {
    if (!refused) {
      const [name] = Object.keys(outcome.values);
      return name === undefined ? undefined : `reported ${name} ${outcome.values[name]} instead of refusing`;
    }
    const reason = row.error === undefined ? undefined : REASONS[row.error];
    return reason === undefined || outcome.code === reason ? undefined : `refused with ${outcome.code}, not ${reason}`;
  }
  if (refused) return row.accept === 'either' ? undefined : `refused with ${outcome.code}`;

  const alternatives = row.alt && row.accept ? flatten(row.alt) : [];
  for (const [name, value] of expected) {
    const member = members[name];
    if (!member) return `nothing of ours is ${name}`;
    const got = outcome.values[member.channel];
    if (value === null) {
      if (got !== undefined) return `reported ${name} ${got} instead of leaving it out`;
      continue;
    }
    if (got === undefined) {
      if (row.accept === 'either') continue;
      return `left out ${name}`;
    }
    const quantity = name.split('.')[0]!;
    const isNear = (target: unknown): boolean => {
      if (typeof target !== 'number') return false;
      const absolute = file.tolerance?.[quantity] ?? 0;
      const relative = (file.toleranceRel?.[quantity] ?? 0) * Math.abs(target);
      return Math.abs(got - target * member.scale) <= Math.max(absolute, relative) * member.scale;
    };
    const others = alternatives.filter(([other]) =>
      row.accept === 'any-alt' ? other.startsWith(quantity) : other === name,
    );
    if (![value, ...others.map(([, other]) => other)].some(isNear)) {
      return `reported ${name} ${got / member.scale} instead of ${value}`;
    }
  }
  return undefined;
}
