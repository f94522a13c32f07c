/**
 * Where a reader stands inside a segment, kept between batches; and the segment after it, opened and begun in advance, so that a
 * backlog drains without waiting for the card at each new file.
 */

import type { Core } from './core.ts';
import type { Frame } from './format.ts';
import type { FrameReader } from './frame-reader.ts';
import { framesOf, learnKept, type Segment } from './segment.ts';

export interface Place {
  readonly segment: Segment;
  readonly frames: FrameReader;
  frame: Frame | undefined;
  /** Byte and place of the next record in the frame. */
  at: number;
  index: number;
  /** All numbers below are passed. */
  seq: number;
}

export interface Places {
  /** The place in this segment; from its beginning if `seq` is passed already. Fails as opening a file does. */
  enter(segment: Segment, seq: number): Promise<Place>;
  leave(): Promise<void>;
}

export function createPlaces(core: Core): Places {
  let place: Place | undefined;
  let upcoming: { readonly segment: Segment; readonly place: Promise<Place | undefined> } | undefined;

  const open = async (segment: Segment): Promise<Place> => {
    const path = core.pathOf(segment.name);
    await learnKept(core.fs, path, segment, core.tuning.checksum);
    const frames = framesOf(await core.fs.open(path, 'read'), segment, core.codec, core.tuning.checksum);
    return { segment, frames, frame: undefined, at: 0, index: 0, seq: segment.header.firstSeq };
  };
  const beginAfter = (segment: Segment) => {
    const after = core.segments[core.segments.indexOf(segment) + 1];
    // A file that is being replaced would be read by the header of the other one.
    if (!after || after === core.active || after.moving) return;
    const begin = async () => {
      const begun = await open(after);
      begun.frames.preload();
      return begun;
    };
    // What fails now is tried again when it is its turn.
    upcoming = { segment: after, place: begin().catch(() => undefined) };
  };
  const leave = async () => {
    const left = place;
    const begun = upcoming;
    place = undefined;
    upcoming = undefined;
    await left?.frames.close().catch(() => {});
    await (await begun?.place)?.frames.close().catch(() => {});
  };

  return {
    async enter(segment, seq) {
      if (place?.segment === segment && place.seq <= seq) return place;
      // One that was packed, thinned or dropped meanwhile is no longer this object.
      const begun = upcoming?.segment === segment ? upcoming : undefined;
      if (begun) upcoming = undefined;
      await leave();
      place = (await begun?.place) ?? (await open(segment));
      beginAfter(segment);
      return place;
    },
    leave,
  };
}
