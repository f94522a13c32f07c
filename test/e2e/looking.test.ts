/** `sedge doctor` and `sedge scan` as a shell sees them, on whatever machine this is: streams and exit statuses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sedge } from '../sedge-process.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'sedge-looking-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

const write = (uplinks = '') =>
  writeFileSync(
    join(cwd, 'sedge.yaml'),
    `version: 1\ndevice: d\nsensors: { board: { driver: host, every: 1m } }\njournal: { directory: ./journal }\n${uplinks}`,
  );

it('doctor ends with 0 where nothing is missing, and says each check on stdout', async () => {
  write();
  const { status, stdout, stderr } = await sedge(['doctor'], { cwd });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^ok +node +Node /);
  expect(stdout).toMatch(/^ok +sensors\.board +host opens$/m);
});

it('doctor --json is an array of check, state, message and fix; a broker that is not there ends it with 69', async () => {
  write('uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:1" } }\n');
  const { status, stdout } = await sedge(['doctor', '--json'], { cwd });
  expect(status).toBe(69);
  const told = JSON.parse(stdout) as Record<string, string>[];
  for (const one of told) {
    expect(Object.keys(one).filter((key) => !['check', 'state', 'message', 'fix'].includes(key))).toEqual([]);
    expect(['ok', 'warning', 'fault']).toContain(one.state);
  }
  expect(told.find(({ check }) => check === 'uplinks.cloud')).toMatchObject({ state: 'fault' });
});

it('doctor ends with 78 where the configuration is wrong', async () => {
  writeFileSync(join(cwd, 'sedge.yaml'), 'version: 1\nsensor: {}\n');
  const { status, stdout } = await sedge(['doctor'], { cwd });
  expect(status).toBe(78);
  expect(stdout).toMatch(/^fault +configuration +\.\/sedge\.yaml:2:1: sensor: /m);
});

it('scan of a bus that is not there ends with 69, and a sentence that says what to do', async () => {
  const { status, stdout, stderr } = await sedge(['scan', '--bus', '1048575'], { cwd });
  expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
  expect(stderr).toMatch(/^sedge: \/dev\/i2c-1048575 is not there.*: .+\n$/);
});

it('scan of what is no number is wrong usage', async () =>
  expect(await sedge(['scan', '--bus', 'one'], { cwd })).toMatchObject({ status: 2 }));
