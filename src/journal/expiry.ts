/**
 * The bounds beside the journal's own size: how old records may become, and how much of the file system others are left.
 * Promises: only whole segments of which nobody was given a record, named as `expired` or `journal_full`; a record whose
 * age is not known does not expire; a new record is not refused because others fill the device, unless the policy says so.
 */
import { codeOf } from '../errors.ts';
import { MAX_GAPS, mayDrop } from './consumer.ts';
import type { Core } from './core.ts';
import { oldestPending } from './inspect.ts';
import { SPARE_NAME } from './recovery.ts';
import { drop, dropOldest, full } from './retention.ts';

/** So many segments stay whatever others do: one to write, one to read. */
const MIN_KEPT_SEGMENTS = 2;

/** Drops segments all of whose records are too old: those before the first record that is young enough. */
export async function dropExpired(core: Core): Promise<void> {
  const { maxAgeMs, ageMs } = core;
  if (maxAgeMs === undefined || !ageMs) return;
  for (let rounds = core.segments.length; rounds > 0 && !core.closed; rounds--) {
    const [oldest, next] = core.segments;
    if (!oldest || !next || oldest === core.active || oldest.readers > 0 || next.lastSeq < next.header.firstSeq) return;
    // Records are in the order in which they were taken: what is before the first one behind it is older still.
    const { fs, pathOf, tuning, codec } = core;
    const first = await oldestPending(fs, pathOf, [next], next.header.firstSeq, tuning.checksum, codec);
    const age = first ? ageMs(first) : undefined;
    // Somebody may have come to it meanwhile.
    if (age === undefined || age <= maxAgeMs || oldest.readers > 0) return;
    const consumers = [...core.consumers.values()];
    if (consumers.reduce((sum, { gaps }) => sum + gaps.length, 0) + consumers.length > MAX_GAPS) return;
    if (!consumers.every((consumer) => mayDrop(consumer, oldest.header.firstSeq, oldest.lastSeq))) return;
    if (!(await dropIfPossible(() => drop(core, oldest, 'expired')))) return;
  }
}

const freeBytesOf = async (core: Core): Promise<number> =>
  (await core.fs.freeBytes?.(core.directory).catch(() => undefined)) ?? Number.POSITIVE_INFINITY;

/** Would another segment leave as much free as is to be kept free? */
export const leavesFree = async (core: Core): Promise<boolean> =>
  core.minFreeBytes === 0 || (await freeBytesOf(core)) >= core.minFreeBytes + core.tuning.segmentBytes;

/** Makes the oldest segment the next one to write to, if it may go. */
export async function dropForFree(core: Core): Promise<void> {
  if (core.whenFull === 'reject_new') throw full(core);
  if (core.segments.length > MIN_KEPT_SEGMENTS) await dropIfPossible(() => dropOldest(core));
}

/** Others fill the file system: gives up what is oldest, down to the few segments that are needed to go on. */
export async function freeSome(core: Core): Promise<void> {
  const isLacking = async () => (await freeBytesOf(core)) < core.minFreeBytes;
  if (core.whenFull === 'reject_new') return;
  for (let rounds = core.segments.length; rounds > MIN_KEPT_SEGMENTS && (await isLacking()); rounds--) {
    if (!(await dropIfPossible(() => dropOldest(core)))) return;
    // A segment that has become the spare takes as much as before.
    if (core.spareBytes === 0 || !(await isLacking())) continue;
    await core.fs.unlink(core.pathOf(SPARE_NAME));
    core.spareBytes = 0;
  }
}

/** False if a reader or a pin forbids it. */
async function dropIfPossible(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (codeOf(error) === 'journal.full') return false;
    throw error;
  }
}
