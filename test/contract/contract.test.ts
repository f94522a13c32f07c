/** The payloads that others take to the letter, as files: a change here is a change of the contract. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/batch.ts';
import { parseBatch } from '../../src/receive/incoming.ts';
import { encodeBatch, stateJson } from '../../src/uplink/batch-json.ts';
import { until } from '../until.ts';
import { STREAM } from '../uplink/array-source.ts';
import { startRig } from '../uplink/rig.ts';
import { startScriptedBroker } from '../uplink/scripted-broker.ts';

const golden = (name: string) => readFileSync(new URL(`${name}.golden.json`, import.meta.url), 'utf8').trimEnd();

const previousStream = 'a3d1112233445566778899bb';
const gap = { stream: previousStream, from: 900, to: 1040, lost: 141, reason: 'journal_full' } as const;
const sample: Batch = {
  stream: STREAM,
  volatile: false,
  previous: { stream: previousStream, last: 1040 },
  range: { first: 1041, last: 1045 },
  skipped: 0,
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

describe('the contract', () => {
  it('of a batch', () => {
    const [message, ...more] = encodeBatch(sample, { device: 'greenhouse-1', maxBytes: 100_000 });
    expect(more).toEqual([]);
    expect(message!.payload).toBe(golden('batch'));
  });

  it('of a batch is what the receiver takes', () => {
    const batch = parseBatch(golden('batch'));
    expect(batch.records.map(({ kind, seq }) => `${kind} ${seq}`)).toEqual([
      'reading 1041',
      'reading 1042',
      'reading 1043',
      'event 1044',
      'window 1045',
    ]);
    expect(batch.gaps).toEqual([gap]);
    expect(batch.previous).toEqual({ stream: previousStream, last: 1040 });
  });

  it('of a state message', () => {
    const message = {
      sensor: 'air',
      time: '2026-11-22T12:00:00.000Z',
      valuesJson: '{"temperature":21.37,"humidity":45.2}',
    };
    expect(stateJson(message)).toBe(golden('state'));
    expect(stateJson({ ...message, durationMs: 1_000, unsynced: { boot: 'b', monoMs: 1 } })).toBe(
      golden('state').replace('}', ',"duration_ms":1000,"clock":"unsynced"}'),
    );
    expect(stateJson({ ...message, valuesJson: '{}' })).toBe('{"time":"2026-11-22T12:00:00.000Z"}');
  });

  it('of info', async () => {
    const broker = await startScriptedBroker();
    const { uplink } = startRig({ url: broker.url });
    await until('info is there', () => broker.payloads('sedge/greenhouse-1/info').length === 1);
    expect(broker.payloads('sedge/greenhouse-1/info')[0]).toBe(golden('info'));
    await uplink.stop(1_000);
    await broker.close();
  });

  it('of health: a sample with every member that must be there', () => {
    expect(Object.keys(JSON.parse(golden('health')))).toEqual(
      expect.arrayContaining([
        ...['time', 'uptime_s', 'stream', 'clock', 'storage', 'pending', 'oldest', 'accepted', 'dropped', 'commits'],
        ...['bytes_written', 'sensors'],
      ]),
    );
  });
});
