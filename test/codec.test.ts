/** What goes into a journal record comes out of it, to the last digit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PackedReading, pack, unpack } from '../src/codec.ts';

const reading = fc.record(
  {
    kind: fc.constantFrom('reading' as const, 'event' as const, 'window' as const),
    sensor: fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/),
    at: fc.record({
      wallMs: fc.double({ noNaN: true, min: -1e14, max: 1e14 }),
      monoMs: fc.double({ noNaN: true, min: 0, max: 1e12 }),
      synced: fc.boolean(),
    }),
    durationMs: fc.double({ noNaN: true, min: 0, max: 1e9 }),
    valuesJson: fc
      .dictionary(fc.stringMatching(/^[a-z][a-z0-9_]*$/), fc.double({ noNaN: true, noDefaultInfinity: true }))
      .map((values) => JSON.stringify(values)),
    samplesJson: fc.string({ unit: 'grapheme' }),
  },
  { requiredKeys: ['kind', 'sensor', 'at', 'valuesJson'] },
);

describe('a packed reading', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(reading, (given) => {
        expect(unpack(pack(given as PackedReading))).toEqual(given);
      }),
    );
  });

  it('is small: 18 bytes beside the id and the text of the values', () => {
    const { payload } = pack({
      kind: 'reading',
      sensor: 'air',
      at: { wallMs: 1, monoMs: 2, synced: true },
      valuesJson: '{"temperature":21.37}',
    });
    expect(payload.length).toBe(18 + 'air'.length + '{"temperature":21.37}'.length);
  });

  it('of a kind or version that this program does not know is left to one that does', () => {
    const record = pack({
      kind: 'reading',
      sensor: 'air',
      at: { wallMs: 1, monoMs: 2, synced: true },
      valuesJson: '{}',
    });
    expect(unpack({ ...record, version: 3 })).toBeUndefined();
    expect(unpack({ ...record, type: 77 })).toBeUndefined();
  });
});
