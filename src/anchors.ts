/** The anchors of this boot and of past ones, kept as notes beside the journal's cursors, so that old records can be dated. */
import type { Journal } from './journal/types.ts';
import type { Anchor } from './timekeeper.ts';

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
