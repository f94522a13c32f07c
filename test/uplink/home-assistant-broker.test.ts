/** Home Assistant's side of the broker: what is retained there, when it is said again, and what is withdrawn. */
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { connectMqtt, type MqttConnection } from '../../src/uplink/mqtt-connection.ts';
import { parseBroker } from '../../src/uplink/mqtt-dial.ts';
import { hasMosquitto, NO_MOSQUITTO, startMosquitto } from '../mosquitto.ts';
import { until } from '../until.ts';
import { readings } from './array-source.ts';
import { type Rig, sensorEntry, startRig } from './rig.ts';
import { startScriptedBroker } from './scripted-broker.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const titled = (title: string) => (hasMosquitto ? title : `${title} (${NO_MOSQUITTO})`);
const TOPIC = 'homeassistant/device/sedge-greenhouse-1/config';
const homeAssistant = { discoveryPrefix: 'homeassistant' };

function rigAt(options: Parameters<typeof startRig>[0]): Rig {
  const rig = startRig(options);
  cleanups.push(() => rig.uplink.stop(0));
  return rig;
}
async function brokerUrl(...options: Parameters<typeof startMosquitto>): Promise<string> {
  const broker = await startMosquitto(...options);
  cleanups.push(() => broker.close());
  return broker.url;
}
async function subscribed(
  url: string,
  topic: string,
): Promise<{ seen: { payload: string; retained: boolean }[]; connection: MqttConnection }> {
  const seen: { payload: string; retained: boolean }[] = [];
  const connection = await connectMqtt({
    place: parseBroker(url, `ha-${Math.random()}`).place,
    protocolVersion: 5,
    keepaliveMs: 30_000,
    clock: systemClock,
    signal: new AbortController().signal,
    maxPacketBytes: 1_000_000,
    onMessage: async (_topic, payload, { retained }) =>
      void seen.push({ payload: Buffer.from(payload).toString(), retained }),
  });
  cleanups.push(() => connection.end());
  await connection.subscribe(topic);
  return { seen, connection };
}

describe.skipIf(!hasMosquitto)(titled('Home Assistant at Mosquitto'), () => {
  it('finds one retained message for the station when it comes later', async () => {
    const url = await brokerUrl();
    const early = await subscribed(url, TOPIC);
    rigAt({ url, config: { homeAssistant } });
    await until('announced', () => early.seen.length === 1);
    const { seen } = await subscribed(url, TOPIC);
    await until('found', () => seen.length === 1);
    expect(seen[0]!.retained).toBe(true);
    expect(Object.keys(JSON.parse(seen[0]!.payload).cmps)).toEqual(['air-temperature']);
  });

  it('is told again after its birth, within five seconds, once', async () => {
    const url = await brokerUrl();
    const { seen, connection } = await subscribed(url, TOPIC);
    const rig = rigAt({ url, config: { homeAssistant }, random: () => 0.5 });
    await until('announced', () => seen.length === 1);
    const birth = (payload: string) => connection.publish('homeassistant/status', payload, { qos: 1, retain: false });
    await birth('offline');
    await birth('online');
    await birth('online');
    for (let turn = 0; turn < 100 && seen.length === 1; turn++) {
      await rig.clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(seen).toHaveLength(2);
    expect(seen[1]!.payload).toBe(seen[0]!.payload);
  });

  it('loses the entities of a sensor that is removed, at once', async () => {
    const url = await brokerUrl();
    const { seen } = await subscribed(url, TOPIC);
    const catalogue = { air: sensorEntry('bme280'), deep: sensorEntry('sht4x') };
    const rig = rigAt({ url, config: { homeAssistant }, catalogue });
    await until('announced', () => seen.length === 1);
    rig.station.catalogue = { air: catalogue.air };
    rig.uplink.catalogueChanged();
    await until('withdrawn, then left out', () => seen.length === 3);
    expect(JSON.parse(seen[1]!.payload).cmps['deep-temperature']).toEqual({ p: 'sensor' });
    expect(Object.keys(JSON.parse(seen[2]!.payload).cmps)).toEqual(['air-temperature']);
  });

  it('loses the station when the key is turned off or its topic changes, across a restart', async () => {
    const url = await brokerUrl();
    const { seen } = await subscribed(url, 'homeassistant/#');
    const memory = new Map<string, string>();
    const first = rigAt({ url, config: { homeAssistant }, memory });
    await until('announced', () => seen.length === 1);
    await first.uplink.stop(0);
    const second = rigAt({ url, config: { homeAssistant: { ...homeAssistant, nodeId: 'farm' } }, memory });
    await until('announced elsewhere, cleared here', () => seen.length === 3);
    expect(seen.slice(1).filter(({ payload }) => payload === '')).toHaveLength(1);
    await second.uplink.stop(0);
    rigAt({ url, config: {}, memory });
    await until('cleared', () => seen.length === 4);
    const later = await subscribed(url, 'homeassistant/#');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(later.seen).toEqual([]);
  });
});

describe.skipIf(!hasMosquitto)(titled('an uplink that is removed'), () => {
  it('leaves nothing retained at Mosquitto but that it is offline', async () => {
    const url = await brokerUrl();
    const memory = new Map<string, string>();
    const rig = rigAt({ url, config: { homeAssistant }, memory });
    const { seen } = await subscribed(url, '#');
    await until('all is said', () => seen.length >= 6);
    expect(memory.has('retained.cloud')).toBe(true);
    await rig.uplink.stop(5_000, { isRemoved: true });
    const later = await subscribed(url, '#');
    await until('what is left', () => later.seen.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(later.seen).toEqual([{ payload: '{"state":"offline"}', retained: true }]);
    expect(memory.has('retained.cloud')).toBe(false);
    expect(rig.logLines.some((line) => line.includes('uplink.withdrawn'))).toBe(true);
  });

  it('keeps what is retained when it only stops', async () => {
    const url = await brokerUrl();
    const rig = rigAt({ url, config: { homeAssistant } });
    const { seen } = await subscribed(url, '#');
    await until('all is said', () => seen.length >= 6);
    await rig.uplink.stop(5_000);
    const later = await subscribed(url, '#');
    await until('what is left', () => later.seen.length === 6);
  });
});

describe('an uplink that is removed while its broker is away', () => {
  it('ends in bounded time, says that something stays there, and still knows what', async () => {
    const broker = await startScriptedBroker();
    const memory = new Map<string, string>();
    const rig = rigAt({ url: broker.url, memory });
    await until('it has spoken', () => broker.payloads('sedge/greenhouse-1/state/air').length === 1);
    await broker.close();
    await until('it noticed', () => !rig.uplink.status().connected);
    const stopped = rig.uplink.stop(5_000, { isRemoved: true });
    await rig.clock.advance(5_000);
    await stopped;
    expect(rig.logLines.some((line) => line.includes('uplink.not-withdrawn'))).toBe(true);
    expect(memory.get('retained.cloud')).toContain('air');
  });
});

describe('a broker that refuses the birth topic', () => {
  it.each([0x80, 0x87])('(SUBACK %i) still gets readings: the refusal is a line in the log', async (grant) => {
    const broker = await startScriptedBroker({ grant });
    cleanups.push(() => broker.close());
    const rig = rigAt({ url: broker.url, config: { homeAssistant } });
    await until('it says so', () =>
      rig.logLines.some(
        (line) => line.includes('uplink.subscription-refused') && line.includes('homeassistant/status'),
      ),
    );
    rig.source.push(...readings(1, 3));
    await rig.clock.advance(5_000);
    await until('a batch', () => broker.payloads('sedge/greenhouse-1/readings').length === 1);
  });

  it('or whose packets are too small for the station says so, and goes on', async () => {
    const broker = await startScriptedBroker({ maximumPacketSize: 400 });
    cleanups.push(() => broker.close());
    const rig = rigAt({ url: broker.url, config: { homeAssistant } });
    await until('it says so', () =>
      rig.logLines.some((line) => line.includes('announcement-refused') && line.includes('larger than the 400 bytes')),
    );
    expect(rig.uplink.status().connected).toBe(true);
  });
});
