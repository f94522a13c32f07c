/** A batch with everything that a batch can hold, for the golden files of every format. */
import type { Batch } from '../../src/batch.ts';
import type { Catalogue } from '../../src/reading.ts';
import { STREAM } from '../uplink/array-source.ts';

export const previousStream = 'a3d1112233445566778899bb';
export const gap = { stream: previousStream, from: 900, to: 1040, lost: 141, reason: 'journal_full' } as const;
export const sample: Batch = {
  stream: STREAM,
  volatile: false,
  previous: { stream: previousStream, last: 1040 },
  range: { first: 1041, last: 1045 },
  skippedSeqs: [],
  records: [
    {
      seq: 1041,
      kind: 'reading',
      sensor: 'air',
      time: '2026-11-22T12:00:00.000Z',
      valuesJson: '{"temperature":21.37,"humidity":45.2,"pressure":1013.25}',
    },
    {
      seq: 1042,
      kind: 'reading',
      sensor: 'shock',
      time: '2026-11-22T12:00:00.000Z',
      durationMs: 10_000,
      valuesJson: '{"count":3}',
    },
    {
      seq: 1043,
      kind: 'reading',
      sensor: 'air',
      time: '2026-11-22T12:00:10.000Z',
      unsynced: { boot: '0f9c3a52-5a8e-4c39-9f0a-6b7c1d2e3f40', monoMs: 12345.67 },
      valuesJson: '{"temperature":21.38}',
    },
    { seq: 1044, kind: 'event', sensor: 'door', time: '2026-11-22T12:00:11.500Z', valuesJson: '{"state":1}' },
    {
      seq: 1045,
      kind: 'window',
      sensor: 'motor',
      time: '2026-11-22T12:00:12.000Z',
      durationMs: 1_000,
      valuesJson: '{"rms_x":0.12,"rms":0.34}',
    },
  ],
  gaps: [gap],
  position: { stream: STREAM, seq: 1045, gaps: [gap] },
};

const channel = (quantity: string, unit: string) => ({ quantity, unit });
/** What the station says of the sensors of the sample. */
export const catalogue = {
  air: {
    driver: 'bme280',
    every_ms: 10_000,
    channels: {
      temperature: channel('temperature', 'Cel'),
      humidity: channel('humidity', '%RH'),
      pressure: channel('pressure', 'hPa'),
    },
  },
  shock: { driver: 'sw420', every_ms: 10_000, channels: { count: channel('count', '1') } },
  door: { driver: 'reed', channels: { state: channel('state', '1') } },
  motor: {
    driver: 'adxl345',
    every_ms: 60_000,
    channels: { rms_x: channel('acceleration', 'm/s2'), rms: channel('velocity', 'mm/s') },
  },
} satisfies Catalogue;
