/** Reload on the built program: by SIGHUP and on save, only what changed restarts, an invalid file changes nothing. */
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SedgeProcess, sedge, startSedge, until } from '../sedge-process.ts';

let directory: string;
let run: SedgeProcess | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-reload-'));
});
afterEach(async () => {
  run?.kill('SIGKILL');
  await run?.ended;
  rmSync(directory, { recursive: true, force: true });
});

const station = ({
  sensors = 'one: { driver: mock, every: 100ms }',
  uplink = 'cloud',
  journal = '',
} = {}) => `version: 1
device: test
sensors: { ${sensors} }
journal: { directory: ${join(directory, 'journal')}, commit_every: 50ms${journal} }
uplinks: { ${uplink}: { type: mqtt, url: "mqtt://127.0.0.1:1" } }
`;
/** As an editor saves: a new file under the old name. */
const save = (text: string) => {
  writeFileSync(join(directory, 'new.yaml'), text);
  renameSync(join(directory, 'new.yaml'), join(directory, 'sedge.yaml'));
};
const journal = async (config = 'sedge.yaml') =>
  JSON.parse((await sedge(['journal', '--json', '--config', config], { cwd: directory })).stdout);
const started = async (...args: string[]) => {
  run = startSedge(['run', '--simulate', ...args], { cwd: directory });
  await until('the start', () => /^service\.started/m.test(run!.stderr()));
  return run;
};

describe('a reload', () => {
  it('starts what is new, stops what is gone, leaves the rest running under its stream', async () => {
    save(station({ sensors: 'one: { driver: mock, every: 100ms }, gone: { driver: mock, every: 1s }' }));
    const { stderr, kill } = await started();
    await until('records', async () => (await journal()).last > 3);
    const { stream } = await journal();
    save(station({ sensors: 'one: { driver: mock, every: 100ms }, air: { driver: bme280, every: 1s }' }));
    kill('SIGHUP');
    await until('the reload', () => /^configuration\.reloaded/m.test(stderr()));
    expect(stderr()).toMatch(/^configuration\.reloaded done="sensor gone removed, sensor air added"$/m);
    await until('the new sensor', () => /sensor\.online sensor=air/.test(stderr()));
    expect(stderr().match(/sensor\.online sensor=one/g)).toHaveLength(1);
    expect((await journal()).stream).toBe(stream);
  });

  it('of an invalid file changes nothing and reports as check does', async () => {
    save(station());
    writeFileSync(join(directory, 'valid.yaml'), station());
    const { stderr, kill } = await started();
    save(station().replace('mock, every: 100ms', 'mock, evry: 100ms'));
    kill('SIGHUP');
    await until('the report', () => /sedge\.yaml:3:\d+: sensors\.one\.evry: /.test(stderr()));
    const { last } = await journal('valid.yaml');
    await until('sampling to go on', async () => (await journal('valid.yaml')).last > last + 3);
    expect(stderr()).not.toMatch(/^configuration\.reloaded/m);
  });

  it('that renames an uplink keeps what waits for it', async () => {
    save(station());
    const { stderr, kill } = await started();
    await until('a backlog', async () => (await journal()).pending.cloud > 5);
    save(station({ uplink: 'sky' }));
    kill('SIGHUP');
    await until('the reload', () => /uplink sky added/.test(stderr()));
    await until('the cursor', async () => Object.keys((await journal()).pending).join() === 'sky');
    const { pending, last } = await journal();
    expect(pending.sky).toBe(last);
  });

  it('that changes a key of journal opens a new stream, and nothing is lost or skipped', async () => {
    save(station());
    const { stderr, kill } = await started();
    await until('records', async () => (await journal()).last > 3);
    const before = await journal();
    save(station({ journal: ', max_size: 8MB' }));
    kill('SIGHUP');
    await until('the reload', () => /journal reopened/.test(stderr()));
    await until('records of the new stream', async () => (await journal()).last > before.last + 5);
    const after = await journal();
    expect(after.stream).not.toBe(before.stream);
    expect(after).toMatchObject({ first: 1, max_size: 8_000_000, gaps: [], pending: { cloud: after.last } });
  });

  it('of a journal that cannot be opened changes nothing: sampling, keeping and the next reload go on', async () => {
    save(station());
    writeFileSync(join(directory, 'valid.yaml'), station());
    writeFileSync(join(directory, 'blocked'), 'a file where a directory should be');
    const { stderr, kill } = await started();
    await until('records', async () => (await journal()).last > 3);
    const { stream } = await journal();
    save(station().replace(join(directory, 'journal'), join(directory, 'blocked')));
    kill('SIGHUP');
    await until('the report', () => /configuration\.refused .*blocked/.test(stderr()));
    const { last } = await journal('valid.yaml');
    await until('keeping to go on', async () => (await journal('valid.yaml')).last > last + 5);
    expect((await journal('valid.yaml')).stream).toBe(stream);
    rmSync(join(directory, 'blocked'));
    kill('SIGHUP');
    await until('the reload', () => /journal reopened/.test(stderr()));
    await until('records in the other place', async () => (await journal()).last > 5);
    expect(stderr()).not.toMatch(/journal\.refused/);
  });

  it('loses nothing that is taken while the journal is reopened', async () => {
    save(station({ sensors: 'one: { driver: mock, every: 10ms }' }));
    const { stderr, kill } = await started();
    for (const size of ['8MB', '16MB', '24MB', '32MB']) {
      const { last } = await journal();
      save(station({ sensors: 'one: { driver: mock, every: 10ms }', journal: `, max_size: ${size}` }));
      kill('SIGHUP');
      await until(`the journal of ${size}`, async () => (await journal()).last > last + 20);
    }
    await until('four reloads', () => stderr().match(/journal reopened/g)?.length === 4);
    expect(stderr()).not.toMatch(/journal\.refused/);
    const { pending, last, gaps } = await journal();
    expect({ pending, gaps }).toEqual({ pending: { cloud: last }, gaps: [] });
  });

  it('happens on save with --watch', async () => {
    save(station());
    const { stderr } = await started('--watch');
    save(station({ sensors: 'one: { driver: mock, every: 100ms }, two: { driver: mock, every: 1s }' }));
    await until('the reload', () => /sensor two added/.test(stderr()));
  });
});

it('a cron schedule works in the built program', async () => {
  save(station({ sensors: 'tick: { driver: mock, cron: "* * * * * *" }' }));
  expect(await sedge(['check'], { cwd: directory })).toMatchObject({ status: 0, stderr: '' });
  await started();
  await until('two seconds of records', async () => (await journal()).last >= 2);
});

it('a user’s driver is loaded from beside the configuration, and leaves no file behind', async () => {
  writeFileSync(
    join(directory, 'dice.js'),
    `export default {
  api: 1, id: 'dice', title: 'A die', datasheet: 'none', bus: 'none', kind: 'poll', worstCaseMs: 10, options: {},
  channels: { eyes: { quantity: 'count', min: 1, max: 6, resolution: 1, decimals: 0 } },
  open: async () => ({ read: async () => ({ eyes: 4 }), close: async () => {} }),
};\n`,
  );
  save(station({ sensors: 'die: { driver: ./dice.js, every: 1s }' }));
  const { status, stdout } = await sedge(['read', '--json'], { cwd: directory });
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ sensor: 'die', values: { eyes: 4 } });
  expect(readdirSync(directory).sort()).toEqual(['dice.js', 'sedge.yaml']);
});
