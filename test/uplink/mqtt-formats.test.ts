/** Formats and compression over MQTT, through a real Mosquitto, to a client of MQTT.js and to `sedge receive`. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MqttUplinkConfig } from '../../src/config/types.ts';
import { parseBatch } from '../../src/receive/incoming.ts';
import { textOf } from '../../src/receive/inflate.ts';
import { hasMosquitto, type Mosquitto, NO_MOSQUITTO, startMosquitto } from '../mosquitto.ts';
import { until as eventually, startSedge } from '../sedge-process.ts';
import { resolveSenml } from '../senml-decoder.ts';
import { until } from '../until.ts';
import { readings } from './array-source.ts';
import { type Rig, startRig } from './rig.ts';

describe.skipIf(!hasMosquitto)(`with Mosquitto${hasMosquitto ? '' : ` (${NO_MOSQUITTO})`}`, () => {
  let broker: Mosquitto;
  let client: MqttClient;
  let got: { readonly bytes: Buffer; readonly packet: IPublishPacket }[] = [];
  const rigs: Rig[] = [];
  beforeAll(async () => {
    broker = await startMosquitto();
    client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: 5 });
    client.on('message', (_topic, bytes, packet) => got.push({ bytes, packet }));
    await client.subscribeAsync('sedge/greenhouse-1/readings', { qos: 1 });
  });
  afterEach(async () => {
    for (const { uplink } of rigs.splice(0)) await uplink.stop(0);
    got = [];
  });
  afterAll(async () => {
    await client.endAsync(true);
    await broker.close();
  });

  function station(config: Partial<MqttUplinkConfig>, batch: Partial<MqttUplinkConfig['batch']> = {}): Rig {
    const rig = startRig({ url: broker.url, config, batch });
    rigs.push(rig);
    return rig;
  }

  it.each([
    ['none', 'application/json'],
    ['deflate', 'application/json@deflate'],
    ['gzip', 'application/json@gzip'],
  ] as const)('compress: %s is told in the content type, and read back whole', async (compress, contentType) => {
    const rig = station({ compress });
    rig.source.push(...readings(1, 500));
    await until('it is there', () => got.length === 1);
    const [{ bytes, packet }] = got as [(typeof got)[0]];
    expect(packet.properties?.contentType).toBe(contentType);
    const text = textOf(bytes);
    expect(parseBatch(text).records.length).toBe(500);
    if (compress !== 'none') expect(bytes.length).toBeLessThan(text.length / 5);
  });

  it('keeps the order of batches that are compressed at the same time', async () => {
    const rig = station({ compress: 'gzip' }, { maxReadings: 50 });
    rig.source.push(...readings(1, 3_000));
    await until('all are there', () => got.length === 60);
    const seqs = got.flatMap(({ bytes }) => parseBatch(textOf(bytes)).records.map(({ seq }) => seq));
    expect(seqs).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1));
  });

  it.each([
    ['senml', 'application/senml+json', (text: string) => resolveSenml(text).records.length],
    ['csv', 'text/csv; charset=utf-8; header=present', (text: string) => parse(text, { columns: true }).length],
    // A line each, and one about the batch.
    ['influx', 'text/plain; charset=utf-8', (text: string) => text.trimEnd().split('\n').length - 1],
  ] as const)('format: %s', async (format, contentType, count) => {
    const rig = station({ format });
    rig.source.push(...readings(1, 20));
    await until('it is there', () => got.length === 1);
    expect(got[0]!.packet.properties?.contentType).toBe(contentType);
    expect(count(got[0]!.bytes.toString('utf8'))).toBe(20);
  });

  it('sedge receive takes compressed batches', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'sedge-compressed-'));
    const out = join(directory, 'out.jsonl');
    const receiver = startSedge(['receive', '--url', broker.url, '--out', out]);
    await eventually('it receives', () => receiver.stderr().includes('receiving'));
    const rig = station({ compress: 'deflate' });
    rig.source.push(...readings(1, 700));
    const lines = () => readFileSync(out, 'utf8').split('\n').slice(0, -1);
    await eventually('all lines are there', () => lines().length === 700 || rig.clock.advance(1_000).then(() => false));
    receiver.kill('SIGTERM');
    expect(await receiver.ended).toBe(0);
    rmSync(directory, { recursive: true });
  });
});
