/** The bytes on disk. The golden segment was written by format version 1 and must stay readable for ever. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  BLOCK_BYTES,
  decodeFrame,
  decodeHeader,
  encodeFrame,
  encodeHeader,
  recordsOf,
  type SegmentHeader,
} from '../../src/journal/format.ts';

const GOLDEN = new URL('../contract/journal-segment-1.hex', import.meta.url);
const LINE_BYTES = 32;

const HEADER: SegmentHeader = {
  number: 7,
  salt: 0xdeadbeef,
  stream: '5f0c00112233445566778899',
  bootId: '11111111-2222-3333-4444-555555555555',
  firstSeq: 2 ** 40 + 3,
  streamFirstSeq: 2 ** 40 + 1,
  previous: { stream: 'a3d1ffeeddccbbaa99887766', last: 2 ** 40 },
  wallMs: Date.UTC(2026, 10, 22, 12),
  monoMs: 1234.5,
};
const RECORDS = [
  { type: 1, version: 1, payload: Buffer.from('first') },
  { type: 2, version: 3, payload: Buffer.alloc(0) },
  { type: 3, version: 1, payload: Buffer.from([0, 255, 128]) },
];

function segment(): Buffer {
  const frame = Buffer.alloc(BLOCK_BYTES);
  encodeFrame(frame, RECORDS, HEADER.firstSeq, 1, HEADER);
  return Buffer.concat([encodeHeader(HEADER), frame]);
}

/** `offset: hex`, without the lines that are all zero. */
function toHex(bytes: Buffer): string {
  let text = `length: ${bytes.length}\n`;
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    const line = bytes.subarray(at, at + LINE_BYTES);
    if (line.some((byte) => byte !== 0)) text += `${at.toString(16).padStart(4, '0')}: ${line.toString('hex')}\n`;
  }
  return text;
}
function fromHex(text: string): Buffer {
  const [head, ...lines] = text.trimEnd().split('\n');
  const bytes = Buffer.alloc(Number(head!.replace('length: ', '')));
  for (const line of lines) bytes.write(line.slice(6), Number.parseInt(line.slice(0, 4), 16), 'hex');
  return bytes;
}

describe('the golden segment', () => {
  it('is written byte for byte as it was', () => {
    expect(toHex(segment())).toBe(readFileSync(GOLDEN, 'utf8'));
  });

  it('is read', () => {
    const bytes = fromHex(readFileSync(GOLDEN, 'utf8'));
    const header = decodeHeader(bytes.subarray(0, BLOCK_BYTES));
    expect(header).toEqual(HEADER);
    const frame = decodeFrame(bytes, BLOCK_BYTES, 1, HEADER);
    expect(recordsOf(frame!)).toEqual(RECORDS.map((record, index) => ({ ...record, seq: HEADER.firstSeq + index })));
  });
});

describe('a frame', () => {
  it('is not valid under another salt, segment number or place, nor cut short', () => {
    const bytes = segment().subarray(BLOCK_BYTES);
    expect(decodeFrame(bytes, 0, 1, HEADER)).toBeDefined();
    expect(decodeFrame(bytes, 0, 1, { ...HEADER, salt: 1 })).toBeUndefined();
    expect(decodeFrame(bytes, 0, 1, { ...HEADER, number: 8 })).toBeUndefined();
    expect(decodeFrame(bytes, 0, 2, HEADER)).toBeUndefined();
    expect(decodeFrame(bytes.subarray(0, 50), 0, 1, HEADER)).toBeUndefined();
  });
});

describe('a header', () => {
  it('survives the loss of either copy, and is kept apart when it is of a newer version', () => {
    const copies = [0, 2048];
    for (const at of copies) {
      const block = encodeHeader(HEADER);
      block.fill(0xff, at, at + 200);
      expect(decodeHeader(block)).toEqual(HEADER);
    }
    expect(decodeHeader(Buffer.alloc(BLOCK_BYTES))).toBeUndefined();
  });
});
