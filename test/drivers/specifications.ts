/** What the tests of several drivers ask in the same way. Each is a specification of its own: called inside `describe`. */
import { expect, it } from 'vitest';

/** A reply with a checksum is read, and not believed any more when a single bit of it is turned over, or its end is missing. */
export function believesNoWrongBit(reply: Uint8Array, expected: unknown, decode: (reply: Uint8Array) => unknown): void {
  it('believes no reply in which a single bit is wrong, or which is short', () => {
    expect(decode(reply)).toEqual(expected);
    for (let bit = 0; bit < reply.length * 8; bit++) {
      const flipped = reply.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(decode(flipped), `bit ${bit}`).toBeUndefined();
    }
    expect(decode(reply.subarray(0, -1))).toBeUndefined();
  });
}
