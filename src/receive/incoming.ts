/**
 * A batch as it arrives, checked before anything is made of it: whoever may publish may publish anything. Members that we
 * do not know are kept in the record and otherwise ignored.
 */
import { SedgeError } from '../errors.ts';
import type { Gap, GapReason } from '../journal/types.ts';
import type { ReadingKind, SampleWindow } from '../reading.ts';

export interface IncomingRecord {
  readonly kind: ReadingKind;
  readonly seq: number;
  readonly time: string;
  readonly sensor: string;
  readonly values: Readonly<Record<string, number>>;
  /** The record as it came, for output. */
  readonly members: Readonly<Record<string, unknown>>;
}

export interface IncomingBatch {
  readonly device: string;
  readonly stream: string;
  readonly volatile: boolean;
  readonly range: { readonly first: number; readonly last: number } | undefined;
  readonly previous: { readonly stream: string; readonly last: number } | undefined;
  /** By number. */
  readonly records: readonly IncomingRecord[];
  readonly gaps: readonly Gap[];
  readonly skipped: number;
}

/** Of these numbers of a stream so many were of sensors that the uplink does not carry. */
export interface Skipped {
  readonly stream: string;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const CHANNEL = /^[a-z][a-z0-9_]*$/;
const STREAM = /^[0-9a-f]{24}$/;
const TIME = /^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const REASONS: ReadonlySet<string> = new Set<GapReason>(['journal_full', 'thinned', 'damaged', 'refused', 'expired']);

type Json = Readonly<Record<string, unknown>>;

/** Throws `receive.malformed`, which says what is wrong with it. */
export function parseBatch(text: string): IncomingBatch {
  const batch = object(parseJson(text), 'the message');
  if (batch.format !== 1) throw malformed(`format ${JSON.stringify(batch.format)} is not known`);
  const records = (['reading', 'event', 'window'] as const)
    .flatMap((kind) => list(batch[`${kind}s`], `${kind}s`).map((value) => recordOf(kind, value)))
    .sort((a, b) => a.seq - b.seq);
  const previous = batch.previous === undefined ? undefined : object(batch.previous, 'previous');
  return {
    device: matching(ID, batch.device, 'device'),
    stream: matching(STREAM, batch.stream, 'stream'),
    volatile: batch.volatile === true,
    range:
      batch.first === undefined ? undefined : { first: number(batch.first, 'first'), last: number(batch.last, 'last') },
    previous: previous && {
      stream: matching(STREAM, previous.stream, 'previous.stream'),
      last: number(previous.last, 'previous.last'),
    },
    records,
    gaps: list(batch.gaps, 'gaps').map(gapOf),
    skipped: batch.skipped === undefined ? 0 : number(batch.skipped, 'skipped'),
  };
}

/** A record of a batch or of a line that we wrote. */
export function recordOf(kind: ReadingKind, value: unknown): IncomingRecord {
  const members = object(value, 'a record');
  const values = object(members.values, 'values');
  for (const [channel, channelValue] of Object.entries(values)) {
    if (!CHANNEL.test(channel) || !Number.isFinite(channelValue))
      throw malformed(`the value of ${channel} is no number`);
  }
  return {
    kind,
    seq: number(members.seq, 'seq'),
    time: matching(TIME, members.time, 'time'),
    sensor: matching(ID, members.sensor, 'sensor'),
    values: values as Readonly<Record<string, number>>,
    members,
  };
}

/** The samples of a window; undefined when it has none, or in a form that is not known. */
export function samplesOf(members: IncomingRecord['members']): Omit<SampleWindow, 'unit'> | undefined {
  const { rate_hz: rateHz, scale, axes } = (members.samples ?? {}) as Json;
  if (!isNumber(rateHz) || !isNumber(scale) || typeof axes !== 'object' || axes === null) return undefined;
  const isSound = Object.entries(axes).every(
    ([axis, steps]) => CHANNEL.test(axis) && Array.isArray(steps) && steps.every(Number.isSafeInteger),
  );
  return isSound ? { rateHz, scale, axes: axes as SampleWindow['axes'] } : undefined;
}
const isNumber = (value: unknown): value is number => Number.isFinite(value);

export function gapOf(value: unknown): Gap {
  const { stream, from, to, lost, reason } = object(value, 'a gap');
  if (typeof reason !== 'string' || !REASONS.has(reason)) throw malformed('the reason of a gap is not known');
  const gap: Gap = {
    stream: matching(STREAM, stream, 'stream of a gap'),
    from: number(from, 'from'),
    to: number(to, 'to'),
    lost: number(lost, 'lost'),
    reason: reason as GapReason,
  };
  if (gap.to < gap.from) throw malformed('a gap ends before it begins');
  return gap;
}

/** A line that we wrote. */
export function skippedOf(value: unknown): Skipped {
  const { stream, from, to, count } = object(value, 'what was skipped');
  return {
    stream: matching(STREAM, stream, 'stream'),
    from: number(from, 'from'),
    to: number(to, 'to'),
    count: number(count, 'count'),
  };
}

const malformed = (what: string): SedgeError => new SedgeError('receive.malformed', `Not a batch of Sedge: ${what}.`);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('it is no JSON');
  }
}
function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(`${what} is no object`);
  return value as Json;
}
function list(value: unknown, what: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw malformed(`${what} is no list`);
  return value;
}
function matching(pattern: RegExp, value: unknown, what: string): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw malformed(`${what} is not what it should be`);
  return value;
}
function number(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed(`${what} is no count`);
  return value as number;
}
