/** The payloads that others take to the letter, as files: a change here is a change of the contract. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseBatch } from '../../src/receive/incoming.ts';
import { stateJson } from '../../src/uplink/batch-json.ts';
import { encodeBatch } from '../../src/uplink/formats/json.ts';
import { until } from '../until.ts';
import { startRig } from '../uplink/rig.ts';
import { startScriptedBroker } from '../uplink/scripted-broker.ts';
import { gap, previousStream, sample } from './sample.ts';

const golden = (name: string) => readFileSync(new URL(`${name}.golden.json`, import.meta.url), 'utf8').trimEnd();

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
