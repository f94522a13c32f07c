/** What a user can get wrong, on the built program: one sentence with the fix, the right exit status, never a stack trace. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SEDGE, sedge, startSedge, until } from '../sedge-process.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-e2e-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const write = (text: string, name = 'sedge.yaml'): string => {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
};
const station = (rest = '') => `version: 1
device: test
sensors: { fake: { driver: mock, every: 1s } }
journal: { directory: ${join(directory, 'journal')} }
${rest}`;
/** No line of a stack trace, no path of our own sources. */
const expectPlain = (text: string) => expect(text).not.toMatch(/\n\s+at |\.ts:\d|node:internal|undefined|\[object/);

describe('the command line', () => {
  it.each([
    [[], 2, /Usage: sedge/],
    [['frobnicate'], 2, /there is no command "frobnicate"/],
    [['chek'], 2, /did you mean check\?/],
    [['drivers', '--new'], 2, /^sedge: --new needs a value: sedge drivers --help shows which$/m],
    [['run', '--sim'], 2, /--sim/],
    [['run', '--confg', 'x'], 2, /did you mean --config\?/],
    [['check', 'surplus'], 2, /does not take "surplus"/],
    [['drivers', 'bme281'], 2, /bme280/],
  ])('%j ends with %i and says why on stderr', async (args, status, text) => {
    const result = await sedge(args, { cwd: directory });
    expect(result).toMatchObject({ status, stdout: '' });
    expect(result.stderr).toMatch(text);
    expectPlain(result.stderr);
  });

  it('has help and a version everywhere, on stdout, status 0', async () => {
    const help = await sedge(['--help']);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    for (const name of [
      'demo',
      'run',
      'check',
      'read',
      'receive',
      'status',
      'journal',
      'drivers',
      'schema',
      'service',
    ]) {
      expect(help.stdout).toContain(`  ${name}`);
      const own = await sedge([name, '--help']);
      expect(own).toMatchObject({ status: 0, stderr: '' });
      expect(own.stdout).toMatch(new RegExp(`^Usage: sedge ${name}`));
    }
    expect(await sedge(['run', '--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe('a configuration that is wrong', () => {
  it.each(['check', 'run', 'read', 'journal'])(
    'ends %s with 78 when there is none, naming the places',
    async (command) => {
      const result = await sedge([command], { cwd: directory, env: { HOME: directory } });
      expect(result.status).toBe(78);
      expect(result.stderr).toMatch(/--config.*SEDGE_CONFIG.*sedge\.yaml.*\/etc\/sedge\/sedge\.yaml/);
      expectPlain(result.stderr);
    },
  );

  it('ends with 78 when the file that was named is not there', async () => {
    const result = await sedge(['run', '--config', 'missing.yaml'], { cwd: directory });
    expect(result.status).toBe(78);
    expect(result.stderr).toMatch(/missing\.yaml/);
    expectPlain(result.stderr);
  });

  it('shows every problem at once, at its place, in the same words for check and run', async () => {
    write(`version: 1
sensors:
  a: { driver: bme281, every: 1s }
  b: { driver: bme280, address: 0x77, every: 10 }
  c: { driver: bme280, evry: 1s }
  d: { driver: bh1750, every: 1s }
  e: { driver: bh1750, every: 2s }
  f: { driver: bh1750, address: 0x5c, every: 1s, cron: "* * * * *" }
journal: { max_size: 64 MiB }
`);
    const checked = await sedge(['check', '--config', 'sedge.yaml'], { cwd: directory });
    expect(checked).toMatchObject({ status: 78, stdout: '' });
    const lines = checked.stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(6);
    for (const line of lines) expect(line).toMatch(/^sedge\.yaml:\d+:\d+: [a-z._]+: .+/);
    expect(checked.stderr).toMatch(/^sedge\.yaml:3:16: sensors\.a\.driver: .*bme280/m);
    expect(checked.stderr).toMatch(/^sedge\.yaml:4:46: sensors\.b\.every: .*10s/m);
    expect(checked.stderr).toMatch(/^sedge\.yaml:5:24: sensors\.c\.evry: .*every/m);
    const ran = await sedge(['run', '--config', 'sedge.yaml', '--simulate'], { cwd: directory });
    expect(ran).toEqual({ ...checked });
  });

  it('says one mistake once: a wrong place is not also taken for another sensor’s', async () => {
    write(`version: 1
sensors:
  a: { driver: sht4x, every: 1s }
  b: { driver: sht4x, every: 1s, bus: { on: 1, mux: 0x70, channel: 9 } }
  c: { driver: sht4x, every: 1s, bus: x }
  d: { driver: gpio-input, line: 17 }
  e: { driver: gpio-input, line: { line: 17 } }
  f: { driver: mock, every: 1s, options: { wave: replay, file: missing.csv } }
  g: { driver: mock, every: 1s, options: { wave: replay } }
`);
    const { status, stderr } = await sedge(['check'], { cwd: directory });
    expect(status).toBe(78);
    const paths = stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.split(': ')[1]);
    expect(paths).toEqual([
      'sensors.b.bus.channel',
      'sensors.c.bus',
      'sensors.e.line.chip',
      'sensors.f.options.file',
      'sensors.g.options',
    ]);
  });

  it('row 31: of 100 MB, or a bomb of aliases, ends with 78 in lines without a stack, at once', async () => {
    write('a'.repeat(100_000_000));
    const large = await sedge(['run', '--config', 'sedge.yaml'], { cwd: directory });
    expect(large).toMatchObject({ status: 78, stderr: expect.stringMatching(/^sedge\.yaml: .*larger than.*\n$/) });
    const levels = 'abcdefghijkl'.split('');
    const bomb = levels.map(
      (name, at) => `${name}: &${name} [${Array(8).fill(at === 0 ? 'x' : `*${levels[at - 1]}`)}]`,
    );
    write(`${bomb.join('\n')}\n`);
    const bombed = await sedge(['run', '--config', 'sedge.yaml'], { cwd: directory });
    expect(bombed.status).toBe(78);
    expectPlain(bombed.stderr);
  });

  it('that is not YAML is one line without a path', async () => {
    write('version: 1\nsensors: { a: [ }\n');
    const result = await sedge(['check'], { cwd: directory });
    expect(result.status).toBe(78);
    expect(result.stderr).toMatch(/^\.\/sedge\.yaml:2:\d+: [^:]+\n$/);
  });
});

describe('a word too many', () => {
  it.each([
    [['check', 'my.yaml'], 'sedge: sedge check does not take "my.yaml"; write --config my.yaml\n'],
    [['check', 'all'], 'sedge: sedge check does not take "all"; see sedge check --help\n'],
  ])('%j is wrong usage that says what to write', async (args, sentence) =>
    expect(await sedge(args, { cwd: directory })).toEqual({ status: 2, stdout: '', stderr: sentence }),
  );
});

describe('hardware that is not there', () => {
  it('is a sentence with the fix and 69 for read, which prints the rest', async () => {
    write(station().replace('sensors: {', 'sensors: { air: { driver: bme280, bus: 99, every: 1s },'));
    const result = await sedge(['read'], { cwd: directory });
    expect(result.status).toBe(69);
    expect(result.stdout).toMatch(/^fake\s+value /m);
    expect(result.stderr).toMatch(/^sedge: air: .*i2c/m);
    expectPlain(result.stderr);
  });

  it('never ends run: it reports and tries again', async () => {
    write(station().replace('sensors: {', 'sensors: { air: { driver: bme280, bus: 99, every: 1s },'));
    const run = startSedge(['run'], { cwd: directory });
    await until('the report', () => /sensor\.offline sensor=air/.test(run.stderr()));
    await until('the other sensor', () => /sensor\.online sensor=fake/.test(run.stderr()));
    run.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expectPlain(run.stderr());
  });

  it('is wrong usage when the sensor has no such name', async () => {
    write(station());
    const result = await sedge(['read', 'fak'], { cwd: directory });
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/did you mean fake\?/);
  });
});

describe('a broker that is not there', () => {
  it('is a backlog, not an error: run goes on and ends with 0', async () => {
    write(station('uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:1" } }'));
    const run = startSedge(['run'], { cwd: directory });
    await until('the report', () => /uplink\.offline uplink=cloud/.test(run.stderr()));
    await until('a backlog', async () => {
      const { stdout } = await sedge(['journal', '--json'], { cwd: directory });
      return JSON.parse(stdout).pending.cloud >= 2;
    });
    run.kill('SIGINT');
    expect(await run.ended).toBe(0);
    expectPlain(run.stderr());
  });
});

describe('a journal directory', () => {
  it('that another process holds ends run with 75', async () => {
    write(station());
    const first = startSedge(['run'], { cwd: directory });
    await until('the first to start', () => /started/.test(first.stderr()));
    const second = await sedge(['run'], { cwd: directory });
    expect(second.status).toBe(75);
    expect(second.stderr).toMatch(/journal/);
    expectPlain(second.stderr);
    first.kill('SIGTERM');
    expect(await first.ended).toBe(0);
  });

  it('whose holder was killed is free again', async () => {
    write(station());
    const first = startSedge(['run'], { cwd: directory });
    await until('the first to start', () => /started/.test(first.stderr()));
    first.kill('SIGKILL');
    await first.ended;
    const second = startSedge(['run'], { cwd: directory });
    await until('the second to start', () => /started/.test(second.stderr()));
    second.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  it('that is something else ends run with 78', async () => {
    write(station());
    writeFileSync(join(directory, 'journal'), 'a file');
    const result = await sedge(['run'], { cwd: directory });
    expect(result.status).toBe(78);
    expectPlain(result.stderr);
  });

  it('that may not be written ends run with 78', async () => {
    const config = write(station());
    mkdirSync(join(directory, 'journal'));
    chmodSync(join(directory, 'journal'), 0o500);
    // Root may write everywhere: so the program is run by a user that may not.
    const isRoot = process.getuid?.() === 0;
    chmodSync(directory, 0o755);
    const program = join(directory, 'dist');
    cpSync(dirname(SEDGE), program, { recursive: true });
    const result = await sedge(['run', '--config', config], {
      cwd: directory,
      program: join(program, 'sedge.mjs'),
      ...(isRoot && { uid: 65534 }),
    });
    expect(result.status).toBe(78);
    expect(result.stderr).toMatch(/journal/);
    expectPlain(result.stderr);
  });

  it('that is not there yet is an empty journal', async () => {
    write(station('uplinks: { cloud: { type: mqtt, url: "mqtt://127.0.0.1:1" } }'));
    const result = await sedge(['journal', '--json'], { cwd: directory });
    expect(result.status).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({
      stream: null,
      pending: { cloud: 0 },
      first: null,
      last: null,
      oldest: null,
      size: 0,
      gaps: [],
    });
  });
});
