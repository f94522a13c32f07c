/** Packing of records: to the byte, whatever they hold, and in how many bytes. */
import { describe, expect, it } from 'vitest';
import { simulatedDay } from '../bench/simulated-day.ts';
import { blockCodec } from '../src/block-codec.ts';
import { pack } from '../src/codec.ts';
import { decimalText, splitNumbers } from '../src/decimals.ts';
import type { JournalRecord } from '../src/journal/types.ts';
import { byteReader, byteWriter, MAX_WHOLE } from '../src/varint.ts';

const WALL_MS = Date.UTC(2026, 10, 22);
const reading = (index: number, valuesJson: string, sensor = 'air'): JournalRecord =>
  pack({
    kind: 'reading',
    sensor,
    at: { wallMs: WALL_MS + 1_000 * index, monoMs: 5_000 + 1_000 * index, synced: true },
    valuesJson,
  });
const bytesOf = (records: readonly JournalRecord[]) =>
  records.map(({ type, version, payload }) => `${type} ${version} ${Buffer.from(payload).toString('hex')}`);
const roundTrip = (records: readonly JournalRecord[]) => blockCodec.unpack(blockCodec.pack(records));

describe('whole numbers in few bytes', () => {
  it.each([0, 1, -1, 63, 64, -64, -65, 127, 128, 2 ** 31, -(2 ** 31) - 1, 2 ** 40 + 1, MAX_WHOLE, -MAX_WHOLE])(
    '%d comes back',
    (value) => {
      const writer = byteWriter();
      writer.signed(value);
      expect(byteReader(writer.done()).signed()).toBe(value);
    },
  );
});

describe('the numbers of a text', () => {
  it.each(['{"t":21.37}', '{"t":-0.05,"u":0}', '[1,2.5,-3]', '{"co2":400,"a1b":"7 \\" 8"}', '{}', '7'])(
    '%s are integers in their own step',
    (text) => {
      const split = splitNumbers(text)!;
      const parts = split.template.split('\0');
      const back = split.digits.map((digits, at) => decimalText(digits, split.decimals[at]!) + parts[at + 1]!);
      expect(parts[0] + back.join('')).toBe(text);
    },
  );
  it.each(['{"t":1e21}', '{"t":1.50}', '{"t":-0}', '{"t":12345678901234567890}', '{"t":0.1234567890123}', '{"t":-}'])(
    '%s are none that would come back',
    (text) => expect(splitNumbers(text)).toBeUndefined(),
  );
});

describe('a packed block', () => {
  it('gives back every byte of readings, events and windows of several sensors', () => {
    const records = Array.from({ length: 200 }, (_, index): JournalRecord => {
      if (index % 7 === 0) {
        const at = { wallMs: WALL_MS + index, monoMs: index, synced: index % 2 === 0 };
        return pack({ kind: 'window', sensor: 'shock', at, durationMs: 10_000, valuesJson: `{"count":${index}}` });
      }
      return reading(index, `{"t":${(20 + index / 100).toFixed(2).replace(/\.?0+$/, '')},"h":${40 - index}}`);
    });
    expect(bytesOf(roundTrip(records))).toEqual(bytesOf(records));
  });
  it('keeps as it is what does not fit a column', () => {
    const at = { wallMs: WALL_MS + 0.5, monoMs: 0.25, synced: false };
    const records = [
      reading(1, '{"t":1e-7}'),
      reading(2, '{"t":0.1}'),
      reading(3, '{"t":1e-7}'),
      pack({ kind: 'reading', sensor: 'air', at, valuesJson: '{"t":1}' }),
      { type: 9, version: 4, payload: Buffer.from('of a newer program') },
      { type: 1, version: 1, payload: Buffer.from([1]) },
      reading(4, `{"t":${MAX_WHOLE - 1}}`),
      reading(5, '{"t":0.125}'),
    ];
    expect(bytesOf(roundTrip(records))).toEqual(bytesOf(records));
  });
  it('is refused when it is none', () => {
    expect(() => blockCodec.unpack(Buffer.from([7, 1, 2]))).toThrow(RangeError);
    expect(() => blockCodec.unpack(Buffer.from([1, 1, 2]))).toThrow();
  });
  it('takes at most 1.2 bytes a value for a station of ten sensors', async () => {
    const { records, values } = await simulatedDay(200);
    let bytes = 0;
    for (let from = 0; from < records.length; from += 1_000) {
      const block = records.slice(from, from + 1_000);
      const packed = blockCodec.pack(block);
      bytes += packed.length;
      expect(bytesOf(blockCodec.unpack(packed))).toEqual(bytesOf(block));
    }
    expect(values).toBeGreaterThan(4_000);
    expect(bytes / values).toBeLessThan(1.2);
  });
});

describe('thinning', () => {
  const kept = (records: readonly JournalRecord[]) =>
    blockCodec.keep(records).flatMap((keeps, index) => (keeps ? [index] : []));
  it('keeps smallest, largest and every tenth reading of each sensor', () => {
    const values = Array.from({ length: 40 }, (_, index) => (index === 13 ? -5 : index === 27 ? 99 : index % 4));
    expect(kept(values.map((value, index) => reading(index, `{"t":${value}}`)))).toEqual([0, 10, 13, 20, 27, 30]);
  });
  it('keeps all events, windows, and what it does not understand', () => {
    const event = pack({
      kind: 'event',
      sensor: 'door',
      at: { wallMs: WALL_MS, monoMs: 1, synced: true },
      valuesJson: '{"state":1}',
    });
    const records = [
      reading(1, '{"t":1}'),
      reading(2, '{"t":1}'),
      event,
      event,
      { type: 9, version: 1, payload: Buffer.of() },
    ];
    expect(kept(records)).toEqual([0, 2, 3, 4]);
  });
});
