/**
 * How many records a batch may have, for a broker that does not take some batch (too large, or a content that it
 * refuses): after two sessions in a row in which nothing was acknowledged, half as many; after a run of acknowledgements
 * twice as many again, up to what the configuration says. So one poisonous record is at last alone, and holds up nothing that
 * is before it.
 */

const FRUITLESS_SESSIONS = 2;
/** So many acknowledgements in a row: a limit of the broker that stays is met seldom. */
const ENOUGH_ACKNOWLEDGED = 100;

export interface BatchLimit {
  records(): number;
  acknowledged(): void;
  /** A session ended with batches in flight. */
  sessionFailed(): void;
}

export function createBatchLimit(maxRecords: number): BatchLimit {
  let limit = maxRecords;
  let fruitless = 0;
  let acknowledged = 0;
  return {
    records: () => limit,
    acknowledged() {
      fruitless = 0;
      acknowledged += 1;
      if (acknowledged < ENOUGH_ACKNOWLEDGED) return;
      acknowledged = 0;
      limit = Math.min(limit * 2, maxRecords);
    },
    sessionFailed() {
      fruitless += 1;
      acknowledged = 0;
      if (fruitless < FRUITLESS_SESSIONS) return;
      fruitless = 0;
      limit = Math.max(1, Math.floor(limit / 2));
    },
  };
}
