/**
 * What a process knows of a journal beyond what its files say: a device that fails takes no cursor, and is opened again
 * when it only reads, and once more when it is back. Promises: the next opening of the same journal goes on where the one
 * before stopped, also where that could not be written: nothing that was given out is given again or named as lost, a gap that
 * was told keeps its bounds; another journal that is found in its place (a card that was exchanged) is left as it is.
 */
import type { Consumer } from './consumer.ts';
import type { Core } from './core.ts';
import type { CursorState, Replacement } from './cursor.ts';

/** Openings whose streams are remembered, to know the journal again. */
const MAX_STREAMS = 64;

type Newest = { readonly stream: string; readonly seq: number } | undefined;

export interface Carried {
  /** The opening before, as it is or was when it was closed. */
  last: Core | undefined;
  /** A thinned segment that an opening has put in its place, if only for itself. */
  applied: Replacement | undefined;
  readonly streams: Set<string>;
}

export const carriedNothing = (): Carried => ({ last: undefined, applied: undefined, streams: new Set() });

/** Before the cursor is written for the first time: from then on the journal bears the stream of this opening. */
export function remember(carried: Carried | undefined, core: Core, state: CursorState | undefined): void {
  if (!carried) return;
  for (const stream of [state?.stream, core.previous?.stream, core.stream]) if (stream) carried.streams.add(stream);
  for (const stream of carried.streams) if (carried.streams.size > MAX_STREAMS) carried.streams.delete(stream);
  carried.applied = core.replacement ?? carried.applied;
}

/** The opening before, if it was of this journal. */
export function before(carried: Carried | undefined, state: CursorState | undefined, newest: Newest): Core | undefined {
  const isSame = [state?.stream, newest?.stream].some((stream) => stream && carried?.streams.has(stream));
  return isSame ? carried?.last : undefined;
}

/** A replacement that the opening before took back stays taken back: records of the old form may have been given since. */
export function isTakenBack(carried: Carried | undefined, state: CursorState): boolean {
  const last = before(carried, state, undefined);
  const salts = [last?.replacement?.salt, carried?.applied?.salt];
  return last !== undefined && !salts.includes(state.replacement?.salt);
}

export const newestIn = ({ newest, stream, streamFirstSeq, previous }: Core): Newest =>
  newest >= streamFirstSeq ? { stream, seq: newest } : previous && { stream: previous.stream, seq: previous.last };

/** The consumer where it stood; its own object, because an opening may fail. */
export const takeUp = (consumer: Consumer): Consumer => ({
  ...consumer,
  offered: consumer.given,
  marked: consumer.given,
  gaps: consumer.gaps.map((gap) => ({ ...gap })),
});
