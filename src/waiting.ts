/** What waits in the journal, for somebody who looks: records with their times set right, and where to look further. */
import type { BatchRecord } from './batch.ts';
import { unpack } from './codec.ts';
import { timeOf } from './delivery.ts';
import type { Journal } from './journal/types.ts';
import type { Anchor } from './timekeeper.ts';

export interface WaitingRecord extends BatchRecord {
  readonly stream: string;
}
export interface WaitingPage {
  readonly records: readonly WaitingRecord[];
  /** The number to go on from; null at the end of what is accepted. */
  readonly next: number | null;
}

/** Records that some uplink has not delivered yet, from `fromSeq` on; `maxRecords` are looked at. */
export async function waitingRecords(
  journal: Journal,
  anchorOf: (bootId: string) => Anchor | undefined,
  fromSeq: number,
  maxRecords: number,
): Promise<WaitingPage> {
  const { first, last } = journal.status();
  if (first === null || last === null || fromSeq > last) return { records: [], next: null };
  const found = await journal.observe(Math.max(first, fromSeq), maxRecords);
  const records = found.flatMap(({ seq, stream, bootId, ...record }): WaitingRecord[] => {
    const reading = unpack(record);
    if (!reading) return [];
    const { at, ...rest } = reading;
    return [{ seq, stream, ...rest, ...timeOf(at, bootId, anchorOf(bootId)) }];
  });
  const reached = found.at(-1)?.seq;
  return { records, next: reached === undefined || reached >= last ? null : reached + 1 };
}
