/**
 * How many records a batch may have, for a broker that does not take some batch (too large, or a content that it
 * refuses): after two sessions in a row in which nothing was acknowledged, half as many; with each acknowledgement twice
 * as many again, up to what the configuration says. So one poisonous record is at last alone, and holds up nothing that
 * is before it.
 */

const FRUITLESS_SESSIONS = 2;

export interface BatchLimit {
  records(): number;
  acknowledged(): void;
  /** A session ended with batches in flight. */
  sessionFailed(): void;
}

export function createBatchLimit(maxRecords: number): BatchLimit {
  let limit = maxRecords;
  let fruitless = 0;
  return {
    records: () => limit,
    acknowledged() {
      fruitless = 0;
      limit = Math.min(limit * 2, maxRecords);
    },
    sessionFailed() {
      fruitless += 1;
      if (fruitless < FRUITLESS_SESSIONS) return;
      fruitless = 0;
      limit = Math.max(1, Math.floor(limit / 2));
    },
  };
}
