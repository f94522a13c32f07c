import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import host, { celsius, percentUsed, uptimeSeconds } from '../../drivers/host.ts';
import { type FileTree, fileTree } from '../../src/bus/files.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Values } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { optionsOf } from '../rig.ts';

const root = mkdtempSync(join(tmpdir(), 'sedge-host-'));
afterAll(() => rm(root, { recursive: true }));
let trees = 0;
/** A real directory with these files, seen as the whole system; load, memory and disk as told. */
function system(files: Readonly<Record<string, string>>): FileTree {
  const base = join(root, String(trees++));
  mkdirSync(base);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(base, path)), { recursive: true });
    writeFileSync(join(base, path), text);
  }
  return {
    ...fileTree(base),
    machine: () => ({ load1: 0.42, totalBytes: 1_000, availableBytes: 750 }),
    space: async (path) => (path === '/' ? { totalBytes: 200, availableBytes: 50 } : fileTree(base).space(path)),
  };
}
const read = async (device: FileTree, options = {}): Promise<Values> => {
  const clock = virtualClock({ automatic: true });
  const sensor = await host.open(driverContext<'files'>(device, clock, optionsOf(host, options)));
  return sensor.read(new AbortController().signal);
};
const zone = (nth: number, type: string, temp: string) => ({
  [`/sys/class/thermal/thermal_zone${nth}/type`]: `${type}\n`,
  [`/sys/class/thermal/thermal_zone${nth}/temp`]: `${temp}\n`,
});

const pi = system({ ...zone(0, 'cpu-thermal', '48312'), '/proc/uptime': '5391.24 20911.37\n' });
const nothing: FileTree = {
  ...fileTree(join(root, 'nothing')),
  machine: () => ({ load1: Number.NaN, totalBytes: 0, availableBytes: 0 }),
};
conformance(host, undefined, { device: () => pi, broken: () => nothing });

describe('host', () => {
  it('reports a Raspberry Pi', async () => {
    expect(await read(pi)).toEqual({ temperature: 48.312, load: 0.42, memory: 25, disk: 75, uptime: 5391.24 });
  });

  it('takes the zone that is the processor, not the first one', async () => {
    const board = system({ ...zone(0, 'acpitz', '27800'), ...zone(1, 'x86_pkg_temp', '61000') });
    expect((await read(board)).temperature).toBe(61);
  });

  it('takes the first zone where none says that it is the processor', async () => {
    const board = system({ ...zone(0, 'acpitz', '27800'), ...zone(1, 'iwlwifi_1', '61000') });
    expect((await read(board)).temperature).toBe(27.8);
  });

  it('leaves out what this system does not tell', async () => {
    expect(Object.keys(await read(system({}))).sort()).toEqual(['disk', 'load', 'memory']);
    expect(await read(system({}), { path: '/not/there' })).not.toHaveProperty('disk');
  });

  it('leaves out a temperature that is none', async () => {
    for (const text of ['-274000', '4000000', '', 'N/A'])
      expect(await read(system(zone(0, 'cpu-thermal', text)))).not.toHaveProperty('temperature');
  });

  it('reads everything anew each time, and has nothing to say when all of it is gone', async () => {
    const now = { device: pi };
    const device: FileTree = {
      ...pi,
      readNow: (path) => now.device.readNow(path),
      readText: (path) => now.device.readText(path),
      list: (path) => now.device.list(path),
      machine: () => now.device.machine(),
      space: (path) => now.device.space(path),
    };
    const clock = virtualClock({ automatic: true });
    const sensor = await host.open(driverContext<'files'>(device, clock, optionsOf(host)));
    const signal = new AbortController().signal;
    expect((await sensor.read(signal)).temperature).toBe(48.312);
    now.device = system({ ...zone(0, 'cpu-thermal', '50000'), '/proc/uptime': '6000.00 1.00\n' });
    expect(await sensor.read(signal)).toMatchObject({ temperature: 50, uptime: 6_000 });
    now.device = nothing;
    await expect(sensor.read(signal)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it('says that there is no data when there is none', async () => {
    await expect(read(nothing)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it('reads the machine that this test runs on', async () => {
    const values = await read(fileTree());
    expect(values).toMatchObject({ load: expect.any(Number), memory: expect.any(Number), disk: expect.any(Number) });
  });

  it('converts', () => {
    expect([celsius('48312\n'), celsius('-5250'), celsius('x'), celsius('')]).toEqual([
      48.312,
      -5.25,
      undefined,
      undefined,
    ]);
    expect([percentUsed(200, 50), percentUsed(0, 0), percentUsed(100, 200)]).toEqual([75, undefined, undefined]);
    expect([uptimeSeconds('12.5 99.0'), uptimeSeconds('')]).toEqual([12.5, undefined]);
  });
});
