/** From the file on disk to the Config: where it is looked for, the files it names, defaults and values. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findConfig, formatProblem, loadConfig } from '../../src/config/load.ts';
import type { MqttUplinkConfig } from '../../src/config/types.ts';
import { createAuthority } from '../certificates.ts';
import { configOf, drivers, oneSensor, problemsOf, sensorOf } from './help.ts';

let directory: string;
const write = (name: string, text: string | Uint8Array): string => {
  writeFileSync(join(directory, name), text);
  return name;
};
const load = (file = 'sedge.yaml', env = {}) => loadConfig(file, { env, cwd: directory, drivers, hostname: 'hall' });
const problems = async (text: string | Uint8Array, env = {}): Promise<readonly string[]> => {
  const result = await load(write('sedge.yaml', text), env);
  return 'problems' in result ? result.problems.map(formatProblem) : [];
};
const loaded = async (text: string, env = {}) => {
  const result = await load(write('sedge.yaml', text), env);
  if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
};
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), 'sedge-config-')));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the file is looked for', () => {
  const find = (given?: string, env = {}) => findConfig(given, { env, cwd: directory });
  it('at --config, then $SEDGE_CONFIG, then ./sedge.yaml', async () => {
    for (const name of ['a.yaml', 'b.yaml', 'sedge.yaml']) write(name, '');
    expect(await find('a.yaml', { SEDGE_CONFIG: 'b.yaml' })).toBe('a.yaml');
    expect(await find(undefined, { SEDGE_CONFIG: 'b.yaml' })).toBe('b.yaml');
    expect(await find()).toBe('./sedge.yaml');
    expect(await find(undefined, { SEDGE_CONFIG: '' })).toBe('./sedge.yaml');
  });
  it('and when it is nowhere, the sentence lists the places', async () => {
    await expect(find()).rejects.toMatchObject({
      code: 'config.missing',
      message: expect.stringMatching(/--config.*\$SEDGE_CONFIG.*\.\/sedge\.yaml.*\/etc\/sedge\/sedge\.yaml/),
    });
  });
  it('and a given one that is not there is not replaced by another', async () => {
    write('sedge.yaml', '');
    await expect(find('x.yaml')).rejects.toMatchObject({ code: 'config.missing', message: /x\.yaml/ });
    await expect(find(undefined, { SEDGE_CONFIG: 'x.yaml' })).rejects.toMatchObject({ message: /SEDGE_CONFIG/ });
  });
});

describe('the file is read', () => {
  it('up to 1 MB', async () => {
    expect(await problems(`version: 1\n#${'x'.repeat(1_000_000)}\n`)).toEqual([
      'sedge.yaml: the configuration is larger than 1000KB, which is the most that is read',
    ]);
  });
  it('as UTF-8', async () => {
    expect(await problems(Uint8Array.of(0x61, 0xff, 0xfe))).toEqual([
      'sedge.yaml: the configuration is not UTF-8 text',
    ]);
    expect(await problems('\ufeffversion: 2\n')).toEqual([expect.stringContaining('sedge.yaml:1:10: version')]);
  });
  it('and a directory is none', async () => {
    mkdirSync(join(directory, 'd'));
    expect(await load('d')).toEqual({ problems: [{ file: 'd', message: expect.stringContaining('is a directory') }] });
  });
  it('and its absolute path is kept', async () =>
    expect((await loaded('version: 1')).file).toBe(`${directory}/sedge.yaml`));
});

describe('an environment variable', () => {
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: the file's own syntax
  it('stands in any value, and $${ for the characters themselves', async () => {
    const keys = 'driver: host, name: "${A} in $${B}, ${C}$", every: "${EVERY}"';
    const sensor = await sensorOf(keys, { env: { A: 'air', C: '', EVERY: '10s' } });
    expect(sensor).toMatchObject({ name: 'air in ${B}, $', schedule: { everyMs: 10_000 } });
  });
  it('becomes a number where one is expected, and stays text where text is', async () => {
    const keys =
      'driver: bme280, name: "${N}", every: 1s, address: "${A}", options: { oversampling: "${N}", heater: "${T}" }';
    const sensor = await sensorOf(keys, { env: { A: '0x77', N: '4', T: 'true' } });
    expect(sensor).toMatchObject({ name: '4', place: { address: 0x77 }, options: { oversampling: 4, heater: true } });
  });
  it('may choose the driver', async () => {
    expect((await sensorOf('driver: "${D}", every: 1s', { env: { D: 'host' } })).driverName).toBe('host');
  });
  it('that is not set is a problem at the value', async () => {
    expect(await problemsOf(oneSensor('driver: host, every: 1s, name: "${NOT_SET}"'))).toEqual([
      '3:39: sensors.s.name: `${NOT_SET}` needs the environment variable NOT_SET, which is not set',
    ]);
  });
  it('has a name', async () => {
    for (const wrong of ['${}', '${A B}', '${A', '${A:-b}']) {
      expect(await problemsOf(oneSensor(`driver: host, every: 1s, name: "${wrong}"`), { env: { A: '' } })).toHaveLength(
        1,
      );
    }
  });
  it('in a value that must be quoted says so', async () => {
    expect(await problemsOf(oneSensor('driver: host, every: 1s, name: ${A}'))).toEqual([
      '3:39: inside { } or [ ] a value with an environment variable must be in quotes',
    ]);
  });
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: the file's own syntax
});

describe('an uplink', () => {
  const mqtt = (keys: string) => `version: 1\ndevice: d\nuplinks:\n  c: { type: mqtt, ${keys} }\n`;
  const one = async (keys: string) => (await loaded(mqtt(keys))).uplinks[0] as MqttUplinkConfig;

  it('gets its password from a file beside the configuration, without the line break at its end', async () => {
    write('password', 'se cret \n');
    expect(await one('url: "mqtts://b", username: u, password_file: password')).toMatchObject({ password: 'se cret ' });
  });
  it('is refused when that file is not there, or empty', async () => {
    expect(await problems(mqtt('url: "mqtts://b", username: u, password_file: nowhere'))).toEqual([
      'sedge.yaml:4:66: uplinks.c.password_file: `nowhere` is not there',
    ]);
    write('password', '\n');
    expect(await problems(mqtt('url: "mqtts://b", username: u, password_file: password'))).toHaveLength(1);
  });
  it('is told how systemd hands a credential over, when it is not there', async () => {
    const text = mqtt(`url: "mqtts://b", username: u, password_file: "\${CREDENTIALS_DIRECTORY}/sedge.password"`);
    const env = { CREDENTIALS_DIRECTORY: directory };
    expect(await problems(text, env)).toEqual([
      expect.stringMatching(
        /CREDENTIALS_DIRECTORY\}\/sedge\.password` is not there: put it in \/etc\/credstore, then .*restart/,
      ),
    ]);
    write('sedge.password', 'secret');
    chmodSync(join(directory, 'sedge.password'), 0o600);
    expect((await loaded(text, env)).uplinks[0]).toMatchObject({ password: 'secret' });
  });
  it('warns of a password that every user may read, and of one that crosses the network in clear', async () => {
    write('password', 'x');
    chmodSync(join(directory, 'password'), 0o644);
    const text = mqtt('url: "mqtt://b", username: u, password_file: password');
    expect((await loaded(text)).warnings).toEqual([
      expect.stringContaining('chmod 600'),
      expect.stringContaining('in clear'),
      expect.stringContaining('no sensors'),
    ]);
    chmodSync(join(directory, 'password'), 0o600);
    expect((await loaded(text.replace('//b', '//127.0.0.1'))).warnings).toEqual([
      expect.stringContaining('no sensors'),
    ]);
  });
  it('warns of a configuration with a secret in it that every user may read, or change', async () => {
    const at = async (mode: number, keys: string) => {
      write('sedge.yaml', mqtt(keys));
      chmodSync(join(directory, 'sedge.yaml'), mode);
      const result = await load('sedge.yaml', { PASSWORD: 'x' });
      if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'));
      return result.config.warnings.filter((text) => text.startsWith('sedge.yaml'));
    };
    const secret = ['sedge.yaml holds a secret and can be read by every user: run chmod o-rwx on it'];
    expect(await at(0o644, 'url: "mqtts://b", username: u, password: x')).toEqual(secret);
    expect(await at(0o644, 'url: "mqtts://u:x@b"')).toEqual(secret);
    expect(await at(0o640, 'url: "mqtts://b", username: u, password: x')).toEqual([]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own syntax
    expect(await at(0o644, 'url: "mqtts://b", username: u, password: "${PASSWORD}"')).toEqual([]);
    expect(await at(0o644, 'url: "mqtts://b"')).toEqual([]);
    expect(await at(0o666, 'url: "mqtts://b"')).toEqual([
      'sedge.yaml can be changed by every user, and so can what this program runs: run chmod o-w on it',
    ]);
  });
  it('gets name and password out of the URL', async () => {
    expect(await one('url: "mqtt://us%65r:p%40ss@b:1884/"')).toMatchObject({
      url: 'mqtt://b:1884',
      username: 'user',
      password: 'p@ss',
    });
    expect(await problems(mqtt('url: "mqtt://u:p@b", username: u'))).toHaveLength(1);
  });
  it('trusts the certificates of ca_file', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
    write('ca.pem', pem);
    expect(await one('url: "mqtts://b", ca_file: ca.pem')).toMatchObject({ tls: { ca: pem } });
    write('ca.pem', 'no certificate');
    expect(await problems(mqtt('url: "mqtts://b", ca_file: ca.pem'))).toHaveLength(1);
  });
  it('shows a certificate of its own, with the key that belongs to it', async () => {
    const authority = createAuthority();
    const [mine, other] = [authority.issue('station'), authority.issue('other')];
    authority.remove();
    write('c.pem', mine.cert);
    write('c.key', mine.key);
    chmodSync(join(directory, 'c.key'), 0o600);
    const keys = 'url: "mqtts://b", cert_file: c.pem, key_file: c.key';
    expect(await one(`${keys}, server_name: c`)).toMatchObject({ tls: { ...mine, serverName: 'c' } });
    write('c.key', other.key);
    expect(await problems(mqtt(keys))).toEqual([expect.stringContaining('is not the key of the certificate')]);
    write('c.key', 'none');
    expect(await problems(mqtt(keys))).toEqual([expect.stringContaining('no private key in PEM form')]);
    expect(await problems(mqtt('url: "mqtts://b", cert_file: c.pem'))).toEqual([
      expect.stringContaining('key_file: is missing'),
    ]);
  });
  it.each([
    'mqtt://b',
    'mqtt://b.local',
    'mqtt://127.0.0.1',
    'mqtt://10.1.2.3',
    'ws://192.168.0.9/mqtt',
    'mqtt://[fd00::1]',
  ])('goes without encryption to %s of the own network', async (url) =>
    expect(await problems(mqtt(`url: "${url}"`))).toEqual([]),
  );
  it.each([
    ['mqtt://broker.example', 'mqtts://'],
    ['mqtt://8.8.8.8', 'mqtts://'],
    ['ws://broker.example/mqtt', 'wss://'],
  ])('goes without encryption to %s only if that is wanted, and warns of it', async (url, secure) => {
    expect(await problems(mqtt(`url: "${url}"`))).toEqual([
      expect.stringMatching(
        new RegExp(`^sedge.yaml:4:25: uplinks.c.url: leaves the own network .*${secure}.*allow_insecure`),
      ),
    ]);
    expect((await loaded(mqtt(`url: "${url}", allow_insecure: true`))).warnings[0]).toContain(
      'in clear (allow_insecure)',
    );
  });
  it('may be only for some sensors, at some rate, at some times', async () => {
    expect(
      await one(
        'url: "mqtt://b", include: [a, "b*"], exclude: [c], max_rate: 2.5, window: { cron: "0 * * * *", for: 5m }',
      ),
    ).toMatchObject({
      include: ['a', 'b*'],
      exclude: ['c'],
      maxRate: 2.5,
      window: { cron: '0 * * * *', timezone: 'UTC', forMs: 300_000 },
    });
    expect((await loaded(mqtt('url: "mqtt://b", include: ["b*"]'))).warnings).toContain(
      'uplinks.c.include: `b*` fits no sensor',
    );
    expect(await problems(mqtt('url: "mqtt://b", include: [A.b]'))).toEqual([
      expect.stringContaining('uplinks.c.include[0]: `A.b` names no sensor'),
    ]);
    expect(await problems(mqtt('url: "mqtt://b", window: { cron: "60 * * * *", for: 5m }'))).toEqual([
      expect.stringContaining('uplinks.c.window.cron: is not a cron expression: its minute is not possible'),
    ]);
    expect(await problems(mqtt('url: "mqtt://b", window: { cron: "0 * * * *" }'))).toEqual([
      expect.stringContaining('uplinks.c.window.for: is missing'),
    ]);
  });
  it('has these defaults', async () => {
    expect(await one('url: "mqtt://b"')).toEqual({
      type: 'mqtt',
      name: 'c',
      url: 'mqtt://b',
      keepaliveMs: 30_000,
      batch: { maxReadings: 500, maxBytes: 100_000, maxWaitMs: 5_000 },
      topics: { prefix: 'sedge' },
      qos: 1,
      tls: {},
      format: 'json',
      compress: 'none',
    });
  });
  it('turns topics off by the word or by false', async () => {
    const { topics } = await one(
      'url: "mqtt://b", topics: { prefix: a/b, state: off, info: false, readings: my/topic }',
    );
    expect(topics).toEqual({ prefix: 'a/b', state: false, info: false, readings: 'my/topic' });
  });
});

describe("a user's driver", () => {
  const good = readFileSync(new URL('./my-chip.js', import.meta.url), 'utf8');
  const sensor = (path: string) => oneSensor(`driver: ${path}, every: 1s`);

  it('is loaded from beside the configuration and checked like any other', async () => {
    write('my-chip.mjs', good);
    const { sensors } = await loaded(sensor('./my-chip.mjs'));
    expect(sensors[0]).toMatchObject({ driverName: './my-chip.mjs', options: { gain: 1 }, place: { address: 0x42 } });
    const text = oneSensor(
      'driver: ./my-chip.mjs, every: 1s, address: 0x10, options: { gian: 1 }, filters: { lux: [] }',
    );
    expect(await problems(text)).toEqual([
      expect.stringContaining('0x42'),
      expect.stringContaining('`gain`'),
      expect.stringContaining('is not a channel'),
    ]);
  });
  it('is loaded anew after it was edited', async () => {
    write('my-chip.mjs', good.replace('My chip', 'Old'));
    await loaded(sensor('./my-chip.mjs'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    write('my-chip.mjs', good.replace('My chip', 'New'));
    expect((await loaded(sensor('./my-chip.mjs'))).sensors[0]!.driver.title).toBe('New');
  });
  it.each([
    ['nothing', undefined, 'is not there'],
    ['a slip of syntax', 'export default {', 'cannot be loaded'],
    ['no export', 'const x = 1;', 'no default export'],
    ['another interface', good.replace('api: 1', 'api: 2'), '`api` must be 1'],
    ['no open()', good.replace('open', 'close'), 'no function `open`'],
    ['a channel called time', good.replace('field:', 'time:'), 'reserved'],
    ['a new quantity without a unit', good.replace("unit: 'uT',", ''), 'no unit'],
    ['a channel without bounds', good.replace('min: 0,', ''), 'no min'],
    ['an option of no kind', good.replace("kind: 'number'", "kind: 'colour'"), 'no kind for its option'],
    ['addresses of 8 bits', good.replace('0x42', '0x84'), '7-bit'],
  ])('with %s is a problem at its value', async (what, text, expected) => {
    const name = `./${what.replaceAll(/\W/g, '-')}.mjs`;
    if (text !== undefined) write(name, text);
    expect(await problems(sensor(name))).toEqual([
      expect.stringMatching(/^sedge\.yaml:3:16: sensors\.s\.driver: `\.\/.*`/),
    ]);
    expect((await problems(sensor(name)))[0]).toContain(expected);
  });
});

describe('the device', () => {
  const device = async (hostname: string, text = 'version: 1\nsensors: { h: { driver: host, every: 1s } }\n') => {
    const { device, warnings } = await configOf(text, { hostname });
    return { device, warned: warnings.length };
  };
  it('is called after the host, normalised', async () => {
    expect(await device('Green House.local')).toEqual({ device: 'green-house', warned: 0 });
    expect(await device('_x_')).toEqual({ device: 'x', warned: 0 });
    expect((await device('a'.repeat(80))).device).toHaveLength(63);
  });
  it.each([
    'localhost',
    'raspberrypi',
    'raspberry',
    'debian',
    'ubuntu',
    'orangepi',
    'dietpi',
    'raspberrypi4',
    'debian-12',
    '',
  ])('warns of the generic name %j', async (name) => expect((await device(name)).warned).toBe(1));
  it('does not when it is named', async () => {
    const text = 'version: 1\ndevice: raspberrypi\nsensors: { h: { driver: host, every: 1s } }\n';
    expect(await device('raspberrypi', text)).toEqual({ device: 'raspberrypi', warned: 0 });
  });
});

describe('the journal', () => {
  const journal = async (env: Record<string, string>, text = 'version: 1\n') => (await configOf(text, { env })).journal;
  it('is where systemd says, else the user', async () => {
    expect((await journal({ STATE_DIRECTORY: '/s:/t', XDG_STATE_HOME: '/x' })).directory).toBe('/s');
    expect((await journal({ XDG_STATE_HOME: '/x' })).directory).toBe('/x/sedge');
    expect((await journal({ XDG_STATE_HOME: 'relative', HOME: '/h' })).directory).toBe('/h/.local/state/sedge');
  });
  it('is relative to the configuration when written so', async () =>
    expect((await journal({}, 'version: 1\njournal: { directory: j }\n')).directory).toBe('/etc/sedge/j'));
  it('has these defaults, also when its section is empty', async () => {
    const defaults = {
      directory: '/s',
      commitEveryMs: 1_000,
      commitEveryOfflineMs: 1_000,
      maxSizeBytes: 512_000_000,
      minFreeBytes: 0,
      whenFull: 'drop_oldest',
    };
    expect(await journal({ STATE_DIRECTORY: '/s' })).toEqual(defaults);
    expect(await journal({ STATE_DIRECTORY: '/s' }, 'version: 1\njournal:\n  # max_size: 1GB\n')).toEqual(defaults);
  });
  it('commits offline as online unless set', async () =>
    expect(await journal({}, 'version: 1\njournal: { commit_every: 5s }\n')).toMatchObject({
      commitEveryOfflineMs: 5_000,
    }));
});

describe('a sensor', () => {
  it('of each sort has its place and schedule', async () => {
    expect(await sensorOf('driver: bme280, every: 10s')).toMatchObject({
      place: { bus: 'i2c', on: 1, address: 0x76 },
      schedule: { kind: 'every', everyMs: 10_000, align: false, jitterMs: 0 },
      options: { oversampling: 1, wait: 100, gain: 1, heater: false },
      filters: {},
    });
    expect((await sensorOf('driver: gpio-input, line: 17, pull: off')).place).toEqual({
      bus: 'gpio',
      place: { line: 17 },
      pull: 'off',
    });
    expect((await sensorOf('driver: gpio-input, line: { chip: gpiochip0, line: GPIO17 }')).place).toEqual({
      bus: 'gpio',
      place: { chip: 'gpiochip0', line: 'GPIO17' },
    });
    expect((await sensorOf('driver: gpio-input, line: 17')).schedule).toBeUndefined();
    const probe = await sensorOf('driver: ds18b20, address: 28-00000a1b2c3d, every: 30s');
    expect(probe).toMatchObject({ place: { bus: 'files' }, options: { address: '28-00000a1b2c3d' } });
    expect((await sensorOf('driver: mock, every: 1s')).place).toEqual({ bus: 'none' });
  });
  it('by the calendar is on UTC unless set', async () => {
    const cron = 'driver: host, cron: "*/5 * * * *"';
    expect((await sensorOf(cron)).schedule).toEqual({
      kind: 'cron',
      expression: '*/5 * * * *',
      timezone: 'UTC',
      jitterMs: 0,
    });
    expect((await sensorOf(`${cron}, timezone: Europe/Berlin`)).schedule).toMatchObject({ timezone: 'Europe/Berlin' });
    expect((await sensorOf('driver: host, cron: "0 30 8 * * mon"')).schedule).toMatchObject({ kind: 'cron' });
  });
  it('has the filters of its channels, also of those that an option brings', async () => {
    const steps = '{ offset: -0.8 }, { clamp: { min: 0, max: 1 } }, { median: 3 }, { delta: 0.1, heartbeat: 5m }';
    const { filters } = await sensorOf(
      `driver: adxl345, every: 1m, options: { mode: burst }, filters: { rms: [ ${steps} ] }`,
    );
    expect({ ...filters }).toEqual({
      rms: [
        { kind: 'offset', by: -0.8 },
        { kind: 'clamp', min: 0, max: 1 },
        { kind: 'median', of: 3 },
        { kind: 'delta', by: 0.1, heartbeatMs: 300_000 },
      ],
    });
    expect(await problemsOf(oneSensor('driver: adxl345, every: 1m, filters: { rms: [ { offset: 1 } ] }'))).toHaveLength(
      1,
    );
  });
  it('has faults only when it exists', async () => {
    const text = (id: string) =>
      `version: 1\nsensors: { air: { driver: host, every: 1s } }\nsimulation: { faults: { ${id}: [ { kind: nack, rate: 0.1 }, { kind: hang, times: 1 } ] } }\n`;
    expect((await configOf(text('air'))).simulation.faults.air).toEqual([
      { kind: 'nack', rate: 0.1 },
      { kind: 'hang', times: 1 },
    ]);
    expect(await problemsOf(text('aire'))).toEqual([
      '3:25: simulation.faults.aire: is not a sensor of this file: did you mean `air`?',
    ]);
  });
});
