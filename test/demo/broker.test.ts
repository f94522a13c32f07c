import { connect } from 'node:net';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { type DemoBroker, startBroker } from '../../src/demo/broker.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function broker(): Promise<DemoBroker> {
  const started = await startBroker();
  open.push(started);
  return started;
}
async function client(port: number): Promise<MqttClient> {
  const connected = await connectAsync({ host: '127.0.0.1', port, protocolVersion: 4, reconnectPeriod: 0 });
  open.push({ close: () => connected.endAsync(true) });
  return connected;
}
const refused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });

describe("the demo's broker", () => {
  it('acknowledges at QoS 1 and tells what was published', async () => {
    const { port, onPublish } = await broker();
    const seen: string[] = [];
    onPublish((topic, payload) => seen.push(`${topic} ${payload}`));
    const publisher = await client(port);
    await publisher.publishAsync('sedge/demo/readings', '{"first":1}', { qos: 1 });
    expect(seen).toEqual(['sedge/demo/readings {"first":1}']);
  });

  it('when cut, drops its clients and refuses new ones; when restored, listens on the same port', async () => {
    const demo = await broker();
    const publisher = await client(demo.port);
    const dropped = new Promise((resolve) => publisher.once('close', () => resolve('dropped')));
    await demo.cut();
    expect(demo.up).toBe(false);
    expect(await dropped).toBe('dropped');
    expect(await refused(demo.port)).toBe(true);

    await demo.restore();
    expect(demo.up).toBe(true);
    const again = await client(demo.port);
    expect(again.connected).toBe(true);
  });

  it('takes cut, restore and close twice', async () => {
    const demo = await broker();
    await demo.cut();
    await demo.cut();
    await demo.restore();
    await demo.restore();
    await demo.close();
    await demo.close();
    expect(await refused(demo.port)).toBe(true);
  });

  it('names the port that it cannot have', async () => {
    const { port } = await broker();
    await expect(startBroker(port)).rejects.toMatchObject({
      code: 'demo.port',
      message: `the demo's broker cannot listen on 127.0.0.1:${port}: choose another with --port`,
    });
  });
});
