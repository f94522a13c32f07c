import { describe, expect, it } from 'vitest';
import { createBackoff } from '../../src/uplink/backoff.ts';

/** mulberry32: a seeded source, so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('back-off', () => {
  const limits = (host: string) => {
    const backoff = createBackoff({ host, random: () => 1 });
    return Array.from({ length: 9 }, () => backoff.nextMs() / 1000);
  };

  it('doubles its limit up to a minute', () => {
    expect(limits('broker.example')).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it('goes up to five seconds in one’s own network', () => {
    expect(limits('192.168.1.5')).toEqual([1, 2, 4, 5, 5, 5, 5, 5, 5]);
  });

  it('is anywhere below the limit', () => {
    const backoff = createBackoff({ host: 'broker.example', random: () => 0 });
    expect(backoff.nextMs()).toBe(0);
  });

  it('begins anew only after a session that lasted', () => {
    const backoff = createBackoff({ host: 'broker.example', random: () => 1 });
    for (let failure = 0; failure < 5; failure++) backoff.nextMs();
    backoff.sessionEnded(59_999);
    expect(backoff.nextMs()).toBe(32_000);
    backoff.sessionEnded(60_000);
    expect(backoff.nextMs()).toBe(1_000);
  });

  it('spreads a thousand stations after an hour without the broker to at most 60 connects a second', () => {
    const random = seeded(7);
    const outageMs = 3_600_000;
    const perSecond = new Map<number, number>();
    for (let station = 0; station < 1_000; station++) {
      const backoff = createBackoff({ host: 'broker.example', random });
      let nowMs = 0;
      while (nowMs < outageMs) nowMs += backoff.nextMs();
      const second = Math.floor(nowMs / 1000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    }
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(60);
  });
});
