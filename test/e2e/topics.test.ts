/** What a subscriber sees of the built program, topic by topic (the outer contract), on an embedded broker. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoBroker, startBroker } from '../../src/demo/broker.ts';
import { type SedgeProcess, startSedge, until } from '../sedge-process.ts';

interface Seen {
  readonly topic: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever a publisher sends
  readonly body: any;
}

let directory: string;
let broker: DemoBroker;
let run: SedgeProcess;
let status: number | string;
const seen: Seen[] = [];
const base = 'sedge/greenhouse-1';
const on = (topic: string) => seen.filter((one) => one.topic === `${base}/${topic}`).map(({ body }) => body);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-topics-'));
  broker = await startBroker();
  broker.onPublish(
    (topic, payload) => void seen.push({ topic, body: payload.length === 0 ? '' : JSON.parse(payload.toString()) }),
  );
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1
device: greenhouse-1
sensors:
  air: { driver: bme280, every: 100ms, filters: { temperature: [ { offset: -0.8 } ] } }
  shock: { driver: sw420, line: 27, every: 200ms }
  door: { driver: gpio-input, line: 17 }
  lost: { driver: bh1750, every: 1s }
journal: { directory: ${join(directory, 'journal')}, commit_every: 50ms }
uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:${broker.port}", batch: { max_wait: 100ms } } }
simulation: { faults: { lost: [ { kind: nack, rate: 1 } ] } }
`,
  );
  run = startSedge(['run', '--simulate'], { cwd: directory });
  await until(
    'a few batches',
    () => on('readings').length >= 5 && on('status/lost').some(({ state }) => state === 'offline'),
  );
  run.kill('SIGTERM');
  status = await run.ended;
}, 60_000);
afterAll(async () => {
  run.kill('SIGKILL');
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('a clean run', () => {
  it('ends with 0', () => expect(status).toBe(0));

  it('says online before anything else and offline last', () => {
    expect(seen[0]).toEqual({ topic: `${base}/status`, body: { state: 'online' } });
    expect(seen.at(-1)).toEqual({ topic: `${base}/status`, body: { state: 'offline' } });
  });

  it('numbers records without a hole over readings and events', () => {
    let next = 1;
    for (const { format, device, stream, first, last, readings, events = [], gaps } of on('readings')) {
      expect({ format, device, gaps }).toEqual({ format: 1, device: 'greenhouse-1', gaps: undefined });
      expect(stream).toMatch(/^[0-9a-f]{24}$/);
      expect(first).toBe(next);
      const seqs = [...readings, ...events].map(({ seq }) => seq).sort((a, b) => a - b);
      expect(seqs).toEqual(Array.from({ length: last - first + 1 }, (_, n) => first + n));
      next = last + 1;
    }
    expect(next).toBeGreaterThan(10);
  });

  it('gives readings with time, sensor and values, windows with their length, events apart', () => {
    const readings = on('readings').flatMap((batch) => batch.readings);
    const air = readings.filter(({ sensor }) => sensor === 'air');
    expect(Object.keys(air[0])).toEqual(['seq', 'time', 'sensor', 'values']);
    expect(Object.keys(air[0].values)).toEqual(['temperature', 'humidity', 'pressure']);
    expect(air[0].time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(new Set(air.map(({ time }) => time)).size).toBe(air.length);
    const shock = readings.find(({ sensor }) => sensor === 'shock');
    expect(shock.values).toHaveProperty('count');
    expect(shock.duration_ms).toBeGreaterThan(0);
    const events = on('readings').flatMap((batch) => batch.events ?? []);
    expect(events[0]).toMatchObject({ sensor: 'door', values: { state: expect.any(Number) } });
  });

  it('gives the same numbers and times as state, flat', () => {
    const readings = on('readings')
      .flatMap((batch) => batch.readings)
      .filter(({ sensor }) => sensor === 'air');
    const states = on('state/air');
    expect(states.length).toBeGreaterThan(3);
    for (const { time, ...values } of states) {
      expect(readings.find((reading) => reading.time === time)?.values).toEqual(values);
    }
  });

  it('describes the sensors in info', () => {
    const [info] = on('info');
    expect(info).toMatchObject({
      format: 1,
      version: expect.any(String),
      device: 'greenhouse-1',
      stream: on('readings')[0].stream,
    });
    expect(Object.keys(info.sensors)).toEqual(['air', 'shock', 'door', 'lost']);
    expect(info.sensors.air).toEqual({
      driver: 'bme280',
      every_ms: 100,
      channels: {
        temperature: { quantity: 'temperature', unit: 'Cel' },
        humidity: { quantity: 'humidity', unit: '%RH' },
        pressure: { quantity: 'pressure', unit: 'hPa' },
      },
    });
  });

  it('says per sensor whether it works, and why not', () => {
    expect(on('status/air').at(-1)).toEqual({ state: 'online' });
    expect(on('status/lost').at(-1)).toEqual({
      state: 'offline',
      error: 'bus.nack',
      message: expect.stringMatching(/0x23/),
    });
  });

  it('reports its health, with every member of the contract and of its golden sample', () => {
    const health = on('health').at(-1);
    expect(health).toMatchObject({
      time: expect.stringMatching(/Z$/),
      uptime_s: expect.any(Number),
      stream: on('readings')[0].stream,
      clock: 'synced',
      storage: 'ok',
      pending: { cloud: expect.any(Number) },
      accepted: expect.any(Number),
      dropped: 0,
      commits: expect.any(Number),
      bytes_written: expect.any(Number),
      sensors: {
        air: { reads: expect.any(Number), failures: 0, missed: expect.any(Number) },
        lost: { reads: 0, failures: expect.any(Number), missed: expect.any(Number) },
      },
    });
    expect(health).toHaveProperty('oldest');
    for (const one of on('health')) expect(one.first === null).toBe(one.oldest === null);
  });
});
