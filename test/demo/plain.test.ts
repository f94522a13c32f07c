import { describe, expect, it } from 'vitest';
import { PLAIN_EVERY_MS, plainLine, summary } from '../../src/demo/plain.ts';

const totals = {
  taken: 41,
  accepted: 40,
  acknowledged: 38,
  batches: 5,
  backlog: 2,
  gaps: 0,
  received: 40,
  repeated: 0,
};
const noonMs = Date.UTC(2026, 10, 22, 12, 0, 5);

describe('the demo on a pipe', () => {
  it('prints one line of totals with the word acknowledged, at least every 5 s', () => {
    expect(plainLine(noonMs, totals, true)).toBe(
      '12:00:05 taken 41, accepted 40, acknowledged 38 in 5 batches, backlog 2, gaps 0',
    );
    expect(PLAIN_EVERY_MS).toBeLessThanOrEqual(5_000);
  });

  it('says when the broker is cut, and knows the singular', () => {
    expect(plainLine(noonMs, { ...totals, batches: 1 }, false)).toBe(
      '12:00:05 taken 41, accepted 40, acknowledged 38 in 1 batch, backlog 2, gaps 0, broker cut',
    );
  });

  it('ends with what the broker counted itself and what was lost', () => {
    const done = { ...totals, acknowledged: 40, backlog: 0 };
    expect(summary({ totals: done, declaredLost: 0 }).split('\n')).toEqual([
      'taken         41',
      'accepted      40',
      'acknowledged  40 in 5 batches',
      'received      40 distinct, counted by the broker (0 came twice)',
      'lost: 0',
    ]);
  });

  it('tells what was lost from what was only not delivered yet', () => {
    expect(summary({ totals: { ...totals, received: 38 }, declaredLost: 0 })).toContain(
      'undelivered   2: the broker was not back in time\nlost: 0',
    );
    expect(summary({ totals: { ...totals, backlog: 0, received: 30 }, declaredLost: 10 })).toContain(
      'lost: 10 (10 reported as gaps)',
    );
  });
});
