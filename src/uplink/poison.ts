/**
 * The poison rule, for any uplink: one record that the destination never takes must not hold up all that follow.
 *
 * - A batch that is refused comes again in halves, down to a single record; so does one with which sessions end again and
 *   again. After a run of batches that were taken they grow again.
 * - A single record is refused for good when it was refused `REFUSALS_FOR_GOOD` times alone, at last after another one was
 *   taken: then it is the record. A destination that takes nothing at all (access rules, a full disk, a wrong address) is never
 *   a reason to give up a record, whatever it answers; nor is a connection that ends, because the record may have arrived.
 *
 * This file keeps the size of batches; sender.ts does the rest.
 */

export const REFUSALS_FOR_GOOD = 3;
const FRUITLESS_SESSIONS = 2;
/** Batches taken in a row before they grow: a limit of the destination that stays is met seldom. */
const GROW_AFTER = 100;
/** The same once the record that was in the way is gone. */
const GROW_SOON_AFTER = 4;

export interface PoisonRule {
  /** Most records that the next batch may have. */
  records(): number;
  taken(): void;
  /** A batch of this many records was refused. */
  refused(records: number): void;
  /** A record was given up. */
  buried(): void;
  /** A session ended with batches in flight and none taken. */
  sessionFailed(): void;
}

export function createPoisonRule(maxRecords: number): PoisonRule {
  let limit = maxRecords;
  let fruitless = 0;
  let inRow = 0;
  let growAfter = GROW_AFTER;

  const shrink = (from: number) => {
    limit = Math.max(1, Math.floor(Math.min(from, limit) / 2));
    inRow = 0;
    growAfter = GROW_AFTER;
  };
  return {
    records: () => limit,
    taken() {
      fruitless = 0;
      inRow += 1;
      if (inRow < growAfter) return;
      inRow = 0;
      limit = Math.min(limit * 2, maxRecords);
    },
    refused: shrink,
    buried() {
      inRow = 0;
      growAfter = GROW_SOON_AFTER;
    },
    sessionFailed() {
      fruitless += 1;
      inRow = 0;
      if (fruitless < FRUITLESS_SESSIONS) return;
      fruitless = 0;
      shrink(limit);
    },
  };
}
