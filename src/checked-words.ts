/** Words of 16 bits, most significant byte first, each followed by its checksum: how Sensirion's parts and their like reply. */

const BYTES_PER_WORD = 3;

/** The words of a reply; undefined if one of their checksums is wrong or there are not `count` of them. */
export function checkedWords(
  reply: Uint8Array,
  count: number,
  crc8: (bytes: Uint8Array) => number,
): readonly number[] | undefined {
  if (reply.length !== count * BYTES_PER_WORD) return undefined;
  const words: number[] = [];
  for (let at = 0; at < reply.length; at += BYTES_PER_WORD) {
    if (crc8(reply.subarray(at, at + 2)) !== reply[at + 2]) return undefined;
    words.push((reply[at]! << 8) | reply[at + 1]!);
  }
  return words;
}
