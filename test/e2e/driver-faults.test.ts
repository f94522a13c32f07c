/** Drivers of users that break the rules, in the built program: the station goes on, and what it measured is there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServiceReport } from '../../src/status/report.ts';
import { type SedgeProcess, sedge, startSedge, until } from '../sedge-process.ts';

let directory: string;
const running: SedgeProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-e2e-'));
});
afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ ended }) => ended));
  rmSync(directory, { recursive: true, force: true });
});

const driver = (name: string, open: string) =>
  writeFileSync(
    join(directory, name),
    `export default {
  api: 1, id: 'bad-chip', title: 'A chip', datasheet: 'none', bus: 'none', kind: 'poll', worstCaseMs: 10, options: {},
  channels: { value: { quantity: 'ratio', min: 0, max: 1, resolution: 1, decimals: 0 } },
  async open() { ${open} },
};
`,
  );
const configure = (sensors: string) =>
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1
device: test
sensors: { good: { driver: mock, every: 100ms }, ${sensors} }
journal: { directory: ${join(directory, 'journal')}, commit_every: 100ms }
uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:1" } }
`,
  );
const options = () => ({ cwd: directory, env: { XDG_RUNTIME_DIR: directory, TMPDIR: directory, HOME: directory } });
const run = () => {
  const process = startSedge(['run'], options());
  running.push(process);
  return process;
};
const SOUND = 'return { read: async () => ({ value: 1 }), close: async () => {} };';

describe('row 30: a driver with an error that nobody catches', () => {
  it.each([
    ['a rejection', "Promise.reject(new Error('nobody waits for me'));"],
    ['an exception', "setTimeout(() => { throw new Error('nobody waits for me'); }, 0);"],
  ])('(%s) ends the program cleanly with 1, in one line, and the data is intact', async (_what, stray) => {
    driver('bad.js', `setTimeout(() => { ${stray} }, 1_000); ${SOUND}`);
    configure('bad: { driver: ./bad.js, every: 100ms }');
    const station = run();
    expect(await station.ended).toBe(1);
    const lines = station.stderr().split('\n');
    const told = lines.filter((line) => line.includes('nobody waits'));
    expect(told).toEqual([
      expect.stringMatching(/^error: service\.stray-error message="nobody waits for me" at=\/.*bad\.js:\d+:\d+$/),
    ]);
    expect(lines).toContain('service.stopped');
    expect(station.stderr()).not.toMatch(/\n\s+at /);
    const { stdout } = await sedge(['journal', '--json'], options());
    const { last, pending, gaps } = JSON.parse(stdout) as { last: number; pending: { cloud: number }; gaps: unknown[] };
    expect(last).toBeGreaterThan(8);
    expect(pending.cloud).toBe(last);
    expect(gaps).toEqual([]);
  });

  it('ends a one-shot command with 1 and one sentence', async () => {
    driver(
      'bad.js',
      `Promise.reject(new Error('nobody waits for me')); await new Promise((done) => setTimeout(done, 5)); ${SOUND}`,
    );
    configure('bad: { driver: ./bad.js, every: 100ms }');
    const result = await sedge(['read', 'bad'], options());
    expect(result).toMatchObject({ status: 1, stderr: 'sedge: nobody waits for me\n' });
  });
});

describe('a sensor whose opening ends the process', () => {
  it('is left out at the fourth start, and everything else runs', async () => {
    driver('deadly.js', "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});");
    driver('slow.js', `await new Promise((done) => setTimeout(done, 50)); ${SOUND}`);
    configure('slow: { driver: ./slow.js, every: 100ms }, deadly: { driver: ./deadly.js, every: 100ms }');
    for (let start = 0; start < 3; start++) expect(await run().ended).toBe('SIGKILL');
    const station = run();
    let report: ServiceReport | undefined;
    await until('both other sensors are read', async () => {
      const { stdout } = await sedge(['status', '--json'], options());
      report = stdout === '' ? undefined : (JSON.parse(stdout) as ServiceReport);
      return report !== undefined && report.sensors.good!.reads > 0 && report.sensors.slow!.reads > 0;
    });
    expect(report?.sensors.deadly).toMatchObject({
      state: 'offline',
      error: 'sensor.quarantined',
      message: expect.stringContaining('tried again in 10 min'),
    });
    expect(report?.warnings).toEqual([expect.stringContaining('sensor deadly is left out')]);
    expect(station.stderr()).toMatch(/service\.unclean-end message=".*being opened: (good, )?(slow, )?deadly/);
    station.kill('SIGTERM');
    expect(await station.ended).toBe(0);
    // A clean stop is a fresh start.
    expect(await run().ended).toBe('SIGKILL');
  });
});
