/** The API on real sockets: what it answers, and everybody that it does not answer. */
import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../certificates.ts';
import { until } from '../until.ts';
import { type ApiRig, apiRig, reading, TOKEN } from './rig.ts';

let rig: ApiRig;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await rig.close();
});
const open = async (...options: Parameters<typeof apiRig>) => {
  rig = await apiRig(...options);
  return rig;
};
/** A connection that says exactly this. */
const raw = (text: string) => {
  const socket = connect(rig.port, '127.0.0.1');
  const said = { text: '', isClosed: false };
  socket.on('data', (bytes) => {
    said.text += bytes;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    said.isClosed = true;
  });
  socket.write(text);
  sockets.push(socket);
  return { socket, said };
};
const JSON_POST = { method: 'POST', headers: { 'content-type': 'application/json' } };

describe('what it answers', () => {
  it('health, the report, the sensors, and metrics', async () => {
    const { ask } = await open();
    expect(JSON.parse((await ask('/api/health')).text)).toEqual({ uptime_s: 5 });
    expect(JSON.parse((await ask('/api/status')).text)).toMatchObject({ format: 1, device: 'greenhouse-1' });
    const { sensors } = JSON.parse((await ask('/api/sensors')).text);
    expect(sensors.air.channels.temperature).toEqual({
      value: 21.37,
      quantity: 'temperature',
      unit: 'Cel',
      decimals: 2,
    });
    const metrics = await ask('/metrics');
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(metrics.text).toContain('sedge_temperature_celsius{sensor="air",channel="temperature"} 21.37\n');
  });

  it('recent readings from memory: of one sensor, since a time, the newest of so many', async () => {
    const { ask, say } = await open();
    for (let second = 1; second <= 5; second++) say(reading('air', second));
    say(reading('lamp', 3));
    const times = async (query: string) =>
      JSON.parse((await ask(`/api/readings?${query}`)).text).readings.map(
        ({ sensor, values }: { sensor: string; values: { temperature: number } }) => `${sensor} ${values.temperature}`,
      );
    expect(await times('')).toEqual(['air 1', 'air 2', 'air 3', 'lamp 3', 'air 4', 'air 5']);
    expect(await times('sensor=air&limit=2')).toEqual(['air 4', 'air 5']);
    expect(await times('since=2026-11-22T13:00:04%2B01:00')).toEqual(['air 4', 'air 5']);
  });

  it('what waits in the journal, page by page', async () => {
    const { ask } = await open();
    expect((await ask('/api/readings?source=journal&from=41')).text).toBe(
      '{"source":"journal","next":42,"records":[{"stream":"abc","seq":41,"kind":"reading","time":"2026-11-22T12:00:07.000Z","sensor":"air","values":{"temperature":7}}]}',
    );
  });

  it('a read at will, for a request that no foreign page can make', async () => {
    const { ask } = await open();
    expect((await ask('/api/read/air', JSON_POST)).text).toBe(
      '{"sensor":"air","reading":{"time":"2026-11-22T12:00:21.000Z","sensor":"air","values":{"temperature":21}}}',
    );
    expect((await ask('/api/read/air', { method: 'POST', headers: { 'x-sedge': '1' } })).status).toBe(200);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      const refused = await ask('/api/read/air', { method: 'POST', headers: { 'content-type': type }, body: 'x=1' });
      expect([refused.status, JSON.parse(refused.text).error]).toEqual([403, 'api.csrf']);
    }
  });

  it('a sensor that fails with its own error, one that is not there with the nearest', async () => {
    const { ask } = await open();
    const failed = await ask('/api/read/lamp', JSON_POST);
    expect([failed.status, JSON.parse(failed.text).error]).toEqual([503, 'bus.nack']);
    const missing = await ask('/api/read/ari', JSON_POST);
    expect([missing.status, JSON.parse(missing.text).message]).toEqual([
      404,
      'there is no sensor of this id: did you mean air?',
    ]);
  });

  it.each([
    ['/api/readings?limit=0', 400],
    ['/api/readings?limit=ten', 400],
    ['/api/readings?since=yesterday', 400],
    ['/api/readings?source=disk', 400],
    ['/api/readings?sensor=__proto__', 404],
    ['/api/nothing', 404],
    ['/../../etc/passwd', 404],
    ['/page.html', 404],
    ['//evil.example/api/health', 404],
  ])('%s with %i and a sentence', async (path, status) => {
    const { ask } = await open();
    const refused = await ask(path);
    expect(refused.status).toBe(status);
    expect(JSON.parse(refused.text).message).toMatch(/\w/);
  });

  it('a method that a path does not take with 405 and those that it takes', async () => {
    const { ask } = await open();
    const wrong = await ask('/api/health', { ...JSON_POST, method: 'DELETE' });
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD']);
    expect((await ask('/api/read/air')).status).toBe(405);
    expect((await ask('/api/health', { method: 'OPTIONS' })).headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('a browser that another page made ask', () => {
  it.each(['evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.evil.example', 'a b', '::1'])(
    'is refused under the name %j (DNS rebinding)',
    async (host) => {
      const { ask } = await open();
      for (const path of ['/', '/api/health', '/metrics'])
        expect((await ask(path, { headers: { host } })).status).toBe(403);
      expect(rig.server.counts.refused).toBe(3);
    },
  );

  it('is answered under an address, localhost, our own name, and those of the configuration', async () => {
    const { ask } = await open({ hosts: ['greenhouse.lan'] });
    const names = ['127.0.0.1:8080', '[::1]:80', 'localhost', 'LOCALHOST.', `${hostname()}.local:1`, 'greenhouse.lan'];
    for (const host of names) expect((await ask('/api/health', { headers: { host } })).status).toBe(200);
  });

  it('is refused with the Origin of another page, and answered with our own', async () => {
    const { ask } = await open();
    const host = '127.0.0.1:8080';
    for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1', 'http://127.0.0.1:8081', 'file://'])
      expect((await ask('/api/health', { headers: { host, origin } })).status).toBe(403);
    expect((await ask('/api/health', { headers: { host, origin: `http://${host}` } })).status).toBe(200);
    expect((await ask('/api/health', { headers: { host, 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    expect((await ask('/', { headers: { host, 'sec-fetch-site': 'cross-site' } })).status).toBe(200);
  });

  it('may run nothing that is not ours, frame nothing, and tell nobody where it was', async () => {
    const { ask } = await open();
    for (const path of ['/', '/api/health', '/nothing']) {
      const { headers } = await ask(path);
      const policy = String(headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
      });
    }
  });
});

describe('a token', () => {
  const withToken = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  it('is needed for all but the page itself, which tells nothing', async () => {
    const { ask } = await open({ token: TOKEN });
    for (const path of ['/api/health', '/api/status', '/api/readings', '/metrics', '/api/nothing']) {
      const refused = await ask(path);
      expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    }
    expect((await ask('/api/read/air', JSON_POST)).status).toBe(401);
    expect((await ask('/')).status).toBe(200);
    expect((await ask('/api/health', withToken(TOKEN))).status).toBe(200);
    expect((await ask(`/api/health?token=${TOKEN}`)).status).toBe(401);
  });

  it('cannot be guessed: after a few wrong ones from an address none is looked at for a while', async () => {
    const { ask, clock } = await open({ token: TOKEN }, { requestBurst: 1_000 });
    const statuses = [];
    for (let guess = 0; guess < 8; guess++)
      statuses.push((await ask('/api/health', withToken(`guess-${guess}`))).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    expect((await ask('/api/health', withToken(TOKEN))).status).toBe(429);
    await clock.advance(5_000);
    expect((await ask('/api/health', withToken(TOKEN))).status).toBe(200);
  });

  it('stands in no log line and no answer', async () => {
    const { ask, log } = await open({ token: TOKEN });
    const answers = [await ask('/api/health', withToken(`${TOKEN}x`)), await ask('/api/status', withToken(TOKEN))];
    expect(log.join('')).toContain('api.refused');
    expect(log.join('') + answers.map(({ text }) => text).join('')).not.toContain(TOKEN.slice(0, 8));
  });

  it('goes over TLS where there is a certificate', async () => {
    const authority = createAuthority();
    try {
      const { ask, server } = await open({ token: TOKEN, tls: authority.issue('localhost') });
      expect(server.url).toMatch(/^https:/);
      expect((await ask('/api/health', withToken(TOKEN))).status).toBe(200);
    } finally {
      authority.remove();
    }
  });
});

describe('bounds', () => {
  it('of the headers', async () => {
    const { ask } = await open();
    expect((await ask('/api/health', { headers: { 'x-long': 'x'.repeat(9_000) } })).status).toBe(431);
    expect((await ask(`/api/health?${'x'.repeat(9_000)}`)).status).toBe(431);
  });

  it('of the time that headers take', async () => {
    await open({}, { headersMs: 50, requestMs: 100, lookEveryMs: 20 });
    const { said } = raw('GET /api/health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    await until('the slow request is ended', () => said.isClosed);
    expect(said.text).toMatch(/^HTTP\/1\.1 408/);
  });

  it('of a body, whether it says its length or not', async () => {
    const { ask } = await open();
    const long = { ...JSON_POST, body: 'x'.repeat(2_000) };
    expect((await ask('/api/read/air', long)).status).toBe(413);
    const chunked = { ...JSON_POST.headers, 'transfer-encoding': 'chunked' };
    expect((await ask('/api/read/air', { ...long, headers: chunked })).status).toBe(413);
  });

  it('of the sockets that are open', async () => {
    await open({}, { sockets: 2 });
    const held = [raw(''), raw('')];
    await until('two are connected', () => held.every(({ socket }) => !socket.connecting));
    const third = raw('GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until('the third is closed', () => third.said.isClosed);
    expect(third.said.text).toBe('');
  });

  it('of the requests in a second, and of the reads', async () => {
    const { ask, clock } = await open({}, { requestBurst: 8, readBurst: 2 });
    const statuses = [];
    for (let count = 0; count < 3; count++) statuses.push((await ask('/api/read/air', JSON_POST)).status);
    expect(statuses).toEqual([200, 200, 429]);
    for (let count = 0; count < 5; count++) expect((await ask('/api/health')).status).toBe(200);
    const refused = await ask('/api/health');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    await clock.advance(1_000);
    expect((await ask('/api/read/air', JSON_POST)).status).toBe(200);
  });

  it('hold against requests that are none', async () => {
    const { ask } = await open();
    const broken = raw('\x16\x03\x01 this is no HTTP\r\n\r\n');
    const two = raw(
      'POST /api/read/air HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    await until('both are closed', () => broken.said.isClosed && two.said.isClosed);
    expect(broken.said.text).toMatch(/^HTTP\/1\.1 400/);
    expect(two.said.text).toMatch(/^HTTP\/1\.1 400/);
    expect((await ask('/api/health')).status).toBe(200);
  });
});
