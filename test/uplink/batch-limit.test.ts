import { describe, expect, it } from 'vitest';
import { createBatchLimit } from '../../src/uplink/batch-limit.ts';

describe('the limit of a batch', () => {
  it('halves after two sessions in a row without an acknowledgement, down to one record', () => {
    const limit = createBatchLimit(5);
    limit.sessionFailed();
    expect(limit.records()).toBe(5);
    limit.sessionFailed();
    expect(limit.records()).toBe(2);
    for (let session = 0; session < 10; session++) limit.sessionFailed();
    expect(limit.records()).toBe(1);
  });

  it('does not halve when something was acknowledged between', () => {
    const limit = createBatchLimit(5);
    limit.sessionFailed();
    limit.acknowledged();
    limit.sessionFailed();
    expect(limit.records()).toBe(5);
  });

  it('doubles after a run of acknowledgements, up to what is configured', () => {
    const limit = createBatchLimit(10);
    for (let session = 0; session < 4; session++) limit.sessionFailed();
    expect(limit.records()).toBe(2);
    for (let batch = 0; batch < 99; batch++) limit.acknowledged();
    expect(limit.records()).toBe(2);
    limit.acknowledged();
    expect(limit.records()).toBe(4);
    for (let batch = 0; batch < 1_000; batch++) limit.acknowledged();
    expect(limit.records()).toBe(10);
  });
});
