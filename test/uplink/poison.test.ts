import { describe, expect, it } from 'vitest';
import { createPoisonRule } from '../../src/uplink/poison.ts';

const takeBatches = (rule: ReturnType<typeof createPoisonRule>, count: number) => {
  for (let batch = 0; batch < count; batch++) rule.taken();
};

describe('the poison rule', () => {
  it('halves a batch that is refused, down to one record', () => {
    const rule = createPoisonRule(500);
    rule.refused(40);
    expect(rule.records()).toBe(20);
    for (let turn = 0; turn < 10; turn++) rule.refused(rule.records());
    expect(rule.records()).toBe(1);
  });

  it('halves after two sessions in a row in which nothing was taken', () => {
    const rule = createPoisonRule(5);
    rule.sessionFailed();
    expect(rule.records()).toBe(5);
    rule.sessionFailed();
    expect(rule.records()).toBe(2);
    rule.sessionFailed();
    rule.taken();
    rule.sessionFailed();
    expect(rule.records()).toBe(2);
  });

  it('doubles after a run of batches that were taken, sooner once the culprit is gone, up to what is configured', () => {
    const rule = createPoisonRule(10);
    rule.refused(10);
    takeBatches(rule, 99);
    expect(rule.records()).toBe(5);
    rule.taken();
    expect(rule.records()).toBe(10);
    rule.refused(2);
    rule.buried();
    takeBatches(rule, 8);
    expect(rule.records()).toBe(4);
    takeBatches(rule, 1_000);
    expect(rule.records()).toBe(10);
  });
});
