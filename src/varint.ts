/**
 * Whole numbers in as few bytes as they need: seven bits a byte, lowest first, the top bit says that more follow. Signed
 * ones as zigzag (0, -1, 1, -2 ... become 0, 1, 2, 3 ...). Exact for every integer up to 2^51, which is MAX_WHOLE.
 */

/** Sums and differences of two such numbers, doubled by zigzag, are still exact in a double. */
export const MAX_WHOLE = 2 ** 51;

export interface ByteWriter {
  unsigned(value: number): void;
  signed(value: number): void;
  /** Its length, then the bytes. */
  bytes(value: Uint8Array): void;
  text(value: string): void;
  done(): Buffer;
}

export function byteWriter(): ByteWriter {
  let buffer = Buffer.allocUnsafe(16 * 1024);
  let at = 0;
  const room = (bytes: number) => {
    if (at + bytes <= buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * buffer.length, at + bytes));
    buffer.copy(grown, 0, 0, at);
    buffer = grown;
  };
  const unsigned = (value: number) => {
    room(8);
    let rest = value;
    // Beyond 2^31 the operators on 32 bits would lose digits.
    for (; rest >= 0x80000000; rest = Math.floor(rest / 128)) buffer[at++] = (rest % 128) | 0x80;
    for (; rest >= 0x80; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
    buffer[at++] = rest;
  };
  const bytes = (value: Uint8Array) => {
    unsigned(value.length);
    room(value.length);
    buffer.set(value, at);
    at += value.length;
  };
  return {
    unsigned,
    signed: (value) => unsigned(value < 0 ? -2 * value - 1 : 2 * value),
    bytes,
    text: (value) => bytes(Buffer.from(value)),
    done: () => buffer.subarray(0, at),
  };
}

export interface ByteReader {
  unsigned(): number;
  signed(): number;
  /** A view of the bytes read from. */
  bytes(): Buffer;
  text(): string;
}

/** Throws a RangeError where the bytes end too early. */
export function byteReader(buffer: Buffer): ByteReader {
  let at = 0;
  const unsigned = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = buffer[at++];
      if (byte === undefined) throw new RangeError('the bytes end inside a number');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  const bytes = () => {
    const length = unsigned();
    if (at + length > buffer.length) throw new RangeError('the bytes end inside a text');
    at += length;
    return buffer.subarray(at - length, at);
  };
  return {
    unsigned,
    signed() {
      const value = unsigned();
      return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
    },
    bytes,
    text: () => bytes().toString('utf8'),
  };
}
