/** The anchors of this boot and of past ones, kept as notes beside the journal's cursors, so that old records can be dated. */
import type { Clock } from './clock.ts';
import { unpack } from './codec.ts';
import type { Journal, OldestRecord } from './journal/types.ts';
import type { Anchor, Timekeeper } from './timekeeper.ts';

/** Anchors of past boots that are kept for records still waiting. */
const MAX_ANCHORS = 16;
const LIST = 'anchors';
const keyOf = (bootId: string): string => `anchor:${bootId}`;

type Notes = Pick<Journal, 'note' | 'setNote'>;

export function anchorOf(notes: Pick<Notes, 'note'>, bootId: string): Anchor | undefined {
  const note = notes.note(keyOf(bootId));
  return note === undefined ? undefined : (JSON.parse(note) as Anchor);
}

/** Keeps the anchor of a boot; forgets the oldest beyond the bound. */
export function keepAnchor(notes: Notes, bootId: string, anchor: Anchor): void {
  const boots = (notes.note(LIST) ?? '').split(' ').filter((boot) => boot !== '' && boot !== bootId);
  for (const old of boots.splice(0, Math.max(0, boots.length - MAX_ANCHORS + 1))) notes.setNote(keyOf(old), undefined);
  notes.setNote(LIST, [...boots, bootId].join(' '));
  notes.setNote(keyOf(bootId), JSON.stringify(anchor));
}

export interface AgeContext {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly timekeeper: Timekeeper;
  readonly bootId: string;
  readonly anchorOf: (bootId: string) => Anchor | undefined;
}

/** How long ago a record was taken; undefined unless it is known for certain, so that nothing expires by a wrong clock. */
export function ageMs(
  record: OldestRecord,
  { clock, timekeeper, bootId, anchorOf: of }: AgeContext,
): number | undefined {
  const at = unpack(record)?.at;
  if (!at) return undefined;
  const nowMs = clock.monotonic();
  if (record.bootId === bootId) return nowMs - at.monoMs;
  if (!timekeeper.synced()) return undefined;
  const anchor = of(record.bootId);
  const takenMs = anchor ? anchor.wallMs + (at.monoMs - anchor.monoMs) : at.synced ? at.wallMs : undefined;
  return takenMs === undefined ? undefined : timekeeper.stamp(nowMs).wallMs - takenMs;
}
