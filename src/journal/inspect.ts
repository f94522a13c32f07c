/**
 * The state of a journal as its files tell it, read only and without the lock: safe beside a running service, whose
 * segments may come and go meanwhile. Acknowledgements of the last seconds may not be in the files yet.
 */
import { join } from 'node:path';
import { type Consumer, countLeft, firstPending, gapOf } from './consumer.ts';
import { type Checksum, checksum, decodeRecord, seqAt } from './format.ts';
import { type JournalFs, nodeFs, storageError } from './fs.ts';
import { placeOf } from './place.ts';
import { reconcile, survey } from './recovery.ts';
import { framesOf, learnKept, type Segment, takenBetween } from './segment.ts';
import type { BlockCodec, JournalStatus, OldestRecord } from './types.ts';
import { bytesPerDay } from './wear.ts';

/** A file that vanishes between two looks is a change under way: look again, so often. */
const MAX_LOOKS = 5;

/** What can be known from outside. */
export interface StoredStatus
  extends Omit<JournalStatus, 'storage' | 'maxSizeBytes' | 'accepted' | 'commits' | 'bytesWritten' | 'dropped'> {
  /** The first pending record itself, for its time. */
  readonly oldest: OldestRecord | null;
  readonly notes: Readonly<Record<string, string>>;
  /** Damaged files that an opening moved aside: their paths. */
  readonly keptAside: readonly string[];
}

/** `codec` is that of the service: without it the oldest record is not known where that is packed. */
export async function inspectJournal(
  directory: string,
  { fs = nodeFs, codec }: { readonly fs?: JournalFs; readonly codec?: BlockCodec } = {},
): Promise<StoredStatus> {
  for (let look = 1; ; look++) {
    try {
      return await inspectOnce(directory, fs, codec, look === MAX_LOOKS);
    } catch (error) {
      if (look === MAX_LOOKS) throw storageError(error, directory);
    }
  }
}

async function inspectOnce(
  configured: string,
  fs: JournalFs,
  codec: BlockCodec | undefined,
  isLast: boolean,
): Promise<StoredStatus> {
  const { directory, besideBytes } = await placeOf(fs, configured);
  const pathOf = (name: string) => join(directory, name);
  const entries = (await fs.list(directory)) ?? [];
  const before = entries.map((entry) => entry.name).join();
  const found = await survey(fs, directory, pathOf, checksum);
  const after = ((await fs.list(directory)) ?? []).map((entry) => entry.name).join();
  if (before !== after && !isLast) throw new Error('the directory changes');
  const names = Object.keys(found.cursor?.state.consumers ?? {});
  const { newest, consumers } = reconcile(found, names);
  const last = newest?.seq ?? 0;
  for (const { acked } of consumers.values()) {
    const place = found.segments.find((segment) => segment.lastSeq > acked);
    if (place) await learnKept(fs, pathOf(place.name), place, checksum);
  }
  const left = (consumer: Consumer) =>
    countLeft(consumer, consumer.acked + 1, last, (from, to) => takenBetween(found.segments, from, to));
  const first = firstPending(consumers.values(), firstStored(found.segments), last);
  return {
    stream: found.cursor?.state.stream ?? newest?.stream ?? null,
    pending: Object.fromEntries([...consumers.values()].map((consumer) => [consumer.name, left(consumer)])),
    first,
    last: last === 0 ? null : last,
    oldest: first === null ? null : await oldestPending(fs, pathOf, found.segments, first, checksum, codec),
    notes: found.cursor?.state.notes ?? {},
    bytesPerDay: bytesPerDay(found.cursor?.state.written),
    keptAside: found.quarantined.map(({ name }) => pathOf(name)),
    sizeBytes: besideBytes + entries.reduce((sum, entry) => sum + entry.sizeBytes, 0),
    gaps: Object.fromEntries(
      [...consumers.values()].map(({ name, gaps }) => [name, gaps.filter((gap) => !gap.settled).map(gapOf)]),
    ),
  };
}

export const firstStored = (segments: readonly Segment[]): number | undefined =>
  segments.find((segment) => segment.lastSeq >= segment.header.firstSeq)?.header.firstSeq;

/** The first readable record from `seq` on in the segment that should hold it. */
export async function oldestPending(
  fs: JournalFs,
  pathOf: (name: string) => string,
  segments: readonly Segment[],
  seq: number,
  crc: Checksum,
  codec: BlockCodec | undefined,
): Promise<OldestRecord | null> {
  const segment = segments.find((one) => one.lastSeq >= seq);
  if (!segment) return null;
  const file = await fs.open(pathOf(segment.name), 'read');
  try {
    const frame = await framesOf(file, segment, codec, crc).next(seq);
    if (!frame) return null;
    let at = 0;
    for (let index = 0; at < frame.records.length; index++) {
      const number = seqAt(frame, index);
      const { record, next } = decodeRecord(frame.records, at, number);
      if (number >= seq) {
        const { type, version, payload } = record;
        return { type, version, payload, bootId: segment.header.bootId };
      }
      at = next;
    }
    return null;
  } finally {
    await file.close();
  }
}
