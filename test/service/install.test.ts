import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { parseConfig } from '../../src/config/load.ts';
import { type InstallPlan, installSteps, PLACES, unitText, unitWord } from '../../src/service/install.ts';
import { isBuildRubbish, nativePackages } from '../../src/service/packages.ts';
import { versionAt } from '../../src/service/program-copy.ts';
import { startingConfig } from '../../src/service/starting-config.ts';
import { hasWork, runSteps } from '../../src/service/steps.ts';
import { type UninstallPlan, uninstallSteps } from '../../src/service/uninstall.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const UNIT = readFileSync(join(REPOSITORY, 'systemd', 'sedge.service'), 'utf8');

let directory: string;
/** A built program as npm leaves it, and an empty system. */
let source: string;
let root: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-install-'));
  source = join(directory, 'clone');
  root = join(directory, 'root');
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), text);
  };
  put('package.json', '{"name":"sedge"}');
  put('dist/sedge.mjs', '#!/usr/bin/env node\n');
  cpSync(join(REPOSITORY, 'systemd'), join(source, 'systemd'), { recursive: true });
  put('node_modules/i2c-bus/package.json', '{"dependencies":{"bindings":"1","nan":"2"}}');
  put('node_modules/i2c-bus/build/Release/i2c.node', 'binary');
  put('node_modules/i2c-bus/build/Release/obj.target/i2c.o', 'object');
  put('node_modules/bindings/package.json', '{}');
  put('node_modules/nan/package.json', '{}');
  put('node_modules/mqtt/package.json', '{}');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const plan = (overrides: Partial<InstallPlan> = {}): InstallPlan => ({
  root,
  source,
  node: '/usr/bin/node',
  config: PLACES.config,
  succeeds: async () => false,
  startingConfig: async () => ({ text: startingConfig(), found: 0 }),
  execute: () => Promise.reject(new Error('a test runs no program of the system')),
  ...overrides,
});
const install = async (overrides: Partial<InstallPlan> = {}) => {
  const printed: string[] = [];
  await runSteps(await installSteps(plan(overrides)), false, (line) => printed.push(line));
  return printed;
};
const uninstall = async (overrides: Partial<UninstallPlan> = {}) => {
  const printed: string[] = [];
  await runSteps(await uninstallSteps({ ...plan(), purge: false, ...overrides }), false, (line) => printed.push(line));
  return printed;
};
const read = (path: string) => readFileSync(root + path, 'utf8');

describe('sedge service install', () => {
  it('copies the program with its native packages, without what the compiler left behind', async () => {
    await install();
    expect(existsSync(`${root}/opt/sedge/dist/sedge.mjs`)).toBe(true);
    expect(readdirSync(`${root}/opt/sedge/node_modules`).sort()).toEqual(['bindings', 'i2c-bus']);
    expect(readdirSync(`${root}/opt/sedge/node_modules/i2c-bus/build/Release`)).toEqual(['i2c.node']);
    expect(readdirSync(`${root}/opt`)).toEqual(['sedge']);
    expect(readlinkSync(root + PLACES.command)).toBe('/opt/sedge/dist/sedge.mjs');
  });

  it("writes the unit with this machine's Node and the configuration", async () => {
    await install({ node: '/usr/local/bin/node' });
    expect(read(PLACES.unit)).toContain(
      '\nExecStart=/usr/local/bin/node /opt/sedge/dist/sedge.mjs run --config /etc/sedge/sedge.yaml\n',
    );
  });

  it('leaves a starting configuration that others may not read, and never overwrites one', async () => {
    await install();
    expect(read(PLACES.config)).toBe(startingConfig());
    expect(statSync(root + PLACES.config).mode & 0o777).toBe(0o640);
    writeFileSync(root + PLACES.config, 'mine');
    expect(await install()).toContain('keep /etc/sedge/sedge.yaml: it is yours');
    expect(read(PLACES.config)).toBe('mine');
  });

  it('run again, replaces the program as a whole where a file differs', async () => {
    await install();
    writeFileSync(`${root}/opt/sedge/dist/old-chunk.cjs`, 'old');
    await install();
    expect(readdirSync(`${root}/opt/sedge/dist`)).toEqual(['sedge.mjs']);
  });

  it('run again, finds nothing to do', async () => {
    mkdirSync(`${root}/etc/systemd/system/multi-user.target.wants`, { recursive: true });
    symlinkSync(PLACES.unit, `${root}/etc/systemd/system/multi-user.target.wants/sedge.service`);
    writeFileSync(`${root}/etc/passwd`, 'sedge:x:999:999::/var/lib/sedge:/usr/sbin/nologin\n');
    expect(hasWork(await installSteps(plan()))).toBe(true);
    await install();
    expect(hasWork(await installSteps(plan()))).toBe(false);
    writeFileSync(join(source, 'dist/sedge.mjs'), 'a new program');
    expect(hasWork(await installSteps(plan()))).toBe(true);
  });

  it('puts the old program back when a later step fails', async () => {
    await install();
    writeFileSync(join(source, 'dist/sedge.mjs'), 'a new program');
    writeFileSync(join(source, 'package.json'), '{"version":"9.9.9"}');
    const steps = (await installSteps(plan())).filter(({ isNote }) => isNote !== true);
    const failing = { describe: 'run systemctl restart', run: () => Promise.reject(new Error('it does not start')) };
    const copy = steps.findIndex(({ describe }) => describe.startsWith('copy'));
    await expect(runSteps([steps[copy]!, failing], false, () => {})).rejects.toThrow('it does not start');
    expect(read('/opt/sedge/dist/sedge.mjs')).toBe('#!/usr/bin/env node\n');
    expect(readdirSync(`${root}/opt`)).toEqual(['sedge']);
    await install();
    expect(await versionAt(`${root}/opt/sedge`)).toBe('9.9.9');
    expect(readdirSync(`${root}/opt`)).toEqual(['sedge']);
  });

  it('says how many sensors the first configuration has, and asks for it only where there is none', async () => {
    const found = { text: startingConfig(['  bme280: { driver: bme280, every: 10s }']), found: 1 };
    expect(await install({ startingConfig: async () => found })).toContain(
      'write /etc/sedge/sedge.yaml (with 1 found on the buses)',
    );
    expect(read(PLACES.config)).toBe(found.text);
    await install({ startingConfig: () => Promise.reject(new Error('asked again')) });
  });

  it('started from the installed program itself, keeps it', async () => {
    await install();
    expect(await install({ source: `${root}/opt/sedge` })).toContain('keep /opt/sedge: this is the program that runs');
    expect(existsSync(`${root}/opt/sedge/dist/sedge.mjs`)).toBe(true);
  });

  it('brings device rules only where the board has none of its own', async () => {
    await install();
    expect(existsSync(root + PLACES.udev)).toBe(true);
    rmSync(root + PLACES.udev);
    mkdirSync(`${root}/lib/udev/rules.d`, { recursive: true });
    writeFileSync(`${root}/lib/udev/rules.d/99-com.rules`, '');
    await install();
    expect(existsSync(root + PLACES.udev)).toBe(false);
  });

  it('leaves a command of the same name alone that is not ours', async () => {
    mkdirSync(`${root}/usr/local/bin`, { recursive: true });
    symlinkSync('../lib/node_modules/sedge/dist/sedge.mjs', root + PLACES.command);
    expect(await install()).toContain('keep /usr/local/bin/sedge: it is not ours');
    await uninstall();
    expect(existsSync(dirname(root + PLACES.command))).toBe(true);
    expect(readlinkSync(root + PLACES.command)).toBe('../lib/node_modules/sedge/dist/sedge.mjs');
  });

  it('on the running system, makes the user, checks the configuration, then enables and restarts', async () => {
    const steps = await installSteps(plan({ root: '' }));
    const commands = steps.map(({ describe }) => describe).filter((line) => line.startsWith('run '));
    expect(commands[0]).toBe('run systemd-sysusers /etc/sysusers.d/sedge.conf');
    expect(commands).toContain('run systemd-tmpfiles --create /etc/tmpfiles.d/sedge.conf');
    expect(commands.slice(-4)).toEqual([
      'run /usr/bin/node /opt/sedge/dist/sedge.mjs check --config /etc/sedge/sedge.yaml',
      'run systemctl daemon-reload',
      'run systemctl enable sedge.service',
      'run systemctl restart sedge.service',
    ]);
  });

  it('refuses paths that the service could not see', async () => {
    await expect(installSteps(plan({ node: '/home/pi/.nvm/versions/node/v22/bin/node' }))).rejects.toMatchObject({
      code: 'service.hidden',
      message: expect.stringContaining('install Node for the whole system'),
    });
    await expect(installSteps(plan({ config: '/root/sedge.yaml' }))).rejects.toMatchObject({ code: 'service.hidden' });
  });

  it('refuses a configuration of its own place that is not there, and a program that is not built', async () => {
    await expect(installSteps(plan({ config: '/srv/sedge.yaml' }))).rejects.toMatchObject({ code: 'service.config' });
    rmSync(`${source}/dist`, { recursive: true });
    await expect(installSteps(plan())).rejects.toMatchObject({ code: 'service.source' });
  });

  it('a dry run prints the same steps and touches nothing', async () => {
    const printed: string[] = [];
    await runSteps(await installSteps(plan()), true, (line) => printed.push(line));
    expect(existsSync(root)).toBe(false);
    expect(printed.map((line) => line.replace(/^would /, ''))).toEqual(await install());
  });
});

describe('sedge service uninstall', () => {
  it('removes what install brought and keeps configuration and journal', async () => {
    await install();
    mkdirSync(root + PLACES.state, { recursive: true });
    await uninstall();
    for (const gone of [PLACES.program, PLACES.unit, PLACES.sysusers, PLACES.tmpfiles, PLACES.udev])
      expect(existsSync(root + gone)).toBe(false);
    expect(() => readlinkSync(root + PLACES.command)).toThrow();
    expect(existsSync(root + PLACES.state)).toBe(true);
    expect(read(PLACES.config)).toBe(startingConfig());
  });

  it('says what it kept and how to erase it', async () => {
    await install();
    mkdirSync(root + PLACES.state, { recursive: true });
    expect(await uninstall()).toEqual(
      expect.arrayContaining([
        'keep /etc/sedge: your configuration',
        'keep /var/lib/sedge: what was not delivered yet',
        'to erase these too: sudo sedge service uninstall --purge',
      ]),
    );
  });

  it('may be run where nothing is installed', async () => {
    expect(await uninstall()).toEqual([]);
    expect(await uninstall({ purge: true })).toEqual([]);
  });

  it('with --purge erases buffer, configuration, credentials and changes of the unit, and nothing else', async () => {
    await install();
    const put = (path: string) => {
      mkdirSync(dirname(root + path), { recursive: true });
      writeFileSync(root + path, 'secret');
    };
    const own = [
      '/var/lib/sedge/0000000001.segment',
      '/etc/sedge/password',
      '/etc/credstore/sedge.password',
      '/etc/systemd/system/sedge.service.d/override.conf',
      '/run/sedge/sedge.starts',
      '/srv/buffer/0000000007.segment',
      '/srv/buffer/cursor-0',
    ];
    for (const path of [...own, '/etc/credstore/other', '/srv/buffer/photo.jpg']) put(path);
    await uninstall({ purge: true, journal: '/srv/buffer' });
    const left = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /sedge|buffer|other/.test(path),
    );
    expect(left.sort()).toEqual(['etc/credstore/other', 'srv/buffer', 'srv/buffer/photo.jpg']);
  });

  it('with --purge removes the user, after the service has stopped', async () => {
    await install();
    writeFileSync(`${root}/etc/passwd`, 'sedge:x:999:999::/var/lib/sedge:/usr/sbin/nologin\n');
    const printed = await uninstall({ purge: true });
    const at = (text: string) => printed.findIndex((line) => line.includes(text));
    expect(at('systemctl disable --now sedge.service')).toBe(0);
    expect(at('userdel sedge')).toBeGreaterThan(at(PLACES.program));
  });
});

describe('the unit', () => {
  it('has one ExecStart, whatever the paths hold', () => {
    const text = unitText(UNIT, '/opt/node $& 100%/bin/node', '/etc/a "b".yaml');
    const lines = text.split('\n').filter((line) => line.startsWith('ExecStart='));
    expect(lines).toEqual([
      'ExecStart="/opt/node $$& 100%%/bin/node" /opt/sedge/dist/sedge.mjs run --config "/etc/a \\"b\\".yaml"',
    ]);
    expect(unitWord('/usr/bin/node')).toBe('/usr/bin/node');
  });
});

describe('native packages', () => {
  it('are found with what they need, without headers for the compiler', () => {
    expect(nativePackages(source).map(({ name }) => name)).toEqual(['bindings', 'i2c-bus']);
    expect(nativePackages(join(directory, 'elsewhere'))).toEqual([]);
  });

  it('tell results of a build from its rubbish', () => {
    expect(isBuildRubbish('/x/i2c-bus/build/Release/obj.target/i2c.o')).toBe(true);
    expect(isBuildRubbish('/x/i2c-bus/build/Release/.deps/i2c.d')).toBe(true);
    expect(isBuildRubbish('/x/i2c-bus/build/Release/i2c.node')).toBe(false);
  });
});

describe('the starting configuration', () => {
  const parse = (text: string) => parseConfig(text, { env: {}, cwd: '/etc/sedge', drivers, hostname: 'greenhouse-1' });

  it('is valid as it is', async () => {
    expect(await parse(startingConfig())).toMatchObject({ config: { sensors: [{ id: 'board' }], uplinks: [] } });
  });

  it("sends to a broker after the README's line for a fresh Pi", async () => {
    const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
    const [, appended] = /printf '(.*)' \| sudo tee -a \/etc\/sedge\/sedge\.yaml/.exec(readme) ?? [];
    const found = ['  bme280: { driver: bme280, bus: 1, address: 0x76, every: 10s }'];
    for (const text of [startingConfig(), startingConfig(found)])
      expect(await parse(text + appended!.replaceAll('\\n', '\n'))).toMatchObject({
        config: { uplinks: [{ name: 'cloud', type: 'mqtt' }] },
      });
  });

  it('takes what a scan found in the place of the examples', async () => {
    const text = startingConfig(['  bme280: { driver: bme280, bus: 1, address: 0x76, every: 10s }']);
    expect(await parse(text)).toMatchObject({ config: { sensors: [{ id: 'board' }, { id: 'bme280' }] } });
    expect(text).not.toContain('# air:');
  });

  it('is valid with its examples uncommented, but for the password that is not there', async () => {
    const uncommented = startingConfig().replaceAll(/^( *)# (?= *(?:[a-z_]+:|type))/gm, '$1');
    expect(uncommented).toContain('\n  air:   { driver: bme280');
    const result = await parse(uncommented);
    const messages = 'problems' in result ? result.problems.map(({ path }) => path) : [];
    expect(messages).toEqual(['uplinks.cloud.password_file']);
  });
});
