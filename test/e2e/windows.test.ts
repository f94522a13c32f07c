/** The samples of a burst, all the way: the built program on a simulated chip, an embedded broker, `sedge receive`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DemoBroker, startBroker } from '../../src/demo/broker.ts';
import { type SedgeProcess, startSedge, until } from '../sedge-process.ts';

let directory: string;
let broker: DemoBroker;
let run: SedgeProcess;
let receive: SedgeProcess;
const info: string[] = [];
const states: string[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-windows-'));
  broker = await startBroker();
  broker.onPublish((topic, payload) => {
    if (topic.endsWith('/info')) info.push(payload.toString());
    if (topic.endsWith('/state/motor')) states.push(payload.toString());
  });
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1
device: mill
sensors:
  motor:
    driver: mpu6050
    every: 500ms
    options: { mode: burst, rate: 200Hz, window: 200ms, raw: always, bands: 20-60 }
journal: { directory: ${join(directory, 'journal')}, commit_every: 50ms }
uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:${broker.port}", batch: { max_wait: 100ms, max_bytes: 1KB } } }
`,
  );
  const out = join(directory, 'all.jsonl');
  receive = startSedge(['receive', '--url', `mqtt://127.0.0.1:${broker.port}`, '--out', out]);
  await until('the receiver is there', () => receive.stderr().includes('receiving'));
  run = startSedge(['run', '--simulate'], { cwd: directory });
  await until('three windows', () => (readFileSync(out, 'utf8').match(/"samples"/g)?.length ?? 0) >= 3);
  run.kill('SIGTERM');
  await run.ended;
  receive.kill('SIGTERM');
  await receive.ended;
}, 60_000);
afterAll(async () => {
  run.kill('SIGKILL');
  receive.kill('SIGKILL');
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: lines of JSON, judged below
const lines = (): any[] =>
  readFileSync(join(directory, 'all.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

it('arrive whole, each after the reading that it led to, under its time', () => {
  const records = lines();
  expect(records.map(({ seq }) => seq)).toEqual(records.map((_, at) => at + 1));
  const windows = records.filter(({ samples }) => samples);
  for (const { seq, time, sensor, values, duration_ms, samples } of windows) {
    expect({ sensor, values, duration_ms }).toEqual({ sensor: 'motor', values: {}, duration_ms: 200 });
    expect(samples).toMatchObject({ rate_hz: 200, unit: 'm/s2' });
    const reading = records.find((record) => record.seq === seq - 1);
    expect(reading).toMatchObject({ sensor: 'motor', time, duration_ms: 200 });
    // What was published can be made again from what was kept.
    const x: number[] = samples.axes.x.map((step: number) => step * samples.scale);
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
    const rms = Math.sqrt(x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length);
    expect(x).toHaveLength(40);
    expect(reading.values.rms_x).toBeCloseTo(rms, 3);
  }
  expect(receive.stderr()).toContain('missing: 0, gaps: 0');
});

it('are no state, and info says which bands the features cover', () => {
  expect(states.length).toBeGreaterThan(0);
  for (const state of states) expect(JSON.parse(state)).toHaveProperty('velocity');
  const { channels } = JSON.parse(info[0]!).sensors.motor;
  expect(channels.velocity_x).toEqual({ quantity: 'velocity', unit: 'mm/s', band_hz: [10, 90] });
  expect(channels.band_20_60).toEqual({ quantity: 'acceleration', unit: 'm/s2', band_hz: [20, 60] });
});
