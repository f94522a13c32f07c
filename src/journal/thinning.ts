/**
 * `when_full: thin`: before the oldest data goes, most of it goes. The oldest segments are written again with what the
 * codec keeps of each block. Promises, beyond those of packing: what is taken is named, exactly, in a gap `thinned` that
 * is durable before anything goes, and the old form is there until then; a segment of which somebody was given a record,
 * or told a gap, is not thinned; its first and last record always stay.
 *
 * The order: the thinned form is flushed under THINNED_NAME; the cursor with the gaps also names this replacement; then
 * it takes the place of the old form. An opening that finds both finishes the last step (recovery.ts).
 */
import { addThinned, type Consumer, join, MAX_GAPS, mayDrop, withdraw } from './consumer.ts';
import type { Core } from './core.ts';
import { type SegmentHeader, segmentName } from './format.ts';
import { errnoOf } from './fs.ts';
import { packBlock } from './packed.ts';
import { blockWriter, eachRecord, MAX_BLOCK_RECORD_BYTES, openAside, removeAside } from './packing.ts';
import { THINNED_NAME } from './recovery.ts';
import { firstFrom, moving, type Segment } from './segment.ts';
import type { StoredRecord } from './types.ts';

/** What was thinned so often is dropped when its turn comes. */
const MAX_TIMES = 2;
/** Only the oldest part is thinned; the rest stays whole for now. */
const OLDEST_PART = 1 / 2;
/** A thinned form that is larger than this part of a segment does not pay. */
export const MAX_THINNED_PART = 1 / 2;

type Exclusive = Core['exclusive'];

/** True if a segment has become smaller. `exclusive` is the core's, or runs at once for a caller that is inside already. */
export async function thinOldest(core: Core, exclusive: Exclusive): Promise<boolean> {
  const source = nextSource(core);
  if (!source || core.isThinning || !(await settleReplacement(core))) return false;
  core.isThinning = true;
  let isForNow = false;
  try {
    const file = await openAside(core, THINNED_NAME);
    let thinned: Thinned | undefined;
    try {
      thinned = await writeThinned(core, source, (header, most) => blockWriter(core, file, header, most, THINNED_NAME));
    } finally {
      await file.close().catch(() => {});
    }
    if (thinned && (await exclusive(() => replace(core, source, thinned)))) return true;
  } catch (error) {
    isForNow = errnoOf(error) === 'EDQUOT';
    const isExpected = ['ECANCELED', 'ENOSPC', 'EDQUOT'].includes(errnoOf(error) ?? '');
    if (!isExpected) core.log('journal-thinning', { error: String(error) });
  } finally {
    core.isThinning = false;
  }
  // While a cursor that names it may be durable, the file stays: see `settleReplacement`.
  if (!core.replacement && !core.isThinnedNamed) await removeAside(core, THINNED_NAME);
  if (!isForNow) core.unthinnable.add(source.header.number);
  return false;
}

/** The oldest of those that were thinned least. */
function nextSource(core: Core): Segment | undefined {
  const consumers = [...core.consumers.values()];
  const gaps = consumers.reduce((sum, consumer) => sum + consumer.gaps.length, 0);
  if (!core.codec || gaps + consumers.length > MAX_GAPS) return undefined;
  const may = core.segments
    .slice(0, Math.ceil(core.segments.length * OLDEST_PART))
    .filter((segment) => mayThin(core, consumers, segment));
  for (let times = 0; times < MAX_TIMES; times++) {
    const found = may.find(({ header }) => (header.packed?.timesThinned ?? 0) === times);
    if (found) return found;
  }
  return undefined;
}

const mayThin = (core: Core, consumers: readonly Consumer[], segment: Segment): boolean =>
  segment !== core.active &&
  segment !== core.segments.at(-1) &&
  segment.readers === 0 &&
  !core.unthinnable.has(segment.header.number) &&
  segment.lastSeq > segment.header.firstSeq + 1 &&
  consumers.every(
    (consumer) =>
      mayDrop(consumer, segment.header.firstSeq, segment.lastSeq) &&
      !consumer.gaps.some(
        ({ spanFrom, spanTo, covers, offered }) =>
          spanFrom <= segment.lastSeq && segment.header.firstSeq <= spanTo && (covers || offered),
      ),
  );

interface Thinned {
  readonly header: SegmentHeader;
  readonly sizeBytes: number;
  /** The numbers that went, ascending. */
  readonly taken: readonly number[];
}

/** Undefined if the source is damaged, or if nothing would go. */
async function writeThinned(
  core: Core,
  source: Segment,
  begin: (header: SegmentHeader, maxBytes: number) => ReturnType<typeof blockWriter>,
): Promise<Thinned | undefined> {
  const { firstSeq, packed } = source.header;
  const header = { ...source.header, salt: core.random(4).readUInt32LE(0) };
  const most = Math.min(source.sizeBytes - 1, core.tuning.segmentBytes * MAX_THINNED_PART);
  const writer = begin(header, most);
  const taken: number[] = [];
  let waiting: StoredRecord[] = [];
  let kept: StoredRecord[] = [];
  let bytes = 0;
  let blockFrom = firstSeq;
  const write = async () => {
    if (kept.length === 0) return;
    const last = waiting.length > 0 ? kept.at(-1)!.seq : throughSeq;
    await writer.add(packBlock(kept, blockFrom, last, core.codec!));
    blockFrom = last + 1;
    kept = [];
    bytes = 0;
  };
  let throughSeq = firstSeq - 1;
  const choose = async () => {
    const keep = core.codec!.keep(waiting);
    for (const [index, record] of waiting.entries()) {
      if (keep[index] || record.seq === firstSeq || record.seq === source.lastSeq) {
        kept.push(record);
        bytes += record.payload.length;
      } else taken.push(record.seq);
    }
    throughSeq = waiting.at(-1)?.seq ?? throughSeq;
    waiting = [];
    if (kept.length >= core.tuning.blockRecords || bytes >= MAX_BLOCK_RECORD_BYTES) await write();
  };
  const isWhole = await eachRecord(core, source, async (record) => {
    waiting.push(record);
    if (waiting.length >= core.tuning.blockRecords) await choose();
  });
  await choose();
  throughSeq = source.lastSeq;
  await write();
  if (!isWhole || taken.length === 0) return undefined;
  const whole = await writer.end({
    lastSeq: source.lastSeq,
    lastNumber: packed?.lastNumber ?? header.number,
    lostFrom: Math.min(packed?.lostFrom || Number.POSITIVE_INFINITY, taken[0]!),
    lostTo: Math.max(packed?.lostTo ?? 0, taken.at(-1)!),
    timesThinned: (packed?.timesThinned ?? 0) + 1,
  });
  return { ...whole, taken };
}

/** Inside `exclusive`: names what goes, durably, and puts the thinned form in its place. */
async function replace(core: Core, source: Segment, thinned: Thinned): Promise<boolean> {
  const consumers = [...core.consumers.values()];
  if (core.closed || core.storage !== 'ok' || !core.segments.includes(source) || !mayThin(core, consumers, source)) {
    return false;
  }
  return moving([source], () => takePlace(core, source, thinned)).finally(() => {
    for (const segment of core.segments) if (segment.header === thinned.header) segment.moving = undefined;
  });
}

async function takePlace(core: Core, source: Segment, { header, sizeBytes, taken }: Thinned): Promise<boolean> {
  // Its name must outlive a power cut before the cursor relies on it.
  await core.fs.syncDirectory(core.directory);
  // A consumer that came meanwhile is to be told as well; one that was told a gap of it forbids another.
  const consumers = [...core.consumers.values()];
  if (!mayThin(core, consumers, source)) return false;
  const { firstSeq, stream, number, salt } = header;
  const added = consumers.flatMap((consumer) => {
    const lost = taken.slice(firstFrom(taken, consumer.acked + 1));
    if (lost.length === 0) return [];
    const bounds = { from: lost[0]!, to: lost.at(-1)!, lost: lost.length };
    return [{ consumer, gap: addThinned(consumer, stream, [firstSeq, source.lastSeq], bounds) }];
  });
  core.replacement = { number, salt };
  const thinned: Segment = {
    header,
    name: THINNED_NAME,
    lastSeq: source.lastSeq,
    endBytes: sizeBytes,
    sizeBytes,
    readers: 0,
  };
  const place = core.segments.indexOf(source);
  thinned.moving = source.moving;
  core.segments.splice(place, 1, thinned);
  try {
    await core.cursor.save();
  } catch (error) {
    // Somebody else's save may have told a gap meanwhile: then there is no way back, and none is needed.
    if (!added.some(({ gap }) => gap.offered)) {
      for (const { consumer, gap } of added) withdraw(consumer, gap);
      core.segments.splice(core.segments.indexOf(thinned), 1, source);
      core.replacement = undefined;
      core.isThinnedNamed = true;
      throw error;
    }
  }
  for (const consumer of consumers) join(consumer);
  core.counters.dropped += taken.length;
  core.log('journal-thinned', { from: taken[0]!, to: taken.at(-1)!, lost: taken.length });
  core.asideBytes.delete(THINNED_NAME);
  try {
    await core.fs.rename(core.pathOf(THINNED_NAME), core.pathOf(segmentName(number)));
  } catch (error) {
    // Both forms are there until the next opening.
    core.otherBytes += source.sizeBytes;
    throw error;
  }
  thinned.name = segmentName(number);
  await core.fs.syncDirectory(core.directory);
  core.replacement = undefined;
  core.wake();
  return true;
}

/** After a step that failed: true once no durable cursor can name a replacement any more, or that has its place. */
async function settleReplacement(core: Core): Promise<boolean> {
  if (core.isThinnedNamed) {
    const saved = await core.cursor.save().then(
      () => true,
      () => false,
    );
    core.isThinnedNamed = !saved;
    return saved;
  }
  if (!core.replacement) return true;
  // One that is in use under its temporary name waits for the next opening.
  if (core.segments.some(({ name }) => name === THINNED_NAME)) return false;
  try {
    await core.fs.syncDirectory(core.directory);
    core.replacement = undefined;
    await core.cursor.save();
    return true;
  } catch {
    return false;
  }
}
