/** Whatever the batch and the bound: the messages of a format carry each record once, in order, and cover every number. */
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch, BatchRecord } from '../../../src/batch.ts';
import { FORMAT_NAMES, type FormatName } from '../../../src/config/types.ts';
import { parseBatch } from '../../../src/receive/incoming.ts';
import { loadFormat } from '../../../src/uplink/formats/index.ts';
import { encodeLines } from '../../../src/uplink/formats/lines.ts';
import { resolveSenml } from '../../senml-decoder.ts';
import { STREAM } from '../array-source.ts';

type Seen = readonly (readonly [seq: number, sensor: string, channel: string, value: number])[];

/** All values of a payload, by decoders of their own. */
const READERS: Readonly<Record<FormatName | 'lines', (payload: string) => Seen>> = {
  json: (payload) =>
    parseBatch(payload).records.flatMap(({ seq, sensor, values }) =>
      Object.entries(values).map(([channel, value]) => [seq, sensor, channel, value] as const),
    ),
  senml: (payload) =>
    resolveSenml(payload).records.flatMap(({ n, seq, v }) => {
      const [, sensor, channel] = n.split('/');
      return seq === undefined ? [] : [[seq as number, sensor!, channel!, v!] as const];
    }),
  csv: (payload) =>
    (parse(payload, { columns: true }) as Record<string, string>[])
      .filter(({ kind }) => kind === 'reading')
      .map((row) => [Number(row.seq), row.sensor!, row.channel!, Number(row.value)]),
  influx: (payload) =>
    payload
      .split('\n')
      .filter((line) => line.startsWith('sedge,'))
      .flatMap((line) => {
        const [tags, fields] = line.split(' ');
        const sensor = /sensor=([^,]+)/.exec(tags!)![1]!;
        const pairs = fields!.split(',').map((pair) => pair.split('=') as [string, string]);
        const seq = Number.parseInt(new Map(pairs).get('seq')!, 10);
        return pairs
          .filter(([name]) => name.startsWith('c'))
          .map(([channel, value]) => [seq, sensor, channel, Number(value)] as const);
      }),
  lines: (payload) =>
    payload
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
      .filter((line) => line.seq !== undefined)
      .flatMap(({ seq, sensor, values }) =>
        Object.entries(values).map(([channel, value]) => [seq, sensor, channel, value as number] as const),
      ),
};

const value = fc.oneof(
  fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
);
const record = fc.record({
  /** Numbers left out before it: skipped. */
  skip: fc.nat(3),
  sensor: fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,10}$/),
  values: fc.dictionary(fc.stringMatching(/^c[a-z0-9_]{0,8}$/), value, {
    minKeys: 1,
    maxKeys: 4,
    noNullPrototype: true,
  }),
  timeMs: fc.integer({ min: 3e11, max: 4e12 }),
});
const batches = fc.array(record, { minLength: 1, maxLength: 40 }).map((entries): Batch => {
  let seq = 0;
  const records = entries.map(({ skip, sensor, values, timeMs }): BatchRecord => {
    seq += 1 + skip;
    return { seq, kind: 'reading', sensor, time: new Date(timeMs).toISOString(), valuesJson: JSON.stringify(values) };
  });
  return {
    ...{ stream: STREAM, volatile: false, previous: undefined, records, gaps: [] },
    range: { first: 1, last: seq },
    skippedSeqs: Array.from({ length: seq }, (_, index) => index + 1).filter(
      (one) => !records.some((kept) => kept.seq === one),
    ),
    position: { stream: STREAM, seq, gaps: [] },
  };
});

describe.each([...FORMAT_NAMES, 'lines'] as const)('%s', (name) => {
  it('says each value once, in order, within the bound', async () => {
    const encode = name === 'lines' ? encodeLines : (await loadFormat(name)).encode;
    fc.assert(
      fc.property(batches, fc.integer({ min: 300, max: 5_000 }), (batch, maxBytes) => {
        const messages = encode(batch, { device: 'hut', maxBytes, catalogue: {} });
        const expected = batch.records.flatMap(({ seq, sensor, valuesJson }) =>
          Object.entries(JSON.parse(valuesJson) as Record<string, number>).map(([channel, number]) => [
            ...[seq, sensor, channel],
            number,
          ]),
        );
        expect(messages.flatMap(({ payload }) => READERS[name](payload))).toEqual(expected);
        for (const { payload, records } of messages)
          if (records > 1) expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(maxBytes);
        expect(messages.reduce((sum, { records }) => sum + records, 0)).toBe(batch.records.length);
        expect(messages.at(-1)!.position.seq).toBe(batch.range!.last);
        for (const { records, only } of messages) expect(only !== undefined).toBe(records === 1);
      }),
      { numRuns: 60 },
    );
  });
});
