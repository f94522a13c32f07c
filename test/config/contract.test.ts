/** What is shipped: the documented example, the JSON Schema, the pages. They are made from the real drivers. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { drivers } from '../../drivers/index.ts';
import { example } from '../../src/cli/drivers.ts';
import { schemaText } from '../../src/cli/schema.ts';
import type { JsonSchema } from '../../src/config/json-schema.ts';
import { formatProblem, parseConfig } from '../../src/config/load.ts';
import { configSpec } from '../../src/config/spec.ts';
import { createAuthority } from '../certificates.ts';
import { violations } from './draft7.ts';
import { keyPaths, keyTable } from './reference.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const spec = configSpec({ table: drivers, files: new Map() });
const schema = JSON.parse(schemaText()) as JsonSchema;

const authority = createAuthority();
const station = authority.issue('station');
authority.remove();

/** The problems of a text with the files that the example names beside it. */
async function problems(text: string): Promise<readonly string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-contract-'));
  try {
    writeFileSync(join(directory, 'password'), 'secret\n', { mode: 0o600 });
    writeFileSync(join(directory, 'token'), `${'0123456789abcdef'.repeat(4)}\n`, { mode: 0o600 });
    writeFileSync(join(directory, 'ca.pem'), '-----BEGIN CERTIFICATE-----\n');
    writeFileSync(join(directory, 'station.pem'), station.cert);
    writeFileSync(join(directory, 'station.key'), station.key, { mode: 0o600 });
    const file = join(directory, 'sedge.yaml');
    const result = await parseConfig(text, { file, env: { BARN_PASSWORD: 'x' }, cwd: '/', drivers, hostname: 'hall' });
    return 'problems' in result ? result.problems.map(formatProblem) : [];
  } finally {
    rmSync(directory, { recursive: true });
  }
}
/** As an editor sees it. */
const schemaViolations = (text: string) => violations(schema, parse(text, { uniqueKeys: false }));

/** The configuration of the design, as it stands there but for the paths of this machine. */
const DESIGN = `version: 1
device: greenhouse-1
sensors:
  air:    { driver: bme280, bus: 1, address: 0x76, every: 10s, filters: { temperature: [ { offset: -0.8 } ] } }
  lamp:   { driver: bh1750, cron: "*/5 * * * *" }
  deep:   { driver: sht4x, bus: { on: 1, mux: 0x70, channel: 3 }, every: 1m }
  motor:  { driver: adxl345, every: 1m, options: { mode: burst, rate: 200Hz, window: 1s } }
  door:   { driver: gpio-input, line: 17, options: { debounce: 20ms } }
  shock:  { driver: sw420, line: 27, every: 10s }      # counts pulses in each window
  probe:  { driver: ds18b20, address: 28-00000a1b2c3d, every: 30s }
  board:  { driver: host, every: 1m }
  fake:   { driver: mock, every: 1s, options: { wave: sine, min: 0, max: 10, period: 1m } }
journal:
  directory: /var/lib/sedge
  commit_every: 1s
  max_size: 512MB
  when_full: drop_oldest
clock: { wait: 2m }
uplinks:
  cloud: { type: mqtt, url: "mqtts://broker.example:8883", username: u, password_file: password,
           batch: { max_readings: 500, max_bytes: 100KB, max_wait: 5s }, topics: { prefix: sedge } }
`;
/** Without the sensors whose driver this build does not have. */
const known = (text: string) =>
  text.replaceAll(/^ {2}\w+: +\{ driver: ([\w-]+).*\n/gm, (line, name: string) =>
    Object.hasOwn(drivers, name) ? line : '',
  );

describe('the configuration of the design', () => {
  it('is valid, for the checker and for the schema', async () => {
    expect(await problems(known(DESIGN))).toEqual([]);
    expect(schemaViolations(known(DESIGN))).toEqual([]);
  });
});

describe('the documented example', () => {
  const text = read('../contract/sedge.yaml');
  it('is valid, for the checker and for the schema', async () => {
    expect(await problems(text)).toEqual([]);
    expect(schemaViolations(text)).toEqual([]);
  });
  it('shows every key', () => {
    const shown = new Set(text.match(/[a-z_]+(?=:)/g));
    const keys = keyPaths(spec).map((path) => path.split('.').at(-1)!.replaceAll('[]', ''));
    // Of two ways to give a password it shows both, each at its own uplink; `on` of the bus and the rest are literal.
    expect(keys.filter((key) => !shown.has(key) && !key.startsWith('<'))).toEqual([]);
  });
});

describe('the JSON Schema', () => {
  it('is the committed one; to renew it: node dist/sedge.mjs schema > test/contract/schema.golden.json', () => {
    expect(schemaText()).toBe(read('../contract/schema.golden.json'));
  });
  it('refuses what has the wrong shape', () => {
    const wrong = [
      'sensors: {}',
      'version: 2',
      'version: 1\ncolour: red',
      'version: 1\nsensors: { Air: { driver: host, every: 1s } }',
      'version: 1\nsensors: { a: { driver: host } }',
      'version: 1\nsensors: { a: { driver: host, every: 1s, cron: "* * * * *" } }',
      'version: 1\nsensors: { a: { driver: host, every: 10 } }',
      'version: 1\nsensors: { a: { driver: hots, every: 10s } }',
      'version: 1\nsensors: { a: { driver: sht4x, every: 10s, address: 0x10 } }',
      'version: 1\nsensors: { a: { driver: sht4x, every: 10s, line: 3 } }',
      'version: 1\nsensors: { a: { driver: sht4x, every: 10s, bus: { mux: 0x70 } } }',
      'version: 1\nsensors: { a: { driver: gpio-input, line: 3, every: 1s } }',
      'version: 1\nsensors: { a: { driver: host, every: 1s, filters: { load: [ { offset: 1, delta: 1 } ] } } }',
      'version: 1\njournal: { max_size: 512 }',
      'version: 1\nuplinks: { a: { type: mqtt } }',
      'version: 1\nuplinks: { a: { type: mqtt, url: "mqtt://b", username: u, password: 1 } }',
      'version: 1\nuplinks: { a: { type: mqtt, url: "mqtt://b", username: u, password: p, password_file: q } }',
      'version: 1\nuplinks: { a: { type: mqtt, url: "mqtt://b", topics: { state: a/# } } }',
    ];
    expect(wrong.filter((text) => schemaViolations(text).length === 0)).toEqual([]);
  });
  it('accepts what the checker accepts', async () => {
    const right = [
      'version: 1',
      'version: 1\nsensors:\njournal:\nuplinks:\n',
      'version: 1\nsensors: { a: { driver: ./x.js, every: 1s, options: { any: 1 }, address: 0x10 } }',
      'version: 1\nsensors: { a: { driver: host, every: "$' + '{E}" } }',
      'version: 1\nsensors: { a: { driver: sht4x, every: 1s, address: "$' + '{A}" } }',
      'version: 1\nuplinks: { a: { type: mqtt, url: "$' + '{URL}", topics: { state: off, info: false } } }',
    ];
    expect(right.filter((text) => schemaViolations(text).length > 0)).toEqual([]);
  });
});

describe('the example of each driver in `sedge drivers NAME`', () => {
  it.each(Object.entries(drivers))('%s is valid', async (name, driver) => {
    expect(await problems(example(name, driver))).toEqual([]);
    expect(schemaViolations(example(name, driver))).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  const page = read('../../docs/configuration.md');
  it('has the table of all keys, as the description says it', () => expect(page).toContain(keyTable(spec)));
  it('explains every key of the top level', () => {
    for (const key of Object.keys(spec.keys)) expect(page).toContain(`\`${key}`);
  });
});
