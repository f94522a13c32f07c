/** What is written can be read back: as jsonl and as csv, with windows. */
import { describe, expect, it } from 'vitest';
import { FORMATS, type Item } from '../../src/receive/formats.ts';
import { type IncomingRecord, recordOf } from '../../src/receive/incoming.ts';

const SAMPLES = { rate_hz: 200, unit: 'm/s2', scale: 0.01, axes: { x: [1, -2, 3], y: [0, 5, -6] } };
const STREAM = 'a'.repeat(24);
const record = (kind: IncomingRecord['kind'], members: object): Item => ({
  device: 'd',
  stream: STREAM,
  record: recordOf(kind, { seq: 7, time: '2026-11-22T12:00:00.000Z', sensor: 'motor', values: {}, ...members }),
});
const window = (samples: unknown) => record('window', { duration_ms: 15, samples });

describe('a window', () => {
  it('as jsonl is the record as it came', () => {
    const line = FORMATS.jsonl.write(window(SAMPLES));
    expect(JSON.parse(line)).toMatchObject({ device: 'd', stream: STREAM, seq: 7, values: {}, samples: SAMPLES });
    expect(FORMATS.jsonl.reader().line(line.trimEnd())).toMatchObject({ stream: STREAM, record: { seq: 7 } });
  });

  it('as csv is a row of its rate, one of its scale and one an axis, complete with the last', () => {
    const rows = FORMATS.csv.write(window(SAMPLES)).trimEnd().split('\n');
    expect(rows.map((row) => row.split(',').slice(10, 13).join(','))).toEqual([
      'rate_hz,200,4',
      'scale,0.01,4',
      'x,1 -2 3,4',
      'y,0 5 -6,4',
    ]);
    const reader = FORMATS.csv.reader();
    expect(rows.map((row) => reader.line(row))).toEqual([
      'more',
      'more',
      'more',
      expect.objectContaining({ stream: STREAM, record: expect.objectContaining({ kind: 'window', seq: 7 }) }),
    ]);
    const [next] = FORMATS.csv
      .write(record('reading', { values: { rms: 1.5 } }))
      .trimEnd()
      .split('\n');
    expect(reader.line(next!)).toMatchObject({ record: { kind: 'reading', values: { rms: 1.5 } } });
  });

  it.each([
    undefined,
    null,
    'text',
    { ...SAMPLES, rate_hz: '200' },
    { ...SAMPLES, axes: null },
    { ...SAMPLES, axes: { x: '1,2\n3' } },
    { ...SAMPLES, axes: { x: [1.5] } },
    { ...SAMPLES, axes: { 'x,y': [1] } },
  ])('with samples of another form, %j, is one row of csv without them', (samples) => {
    const text = FORMATS.csv.write(window(samples));
    expect(text).toMatch(/^d,a{24},window,7,,,,2026-11-22T12:00:00.000Z,15,motor,,,0,,,\n$/);
    expect(FORMATS.csv.reader().line(text.trimEnd())).toMatchObject({ record: { kind: 'window', seq: 7 } });
  });
});
