/** TLS with Mosquitto: only whom we can trust gets a byte, and the broker knows us by our certificate. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { type Authority, createAuthority } from '../certificates.ts';
import { hasMosquitto, type Mosquitto, NO_MOSQUITTO, startMosquitto } from '../mosquitto.ts';
import { until } from '../until.ts';
import { passingTime } from './against.ts';
import { readings } from './array-source.ts';
import { type Rig, startRig } from './rig.ts';

const titled = (title: string) => (hasMosquitto ? title : `${title} (${NO_MOSQUITTO})`);
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
let authority: Authority;
beforeAll(() => {
  authority = createAuthority();
});
afterAll(() => authority?.remove());

function rigAt(options: Parameters<typeof startRig>[0]): Rig {
  const rig = startRig(options);
  cleanups.push(() => rig.uplink.stop(0));
  return rig;
}
type Options = NonNullable<Parameters<typeof startMosquitto>[0]>;
async function tlsBroker(server: { cert: string; key: string }, options: Options = {}): Promise<Mosquitto> {
  const broker = await startMosquitto({
    scheme: 'mqtts',
    lines: ['cafile %d/ca.pem', 'certfile %d/server.pem', 'keyfile %d/server.key', ...(options.lines ?? [])],
    files: { 'ca.pem': authority.ca, 'server.pem': server.cert, 'server.key': server.key, ...options.files },
  });
  cleanups.push(() => broker.close());
  return broker;
}
/** The reason why a station with readings to deliver has no connection. */
async function failureOf(url: string, tls: object) {
  const rig = rigAt({ url, config: { tls } });
  rig.source.push(...readings(1, 10));
  await until('it failed', () => rig.uplink.status().error !== undefined);
  expect([rig.source.pending, rig.uplink.status().batchesAcknowledged]).toEqual([10, 0]);
  return rig.uplink.status().error!;
}

describe.skipIf(!hasMosquitto)(titled('over TLS'), () => {
  it('a broker is trusted with the right authority and name only', async () => {
    const broker = await tlsBroker(authority.issue('localhost'));
    const good = rigAt({ url: broker.url, config: { tls: { ca: authority.ca } } });
    good.source.push(...readings(1, 10));
    await until('delivered', () => good.source.pending === 0);
    const code = 'uplink.tls';
    const saying = (text: string) => ({ code, message: expect.stringContaining(text) });
    expect(await failureOf(broker.url, {})).toMatchObject(saying('as ca'));
    const other = createAuthority();
    cleanups.push(() => other.remove());
    expect(await failureOf(broker.url, { ca: other.ca })).toMatchObject(saying('cannot be trusted'));
    const byAddress = `mqtts://127.0.0.1:${broker.port}`;
    expect(await failureOf(byAddress, { ca: authority.ca })).toMatchObject(saying('another name'));
    const named = rigAt({ url: byAddress, config: { tls: { ca: authority.ca, serverName: 'localhost' } } });
    await until('connected by its name', () => named.uplink.status().connected);
    expect(await failureOf(`mqtt://127.0.0.1:${broker.port}`, {})).toMatchObject({ code: 'uplink.lost' });
  });

  it('a broker whose certificate has expired, or that speaks no TLS, gets nothing', async () => {
    const old = await tlsBroker(authority.issue('localhost', { expired: true }));
    expect(await failureOf(old.url, { ca: authority.ca })).toMatchObject({
      code: 'uplink.tls',
      message: expect.stringContaining('expired'),
    });
    const plain = await startMosquitto();
    cleanups.push(() => plain.close());
    expect(await failureOf(`mqtts://localhost:${plain.port}`, { ca: authority.ca })).toMatchObject({
      message: expect.stringContaining('speaks TLS'),
    });
  });

  it('a client is known by its certificate and has its own rights; mosquitto_sub reads with its own', async () => {
    const broker = await tlsBroker(authority.issue('localhost'), {
      lines: ['require_certificate true', 'use_identity_as_username true', 'acl_file %d/acl'],
      files: { acl: 'user station\ntopic write sedge/greenhouse-1/#\nuser reader\ntopic read sedge/#\n' },
    });
    const seen = await mosquittoSub(broker, 'reader');
    const rig = rigAt({ url: broker.url, config: { tls: { ca: authority.ca, ...authority.issue('station') } } });
    rig.source.push(...readings(1, 10));
    await until('delivered', () => rig.source.pending === 0);
    await until('read', () => seen().includes('"last":10'));
    expect(await failureOf(broker.url, { ca: authority.ca })).toMatchObject({ code: 'uplink.tls' });
    const stranger = rigAt({ url: broker.url, config: { tls: { ca: authority.ca, ...authority.issue('stranger') } } });
    stranger.source.push(...readings(1, 10));
    await passingTime(stranger, 'refused', () => stranger.uplink.status().error?.code === 'uplink.rejected');
    expect([stranger.source.pending, stranger.source.refused]).toEqual([10, []]);
  });

  it('WebSockets carry the same, with and without TLS', async () => {
    const broker = await startMosquitto();
    cleanups.push(() => broker.close());
    const secure = await webBridge(broker.port, authority.issue('localhost'));
    const plain = await webBridge(broker.port);
    for (const url of [`wss://localhost:${secure}/mqtt`, `ws://127.0.0.1:${plain}/mqtt`]) {
      const rig = rigAt({ url, config: { tls: { ca: authority.ca } } });
      rig.source.push(...readings(1, 1_000));
      await until('delivered', () => rig.source.pending === 0);
    }
    expect(await failureOf(`wss://localhost:${secure}/mqtt`, {})).toMatchObject({ code: 'uplink.tls' });
  });
});

/** MQTT over WebSockets, as a web server in front of a broker does it: Debian's Mosquitto listens so only where IPv6 is. */
async function webBridge(brokerPort: number, tls?: { cert: string; key: string }): Promise<number> {
  const server = tls ? createSecureServer(tls) : createServer();
  const sockets = new WebSocketServer({
    server,
    path: '/mqtt',
    handleProtocols: (names) => names.has('mqtt') && 'mqtt',
  });
  sockets.on('connection', (socket) => {
    const stream = createWebSocketStream(socket);
    const tcp = connect(brokerPort, '127.0.0.1');
    stream.pipe(tcp).pipe(stream);
    for (const end of [stream, tcp]) end.on('error', () => socket.terminate());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Debian's client with a certificate; returns what it printed so far. */
async function mosquittoSub({ port }: Mosquitto, name: string): Promise<() => string> {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-sub-'));
  const { cert, key } = authority.issue(name);
  for (const [file, text] of Object.entries({ 'ca.pem': authority.ca, 'c.pem': cert, 'c.key': key })) {
    writeFileSync(join(directory, file), text, { mode: 0o600 });
  }
  const at = ['-h', 'localhost', '-p', String(port), '-t', 'sedge/+/readings', '-q', '1', '-d'];
  const child = spawn(
    'stdbuf',
    ['-oL', 'mosquitto_sub', ...at, '--cafile', 'ca.pem', '--cert', 'c.pem', '--key', 'c.key'],
    {
      cwd: directory,
    },
  );
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  cleanups.push(() => {
    child.kill();
    rmSync(directory, { recursive: true });
  });
  await until('mosquitto_sub subscribed', () => out.includes('SUBACK'));
  return () => out;
}
