/** `sedge drivers --new`: what it writes passes its own tests, is read under simulation, and fits the published types. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { newDriver } from '../../src/cli/new-driver.ts';
import { UNITS } from '../../src/reading.ts';
import { SEDGE } from '../sedge-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FILES = ['wind-probe.js', 'wind-probe.sim.js', 'wind-probe.test.js'];
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-new-driver-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const make = (name = 'wind-probe') => newDriver(name, directory, Object.keys(drivers));
const run = (program: string, ...args: string[]) =>
  spawnSync(program, args, { cwd: directory, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });

describe('a new driver', () => {
  it('is three files named after it', async () => {
    expect(await make()).toEqual({ driver: './wind-probe.js', files: FILES });
    expect(readdirSync(directory).sort()).toEqual(FILES);
    for (const file of FILES) expect(readFileSync(join(directory, file), 'utf8')).not.toContain('my-chip');
  });

  it('passes its own test as it is, with nothing but Node', async () => {
    await make();
    const { status, stdout } = run(process.execPath, '--test', 'wind-probe.test.js');
    expect({ status, summary: /^# fail \d+$/m.exec(stdout)?.[0] }).toEqual({ status: 0, summary: '# fail 0' });
  });

  it('has a test that notices a mistake in the driver', async () => {
    await make();
    const file = join(directory, 'wind-probe.js');
    writeFileSync(file, readFileSync(file, 'utf8').replace('(high << 8) | low', '(low << 8) | high'));
    expect(run(process.execPath, '--test', 'wind-probe.test.js').status).toBe(1);
  });

  it('is read with its simulation by the built program', async () => {
    await make();
    writeFileSync(
      join(directory, 'sedge.yaml'),
      'version: 1\ndevice: hall\nsensors:\n  wind: { driver: ./wind-probe.js, every: 1s, options: { samples: 4 } }\n',
    );
    const { status, stdout, stderr } = run(process.execPath, SEDGE, 'read', '--simulate', '--json');
    expect({ status, stderr: stderr.replaceAll(/^\(.*\n/gm, '') }).toEqual({ status: 0, stderr: '' });
    const { sensor, values } = JSON.parse(stdout);
    expect(sensor).toBe('wind');
    expect(values.temperature).toBeGreaterThan(-40);
  });

  it('fits the types that are published with the package, and these refuse what is wrong', async () => {
    await make();
    const [tarball] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory], {
        cwd: ROOT,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    );
    const modules = join(directory, 'node_modules');
    mkdirSync(join(modules, 'sedge'), { recursive: true });
    const place = ['-C', join(modules, 'sedge'), '--strip-components=1'];
    execFileSync('tar', ['-xzf', join(directory, tarball.filename), ...place]);
    symlinkSync(join(ROOT, 'node_modules', '@types'), join(modules, '@types'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(directory, 'wrong.ts'),
      "import type { PollDriver } from 'sedge/driver';\n// @ts-expect-error a driver has channels\nexport const wrong: PollDriver<'i2c'> = { api: 1, id: 'wrong' };\n",
    );
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = '--noEmit --strict --allowJs --checkJs --module nodenext --target es2023 --types node'.split(' ');
    const { status, stdout } = run(process.execPath, compiler, ...options, ...FILES.slice(0, 2), 'wrong.ts');
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  it('never overwrites: if one file is there, none is written', async () => {
    writeFileSync(join(directory, 'wind-probe.sim.js'), 'mine');
    await expect(make()).rejects.toMatchObject({
      code: 'drivers.exists',
      message: expect.stringMatching(/^wind-probe\.sim\.js is here already/),
    });
    expect(readdirSync(directory)).toEqual(['wind-probe.sim.js']);
    expect(readFileSync(join(directory, 'wind-probe.sim.js'), 'utf8')).toBe('mine');
  });

  it.each(['', 'My Chip', '../up', 'a/b', '-x'])('has no name such as %j', async (name) => {
    await expect(make(name)).rejects.toMatchObject({ code: 'usage' });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('has not the name of a driver that is there', async () => {
    await expect(make('bme280')).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('the page about drivers', () => {
  it('has every quantity with its unit', () => {
    const page = readFileSync(join(ROOT, 'docs', 'drivers.md'), 'utf8').replaceAll(/\s+/g, ' ');
    for (const [quantity, unit] of Object.entries(UNITS))
      expect(page).toMatch(new RegExp(`\\b${quantity} ${unit}[,.]`));
  });
});

describe('a simulation beside a driver of the user', () => {
  const read = () => run(process.execPath, SEDGE, 'read', '--simulate');
  const config = () =>
    writeFileSync(
      join(directory, 'sedge.yaml'),
      'version: 1\nsensors: { wind: { driver: ./wind-probe.js, every: 1s } }\n',
    );

  it('need not be there: then the place is empty', async () => {
    await make();
    config();
    rmSync(join(directory, 'wind-probe.sim.js'));
    expect(read()).toMatchObject({ status: 69, stderr: expect.stringContaining('nothing acknowledges') });
  });

  it('is refused with a sentence where it is no simulation', async () => {
    await make();
    config();
    writeFileSync(join(directory, 'wind-probe.sim.js'), 'export const simulation = {};');
    expect(read()).toMatchObject({
      status: 78,
      stderr: expect.stringContaining('exports no `simulation` with bus: i2c'),
    });
  });
});
