import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/batch.ts';
import { encodeBatch } from '../../../src/uplink/formats/json.ts';
import { readings, STREAM } from '../array-source.ts';

const batch = (count: number, more: Partial<Batch> = {}): Batch => ({
  stream: STREAM,
  volatile: false,
  previous: undefined,
  range: count > 0 ? { first: 1, last: count } : undefined,
  records: readings(1, count),
  skippedSeqs: [],
  gaps: [],
  position: { stream: STREAM, seq: count, gaps: more.gaps ?? [] },
  ...more,
});
const encode = (value: Batch, maxBytes: number) => encodeBatch(value, { device: 'greenhouse-1', maxBytes });

describe('a batch as JSON', () => {
  it('has readings also when it holds gaps only, and then neither first nor last', () => {
    const gap = { stream: STREAM, from: 1, to: 2, lost: 2, reason: 'damaged' } as const;
    const [message] = encode(batch(0, { gaps: [gap] }), 1_000);
    expect(JSON.parse(message!.payload)).toEqual({
      format: 1,
      device: 'greenhouse-1',
      stream: STREAM,
      readings: [],
      gaps: [gap],
    });
  });

  it('counts what its range holds and its lists do not, also when it is cut into parts', () => {
    const carried = [...readings(1, 50), ...readings(61, 99)];
    const skippedSeqs = [51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 100];
    const skipping = batch(100, { records: carried, skippedSeqs });
    const [whole] = encode(skipping, 100_000);
    expect(JSON.parse(whole!.payload)).toMatchObject({ first: 1, last: 100, skipped: 11 });
    const parts = encode(skipping, 1_000).map(({ payload }) => JSON.parse(payload));
    expect(parts.length).toBeGreaterThan(2);
    let next = 1;
    for (const { first, last, readings: list, skipped = 0 } of parts) {
      expect(first).toBe(next);
      expect(list.length + skipped).toBe(last - first + 1);
      next = last + 1;
    }
    expect(next).toBe(101);
  });

  it('accounts in each of its parts for what was thinned there and for what was not asked for', () => {
    // 11 to 30 were thinned; 71 to 80 are of a sensor that is not carried.
    const gap = { stream: STREAM, from: 11, to: 30, lost: 20, reason: 'thinned' } as const;
    const records = [...readings(1, 10), ...readings(31, 70), ...readings(81, 100)];
    const skippedSeqs = Array.from({ length: 10 }, (_, index) => 71 + index);
    const parts = encode(batch(100, { records, skippedSeqs, gaps: [gap] }), 1_000).map(({ payload }) =>
      JSON.parse(payload),
    );
    expect(parts.length).toBeGreaterThan(4);
    for (const { first, last, readings: list, gaps = [], skipped = 0 } of parts) {
      const thinned = gaps.length === 0 ? 0 : Math.max(0, Math.min(last, gap.to) - Math.max(first, gap.from) + 1);
      expect(list.length + thinned + skipped).toBe(last - first + 1);
    }
  });

  it('says that it is volatile', () => {
    expect(JSON.parse(encode(batch(1, { volatile: true }), 1_000)[0]!.payload)).toMatchObject({ volatile: true });
  });

  it.each([300, 500, 1_000, 1_001, 1_002, 5_000, 100_000])('never has more than %i bytes', (maxBytes) => {
    const gap = { stream: STREAM, from: 1, to: 2, lost: 2, reason: 'damaged' } as const;
    const messages = encode(batch(100, { previous: { stream: 'a'.repeat(24), last: 5 } }), maxBytes);
    for (const { payload } of messages) expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(maxBytes);
    const seqs = messages.flatMap(({ payload }) => JSON.parse(payload).readings.map(({ seq }: { seq: number }) => seq));
    expect(seqs).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(messages.map(({ records }) => records).reduce((a, b) => a + b)).toBe(100);
    const withGaps = encode(batch(100, { gaps: [gap] }), 5_000);
    for (const { payload } of withGaps) expect(payload.length).toBeLessThanOrEqual(5_000);
  });

  it('is acknowledged in parts: each part with its last number, the gaps with the first', () => {
    const gap = { stream: STREAM, from: 1, to: 2, lost: 2, reason: 'damaged' } as const;
    const messages = encode(batch(100, { gaps: [gap] }), 5_000);
    expect(messages.length).toBeGreaterThan(1);
    for (const [index, { payload, position }] of messages.entries()) {
      const { first, last, gaps } = JSON.parse(payload);
      expect(position).toEqual({ stream: STREAM, seq: last, gaps: index === 0 ? [gap] : [] });
      expect(gaps).toEqual(index === 0 ? [gap] : undefined);
      expect(first).toBe(index === 0 ? 1 : messages[index - 1]!.position.seq + 1);
    }
  });

  it('has the samples of a window beside its values, and sends a long window alone', () => {
    const [before, , after] = readings(1, 3);
    const samplesJson = `{"rate_hz":200,"unit":"m/s2","scale":0.01,"axes":{"x":[${Array(300).fill(-7)}]}}`;
    const window = { ...before!, seq: 2, kind: 'window' as const, durationMs: 1_500, valuesJson: '{}', samplesJson };
    const messages = encode(batch(3, { records: [before!, window, after!] }), 700);
    expect(messages.map(({ records }) => records)).toEqual([1, 1, 1]);
    const { readings: none, windows } = JSON.parse(messages[1]!.payload);
    expect(none).toEqual([]);
    expect(windows).toEqual([
      {
        ...{ seq: 2, time: before!.time, sensor: 'air', values: {}, duration_ms: 1_500 },
        samples: { rate_hz: 200, unit: 'm/s2', scale: 0.01, axes: { x: Array(300).fill(-7) } },
      },
    ]);
  });

  it('sends a record that is larger than the bound alone', () => {
    const [small, , after] = readings(1, 3);
    const large = { ...small!, seq: 2, valuesJson: `{"temperature":1${'0'.repeat(400)}}` };
    const messages = encode(batch(3, { records: [small!, large, after!] }), 400);
    expect(messages.map(({ records }) => records)).toEqual([1, 1, 1]);
  });
});
