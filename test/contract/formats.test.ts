/** The formats that others take to the letter, as files, each read back by a decoder that shares nothing with the encoder. */
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import type { BatchRecord } from '../../src/batch.ts';
import { FORMAT_NAMES, type FormatName } from '../../src/config/types.ts';
import { COLUMNS } from '../../src/receive/formats.ts';
import { CSV_COLUMNS } from '../../src/uplink/formats/csv.ts';
import { loadFormat } from '../../src/uplink/formats/index.ts';
import { encodeLines } from '../../src/uplink/formats/lines.ts';
import { resolveSenml } from '../senml-decoder.ts';
import { catalogue, gap, previousStream, sample } from './sample.ts';

const GOLDEN: Readonly<Record<FormatName, string>> = {
  json: 'batch.golden.json',
  senml: 'batch.senml.golden.json',
  influx: 'batch.influx.golden.txt',
  csv: 'batch.golden.csv',
};
const golden = (name: FormatName) => readFileSync(new URL(GOLDEN[name], import.meta.url), 'utf8');
const device = 'greenhouse-1';
const encode = async (name: FormatName, batch = sample, maxBytes = 100_000) => {
  const messages = (await loadFormat(name)).encode(batch, { device, maxBytes, catalogue });
  return messages.map(({ payload }) => payload);
};
/** sensor/channel -> value of a record. */
const valuesOf = (record: BatchRecord) => Object.entries(JSON.parse(record.valuesJson) as Record<string, number>);

describe.each(FORMAT_NAMES)('the format %s', (name) => {
  it('is its golden file', async () => {
    const [payload, ...more] = await encode(name);
    expect(more).toEqual([]);
    expect(payload).toBe(name === 'json' ? golden(name).trimEnd() : golden(name));
  });

  it('keeps to max_bytes, and its parts cover the same numbers', async () => {
    const format = await loadFormat(name);
    const messages = format.encode(sample, { device, maxBytes: 900, catalogue });
    expect(messages.length).toBeGreaterThan(1);
    expect(messages.reduce((sum, { records }) => sum + records, 0)).toBe(sample.records.length);
    expect(messages.at(-1)!.position).toEqual({ ...sample.position, gaps: [] });
    expect(messages[0]!.position.gaps).toEqual([gap]);
    // A single record larger than the bound goes alone.
    for (const { payload, records } of messages) if (records > 1) expect(payload.length).toBeLessThanOrEqual(900);
  });

  it('carries gaps alone', async () => {
    const alone = { ...sample, range: undefined, previous: undefined, records: [], position: sample.position };
    const [payload] = await encode(name, alone);
    expect(payload).toContain(previousStream);
    expect(payload).toContain('journal_full');
  });
});

describe('senml, resolved by the rules of RFC 8428 section 4.6', () => {
  it('has every value under its name, with its unit and time', async () => {
    const resolved = resolveSenml(golden('senml'));
    const expected = sample.records.flatMap((record) =>
      valuesOf(record).map(([channel, v]) => ({
        n: `${device}/${record.sensor}/${channel}`,
        v,
        t: Date.parse(record.time) / 1000,
        seq: record.seq,
      })),
    );
    const values = resolved.records.filter(({ v }) => v !== undefined);
    expect(values.map(({ n, v, t, seq }) => ({ n, v, t, seq }))).toEqual(expected);
    expect(values.map(({ u }) => u)).toEqual(['Cel', '%RH', 'hPa', 'count', 'Cel', '/', 'm/s2', undefined]);
    // hPa is a secondary unit, which version 10 does not allow in `u` (RFC 8798 section 3, RFC 9100 section 4).
    expect(resolved.version).toBe(26);
    expect(values.at(-1)).toMatchObject({ unit: 'mm/s', kind: 'window', duration_ms: 1000 });
  });

  it('says the gap, the range and the stream before', async () => {
    const { records } = resolveSenml(golden('senml'));
    expect(records[0]).toMatchObject({
      n: `${device}/gap`,
      vs: `${previousStream} 900..1040 141 journal_full`,
      first: 1041,
      last: 1045,
      stream: sample.stream,
      previous_stream: previousStream,
      previous_last: 1040,
    });
  });

  it('is version 10 with primary units alone', async () => {
    const format = await loadFormat('senml');
    const { air } = catalogue;
    const plain = { air: { ...air, channels: { temperature: air.channels.temperature } } };
    const [message] = format.encode(sample, { device, maxBytes: 100_000, catalogue: plain });
    expect(resolveSenml(message!.payload).version).toBe(10);
  });

  it('never makes a time of a clock that nobody set into one relative to now', async () => {
    const record: BatchRecord = {
      ...sample.records[2]!,
      time: '1970-01-01T00:00:12.346Z',
    };
    const [payload] = await encode('senml', { ...sample, records: [record], range: { first: 1043, last: 1043 } });
    expect(resolveSenml(payload!).records.at(-1)).toMatchObject({
      t: 0,
      time: '1970-01-01T00:00:12.346Z',
      clock: 'unsynced',
      mono_ms: 12346,
    });
  });

  it('writes milliseconds to the digit', async () => {
    for (const [time, written] of [
      ['2026-11-22T12:00:00.001Z', '1795348800.001'],
      ['2026-11-22T12:00:00.120Z', '1795348800.12'],
      ['2026-11-22T12:00:00.000Z', '1795348800'],
    ] as const) {
      const [payload] = await encode('senml', { ...sample, records: [{ ...sample.records[0]!, time }] });
      expect(payload).toContain(`"bt":${written},`);
    }
  });

  it('says that all of its range was skipped, because a pack has a record', async () => {
    const [payload] = await encode('senml', { ...sample, records: [], gaps: [], skippedSeqs: [1041, 1042, 1043, 1044, 1045] });
    expect(resolveSenml(payload!).records).toMatchObject([{ n: `${device}/skipped`, v: 5, first: 1041, last: 1045 }]);
  });
});

describe('csv, read by csv-parse', () => {
  const rows = () => parse(golden('csv'), { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[];

  it('has a row for every value', () => {
    const expected = sample.records.flatMap((record) =>
      valuesOf(record).map(([channel, value]) => [String(record.seq), record.kind, record.sensor, channel, `${value}`]),
    );
    const found = rows().filter(({ channel }) => channel !== '');
    expect(found.map((row) => [row.seq, row.kind, row.sensor, row.channel, row.value])).toEqual(expected);
    expect(found.filter(({ seq }) => seq === '1041').map(({ channels, unit }) => `${channels} ${unit}`)).toEqual([
      '3 Cel',
      '3 %RH',
      '3 hPa',
    ]);
  });

  it('says the gap and the stream before', () => {
    expect(rows().filter(({ channel }) => channel === '')).toMatchObject([
      { kind: 'previous', stream: previousStream, seq: '1040' },
      { kind: 'gap', stream: previousStream, seq: '900', to: '1040', lost: '141', reason: 'journal_full' },
    ]);
  });

  it('has the columns of what `sedge receive` writes, and the unit', () => {
    expect(CSV_COLUMNS.filter((column) => column !== 'unit')).toEqual([...COLUMNS]);
  });

  it('quotes a unit of a user’s driver, and counts its bytes', async () => {
    const odd = { air: { driver: 'x', channels: { temperature: { quantity: 'odd', unit: '"µ",\n' } } } };
    const format = await loadFormat('csv');
    const [message] = format.encode(sample, { device, maxBytes: 100_000, catalogue: odd });
    const parsed = parse(message!.payload, { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[];
    expect(parsed.find(({ channel }) => channel === 'temperature')?.unit).toBe('"µ",\n');
  });

  it('has nothing to send when it has nothing to say', async () => {
    const nothing = { ...sample, range: undefined, previous: undefined, records: [], gaps: [] };
    expect(await encode('csv', nothing)).toEqual(['']);
    expect(await encode('influx', nothing)).toEqual(['']);
  });
});

describe('the samples of a window', () => {
  const samples = { rate_hz: 800, unit: 'm/s2', scale: 0.0383072265625, axes: { x: [3, -1, 4], y: [0, 1, 0] } };
  const record: BatchRecord = { ...sample.records[4]!, valuesJson: '{}', samplesJson: JSON.stringify(samples) };
  const window = { ...sample, gaps: [], records: [record], range: { first: 1045, last: 1045 } };

  it('are text of their own in senml', async () => {
    const [payload] = await encode('senml', window);
    const { records } = resolveSenml(payload!);
    expect(records).toMatchObject([{ n: `${device}/motor/samples`, t: 1795348812, seq: 1045, kind: 'window' }]);
    expect(JSON.parse(records[0]!.vs!)).toEqual(samples);
  });

  it('are rows in csv, as `sedge receive` writes them', async () => {
    const [payload] = await encode('csv', window);
    const rows = parse(payload!, { columns: true, record_delimiter: '\r\n' }) as Record<string, string>[];
    expect(rows.slice(1).map(({ channel, value, unit, channels }) => [channel, value, unit, channels])).toEqual([
      ['rate_hz', '800', 'Hz', '4'],
      ['scale', '0.0383072265625', 'm/s2', '4'],
      ['x', '3 -1 4', '', '4'],
      ['y', '0 1 0', '', '4'],
    ]);
  });

  it('are fields in influx, in a series other than that of the reading of the same time', async () => {
    const [payload] = await encode('influx', window);
    expect(payload).toContain(
      'sedge,device=greenhouse-1,kind=window,sensor=motor samples_rate_hz=800,samples_scale=0.0383072265625,samples_x="3 -1 4",samples_y="0 1 0",seq=1045i,',
    );
  });

  it('are as in the batch in lines', () => {
    const [message] = encodeLines(window, { device, maxBytes: 100_000, catalogue });
    const lines = message!.payload.trimEnd().split('\n').map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ kind: 'window', seq: 1045, samples });
  });
});

describe('influx', () => {
  it('keeps a channel that has the name of a field of ours', async () => {
    const record = { ...sample.records[0]!, valuesJson: '{"seq":7.5,"count":3}' };
    const [payload] = await encode('influx', { ...sample, gaps: [], records: [record] });
    expect(payload).toContain(' seq=7.5,count=3,stream="');
  });

  it('writes times before 1970 and at its beginning', async () => {
    for (const [time, written] of [
      ['1970-01-01T00:00:00.000Z', ' 0\n'],
      ['1970-01-01T00:00:00.001Z', ' 1000000\n'],
      ['1969-12-31T23:59:59.999Z', ' -1000000\n'],
    ] as const) {
      const [payload] = await encode('influx', { ...sample, gaps: [], records: [{ ...sample.records[0]!, time }] });
      expect(payload).toContain(written);
    }
  });
});
