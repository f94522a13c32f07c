/** `sedge status` beside the built program: what a person and a program see, across a kill and a restart. */
import { chmodSync, cpSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServiceReport } from '../../src/status/report.ts';
import { SEDGE, type SedgeProcess, sedge, startSedge, until } from '../sedge-process.ts';

let directory: string;
let env: NodeJS.ProcessEnv;
let running: SedgeProcess[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-e2e-'));
  // Services of other tests are not to be met.
  env = { XDG_RUNTIME_DIR: directory, TMPDIR: directory, HOME: directory };
  running = [];
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1
device: greenhouse-1
sensors:
  air: { driver: bme280, address: 0x76, every: 500ms }
  gone: { driver: bh1750, every: 1s }
journal: { directory: ${join(directory, 'journal')}, commit_every: 100ms }
uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:1", username: u, password: canary } }
simulation: { faults: { gone: [ { kind: nack, rate: 1 } ] } }
`,
    { mode: 0o600 },
  );
});
afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  rmSync(directory, { recursive: true, force: true });
});

const run = (more: readonly string[] = [], others: NodeJS.ProcessEnv = {}) => {
  const process = startSedge(['run', '--simulate', ...more], { cwd: directory, env: { ...env, ...others } });
  running.push(process);
  return process;
};
const status = (...args: readonly string[]) => sedge(['status', ...args], { cwd: directory, env });
const started = (process: SedgeProcess) =>
  until(
    'the service runs',
    () => process.stderr().includes('service.started') && process.stderr().includes('sensor.online'),
  );
async function report(): Promise<ServiceReport> {
  let last = await status('--json');
  await until('there is a reading', async () => {
    last = await status('--json');
    return last.status === 0 && (JSON.parse(last.stdout) as ServiceReport).sensors.air!.reads > 0;
  });
  return JSON.parse(last.stdout) as ServiceReport;
}

describe('sedge status', () => {
  it('ends with 69 and one sentence when no service runs', async () => {
    expect(await status()).toEqual({
      status: 69,
      stdout: '',
      stderr: expect.stringMatching(/^sedge: no running service was found: start it .*\n$/),
    });
  });

  it('shows sensors, uplinks and the journal of the running one, and of the next after a kill', async () => {
    const first = run();
    await started(first);
    const seen = await report();
    expect(seen).toMatchObject({
      format: 1,
      device: 'greenhouse-1',
      pid: first.child.pid,
      simulated: true,
      clock: expect.stringMatching(/^(un)?synced$/),
      config: join(directory, 'sedge.yaml'),
      sensors: {
        air: {
          driver: 'bme280',
          state: 'online',
          every_ms: 500,
          channels: { temperature: { unit: 'Cel', decimals: 2 } },
        },
        gone: { state: 'offline', error: 'bus.nack', age_s: null, channels: { illuminance: { value: null } } },
      },
      uplinks: { cloud: { type: 'mqtt', state: 'offline', last_acknowledged: null, drain_s: null } },
      journal: { directory: join(directory, 'journal'), storage: 'ok', max_size: 512_000_000, dropped: 0 },
      warnings: [],
    });
    expect(seen.sensors.air!.channels.temperature!.value).toBeTypeOf('number');
    expect(seen.sensors.air!.age_s).toBeLessThan(10);
    expect(seen.uplinks.cloud!.pending).toBeGreaterThan(0);
    expect(JSON.stringify(seen) + first.stderr()).not.toContain('canary');

    first.kill('SIGKILL');
    await first.ended;
    expect((await status()).status).toBe(69);

    const second = run();
    await started(second);
    expect((await report()).pid).toBe(second.child.pid);
    const page = await status();
    expect(page).toMatchObject({ status: 0, stderr: '' });
    expect(page.stdout).toMatch(/^● greenhouse-1 {2}1 sensor offline, 1 uplink offline\n/);
    expect(page.stdout).toMatch(/^● air +online +\d+ s +\S+ {2}temperature -?\d+\.\d\d °C {3}humidity/m);
    expect(page.stdout).not.toContain('\u001b');

    second.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect((await status()).status).toBe(69);
  });

  it('finds the service while its file is wrong, and never another one', async () => {
    const service = run([], { RUNTIME_DIRECTORY: directory });
    await started(service);
    const other = join(directory, 'other.yaml');
    writeFileSync(other, `version: 1\nsensors: {}\njournal: { directory: ${join(directory, 'other')} }\n`);
    env = { ...env, RUNTIME_DIRECTORY: directory };
    expect(await status('--config', other)).toMatchObject({
      status: 69,
      stderr: expect.stringContaining(`one with ${join(directory, 'sedge.yaml')} answers`),
    });
    writeFileSync(join(directory, 'sedge.yaml'), 'version: 1\nsensrs: {}\n');
    expect(await status()).toMatchObject({ status: 0, stdout: expect.stringContaining('greenhouse-1') });
  });

  it('answers the user and the group only, and says so to others', async () => {
    const service = run([], { RUNTIME_DIRECTORY: directory });
    await started(service);
    expect(lstatSync(join(directory, 'sedge.sock')).mode & 0o777).toBe(0o660);
    if (process.getuid?.() !== 0) return; // Only root can ask as somebody else.
    chmodSync(directory, 0o755);
    chmodSync(join(directory, 'sedge.yaml'), 0o644);
    const program = join(directory, 'dist');
    cpSync(dirname(SEDGE), program, { recursive: true });
    const other = {
      cwd: directory,
      env: { RUNTIME_DIRECTORY: directory },
      program: join(program, 'sedge.mjs'),
      uid: 65534,
    };
    expect(await sedge(['status'], other)).toMatchObject({ status: 0, stderr: '' });
    expect(await sedge(['status'], { ...other, gid: 65534 })).toMatchObject({
      status: 69,
      stderr: expect.stringContaining('use sudo, or join the group sedge'),
    });
  });

  it('goes on printing with --watch, also through a restart', async () => {
    const service = run();
    await started(service);
    const watch = startSedge(['status', '--watch', '--json'], { cwd: directory, env });
    running.push(watch);
    await until('it printed', () => watch.stdout().split('\n').length > 1);
    watch.kill('SIGTERM');
    expect(await watch.ended).toBe(0);
    expect((JSON.parse(watch.stdout().split('\n')[0]!) as ServiceReport).device).toBe('greenhouse-1');
  });
});

describe('the log of the built program', () => {
  it('is one object a line with --log-format json', async () => {
    const service = run(['--log-format', 'json', '--log-level', 'warn']);
    await until('a sensor is told', () => service.stderr().includes('sensor.offline'));
    service.kill('SIGTERM');
    expect(await service.ended).toBe(0);
    const entries = service
      .stderr()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.map(({ event }) => event).sort()).toEqual(['sensor.offline', 'uplink.offline']);
    expect(entries.every(({ level, time }) => level === 'warn' && typeof time === 'string')).toBe(true);
  });

  it('takes no level or format that there is not', async () => {
    for (const [args, text] of [
      [['--log-level', 'infos'], 'did you mean info?'],
      [['--log-format', 'xml'], 'possible are text, json'],
    ] as const) {
      expect(await sedge(['run', ...args], { cwd: directory, env })).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(text),
      });
    }
  });
});
