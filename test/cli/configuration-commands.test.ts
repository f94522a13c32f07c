/** `check`, `schema` and `drivers`, as a shell sees them: what is on which stream, and the exit status. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { check } from '../../src/cli/check.ts';
import type { Command, CommandArgs, CommandIo } from '../../src/cli/command.ts';
import { driversCommand } from '../../src/cli/drivers.ts';
import { schema } from '../../src/cli/schema.ts';

let cwd: string;
beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), 'sedge-cli-')));
});
afterEach(() => rmSync(cwd, { recursive: true }));

async function run(command: Command, args: Partial<CommandArgs> = {}, env: NodeJS.ProcessEnv = {}) {
  const out = new PassThrough();
  const err = new PassThrough();
  const io = { stdout: out, stderr: err, env, cwd, version: '0', signal: new AbortController().signal };
  const status = await command.run(io as unknown as CommandIo, { values: {}, positionals: [], ...args });
  const text = (stream: PassThrough) => String(stream.read() ?? '');
  return { status, out: text(out), err: text(err) };
}

const VALID = 'version: 1\ndevice: d\nsensors:\n  a: { driver: host, every: 1m }\n  b: { driver: sht4x, every: 1m }\n';

describe('sedge check', () => {
  it('says in one line that a file is valid', async () => {
    writeFileSync(join(cwd, 'my.yaml'), `${VALID}uplinks:\n  c: { type: mqtt, url: "mqtt://b" }\n`);
    expect(await run(check, { values: { config: 'my.yaml' } })).toEqual({
      status: 0,
      out: 'my.yaml: valid: 2 sensors, 1 uplink\n',
      err: '',
    });
  });
  it('prints each problem on stderr and nothing else, and ends with 78', async () => {
    writeFileSync(join(cwd, 'sedge.yaml'), 'version: 1\nsensors:\n  a: { driver: host, evry: 1m }\ncolour: red\n');
    const { status, out, err } = await run(check);
    expect({ status, out }).toEqual({ status: 78, out: '' });
    expect(err).toMatch(/^\.\/sedge\.yaml:3:22: sensors\.a\.evry: .*\n\.\/sedge\.yaml:4:1: colour: .*\n$/);
  });
  it('warns on stderr of what is no mistake', async () => {
    writeFileSync(join(cwd, 'sedge.yaml'), 'version: 1\ndevice: d\n');
    expect(await run(check)).toMatchObject({ status: 0, err: expect.stringMatching(/^warning: no sensors.*\n$/) });
  });
  it('finds the file that $SEDGE_CONFIG names', async () => {
    writeFileSync(join(cwd, 'x.yaml'), VALID);
    expect(await run(check, {}, { SEDGE_CONFIG: 'x.yaml' })).toMatchObject({
      out: 'x.yaml: valid: 2 sensors, 0 uplinks\n',
    });
  });
  it('fails with a coded error when there is none', async () => {
    await expect(run(check, { values: { config: 'nowhere.yaml' } })).rejects.toMatchObject({ code: 'config.missing' });
  });
});

describe('sedge schema', () => {
  it('prints a JSON Schema', async () => {
    const { status, out, err } = await run(schema);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' });
  });
});

describe('sedge drivers', () => {
  it('lists every driver in plain columns, with its channels and units', async () => {
    const { out } = await run(driversCommand);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(Object.keys(drivers).length + 1);
    expect(lines.find((line) => line.startsWith('sht4x '))).toMatch(
      /^sht4x +i2c +0x44-0x46 +Sensirion .* +temperature Cel, humidity %RH$/,
    );
  });
  it.each(Object.entries(drivers))('tells what %s measures and takes', async (name, driver) => {
    const { out } = await run(driversCommand, { positionals: [name] });
    for (const word of [...Object.keys(driver.channels), ...Object.keys(driver.options), driver.title, 'version: 1']) {
      expect(out).toContain(word);
    }
  });
  it.each([
    ['bme280', /Wiring\n {2}VCC to 3\.3 V.*\n(.*\n)* {2}The address .* 0x76 0x77\./],
    ['reed', /Wiring\n {2}Signal to a GPIO/],
    ['ds18b20', /Wiring\n {2}As the kernel driver needs it/],
  ])('says how %s is wired', async (name, wiring) => {
    expect((await run(driversCommand, { positionals: [name] })).out).toMatch(wiring);
  });
  it('says no wiring of what has none', async () => {
    expect((await run(driversCommand, { positionals: ['host'] })).out).not.toContain('Wiring');
  });
  it('gives the same as JSON', async () => {
    const all = JSON.parse((await run(driversCommand, { values: { json: true } })).out) as { name: string }[];
    expect(all.map(({ name }) => name)).toEqual(Object.keys(drivers));
    const one = await run(driversCommand, { values: { json: true }, positionals: ['sht4x'] });
    expect(JSON.parse(one.out)).toMatchObject({
      name: 'sht4x',
      addresses: [0x44, 0x45, 0x46],
      channels: { temperature: { quantity: 'temperature', unit: 'Cel' } },
    });
  });
  it.each(['sht4', 'shtx4', 'SHT4X'])('takes %s for wrong usage, and says what was meant', async (name) => {
    await expect(run(driversCommand, { positionals: [name] })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('did you mean `sht4x`?'),
    });
  });
  it('does not know what every object has', async () =>
    expect(run(driversCommand, { positionals: ['constructor'] })).rejects.toMatchObject({ code: 'usage' }));
});
