/** The uplink and `sedge receive` against the broker that most people have. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { CommandIo } from '../../src/cli/command.ts';
import { receive } from '../../src/cli/receive.ts';
import { systemClock } from '../../src/clock.ts';
import { connectMqtt, type MqttConnection } from '../../src/uplink/mqtt-connection.ts';
import { parseBroker } from '../../src/uplink/mqtt-dial.ts';
import { hasMosquitto, type Mosquitto, NO_MOSQUITTO, startMosquitto } from '../mosquitto.ts';
import { startTcpProxy } from '../tcp-proxy.ts';
import { until } from '../until.ts';
import { readings } from './array-source.ts';
import { type Rig, startRig } from './rig.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const titled = (title: string) => (hasMosquitto ? title : `${title} (${NO_MOSQUITTO})`);

async function mosquitto(...options: Parameters<typeof startMosquitto>): Promise<Mosquitto> {
  const broker = await startMosquitto(...options);
  cleanups.push(() => broker.close());
  return broker;
}
function rigAt(options: Parameters<typeof startRig>[0]): Rig {
  const rig = startRig(options);
  cleanups.push(() => rig.uplink.stop(0));
  return rig;
}
/** Lets a second pass at a time, with time for the broker to answer, through as many sessions as it takes. */
async function retryUntil(rig: Rig, condition: () => boolean): Promise<void> {
  for (let second = 0; second < 120 && !condition(); second++) {
    await rig.clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(condition()).toBe(true);
}
/** What an ordinary subscriber sees. */
async function subscriber(
  url: string,
  topic: string,
): Promise<{ seen: [string, string][]; connection: MqttConnection }> {
  const seen: [string, string][] = [];
  const connection = await connectMqtt({
    place: parseBroker(url, `test-${Math.random()}`).place,
    protocolVersion: 5,
    keepaliveMs: 30_000,
    clock: systemClock,
    signal: new AbortController().signal,
    onMessage: async (from, payload) => void seen.push([from, Buffer.from(payload).toString()]),
  });
  cleanups.push(() => connection.end());
  await connection.subscribe(topic);
  return { seen, connection };
}
function startReceive(values: Record<string, string>) {
  const stop = new AbortController();
  const stderr = new PassThrough();
  let told = '';
  stderr.on('data', (chunk) => {
    told += chunk;
  });
  const io = { stdout: new PassThrough(), stderr, cwd: tmpdir(), signal: stop.signal } as unknown as CommandIo;
  const status = receive.run(io, { values, positionals: [] });
  return { status, stop: () => stop.abort(), told: () => told };
}

describe.skipIf(!hasMosquitto)(titled('with Mosquitto'), () => {
  it('every record arrives once through cuts of the network and a restart of the broker', async () => {
    const broker = await mosquitto();
    const proxy = await startTcpProxy(broker.port);
    cleanups.push(() => proxy.close());
    const out = join(tmpdir(), `sedge-${process.pid}-${broker.port}.jsonl`);
    cleanups.push(() => rm(out, { force: true }));
    const receiver = startReceive({ url: broker.url, out });
    await until('subscribed', () => receiver.told().includes('Connected'));

    const rig = rigAt({ url: `mqtt://127.0.0.1:${proxy.port}`, batch: { maxReadings: 20, maxWaitMs: 100 } });
    let next = 1;
    for (let round = 0; round < 6; round++) {
      rig.source.push(...readings(next, next + 999));
      next += 1_000;
      await until('some are acknowledged', () => rig.source.pending < 900);
      proxy.cut();
      if (round === 3) {
        await broker.stop();
        await broker.start();
      }
      await until('the cut is noticed', () => !rig.uplink.status().connected);
      await rig.clock.advance(5_000);
      await until('back', () => rig.uplink.status().connected);
    }
    for (let turn = 0; turn < 100 && rig.source.pending > 0; turn++) await rig.clock.advance(1_000);
    await until('all is acknowledged', () => rig.source.pending === 0);
    await rig.uplink.stop(1_000);
    await until('all is written', () => readFileSync(out, 'utf8').split('\n').length > 6_000);
    receiver.stop();
    expect(await receiver.status).toBe(0);
    const seqs = (await readFile(out, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).seq);
    expect(seqs).toEqual(Array.from({ length: 6_000 }, (_, index) => index + 1));
    expect(receiver.told()).toContain('records: 6000,');
    expect(receiver.told()).toContain('missing: 0,');
  });

  it('a receiver that was away gets what came meanwhile', async () => {
    const broker = await mosquitto();
    const out = join(tmpdir(), `sedge-away-${process.pid}-${broker.port}.jsonl`);
    cleanups.push(() => rm(out, { force: true }));
    const first = startReceive({ url: broker.url, out });
    await until('subscribed', () => first.told().includes('Connected'));
    first.stop();
    await first.status;
    const rig = rigAt({ url: broker.url });
    rig.source.push(...readings(1, 500));
    await until('all is acknowledged', () => rig.source.pending === 0);
    const second = startReceive({ url: broker.url, out });
    await until('written', () => readFileSync(out, 'utf8').split('\n').length > 500);
    second.stop();
    await second.status;
    expect(second.told()).toContain('records: 500, duplicates removed: 0, missing: 0');
  });

  it('says online, and offline at a clean stop and after a kill', async () => {
    const broker = await mosquitto();
    const proxy = await startTcpProxy(broker.port);
    cleanups.push(() => proxy.close());
    const { seen } = await subscriber(broker.url, 'sedge/greenhouse-1/status');
    const rig = rigAt({ url: `mqtt://127.0.0.1:${proxy.port}` });
    await until('online', () => seen.length === 1);
    proxy.cut();
    await until('the will', () => seen.length === 2);
    await until('noticed', () => !rig.uplink.status().connected);
    await rig.clock.advance(1_000);
    await until('online again', () => seen.length === 3);
    await rig.uplink.stop(1_000);
    await until('offline', () => seen.length === 4);
    const states = seen.map(([, payload]) => JSON.parse(payload).state);
    expect(states).toEqual(['online', 'offline', 'online', 'offline']);
  });

  it('keeps the latest values retained, and forgets those of a sensor that is gone', async () => {
    const broker = await mosquitto();
    const rig = rigAt({ url: broker.url });
    await until('told', () => rig.memory.size > 0 && rig.uplink.status().inFlight === 0);
    await until('state', () => rig.uplink.status().connected);
    const before = await subscriber(broker.url, 'sedge/greenhouse-1/+/air');
    await until('both are retained', () => before.seen.length === 2);
    rig.station.catalogue = {};
    rig.uplink.catalogueChanged();
    await until('cleared', () => before.seen.filter(([, payload]) => payload === '').length === 2);
    const after = await subscriber(broker.url, 'sedge/greenhouse-1/#');
    await until('info is retained', () => after.seen.some(([topic]) => topic.endsWith('/info')));
    expect(after.seen.filter(([topic]) => topic.endsWith('/air'))).toEqual([]);
  });

  it('a batch that access rules refuse is not delivered, and told', async () => {
    const broker = await mosquitto({
      lines: ['acl_file %d/acl'],
      files: { acl: 'topic readwrite sedge/greenhouse-1/status\n' },
    });
    const rig = rigAt({ url: broker.url });
    rig.source.push(...readings(1, 10));
    await retryUntil(rig, () => rig.uplink.status().error?.code === 'uplink.rejected');
    expect(rig.uplink.status().error?.message).toContain('is not authorised');
    expect(rig.source.pending).toBe(10);
  });

  it('a batch that is too large for the broker is delivered in smaller ones', async () => {
    const broker = await mosquitto({ lines: ['message_size_limit 2000'] });
    const rig = rigAt({ url: broker.url, batch: { maxReadings: 100 } });
    const { seen } = await subscriber(broker.url, 'sedge/greenhouse-1/readings');
    rig.source.push(...readings(1, 100));
    await retryUntil(rig, () => rig.source.pending === 0);
    expect(rig.source.pending).toBe(0);
    await until('all arrived', () => seen.length > 0);
    const seqs = () =>
      new Set(seen.flatMap(([, text]) => JSON.parse(text).readings.map((r: { seq: number }) => r.seq)));
    await until('all arrived', () => seqs().size === 100);
  });

  it('a user and a password are taken, and a wrong one is told', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sedge-passwd-'));
    cleanups.push(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'passwd');
    execFileSync('mosquitto_passwd', ['-b', '-c', file, 'u', 'right']);
    const broker = await mosquitto({
      lines: ['allow_anonymous false', 'password_file %d/passwd'],
      files: { passwd: readFileSync(file, 'utf8') },
    });
    const good = rigAt({ url: broker.url, config: { username: 'u', password: 'right' } });
    await until('connected', () => good.uplink.status().connected);
    const bad = rigAt({ url: broker.url, config: { username: 'u', password: 'wrong' } });
    await until('refused', () => bad.uplink.status().error !== undefined);
    expect(bad.uplink.status().error?.code).toBe('uplink.refused');
  });
});
