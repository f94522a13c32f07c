/** The HTTP uplink against a server that does everything a server can do wrong. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HttpUplinkConfig } from '../../src/config/types.ts';
import { parseBatch } from '../../src/receive/incoming.ts';
import { readings } from './array-source.ts';
import { type Reply, type ScriptedServer, startHttpServer } from './http-server.ts';
import { type RequestRig, type RequestRigOptions, startRequestRig } from './request-rig.ts';

const servers: ScriptedServer[] = [];
const rigs: RequestRig[] = [];
afterEach(async () => {
  for (const { uplink } of rigs.splice(0)) await uplink.stop(0);
  for (const server of servers.splice(0)) await server.close();
});

async function server(reply?: (index: number) => Reply, tls?: Parameters<typeof startHttpServer>[0]) {
  const started = await startHttpServer(tls);
  if (reply) started.reply = reply;
  servers.push(started);
  return started;
}
async function station(url: string, more: Partial<HttpUplinkConfig> = {}, options: RequestRigOptions = {}) {
  const rig = await startRequestRig(
    {
      type: 'http',
      name: 'web',
      url,
      format: 'json',
      compress: 'none',
      headers: {},
      timeoutMs: 30_000,
      tls: {},
      ...more,
      batch: { maxReadings: 10, maxBytes: 100_000, maxWaitMs: 0, ...more.batch },
    },
    options,
  );
  rigs.push(rig);
  return rig;
}
const seqs = ({ got }: ScriptedServer) => got.flatMap(({ text }) => parseBatch(text).records.map(({ seq }) => seq));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const failure = ({ uplink }: RequestRig) => uplink.status().error;
const offline = (rig: RequestRig) => rig.passing('a failure', () => failure(rig) !== undefined);
/** 500, once, then well. */
const once = (reply: Reply) => (index: number) => (index === 0 ? reply : 204);

describe('a batch', () => {
  it('is the JSON of the contract, posted with its type, and acknowledged by any 2xx', async () => {
    const web = await server((index) => [200, 201, 202, 204][index]);
    const rig = await station(web.url, { headers: { 'X-Site': 'hut' }, authorization: 'Bearer s3cret' });
    for (const last of [1, 2, 3, 4]) {
      rig.source.push(...readings(last, last));
      await rig.passing(`${last} is acknowledged`, () => rig.acknowledged() === last);
    }
    expect(seqs(web)).toEqual([1, 2, 3, 4]);
    const { headers, path } = web.got[0]!;
    expect(path).toBe('/ingest');
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      authorization: 'Bearer s3cret',
      'x-site': 'hut',
      'user-agent': 'sedge/1.2.3',
    });
    expect(headers['content-encoding']).toBeUndefined();
    expect(rig.uplink.status()).toMatchObject({ connected: true, batchesAcknowledged: 4, recordsAcknowledged: 4 });
  });

  it.each(['gzip', 'deflate'] as const)('is compressed with %s, and says so', async (compress) => {
    const web = await server();
    const rig = await station(web.url, { compress });
    rig.source.push(...readings(1, 10));
    await rig.passing('it is acknowledged', () => rig.acknowledged() === 10);
    expect(web.got[0]!.headers['content-encoding']).toBe(compress);
    expect(web.got[0]!.body.length).toBeLessThan(web.got[0]!.text.length / 2);
    expect(seqs(web)).toEqual(range(1, 10));
  });

  it.each([
    ['senml', 'application/senml+json'],
    ['influx', 'text/plain; charset=utf-8'],
    ['csv', 'text/csv; charset=utf-8; header=present'],
  ] as const)('is %s if the configuration says so', async (format, type) => {
    const web = await server();
    const rig = await station(web.url, { format });
    rig.source.push(...readings(1, 3));
    await rig.passing('it is acknowledged', () => rig.acknowledged() === 3);
    expect(web.got[0]!.headers['content-type']).toBe(type);
  });

  it('keeps one connection open, and one request at a time, in order', async () => {
    const web = await server();
    const rig = await station(web.url);
    rig.source.push(...readings(1, 200));
    await rig.passing('all are acknowledged', () => rig.acknowledged() === 200);
    expect(seqs(web)).toEqual(range(1, 200));
    expect(web).toMatchObject({ connections: 1, mostAtOnce: 1 });
  });

  it('goes again on a new connection when the server had closed the kept one, without being a failure', async () => {
    const web = await server((index) => (response, got) => {
      response.writeHead(204).end();
      // Just after the first answer, as a server does whose patience ends.
      if (index === 0) setImmediate(() => got && response.socket?.resetAndDestroy());
    });
    const rig = await station(web.url);
    rig.source.push(...readings(1, 1));
    await rig.passing('1', () => rig.acknowledged() === 1);
    rig.source.push(...readings(2, 2));
    await rig.passing('2', () => rig.acknowledged() === 2);
    expect(rig.logLines.filter((line) => line.includes('uplink.offline'))).toEqual([]);
  });
});

describe('an answer that is none', () => {
  it.each<[string, Reply, string]>([
    [
      'half of one',
      (response) => response.writeHead(200, { 'Content-Length': 100 }).write('half') && response.socket?.destroy(),
      'uplink.lost',
    ],
    ['a closed connection', (response) => response.socket?.destroy(), 'uplink.lost'],
    ['a reset', (response) => response.socket?.resetAndDestroy(), 'uplink.lost'],
    ['no HTTP', (response) => response.socket?.end('hello\r\n\r\n'), 'uplink.lost'],
    ['status 500', 500, 'uplink.lost'],
    ['status 503', 503, 'uplink.busy'],
    ['silence', () => undefined, 'uplink.timeout'],
    [
      'headers and then silence',
      (response) => response.writeHead(200, { 'Content-Length': 4 }).flushHeaders(),
      'uplink.timeout',
    ],
  ])('%s: the batch comes again, whole and in order', async (_what, reply, code) => {
    const web = await server(once(reply));
    const rig = await station(web.url);
    rig.source.push(...readings(1, 25));
    await offline(rig);
    expect(failure(rig)?.code).toBe(code);
    expect(rig.acknowledged()).toBe(0);
    await rig.passing('all are acknowledged', () => rig.acknowledged() === 25);
    expect([...new Set(seqs(web))]).toEqual(range(1, 25));
    expect(web.mostAtOnce).toBe(1);
    expect(rig.uplink.status()).toMatchObject({ connected: true });
  });

  it('when the connection is reset in the middle of the body', async () => {
    const web = await server();
    web.onHeaders = (socket, index) => {
      if (index === 0) socket.once('readable', () => socket.resetAndDestroy());
      return index === 0;
    };
    const rig = await station(web.url, { batch: { maxReadings: 10_000, maxBytes: 10_000_000, maxWaitMs: 0 } });
    rig.source.push(...readings(1, 10_000));
    await offline(rig);
    expect(failure(rig)).toEqual({
      code: 'uplink.lost',
      message: `The connection to 127.0.0.1:${web.port} was lost before the answer: the other side closed it.`,
    });
    await rig.passing('all are acknowledged', () => rig.acknowledged() === 10_000);
    expect(seqs(web)).toEqual(range(1, 10_000));
  });

  it('when nobody is there', async () => {
    const web = await server();
    await web.close();
    servers.pop();
    const rig = await station(web.url);
    rig.source.push(...readings(1, 1));
    await offline(rig);
    expect(failure(rig)).toEqual({
      code: 'uplink.unreachable',
      message: `Cannot connect to 127.0.0.1:${web.port}: nothing listens there: check that the server runs, and the host and port of the URL.`,
    });
  });

  it('however long a server makes its answer', async () => {
    const endless: Reply = (response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    };
    const web = await server(() => endless);
    const rig = await station(web.url);
    rig.source.push(...readings(1, 1));
    await rig.passing('it is acknowledged', () => rig.acknowledged() === 1);
  });
});

describe('a server that asks for patience', () => {
  const answered =
    (status: number, after: string, date?: string): Reply =>
    (response) => {
      response.writeHead(status, { 'Retry-After': after, ...(date !== undefined && { Date: date }) }).end('slow down');
    };
  it.each([
    [429, '7', undefined, 7_000],
    [503, '30', undefined, 30_000],
    [500, '3', undefined, 3_000],
    // By the server's clock, whatever ours says.
    [429, 'Wed, 21 Oct 2015 07:28:20 GMT', 'Wed, 21 Oct 2015 07:28:00 GMT', 20_000],
    [503, 'Sun, 22 Nov 2026 12:00:40 GMT', 'no date', 40_000],
    [503, '999999999', undefined, 3_600_000],
    [429, 'Wed, 21 Oct 2015 07:28:20 GMT', 'Wed, 21 Oct 2015 07:30:00 GMT', 0],
    [429, 'soon', undefined, 0],
  ])('%i with Retry-After %s (its clock: %s) waits %i ms and a jitter', async (status, after, date, waitMs) => {
    const web = await server(once(answered(status, after, date)));
    const rig = await station(web.url, {}, { random: () => 0.5 });
    rig.source.push(...readings(1, 1));
    await offline(rig);
    const line = rig.logLines.find((one) => one.includes('uplink.offline'));
    const told = Number(/retry_ms=(\d+)/.exec(line ?? '')?.[1]);
    // The jitter is half of the first second.
    expect(told - waitMs).toBeGreaterThanOrEqual(0);
    expect(told - waitMs).toBeLessThanOrEqual(1_500);
    await rig.clock.advance(Math.max(0, told - 1_000));
    expect(web.got.length).toBe(1);
    await rig.clock.advance(2_000);
    await rig.passing('it is acknowledged', () => rig.acknowledged() === 1);
  });
});

describe('a server that refuses', () => {
  it('one record for good: the rest goes on, and the record is where a person finds it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sedge-letters-'));
    const deadLetterFile = join(directory, 'refused.jsonl');
    const web = await server();
    web.reply = (_index, { text }) => (text.includes('"seq":7,') ? 422 : 204);
    const rig = await station(web.url, { deadLetterFile });
    rig.source.push(...readings(1, 20));
    await rig.passing('all others are acknowledged', () => rig.acknowledged() === 20);
    const taken = web.got.filter(({ text }) => !text.includes('"seq":7,'));
    const seen = taken.flatMap(({ text }) => parseBatch(text).records.map(({ seq }) => seq));
    expect([...new Set(seen)].sort((a, b) => a - b)).toEqual(range(1, 20).filter((seq) => seq !== 7));
    expect(rig.uplink.status()).toMatchObject({ deadLetters: 1 });
    const letters = readFileSync(deadLetterFile, 'utf8').trimEnd().split('\n');
    expect(letters.map((line) => JSON.parse(line))).toMatchObject([{ seq: 7, reason: 'refused', record: { seq: 7 } }]);
    rmSync(directory, { recursive: true });
  });

  it.each([400, 409, 413, 422])('everything with %i: nothing is given up', async (status) => {
    const web = await server(() => status);
    const rig = await station(web.url);
    rig.source.push(...readings(1, 20));
    await rig.passing('it has tried for long', () => web.got.length > 30);
    expect(rig.acknowledged()).toBe(0);
    expect(rig.uplink.status()).toMatchObject({ deadLetters: 0, connected: false });
    expect(failure(rig)).toMatchObject({ code: 'uplink.rejected' });
  });

  it.each([
    [401, 'wants another authorisation: check token_file, or username and password_file'],
    [403, 'does not authorise this station: check its rights, and token_file'],
    [404, 'knows nothing at this address: check the path and the query of url'],
    [415, 'does not take this format or compression: check format and compress'],
  ])('the request with %i, not the body: says what to do, and gives nothing up', async (status, what) => {
    const web = await server((index) => (index < 5 ? status : 204));
    const rig = await station(web.url);
    rig.source.push(...readings(1, 20));
    await offline(rig);
    expect(failure(rig)).toEqual({ code: 'uplink.refused', message: `127.0.0.1:${web.port} ${what}.` });
    await rig.passing('it lets us in', () => rig.acknowledged() === 20);
    // Whole batches all the time.
    expect(web.got.every(({ text }) => parseBatch(text).records.length === 10)).toBe(true);
  });

  it('in its own words, on one line, but never with our secret in them', async () => {
    const web = await server((index) => (response, { headers }) => {
      const words = index < 2 ? `{"error":"field\n type\u0007 conflict"}` : `you sent ${headers.authorization}`;
      response.writeHead(500).end(words);
    });
    const rig = await station(web.url, { authorization: 'Bearer s3cret', headers: { 'X-Key': 'k3y' } });
    rig.source.push(...readings(1, 1));
    await offline(rig);
    const said = `127.0.0.1:${web.port} answered with status 500`;
    expect(failure(rig)?.message).toBe(`${said} ({"error":"field type conflict"}).`);
    await rig.passing('the other words', () => failure(rig)?.message === `${said}.`);
    expect(rig.logLines.join('\n')).not.toMatch(/s3cret|k3y/);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 307, 308])('%i to the same server is followed with the same body', async (status) => {
    const web = await server();
    web.reply = (_index, { path }) =>
      path === '/ingest' ? (response) => response.writeHead(status, { Location: '/v2/ingest' }).end() : 204;
    const rig = await station(web.url, { authorization: 'Bearer s3cret' });
    rig.source.push(...readings(1, 3));
    await rig.passing('it is acknowledged', () => rig.acknowledged() === 3);
    expect(web.got.map(({ path }) => path)).toEqual(['/ingest', '/v2/ingest']);
    expect(web.got[1]!.text).toBe(web.got[0]!.text);
  });

  it('to another server gets nothing, least of all the token', async () => {
    const other = await server();
    const web = await server(() => (response) => response.writeHead(307, { Location: `${other.url}?x=1` }).end());
    const rig = await station(web.url, { authorization: 'Bearer s3cret' });
    rig.source.push(...readings(1, 1));
    await offline(rig);
    await rig.passing('it has tried again', () => web.got.length > 2);
    expect(other.connections).toBe(0);
    expect(failure(rig)).toEqual({
      code: 'uplink.refused',
      message: `127.0.0.1:${web.port} redirects to http://127.0.0.1:${other.port}: nothing was sent there; set url to it if that is right.`,
    });
  });

  it('in a circle ends', async () => {
    const web = await server(() => (response) => response.writeHead(308, { Location: '/ingest' }).end());
    const rig = await station(web.url);
    rig.source.push(...readings(1, 1));
    await offline(rig);
    expect(web.got.length).toBe(4);
  });
});

describe('an outage', () => {
  it('grows the pauses with full jitter, to 5 s on a private address', async () => {
    const web = await server(() => 500);
    const rig = await station(web.url, {}, { random: () => 0.999_999 });
    rig.source.push(...readings(1, 1));
    await rig.passing('it has tried for long', () => web.got.length > 6);
    const told = rig.logLines.flatMap((line) => /retry_ms=(\d+)/.exec(line)?.[1] ?? []).map(Number);
    expect(told.slice(0, 5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
  });

  it('is over with the first batch taken, and then drains one request at a time', async () => {
    let isDown = true;
    const web = await server(() => (isDown ? 503 : 204));
    const rig = await station(web.url);
    rig.source.push(...readings(1, 100));
    await rig.passing('it is known to be down', () => web.got.length > 3);
    isDown = false;
    await rig.passing('all are acknowledged', () => rig.acknowledged() === 100);
    expect(web.mostAtOnce).toBe(1);
  });

  it('does not hold up a stop', async () => {
    const silent: Server = createServer((socket: Socket) => void socket.resume()).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const rig = await station(`http://127.0.0.1:${port}/`);
    rig.source.push(...readings(1, 1));
    await rig.passing('it is under way', () => rig.uplink.status().inFlight === 1);
    const stopped = rig.uplink.stop(5_000);
    await rig.clock.advance(5_000);
    await stopped;
    expect(rig.acknowledged()).toBe(0);
    silent.close();
  });

  it('is none for a stop with a backlog: it drains first', async () => {
    const web = await server();
    const rig = await station(web.url, { batch: { maxReadings: 500, maxBytes: 100_000, maxWaitMs: 60_000 } });
    rig.source.push(...readings(1, 1));
    await rig.passing('1', () => rig.acknowledged() === 1);
    rig.source.push(...readings(2, 5));
    await rig.uplink.stop(5_000);
    expect(seqs(web)).toEqual(range(1, 5));
  });
});

describe('TLS', () => {
  let directory: string;
  const file = (name: string) => readFileSync(join(directory, name), 'utf8');
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sedge-https-'));
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA');
    for (const name of ['localhost', 'other.example', 'station']) {
      const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
      openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, ...subject);
      const signing = [
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '2',
        '-copy_extensions',
        'copy',
      ];
      openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  const identity = (name: string) => ({ key: file(`${name}.key`), cert: file(`${name}.pem`) });

  it('with an authority of one’s own', async () => {
    const web = await server(undefined, identity('localhost'));
    const rig = await station(web.url, { tls: { ca: file('ca.pem') } });
    rig.source.push(...readings(1, 1));
    await rig.passing('it is acknowledged', () => rig.acknowledged() === 1);
  });

  it('with a client certificate', async () => {
    const mutual = { ...identity('localhost'), ca: file('ca.pem'), requestCert: true, rejectUnauthorized: true };
    const web = await server(undefined, mutual);
    const stranger = await station(web.url, { tls: { ca: file('ca.pem') } });
    stranger.source.push(...readings(1, 1));
    await offline(stranger);
    expect(web.got.length).toBe(0);
    const rig = await station(web.url, { tls: { ca: file('ca.pem'), ...identity('station') } });
    rig.source.push(...readings(1, 1));
    await rig.passing('it is acknowledged', () => rig.acknowledged() === 1);
  });

  it.each([
    [
      'an authority that is not known',
      'localhost',
      false,
      'cannot be trusted: its certificate is signed by an authority',
    ],
    ['another name', 'other.example', true, 'cannot be trusted: its certificate is for another name'],
  ])('%s: nothing is sent', async (_what, name, isKnown, message) => {
    const web = await server(undefined, identity(name));
    const rig = await station(web.url, { tls: isKnown ? { ca: file('ca.pem') } : {}, authorization: 'Bearer s3cret' });
    rig.source.push(...readings(1, 1));
    await offline(rig);
    expect(failure(rig)).toMatchObject({ code: 'uplink.tls', message: expect.stringContaining(message) });
    expect(web.got).toEqual([]);
  });

  it('is verified whatever the environment says', async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      const web = await server(undefined, identity('other.example'));
      const rig = await station(web.url);
      rig.source.push(...readings(1, 1));
      await offline(rig);
      expect(failure(rig)).toMatchObject({ code: 'uplink.tls' });
      expect(web.got).toEqual([]);
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });

  it('to a port that speaks none', async () => {
    const web = await server();
    const rig = await station(web.url.replace('http://127.0.0.1', 'https://localhost'), {
      tls: { ca: file('ca.pem') },
    });
    rig.source.push(...readings(1, 1));
    await offline(rig);
    expect(failure(rig)).toMatchObject({
      code: 'uplink.tls',
      message: expect.stringContaining('speaks no TLS on this port'),
    });
  });
});
