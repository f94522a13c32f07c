import { describe, expect, it } from 'vitest';
import type { CommandPort } from '../../src/uplink/types.ts';
import { until } from '../until.ts';
import { BASE, batches, broker, lonelyStation, READINGS, range, seqs, station } from './against.ts';
import { readings, STREAM } from './array-source.ts';
import { sensorEntry } from './rig.ts';
import type { Published } from './scripted-broker.ts';

describe('an MQTT uplink', () => {
  it('says online, tells about the station, and then sends what is there', async () => {
    const rig = await station();
    rig.source.push(...readings(1, 3));
    await until('all is acknowledged', () => rig.source.pending === 0);
    await until('health is there', () => broker.payloads(`${BASE}/health`).length === 1);
    const topics = broker.publishes.map(({ topic, qos, retain }) => `${topic} ${qos} ${retain}`);
    expect(topics[0]).toBe(`${BASE}/status 1 true`);
    expect(topics).toContain(`${BASE}/info 1 true`);
    expect(topics).toContain(`${BASE}/health 0 true`);
    expect(topics).toContain(`${BASE}/status/air 1 true`);
    expect(topics).toContain(`${BASE}/state/air 0 true`);
    expect(topics).toContain(`${READINGS} 1 false`);
    expect(broker.payloads(`${BASE}/status`)).toEqual(['{"state":"online"}']);
    expect(broker.payloads(`${BASE}/status/air`)).toEqual(['{"state":"online"}']);
    expect(JSON.parse(broker.payloads(`${BASE}/info`)[0]!)).toEqual({
      format: 1,
      version: '1.2.3',
      device: 'greenhouse-1',
      stream: '5f0c112233445566778899aa',
      sensors: { air: sensorEntry('bme280') },
    });
    expect(rig.uplink.status()).toMatchObject({ connected: true, recordsAcknowledged: 3, inFlight: 0 });
  });

  it('does not send a batch before the broker has its online', async () => {
    const rig = await station({ onPublish: ({ topic }) => topic !== `${BASE}/status` });
    rig.source.push(...readings(1, 3));
    await until('online is there', () => broker.publishes.length > 0);
    await rig.clock.advance(1_000);
    expect(broker.publishes).toHaveLength(1);
    broker.clients[0]!.acknowledge(broker.publishes[0]!.messageId);
    await until('all is acknowledged', () => rig.source.pending === 0);
  });

  it('leaves a last will that says offline', async () => {
    await station();
    await until('connected', () => broker.connects.length === 1);
    expect(broker.connects[0]).toMatchObject({ clean: true, keepalive: 30, protocolVersion: 5 });
    const { will } = broker.connects[0]!;
    expect({ ...will, payload: will?.payload.toString() }).toMatchObject({
      topic: `${BASE}/status`,
      payload: '{"state":"offline"}',
      qos: 1,
      retain: true,
    });
    expect(will?.properties?.willDelayInterval ?? 0).toBe(0);
  });

  it('sends the first batch at once, and later ones when they are full or their time is up', async () => {
    const rig = await station({}, { batch: { maxReadings: 10, maxWaitMs: 5_000 } });
    await until('the station is told', () => broker.payloads(`${BASE}/health`).length === 1);
    rig.source.push(...readings(1, 2));
    await until('the first batch', () => batches().length === 1);
    rig.source.push(...readings(3, 4));
    await rig.clock.advance(4_900);
    expect(batches()).toHaveLength(1);
    await rig.clock.advance(200);
    await until('the second batch', () => batches().length === 2);
    rig.source.push(...readings(5, 9));
    await rig.clock.advance(100);
    rig.source.push(...readings(10, 14));
    await until('the full batch', () => batches().length === 3);
    expect(seqs()).toEqual(range(1, 14));
  });

  it('sends gaps at once, without records', async () => {
    const rig = await station();
    rig.source.push(...readings(1, 1));
    await until('the first batch', () => rig.source.pending === 0);
    rig.source.pushGap({ stream: 'a'.repeat(24), from: 900, to: 1040, lost: 141, reason: 'journal_full' });
    await until('the gap', () => batches().length === 2);
    expect(batches()[1]).toEqual({
      format: 1,
      device: 'greenhouse-1',
      stream: '5f0c112233445566778899aa',
      readings: [],
      gaps: [{ stream: 'a'.repeat(24), from: 900, to: 1040, lost: 141, reason: 'journal_full' }],
    });
    await until('the gap is acknowledged', () => rig.source.acknowledged.at(-1)?.gaps.length === 1);
  });

  it('publishes the latest values live and a changed status once', async () => {
    const rig = await station();
    await until('connected', () => broker.payloads(`${BASE}/state/air`).length === 1);
    rig.uplink.state({ sensor: 'air', time: '2026-11-22T12:00:10.000Z', valuesJson: '{"temperature":22}' });
    rig.uplink.state({ sensor: 'nobody', time: '2026-11-22T12:00:10.000Z', valuesJson: '{"temperature":22}' });
    const failure = { state: 'offline', error: 'bus.nack', message: 'No chip answers.' } as const;
    rig.uplink.sensorStatus('air', failure);
    rig.uplink.sensorStatus('air', failure);
    await until('both are there', () => broker.payloads(`${BASE}/status/air`).length === 2);
    await until('health follows', () => broker.payloads(`${BASE}/health`).length === 2);
    expect(broker.payloads(`${BASE}/state/air`)).toEqual([
      '{"time":"2026-11-22T12:00:00.000Z","temperature":21.37}',
      '{"time":"2026-11-22T12:00:10.000Z","temperature":22}',
    ]);
    expect(broker.payloads(`${BASE}/status/air`)[1]).toBe(
      '{"state":"offline","error":"bus.nack","message":"No chip answers."}',
    );
    expect(broker.payloads(`${BASE}/state/nobody`)).toEqual([]);
  });

  it('publishes an event at once on the alert topic, under its number, not retained', async () => {
    const rig = await station();
    await until('told', () => broker.payloads(`${BASE}/health`).length === 1);
    const time = '2026-11-22T12:00:00.000Z';
    rig.uplink.alert?.({ stream: STREAM, seq: 7, sensor: 'air', time, valuesJson: '{"state":1}' });
    await until('it is there', () => broker.payloads(`${BASE}/alert`).length === 1);
    const { payload, qos, retain } = broker.publishes.find(({ topic }) => topic === `${BASE}/alert`)!;
    expect([qos, retain]).toEqual([1, false]);
    expect(JSON.parse(payload)).toEqual({
      device: 'greenhouse-1',
      stream: STREAM,
      seq: 7,
      time,
      sensor: 'air',
      values: { state: 1 },
    });
  });

  it.each([0, 1, 2] as const)('sends readings at QoS %i if told so', async (qos) => {
    const rig = await station({}, { config: { qos } });
    rig.source.push(...readings(1, 3));
    await until('it is there', () => batches().length === 1);
    await until('all is acknowledged', () => rig.source.pending === 0);
    const sent = broker.publishes.filter(({ topic }) => topic === READINGS);
    expect(sent.map((one) => one.qos)).toEqual([qos]);
  });

  it('says what a batch is and how long it is wanted, and takes no large packets itself', async () => {
    const rig = await station({}, { config: { messageExpiryMs: 90_000 } });
    rig.source.push(...readings(1, 3));
    await until('all is acknowledged', () => rig.source.pending === 0);
    const [batch] = broker.publishes.filter(({ topic }) => topic === READINGS);
    expect(batch!.properties).toMatchObject({ contentType: 'application/json', messageExpiryInterval: 90 });
    expect(broker.connects[0]!.properties?.maximumPacketSize).toBe(16_384);
  });

  it('hears requests before it gives the answers of an earlier session: who sees one may ask again', async () => {
    const commands: CommandPort = {
      run: async () => ({ data: {} }),
      keep: () => {},
      handOver: (to) => to({ topic: `${BASE}/response/reload`, payload: '{"status":"ok"}' }),
    };
    let heard: readonly string[] = [];
    const note = ({ topic }: Published) => {
      if (topic.endsWith('/response/reload')) heard = [...broker.subscriptions];
      return true;
    };
    await station({ onPublish: note }, { commands, config: { commands: ['read', 'reload', 'interval'] } });
    await until('the answer', () => heard.length > 0);
    expect(heard).toEqual(['read', 'reload', 'interval'].map((verb) => `${BASE}/request/${verb}`));
  });

  it('publishes health every minute', async () => {
    const rig = await station();
    await until('the first', () => broker.payloads(`${BASE}/health`).length === 1);
    await rig.clock.advance(60_000);
    await until('the second', () => broker.payloads(`${BASE}/health`).length === 2);
  });

  it('clears the retained topics of sensors that are gone, also of an earlier run', async () => {
    const memory = new Map<string, string>();
    const first = await station({}, { memory, catalogue: { air: sensorEntry('bme280'), old: sensorEntry('bh1750') } });
    await until('told', () => broker.payloads(`${BASE}/status/air`).length === 1);
    await first.uplink.stop(1_000);
    await broker.close();

    const second = await station({}, { memory });
    await until('cleared', () => broker.payloads(`${BASE}/status/old`).length === 1);
    await until('cleared', () => broker.payloads(`${BASE}/state/old`).length === 1);
    const cleared = broker.publishes.filter(({ topic }) => topic.endsWith('/old'));
    expect(cleared.map(({ payload, qos, retain }) => [payload, qos, retain])).toEqual([
      ['', 1, true],
      ['', 1, true],
    ]);
    await until('forgotten', () => !memory.get('retained.cloud')?.includes('old'));

    second.station.catalogue = { lamp: sensorEntry('bh1750') };
    second.station.statuses = { lamp: { state: 'online' } };
    second.station.latest = [{ sensor: 'lamp', time: '2026-11-22T12:00:00.000Z', valuesJson: '{"illuminance":5}' }];
    second.uplink.catalogueChanged();
    await until('the new one', () => broker.payloads(`${BASE}/state/lamp`).length === 1);
    await until('the old one', () => broker.payloads(`${BASE}/status/air`).at(-1) === '');
    expect(broker.payloads(`${BASE}/info`)).toHaveLength(2);
  });

  it('uses the topics that the configuration names, and none that are off', async () => {
    const rig = await station(
      {},
      { topics: { readings: 'my/topic', state: 'my/state', status: 'my/status', info: false } },
    );
    rig.source.push(...readings(1, 1));
    await until('sent', () => rig.source.pending === 0);
    await until('health is there', () => broker.payloads(`${BASE}/health`).length === 1);
    expect([...new Set(broker.publishes.map(({ topic }) => topic))].sort()).toEqual(
      ['my/state/air', 'my/status', 'my/status/air', 'my/topic', `${BASE}/health`].sort(),
    );
  });

  it('takes readings that are turned off from the source without sending them', async () => {
    const rig = await station({}, { topics: { readings: false } });
    rig.source.push(...readings(1, 500));
    await until('taken', () => rig.source.pending === 0);
    expect(batches()).toEqual([]);
  });
});

describe('stopping', () => {
  it('sends what is left, says offline, then DISCONNECT', async () => {
    const rig = await station();
    rig.source.push(...readings(1, 2));
    await until('the first batch', () => rig.source.pending === 0);
    rig.source.push(...readings(3, 4));
    await rig.uplink.stop(5_000);
    expect(seqs()).toEqual([1, 2, 3, 4]);
    expect(rig.source.pending).toBe(0);
    expect(broker.publishes.at(-1)).toMatchObject({
      topic: `${BASE}/status`,
      payload: '{"state":"offline"}',
      retain: true,
    });
    await until('DISCONNECT', () => broker.clients[0]!.disconnected);
    expect(rig.clock.sleepers).toBe(0);
  });

  it('waits for acknowledgements for as long as it was told, and leaves the will to the broker then', async () => {
    const rig = await station({ onPublish: ({ topic }) => topic !== READINGS });
    rig.source.push(...readings(1, 2));
    await until('in flight', () => batches().length === 1);
    let stopped = false;
    const stop = rig.uplink.stop(5_000).then(() => {
      stopped = true;
    });
    await rig.clock.advance(4_900);
    expect(stopped).toBe(false);
    await rig.clock.advance(200);
    await stop;
    expect(broker.payloads(`${BASE}/status`)).toEqual(['{"state":"online"}']);
    expect(broker.clients[0]!.disconnected).toBe(false);
    expect(rig.source.pending).toBe(2);
  });

  it('is at once when there never was a broker', async () => {
    const rig = await lonelyStation();
    await until('the first attempt failed', () => rig.uplink.status().error !== undefined);
    expect(rig.uplink.status()).toMatchObject({ connected: false, error: { code: 'uplink.unreachable' } });
    await rig.uplink.stop(5_000);
    expect(rig.clock.sleepers).toBe(0);
  });

  it('gives up an attempt to connect', async () => {
    const rig = await station({ onConnect: () => 'silent' });
    await until('CONNECT is there', () => broker.connects.length === 1);
    await rig.uplink.stop(5_000);
    expect(rig.clock.sleepers).toBe(0);
  });
});
