/** HTTP and file uplinks in the configuration: what is taken, and every mistake with its place. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatProblem, loadConfig } from '../../src/config/load.ts';
import { drivers } from './help.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-outlets-'));
});
afterEach(() => rmSync(directory, { recursive: true }));
const write = (name: string, text: string) => writeFileSync(join(directory, name), text, { mode: 0o600 });

async function load(uplink: string) {
  write(
    'sedge.yaml',
    `version: 1\ndevice: d\nsensors: { a: { driver: mock, every: 1s } }\nuplinks:\n  out: { ${uplink} }\n`,
  );
  return loadConfig('sedge.yaml', { env: { KEY: 'k3y' }, cwd: directory, drivers, hostname: 'hall' });
}
async function loaded(uplink: string) {
  const result = await load(uplink);
  if ('problems' in result) throw new Error(result.problems.map(formatProblem).join('\n'));
  return { uplink: result.config.uplinks[0]!, warnings: result.config.warnings };
}
async function problems(uplink: string): Promise<readonly string[]> {
  const result = await load(uplink);
  return 'problems' in result ? result.problems.map(formatProblem) : [];
}

describe('an HTTP uplink', () => {
  it('has these defaults', async () => {
    expect((await loaded('type: http, url: "https://x.example/in?site=1"')).uplink).toEqual({
      type: 'http',
      name: 'out',
      url: 'https://x.example/in?site=1',
      format: 'json',
      compress: 'none',
      headers: {},
      timeoutMs: 30_000,
      tls: {},
      batch: { maxReadings: 500, maxBytes: 100_000, maxWaitMs: 5_000 },
    });
  });

  it('gets its token from a file, its headers with what the environment says', async () => {
    write('token', 'abc.DEF-123\n');
    const keys = 'type: http, url: "https://x.example", token_file: token, headers: { X-Key: "$' + '{KEY}" }';
    expect((await loaded(keys)).uplink).toMatchObject({
      authorization: 'Bearer abc.DEF-123',
      headers: { 'X-Key': 'k3y' },
    });
  });

  it('takes a user name and password, also from the URL, and takes them out of it', async () => {
    const authorization = `Basic ${Buffer.from('u:p w').toString('base64')}`;
    write('password', 'p w\n');
    const keys = 'type: http, url: "https://x.example/", username: u, password_file: password';
    expect((await loaded(keys)).uplink).toMatchObject({ authorization, url: 'https://x.example/' });
    expect((await loaded('type: http, url: "https://u:p%20w@x.example/"')).uplink).toMatchObject({
      authorization,
      url: 'https://x.example/',
    });
  });

  it('warns of secrets that cross the own network in clear', async () => {
    write('token', 'abc\n');
    const { warnings } = await loaded('type: http, url: "http://192.168.1.7/", token_file: token');
    expect(warnings).toEqual([
      'uplinks.out: headers and secrets cross the network in clear: use https:// if the server can',
    ]);
    expect((await loaded('type: http, url: "http://192.168.1.7/"')).warnings).toEqual([]);
  });

  it('warns of a compression that InfluxDB refuses', async () => {
    const { warnings } = await loaded('type: http, url: "https://x.example/", format: influx, compress: deflate');
    expect(warnings).toEqual(['uplinks.out.compress: InfluxDB takes gzip, and refuses deflate']);
  });

  it('leaves the own network in clear only when it is said, and then always with a warning', async () => {
    expect(await problems('type: http, url: "http://x.example/"')).toEqual([
      'sedge.yaml:5:27: uplinks.out.url: leaves the own network without encryption: write https://x.example, or add `allow_insecure: true`',
    ]);
    const { warnings } = await loaded('type: http, url: "http://x.example/", allow_insecure: true');
    expect(warnings).toMatchObject([expect.stringContaining('in clear (allow_insecure)')]);
  });

  it.each([
    ['url: "ftp://x"', /^sedge.yaml:5:27: uplinks\.out\.url: the value does not begin with https:\/\/ or http:\/\/$/],
    ['url: "nothing"', /uplinks\.out\.url: the value is not a URL: write https:\/\/host\/path/],
    ['url: "https://x#y"', /has a part behind #/],
    ['url: "https://x.example", token_file: nowhere', /uplinks\.out\.token_file: `nowhere` is not there/],
    ['url: "https://x.example", token_file: two', /uplinks\.out\.token_file: `two` holds more than a token/],
    ['url: "https://x.example", token_file: empty', /uplinks\.out\.token_file: `empty` is empty/],
    ['url: "https://x.example", username: u, token_file: good', /uplinks\.out/],
    ['url: "https://u:p@x.example", token_file: good', /uplinks\.out\.url: holds a user name or password/],
    [
      'url: "https://x.example", headers: { Content-Type: x }',
      /headers\.Content-Type: is a header that Sedge sets itself/,
    ],
    ['url: "https://x.example", headers: { "a b": x }', /is not the name of a header/],
    ['url: "https://x.example", headers: { X-A: "a\\nb" }', /headers\.X-A: the value holds what a header cannot carry/],
    [
      'url: "https://x.example", token_file: good, headers: { authorization: x }',
      /uplinks\.out\.headers: hold an Authorization/,
    ],
    ['url: "https://x.example", format: xml', /uplinks\.out\.format/],
    ['url: "https://x.example", cert_file: cert', /uplinks\.out.*key_file/],
    ['url: "https://x.example", topics: { state: off }', /uplinks\.out\.topics: unknown key/],
  ])('%s is a mistake, told once', async (keys, message) => {
    write('good', 'abc\n');
    write('two', 'abc def\n');
    write('empty', '\n');
    write('cert', '-----BEGIN CERTIFICATE-----\n');
    const told = await problems(`type: http, ${keys}`);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(message);
    expect(told[0]).not.toMatch(/abc|u:p/);
  });
});

describe('a file uplink', () => {
  it('has these defaults, with its path beside the configuration', async () => {
    expect((await loaded('type: file, directory: stick')).uplink).toEqual({
      type: 'file',
      name: 'out',
      directory: expect.stringMatching(/\/stick$/),
      format: 'jsonl',
      rotate: { sizeBytes: 10_000_000, everyMs: 86_400_000 },
      batch: { maxReadings: 500, maxBytes: 100_000, maxWaitMs: 5_000 },
    });
  });

  it.each([
    ['directory: /media/usb/a, mount_point: /media/other', /uplinks\.out\.mount_point: is not above directory/],
    ['mount_point: /media/usb', /directory/],
    ['directory: x, format: json', /uplinks\.out\.format/],
    ['directory: x, rotate: { size: 1KB }', /uplinks\.out\.rotate\.size/],
    ['directory: x, url: "mqtt://b"', /uplinks\.out\.url: unknown key/],
  ])('%s is a mistake, told once', async (keys, message) => {
    const told = await problems(`type: file, ${keys}`);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(message);
  });
});

describe('two MQTT uplinks', () => {
  const two = async (a: string, b: string) => {
    const uplinks = `uplinks:\n  a: { type: mqtt, ${a} }\n  b: { type: mqtt, ${b} }\n`;
    write('sedge.yaml', `version: 1\ndevice: d\nsensors: { s: { driver: mock, every: 1s } }\n${uplinks}`);
    const result = await loadConfig('sedge.yaml', { env: {}, cwd: directory, drivers, hostname: 'hall' });
    return 'problems' in result ? result.problems.map(formatProblem) : [];
  };
  const said = (place: string, rival: string) => [
    `sedge.yaml:${place}.client_id: is also the client id of \`${rival}\` at the same broker, and they would throw each other out for ever: give each an id of its own, or leave it out`,
  ];

  it('may not share a client id at one broker, however it is named', async () => {
    expect(await two('url: "mqtt://localhost", client_id: x', 'url: "mqtt://127.0.0.1:1883", client_id: x')).toEqual(
      said('6:61: uplinks.b', 'a'),
    );
    const web = 'url: "wss://broker.example/mqtt", client_id: x';
    expect(await two(web, web)).toEqual(said('6:65: uplinks.b', 'a'));
  });

  it('may not take the id that another has by default', async () => {
    const host = 'url: "mqtt://10.0.0.1"';
    expect(await two(`${host}, client_id: sedge-d-b`, host)).toEqual(said('5:55: uplinks.a', 'b'));
    expect(await two(host, `${host}, client_id: sedge-d-a`)).toEqual(said('6:55: uplinks.b', 'a'));
  });

  it('may share one at two brokers, and have none written', async () => {
    const host = 'url: "mqtt://10.0.0.1"';
    expect(await two(host, host)).toEqual([]);
    expect(await two(`${host}, client_id: x`, 'url: "mqtt://10.0.0.2", client_id: x')).toEqual([]);
    expect(await two(`${host}, client_id: x`, 'url: "mqtt://10.0.0.1:1884", client_id: x')).toEqual([]);
  });
});
