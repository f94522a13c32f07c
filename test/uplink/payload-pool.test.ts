import { describe, expect, it } from 'vitest';
import { createPayloadPool } from '../../src/uplink/payload-pool.ts';

const LARGE = 20_000;
const of = (letter: string, length = LARGE) => letter.repeat(length);
const textOf = (payload: string | Uint8Array) => Buffer.from(payload).toString('utf8');

describe('the buffers of payloads', () => {
  it('hold their text until they are given back, however many are out', () => {
    const pool = createPayloadPool(30_000);
    const taken = ['a', 'b', 'c', 'd'].map((letter) => ({ letter, ...pool.take(of(letter)) }));
    for (const { letter, payload } of taken) expect(textOf(payload)).toBe(of(letter));
    taken[1]!.release?.();
    const next = pool.take(of('e', LARGE + 1));
    expect(textOf(next.payload)).toBe(of('e', LARGE + 1));
    for (const { letter, payload } of [taken[0]!, taken[2]!, taken[3]!]) expect(textOf(payload)).toBe(of(letter));
  });

  it('are used again, but given back only once', () => {
    const pool = createPayloadPool(30_000);
    const memory = ({ payload }: { payload: string | Uint8Array }) => (payload as Uint8Array).buffer;
    const keeper = pool.take(of('k'));
    const first = pool.take(of('a'));
    first.release?.();
    first.release?.();
    const [second, third] = [pool.take(of('b')), pool.take(of('c'))];
    expect(memory(second)).toBe(memory(first));
    expect(new Set([keeper, second, third].map(memory)).size).toBe(3);
    expect(textOf(second.payload)).toBe(of('b'));
  });

  it('are not used for what is small, nor for what is larger than they are', () => {
    const pool = createPayloadPool(30_000);
    for (const text of ['{}', of('x', 30_001), of('µ', 16_000)]) expect(pool.take(text)).toEqual({ payload: text });
    const fits = pool.take(of('µ', 15_000));
    expect(fits.payload.length).toBe(30_000);
    expect(textOf(fits.payload)).toBe(of('µ', 15_000));
  });
});
