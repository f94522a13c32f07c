/**
 * What is in the directory, and what follows from it. Reads only, so that `sedge journal` uses it beside a running service.
 *
 * Promises: never fails because of what a file holds; whatever is neither stored nor acknowledged nor named in a gap, up
 * to the highest number ever known durable, becomes a gap with exact bounds. Only the newest segment is read in full:
 * where an older one ends follows from the header after it (format.ts, invariant 6), and damage inside is found when it
 * is read.
 */
import { before, type Carried, isTakenBack, newestIn, takeUp } from './carried.ts';
import { addGap, addThinned, type Consumer, join, type Stored } from './consumer.ts';
import { CURSOR_NAMES, CURSOR_TEMPORARY, type CursorState, gapFrom, MAX_CURSOR_BYTES, readCursor } from './cursor.ts';
import { BLOCK_BYTES, type Checksum, type SegmentHeader, segmentNumber } from './format.ts';
import { errnoOf, type JournalEntry, type JournalFs, someAtOnce } from './fs.ts';
import { anotherAnswers, headerOrDamage } from './headers.ts';
import { type ScanResult, type Segment, scanSegment, takenOf } from './segment.ts';

export const SPARE_NAME = 'spare';
/** A copy of the newest frame in the making, see repair.ts. */
export const TAIL_NAME = 'tail';
/** A packed segment in the making, see packing.ts. */
export const PACKING_NAME = 'packing';
/** A thinned segment that is to take its place, see thinning.ts. */
export const THINNED_NAME = 'thinned';
export const QUARANTINE_SUFFIX = '.damaged';

export interface Survey {
  readonly cursor: { readonly state: CursorState; readonly generation: number; readonly slot: number } | undefined;
  readonly cursorBytes: readonly number[];
  /** Ascending by number, and so by first number of record. */
  readonly segments: Segment[];
  /** Numbers that are missing inside segments that were read in full. */
  readonly holes: readonly (readonly [number, number])[];
  /** The last frame of the newest segment. */
  readonly lastFrame: ScanResult['lastFrame'];
  /** Under our names, but unusable: to be moved aside. */
  readonly damaged: readonly JournalEntry[];
  /** Recycled under an old name, or packed, and interrupted: to be removed. */
  readonly surplus: readonly JournalEntry[];
  readonly quarantined: readonly JournalEntry[];
  readonly spareBytes: number;
  /** Everything that is not ours, or of a newer version: counted and left alone. */
  readonly foreignBytes: number;
  readonly nextNumber: number;
  /** The old form of a segment whose thinned form is in the list, under THINNED_NAME. */
  readonly replaced: JournalEntry | undefined;
}

export async function survey(
  fs: JournalFs,
  directory: string,
  pathOf: (name: string) => string,
  crc: Checksum,
  carried?: Carried,
): Promise<Survey> {
  const entries = (await fs.list(directory)) ?? [];
  const cursor = await readCursor(fs, pathOf, MAX_CURSOR_BYTES);
  const candidates: Segment[] = [];
  const damaged: JournalEntry[] = [];
  const surplus: JournalEntry[] = [];
  const quarantined: JournalEntry[] = [];
  const cursorBytes = [0, 0];
  let spareBytes = 0;
  let foreignBytes = 0;
  let nextNumber = 1;
  /** What a packed segment stands for. */
  let packedTo = 0;
  const thinned = await replacementOf(fs, pathOf, cursor?.state, entries, carried);
  let replaced: JournalEntry | undefined;

  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const named = sorted.filter(({ name, kind }) => kind === 'file' && segmentNumber(name) !== undefined);
  const read = await someAtOnce(named, ({ name }) =>
    headerOrDamage(fs, pathOf(name), () => anotherAnswers(fs, pathOf, entries, name)),
  );
  const headers = new Map(named.map(({ name }, index) => [name, read[index]]));

  for (const entry of sorted) {
    const { name, sizeBytes } = entry;
    const number = segmentNumber(name.endsWith(QUARANTINE_SUFFIX) ? name.slice(0, -QUARANTINE_SUFFIX.length) : name);
    if (number !== undefined) nextNumber = Math.max(nextNumber, number + 1);
    const slot = CURSOR_NAMES.indexOf(name as 'cursor-0');
    if (name.endsWith(QUARANTINE_SUFFIX)) quarantined.push(entry);
    // What a power cut leaves of a spare in the making: in the way of the next one, and no use.
    else if (name === SPARE_NAME && entry.kind === 'file' && sizeBytes === 0) surplus.push(entry);
    else if (thinned && name === THINNED_NAME) {
      // In the list under its number, unless there is nothing there that it could replace.
      if (!replaced) surplus.push(entry);
    } else if ([TAIL_NAME, CURSOR_TEMPORARY, PACKING_NAME, THINNED_NAME].includes(name)) surplus.push(entry);
    else if (number === undefined && slot < 0 && name !== SPARE_NAME) foreignBytes += sizeBytes;
    else if (entry.kind !== 'file') damaged.push(entry);
    else if (slot >= 0) cursorBytes[slot] = sizeBytes;
    else if (name === SPARE_NAME) spareBytes = sizeBytes;
    else if (thinned && number === thinned.header.number) {
      replaced = entry;
      candidates.push(thinned);
    } else if (number !== undefined && number <= packedTo) surplus.push(entry);
    else {
      const header = headers.get(name);
      if (header === 'gone') continue;
      if (header === 'newer') foreignBytes += sizeBytes;
      else if (!header) damaged.push(entry);
      else if (header.number !== number) surplus.push(entry);
      else if (header.firstSeq < (candidates.at(-1)?.header.firstSeq ?? 0)) damaged.push(entry);
      else candidates.push({ header, name, lastSeq: 0, endBytes: sizeBytes, sizeBytes, readers: 0 });
    }
    packedTo = Math.max(packedTo, candidates.at(-1)?.header.packed?.lastNumber ?? 0);
    nextNumber = Math.max(nextNumber, packedTo + 1);
  }

  const holes: (readonly [number, number])[] = [];
  let lastFrame: ScanResult['lastFrame'];
  for (const [index, segment] of candidates.entries()) {
    const next = candidates[index + 1]?.header;
    if (segment.header.packed) {
      segment.lastSeq = segment.header.packed.lastSeq;
      continue;
    }
    if (next && next.number === segment.header.number + 1) {
      segment.lastSeq = next.firstSeq - 1;
      continue;
    }
    const scan = await scanOrNothing(fs, pathOf(segment.name), segment.header, crc);
    segment.lastSeq = next ? Math.min(scan.lastSeq, next.firstSeq - 1) : scan.lastSeq;
    if (!next) {
      segment.endBytes = scan.endBytes;
      lastFrame = scan.lastFrame;
    }
    holes.push(...scan.holes);
  }
  return {
    cursor,
    cursorBytes,
    segments: candidates,
    holes,
    lastFrame,
    damaged,
    surplus,
    quarantined,
    spareBytes,
    foreignBytes,
    nextNumber,
    replaced,
  };
}

/** The segment that the cursor says is to take the place of its old form. */
async function replacementOf(
  fs: JournalFs,
  pathOf: (name: string) => string,
  state: CursorState | undefined,
  entries: readonly JournalEntry[],
  carried: Carried | undefined,
): Promise<Segment | undefined> {
  const entry = entries.find(({ name, kind }) => name === THINNED_NAME && kind === 'file');
  if (!entry || !state?.replacement || isTakenBack(carried, state)) return undefined;
  const header = await headerOrDamage(fs, pathOf(THINNED_NAME), () =>
    anotherAnswers(fs, pathOf, entries, THINNED_NAME),
  );
  if (typeof header !== 'object' || header.number !== state.replacement.number) return undefined;
  if (header.salt !== state.replacement.salt) return undefined;
  const { sizeBytes } = entry;
  return { header, name: THINNED_NAME, lastSeq: 0, endBytes: sizeBytes, sizeBytes, readers: 0 };
}

async function scanOrNothing(fs: JournalFs, path: string, header: SegmentHeader, crc: Checksum): Promise<ScanResult> {
  try {
    return await scanSegment(fs, path, header, crc);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return { lastSeq: header.firstSeq - 1, endBytes: BLOCK_BYTES, holes: [], lastFrame: undefined };
  }
}

/** Bytes of what is neither a segment in use, nor a cursor, nor the spare. */
export function otherBytesOf({ foreignBytes, damaged, surplus, quarantined, replaced }: Survey): number {
  const files = [...damaged, ...surplus, ...quarantined, ...(replaced ? [replaced] : [])];
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, foreignBytes);
}

export interface Recovered {
  /** Newest record ever known durable. */
  readonly newest: { readonly stream: string; readonly seq: number } | undefined;
  readonly consumers: Map<string, Consumer>;
  /** Numbers that were found missing, summed over the consumers. */
  readonly damagedRecords: number;
}

/** The consumers' places as they follow from the cursor and from what is stored. */
export function reconcile(found: Survey, names: readonly string[], carried?: Carried): Recovered {
  const { segments, cursor } = found;
  const stated = newestOf(found);
  const earlier = before(carried, cursor?.state, stated);
  const known = earlier && newestIn(earlier);
  const newest = known && known.seq > (stated?.seq ?? 0) ? known : stated;
  const filled = segments.filter((segment) => segment.lastSeq >= segment.header.firstSeq);
  const begin = (filled[0]?.header.firstSeq ?? (newest?.seq ?? 0) + 1) - 1;
  const consumers = new Map<string, Consumer>();
  let damagedRecords = 0;
  for (const name of names) {
    const known = cursor?.state.consumers[name];
    const ackedDurable = known?.acked ?? begin;
    // Nothing above the newest can have been handed out.
    const offered = Math.max(ackedDurable, Math.min(known?.offered ?? 0, newest?.seq ?? 0));
    const taken = earlier?.consumers.get(name);
    const stored: Consumer = {
      name,
      stream: known?.stream ?? '',
      acked: ackedDurable,
      ackedDurable,
      offered,
      marked: offered,
      given: offered,
      resume: ackedDurable + 1,
      dropped: known?.dropped ?? 0,
      gaps: (known?.gaps ?? []).map(gapFrom),
    };
    const consumer = taken ? { ...takeUp(taken), ackedDurable } : stored;
    nameThinned(consumer, filled);
    for (const [from, to] of [...holesBetween(filled, consumer.acked + 1, newest?.seq ?? 0), ...found.holes]) {
      for (const part of byStream(segments, newest?.stream ?? '', from, to)) {
        for (const gap of addGap(consumer, part.stream, part.from, part.to, 'damaged', notThinned(consumer))) {
          damagedRecords += gap.lost;
        }
      }
    }
    join(consumer);
    consumers.set(name, consumer);
  }
  return { newest, consumers, damagedRecords };
}

/** Names the numbers that thinning took, to a consumer that was not there or whose cursor could not be written. */
export function nameThinned(consumer: Consumer, segments: readonly Segment[]): void {
  for (const segment of segments) {
    const { packed, firstSeq, stream } = segment.header;
    // A merged segment may have a gap for each of its parts.
    const isNamed = consumer.gaps.some(
      ({ covers, spanFrom, spanTo }) => !covers && spanFrom <= segment.lastSeq && firstSeq <= spanTo,
    );
    if (!packed || takenOf(segment) === 0 || isNamed || consumer.acked >= packed.lostFrom) continue;
    const lost = { from: packed.lostFrom, to: packed.lostTo, lost: takenOf(segment) };
    addThinned(consumer, stream, [firstSeq, segment.lastSeq], lost);
  }
  join(consumer);
}

/** Of a segment that is gone, what thinning had taken before is not lost again. */
const notThinned =
  ({ gaps }: Consumer): Stored =>
  (from, to) => {
    const inside = gaps.filter(({ covers, spanFrom, spanTo }) => !covers && from <= spanFrom && spanTo <= to);
    const lost = inside.reduce((left, gap) => left - gap.lost, to - from + 1);
    return lost > 0 ? { from, to, lost } : undefined;
  };

function newestOf({ segments, cursor }: Survey): { stream: string; seq: number } | undefined {
  let newest = cursor?.state.newest;
  for (const { header, lastSeq } of segments) {
    const isFirstOfStream = lastSeq < header.firstSeq && header.firstSeq === header.streamFirstSeq;
    const stream = isFirstOfStream ? header.previous?.stream : header.stream;
    if (stream !== undefined && lastSeq > (newest?.seq ?? 0)) newest = { stream, seq: lastSeq };
  }
  return newest;
}

/** The parts of `from`..`to` that no segment holds. */
function holesBetween(stored: readonly Segment[], from: number, to: number): [number, number][] {
  const holes: [number, number][] = [];
  let next = from;
  for (const { header, lastSeq } of stored) {
    if (header.firstSeq > next) holes.push([next, Math.min(header.firstSeq - 1, to)]);
    next = Math.max(next, lastSeq + 1);
  }
  if (next <= to) holes.push([next, to]);
  return holes.filter(([start, end]) => start <= end);
}

/** A gap names one stream: cuts `from`..`to` where the next segment says that its stream began. */
function byStream(segments: readonly Segment[], newestStream: string, from: number, to: number) {
  const next = segments.find((segment) => segment.lastSeq >= from);
  if (!next) return [{ stream: newestStream, from, to }];
  const { stream, streamFirstSeq, previous } = next.header;
  const parts = [];
  if (from < streamFirstSeq) {
    parts.push({ stream: previous?.stream ?? stream, from, to: Math.min(to, streamFirstSeq - 1) });
  }
  if (to >= streamFirstSeq) parts.push({ stream, from: Math.max(from, streamFirstSeq), to });
  return parts;
}
