import { describe, expect, it } from 'vitest';
import { checkedWords } from '../src/checked-words.ts';
import { crc8 } from '../src/driver.ts';

/** The example of Sensirion's datasheets, 0xBEEF with 0x92, and a word whose bytes are told apart by their order. */
const REPLY = Uint8Array.of(0xbe, 0xef, 0x92, 0x66, 0x67, crc8(Uint8Array.of(0x66, 0x67)));

describe('words that are followed by their checksums', () => {
  it('are read most significant byte first', () => {
    expect(checkedWords(REPLY, 2, crc8)).toEqual([0xbeef, 0x6667]);
    expect(checkedWords(REPLY.subarray(0, 3), 1, crc8)).toEqual([0xbeef]);
  });

  it('are none where a single bit of a word or of a checksum is wrong', () => {
    for (let bit = 0; bit < REPLY.length * 8; bit++) {
      const flipped = REPLY.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(checkedWords(flipped, 2, crc8), `bit ${bit}`).toBeUndefined();
    }
  });

  it('are none where there are more or fewer than were asked for', () => {
    expect(checkedWords(REPLY, 1, crc8)).toBeUndefined();
    expect(checkedWords(REPLY, 3, crc8)).toBeUndefined();
    expect(checkedWords(REPLY.subarray(0, 5), 2, crc8)).toBeUndefined();
  });
});
