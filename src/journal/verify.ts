/**
 * Reads a whole journal and says what is damaged in it: the file, the place in it, the numbers that are gone. Promises: never
 * writes, takes no lock, uses memory for one piece of one segment; works on a copy and beside a running service, whose files
 * may come, go and be recycled meanwhile: such a file is no damage. What a stopped commit left behind the last accepted frame
 * is none either.
 */

import { join } from 'node:path';
import { BLOCK_BYTES, checksum, type Frame, recordsOf, type SegmentHeader } from './format.ts';
import { frameReader } from './frame-reader.ts';
import { errnoOf, type JournalFs, nodeFs, storageError } from './fs.ts';
import { damagedCopies } from './headers.ts';
import { packedReader } from './packed.ts';
import { placeOf } from './place.ts';
import { reconcile, type Survey, survey } from './recovery.ts';
import { readHeader, type Segment } from './segment.ts';
import type { BlockCodec, StoredRecord } from './types.ts';

export interface Damage {
  /** Name of the file, or where it should be. */
  readonly file: string;
  /** Where in the file it begins, in bytes; null if the file as a whole is meant. */
  readonly offset: number | null;
  /** Numbers that cannot be read; null when none are known to be lost. */
  readonly from: number | null;
  readonly to: number | null;
  readonly stream: string | null;
  /** In words. */
  readonly what: string;
}

export interface Verified {
  readonly segments: number;
  readonly records: number;
  /** Read and checked. */
  readonly bytes: number;
  readonly damages: readonly Damage[];
  /** Kept aside by an earlier opening. */
  readonly keptAside: readonly { readonly file: string; readonly bytes: number }[];
  /** Small facts kept beside the cursors: anchors above all. */
  readonly notes: Readonly<Record<string, string>>;
}

export interface VerifyOptions {
  readonly fs?: JournalFs;
  /** That of the service: without it packed records cannot be read. */
  readonly codec?: BlockCodec | undefined;
  /** Called with all that is intact, in order. */
  readonly onRecords?: (records: readonly StoredRecord[], header: SegmentHeader) => void | Promise<void>;
}

export async function verifyJournal(configured: string, options: VerifyOptions = {}): Promise<Verified> {
  const { fs = nodeFs } = options;
  try {
    const { directory } = await placeOf(fs, configured);
    return await verifyIn(directory, fs, options);
  } catch (error) {
    throw storageError(error, configured);
  }
}

async function verifyIn(directory: string, fs: JournalFs, options: VerifyOptions): Promise<Verified> {
  const pathOf = (name: string) => join(directory, name);
  const found = await survey(fs, directory, pathOf, checksum);
  const damages: Damage[] = [];
  let records = 0;
  let bytes = 0;
  let segments = 0;
  for (const segment of found.segments) {
    const before = damages.length;
    const read = await readSegment(fs, pathOf(segment.name), segment, damages, options);
    // Gone, or under way to another life: then what was read is no measure.
    if (damages.length > before && !(await isStillThere(fs, pathOf(segment.name), segment.header))) {
      damages.length = before;
      continue;
    }
    records += read.records;
    bytes += read.bytes;
    segments += 1;
  }
  damages.push(...missingSegments(found), ...unusableFiles(found));
  return {
    segments,
    records,
    bytes,
    damages,
    keptAside: found.quarantined.map(({ name, sizeBytes }) => ({ file: name, bytes: sizeBytes })),
    notes: found.cursor?.state.notes ?? {},
  };
}

/**
 * Reads one segment to its end; each run of blocks that should hold accepted records and does not is one damage, and so is a
 * copy of the header, or the index, that another copy stands in for.
 */
async function readSegment(
  fs: JournalFs,
  path: string,
  segment: Segment,
  damages: Damage[],
  { codec, onRecords }: VerifyOptions,
): Promise<{ records: number; bytes: number }> {
  const { header, name, lastSeq, endBytes } = segment;
  let records = 0;
  let expected = header.firstSeq;
  let intactTo = BLOCK_BYTES;
  let placeOfLoss = async () => intactTo;
  const lost = async (to: number) =>
    damages.push({
      file: name,
      offset: await placeOfLoss(),
      from: expected,
      to,
      stream: header.stream,
      what: 'a frame is not what was written',
    });
  let file: Awaited<ReturnType<JournalFs['open']>>;
  try {
    file = await fs.open(path, 'read');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { records: 0, bytes: 0 };
    throw error;
  }
  try {
    for (const offset of await damagedCopies(file, header)) {
      const what = 'a copy of its header is not what was written; another one was read';
      damages.push({ file: name, offset, from: null, to: null, stream: header.stream, what });
    }
    const packed = header.packed && packedReader(file, header, codec, checksum);
    placeOfLoss = async () => {
      if (!packed) return intactTo;
      const places = await packed.places();
      return places.find(({ firstSeq, covered }) => firstSeq + covered > expected)?.at ?? BLOCK_BYTES;
    };
    const reader = packed ?? frameReader(file, header, () => endBytes, checksum);
    for (let frame = await reader.next(expected); frame; frame = await reader.next(expected)) {
      const last = Math.min(frame.firstSeq + frame.count - 1, lastSeq);
      // Beyond the bound it was never accepted.
      if (last < expected) break;
      if (frame.firstSeq > expected) await lost(frame.firstSeq - 1);
      const from = Math.max(expected, frame.firstSeq);
      // Of a thinned segment fewer are there than it covers: the gap that says so is known.
      records += frame.seqs ? frame.seqs.filter((seq) => seq >= from && seq <= last).length : last - from + 1;
      if (onRecords) await onRecords(recordsWithin(frame, from, last), header);
      expected = last + 1;
      intactTo = (frame.block + frame.blocks) * BLOCK_BYTES;
    }
    if (expected <= lastSeq) await lost(lastSeq);
    if (header.packed && packed && !(await packed.isIndexSound())) {
      const what = 'its index is not what was written; the blocks were found without it';
      damages.push({ file: name, offset: header.packed.indexAt, from: null, to: null, stream: header.stream, what });
    }
  } finally {
    await file.close();
  }
  return { records, bytes: endBytes };
}

const recordsWithin = (frame: Frame, from: number, to: number): StoredRecord[] =>
  recordsOf(frame).filter(({ seq }) => seq >= from && seq <= to);

async function isStillThere(fs: JournalFs, path: string, { number, salt }: SegmentHeader): Promise<boolean> {
  try {
    const header = await readHeader(fs, path);
    return header === undefined || (header !== 'newer' && header.number === number && header.salt === salt);
  } catch (error) {
    return errnoOf(error) !== 'ENOENT';
  }
}

/** Numbers that no file holds, though some uplink still waits for them and no gap says why. */
function missingSegments(found: Survey): Damage[] {
  const names = Object.keys(found.cursor?.state.consumers ?? {});
  // Without a cursor nothing is known to be acknowledged or dropped: then whoever began now would miss them.
  const { consumers } = reconcile({ ...found, holes: [] }, names.length > 0 ? names : ['any']);
  const known = new Set(Object.values(found.cursor?.state.consumers ?? {}).flatMap(({ gaps }) => gaps.map(keyOf)));
  const damages = new Map<string, Damage>();
  for (const consumer of consumers.values()) {
    for (const gap of consumer.gaps) {
      const { stream, from, to } = gap;
      if (gap.reason !== 'damaged' || known.has(keyOf([stream, from, to]))) continue;
      const before = found.segments.findLast(({ lastSeq }) => lastSeq < from);
      const file = before ? `after ${before.name}` : 'before the first segment';
      damages.set(`${from}-${to}`, { file, offset: null, from, to, stream, what: 'no file holds these records' });
    }
  }
  return [...damages.values()];
}
const keyOf = ([stream, from, to]: readonly [string, number, number, ...unknown[]]): string =>
  `${stream}/${from}/${to}`;

function unusableFiles(found: Survey): Damage[] {
  const damages: Damage[] = found.damaged.map(({ name, kind }) => ({
    file: name,
    offset: kind === 'file' ? 0 : null,
    from: null,
    to: null,
    stream: null,
    what:
      kind === 'file'
        ? 'its header is none of ours; the next opening keeps it aside'
        : 'it is no file; the next opening keeps it aside',
  }));
  if (!found.cursor && found.segments.some(({ lastSeq, header }) => lastSeq >= header.firstSeq)) {
    const what = 'neither can be read: what was acknowledged is sent again';
    damages.push({ file: 'cursor-0, cursor-1', offset: null, from: null, to: null, stream: null, what });
  }
  return damages;
}
