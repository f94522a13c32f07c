/** Several uplinks over one journal in the built program: one broker is there, one is not, one gets some sensors only. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DemoBroker, startBroker } from '../../src/demo/broker.ts';
import { type SedgeProcess, sedge, startSedge, until } from '../sedge-process.ts';

interface Batch {
  readonly stream: string;
  readonly first?: number;
  readonly last?: number;
  readonly skipped?: number;
  readonly readings: readonly { readonly seq: number; readonly sensor: string }[];
  readonly events?: readonly { readonly seq: number; readonly sensor: string }[];
}
let directory: string;
let broker: DemoBroker;
let run: SedgeProcess;
const seen: { readonly topic: string; readonly text: string }[] = [];
const on = (topic: string) => seen.filter((one) => one.topic === topic).map(({ text }) => text);
const batches = (topic: string): Batch[] => on(topic).map((text) => JSON.parse(text));

const uplinks = {
  all: () => `all: { type: mqtt, url: "mqtt://127.0.0.1:${broker.port}", batch: { max_wait: 100ms } }`,
  some: () =>
    `some: { type: mqtt, url: "mqtt://127.0.0.1:${broker.port}", include: ["o*"], exclude: [other], topics: { prefix: some }, batch: { max_wait: 100ms } }`,
  dead: () => 'dead: { type: mqtt, url: "mqtt://127.0.0.1:1" }',
};
const save = (...names: (keyof typeof uplinks)[]) => {
  writeFileSync(
    join(directory, 'new.yaml'),
    `version: 1
device: d
sensors:
  one: { driver: mock, every: 50ms }
  other: { driver: mock, every: 50ms }
  two: { driver: mock, every: 50ms }
  door: { driver: gpio-input, line: 17 }
journal: { directory: ${join(directory, 'journal')}, commit_every: 50ms }
uplinks: { ${names.map((name) => uplinks[name]()).join(', ')} }
`,
  );
  renameSync(join(directory, 'new.yaml'), join(directory, 'sedge.yaml'));
};
const journal = async () => JSON.parse((await sedge(['journal', '--json'], { cwd: directory })).stdout);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-uplinks-'));
  broker = await startBroker();
  broker.onPublish((topic, payload) => void seen.push({ topic, text: payload.toString() }));
  save('all', 'some', 'dead');
  run = startSedge(['run', '--simulate'], { cwd: directory });
  await until(
    'batches of both',
    () => batches('sedge/d/readings').length > 10 && batches('some/d/readings').length > 10,
  );
}, 60_000);
afterAll(async () => {
  run.kill('SIGKILL');
  await run.ended;
  await broker.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The numbers that batches account for, in order; throws where one is missing. */
function accounted(list: readonly Batch[]): number {
  let next = 1;
  for (const { first, last, readings, events = [], skipped = 0 } of list) {
    if (first === undefined || last === undefined) continue;
    expect(first).toBe(next);
    expect(readings.length + events.length + skipped).toBe(last - first + 1);
    next = last + 1;
  }
  return next - 1;
}

describe('uplinks over one journal', () => {
  it('that is dead holds up no other, and keeps what waits for it', async () => {
    let now = await journal();
    await until('the cursor', async () => {
      now = await journal();
      return now.pending.all < now.pending.dead;
    });
    expect([now.pending.dead, now.gaps]).toEqual([now.last, []]);
    expect(accounted(batches('sedge/d/readings'))).toBeGreaterThan(30);
  });

  it('that carries some sensors counts the others, exactly, and speaks of its own only', () => {
    const list = batches('some/d/readings');
    expect(accounted(list)).toBeGreaterThan(30);
    expect(new Set(list.flatMap(({ readings }) => readings.map(({ sensor }) => sensor)))).toEqual(new Set(['one']));
    expect(list.some(({ skipped = 0 }) => skipped > 0)).toBe(true);
    const topics = new Set(seen.filter(({ topic }) => topic.startsWith('some/d/st')).map(({ topic }) => topic));
    expect([...topics].sort()).toEqual(['some/d/state/one', 'some/d/status', 'some/d/status/one']);
    expect(Object.keys(JSON.parse(on('some/d/info')[0]!).sensors)).toEqual(['one']);
  });

  it('are added and removed while data waits, and that is said', async () => {
    save('all');
    run.kill('SIGHUP');
    await until('the reload', () => /configuration\.reloaded/.test(run.stderr()));
    expect(run.stderr()).toMatch(/uplink some removed \(\d+ records? had not been delivered\)/);
    expect(run.stderr()).toMatch(/uplink dead removed \(\d\d+ records had not been delivered\)/);
    await until('the cursor', async () => Object.keys((await journal()).pending).join() === 'all');
    const before = batches('sedge/d/readings').length;
    await until('the other goes on', () => batches('sedge/d/readings').length > before + 3);
    save('all', 'dead');
    run.kill('SIGHUP');
    await until('the reload', () => /uplink dead added \(\d+ records wait\)/.test(run.stderr()));
    expect(accounted(batches('sedge/d/readings'))).toBeGreaterThan(60);
  });
});
