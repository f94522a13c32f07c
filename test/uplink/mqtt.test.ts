import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { readings } from './array-source.ts';
import { type Rig, type RigOptions, sensorEntry, startRig } from './rig.ts';
import { type Script, type ScriptedBroker, type ScriptedClient, startScriptedBroker } from './scripted-broker.ts';

const BASE = 'sedge/greenhouse-1';
const READINGS = `${BASE}/readings`;

let broker: ScriptedBroker;
const rigs: Rig[] = [];
async function station(script: Script = {}, options: Partial<RigOptions> = {}): Promise<Rig> {
  broker = await startScriptedBroker(script);
  const rig = startRig({ url: broker.url, ...options });
  rigs.push(rig);
  return rig;
}
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.uplink.stop(0);
  await broker?.close();
});

const batches = () => broker.payloads(READINGS).map((payload) => JSON.parse(payload));
const seqs = () => batches().flatMap((batch) => batch.readings.map((record: { seq: number }) => record.seq));
const distinct = () => [...new Set(seqs())].sort((a, b) => a - b);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

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
    const gone = await startScriptedBroker();
    await gone.close();
    broker = gone;
    const rig = startRig({ url: gone.url });
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

describe('a broker that fails', () => {
  it('that withholds acknowledgements gets no more than the window, and everything again on a new connection', async () => {
    let withhold = true;
    const rig = await station(
      { onPublish: ({ topic }) => topic !== READINGS || !withhold },
      { batch: { maxReadings: 5 } },
    );
    rig.source.push(...readings(1, 200));
    await until('the window is full', () => batches().length === 16);
    await rig.clock.advance(14_000);
    expect(batches()).toHaveLength(16);
    expect(rig.uplink.status().inFlight).toBe(16);
    withhold = false;
    await rig.clock.advance(1_000);
    await until('the connection was given up', () => rig.source.rewinds === 1);
    expect(rig.uplink.status().error?.code).toBe('uplink.timeout');
    await rig.clock.advance(1_000);
    await until('all is acknowledged', () => rig.source.pending === 0);
    expect(distinct()).toEqual(range(1, 200));
    expect(seqs().length - 200).toBeLessThanOrEqual(16 * 5);
  });

  it('that takes few messages at once never gets more', async () => {
    const rig = await station({ receiveMaximum: 3 }, { batch: { maxReadings: 5 } });
    rig.source.push(...readings(1, 200));
    await until('all is acknowledged', () => rig.source.pending === 0);
    expect(broker.mostInFlight()).toBeLessThanOrEqual(3);
    expect(seqs()).toEqual(range(1, 200));
  });

  it('that takes small packets only gets small ones', async () => {
    const rig = await station({ maximumPacketSize: 2_000 });
    rig.source.push(...readings(1, 100));
    await until('all is acknowledged', () => rig.source.pending === 0);
    expect(Math.max(...broker.payloads(READINGS).map((payload) => payload.length))).toBeLessThan(2_000);
    expect(seqs()).toEqual(range(1, 100));
  });

  it('that acknowledges out of order, twice and what was never sent moves the cursor over the contiguous part only', async () => {
    const rig = await station({ onPublish: ({ topic }) => topic !== READINGS }, { batch: { maxReadings: 1 } });
    rig.source.push(...readings(1, 3));
    await until('all are in flight', () => batches().length === 3);
    const [a, b, c] = broker.publishes.filter(({ topic }) => topic === READINGS);
    c!.client.acknowledge(c!.messageId);
    c!.client.acknowledge(c!.messageId);
    c!.client.acknowledge(60_000);
    b!.client.acknowledge(b!.messageId);
    await rig.clock.advance(100);
    expect(rig.source.acknowledged).toEqual([]);
    a!.client.acknowledge(a!.messageId);
    await until('all three are acknowledged', () => rig.source.pending === 0);
    expect(rig.source.acknowledged.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it('that dies after receiving, before acknowledging, gets the same records again', async () => {
    const rig = await station(
      {
        onPublish({ topic, client }) {
          const dies = topic === READINGS && broker.clients.length <= 3;
          if (dies) client.kill();
          return !dies;
        },
      },
      { batch: { maxReadings: 10 } },
    );
    rig.source.push(...readings(1, 100));
    for (let died = 1; died <= 3; died++) {
      await until('the connection is lost', () => rig.source.rewinds === died);
      await rig.clock.advance(5_000);
    }
    await until('nearly all is acknowledged', () => rig.source.pending < 10);
    await rig.clock.advance(5_000);
    await until('all is acknowledged', () => rig.source.pending === 0);
    expect(distinct()).toEqual(range(1, 100));
    const texts = new Map<number, Set<string>>();
    for (const record of batches().flatMap((batch) => batch.readings)) {
      texts.set(record.seq, (texts.get(record.seq) ?? new Set()).add(JSON.stringify(record)));
    }
    expect([...texts.values()].every((versions) => versions.size === 1)).toBe(true);
  });

  it('that refuses a batch has not got it, and gets smaller ones when it refuses again', async () => {
    const refuse = ({
      payload,
      messageId,
      client,
      topic,
    }: {
      payload: string;
      messageId: number;
      client: ScriptedClient;
      topic: string;
    }) => {
      if (topic !== READINGS || JSON.parse(payload).readings.length <= 5) return true;
      client.acknowledge(messageId, 0x97);
      return false;
    };
    const rig = await station({ onPublish: refuse }, { batch: { maxReadings: 20 } });
    rig.source.push(...readings(1, 40));
    await until('refused', () => rig.uplink.status().error?.code === 'uplink.rejected');
    expect(rig.source.acknowledged).toEqual([]);
    for (let turn = 0; turn < 8 && rig.source.pending > 0; turn++) {
      const before = rig.source.rewinds;
      await rig.clock.advance(5_000);
      await until('delivered or refused again', () => rig.source.pending === 0 || rig.source.rewinds > before);
    }
    expect(distinct().slice(0, 5)).toEqual(range(1, 5));
    expect(rig.source.acknowledged.length).toBeGreaterThan(0);
  });

  it('that answers with a reason that the client library does not know is left, not trusted', async () => {
    let wrong = true;
    const rig = await station({
      onPublish({ topic, messageId, client }) {
        if (topic !== READINGS || !wrong) return true;
        wrong = false;
        client.sendRaw(0x40, 3, messageId >> 8, messageId & 255, 0x95);
        return false;
      },
    });
    rig.source.push(...readings(1, 10));
    await until('the connection is given up', () => rig.source.rewinds === 1);
    expect(rig.uplink.status().error?.code).toBe('uplink.rejected');
    await rig.clock.advance(1_000);
    await until('all is acknowledged', () => rig.source.pending === 0);
    expect(distinct()).toEqual(range(1, 10));
  });

  it('that refuses one record for good is told about, and asked again', async () => {
    const rig = await station({
      onPublish({ topic, messageId, client }) {
        if (topic !== READINGS) return true;
        client.acknowledge(messageId, 0x99);
        return false;
      },
    });
    rig.source.push(...readings(7, 7));
    await until('refused', () => rig.uplink.status().error?.code === 'uplink.rejected');
    expect(rig.uplink.status().error?.message).toContain('Record 7 of stream 5f0c112233445566778899aa waits');
    await rig.clock.advance(1_000);
    await until('asked again', () => batches().length === 2);
  });

  it('that refuses an announcement still gets the readings', async () => {
    const rig = await station({
      onPublish({ topic, messageId, client }) {
        if (topic === READINGS) return true;
        client.acknowledge(messageId, 0x87);
        return false;
      },
    });
    rig.source.push(...readings(1, 10));
    await until('all is acknowledged', () => rig.source.pending === 0);
    expect(rig.logLines.join('')).toContain('uplink.announcement-refused');
  });

  it('that goes silent is noticed within keepalive + 10 s, with nothing to send', async () => {
    const rig = await station();
    await until('the station is told', () => broker.payloads(`${BASE}/health`).length === 1);
    await until('nothing is in flight', () => rig.uplink.status().inFlight === 0);
    broker.clients[0]!.goSilent();
    await rig.clock.advance(39_900);
    expect(rig.uplink.status().connected).toBe(true);
    await rig.clock.advance(200);
    await until('noticed', () => !rig.uplink.status().connected);
    expect(rig.uplink.status().error?.code).toBe('uplink.timeout');
  });

  it('that answers pings keeps the connection', async () => {
    const rig = await station();
    await until('the station is told', () => broker.payloads(`${BASE}/health`).length === 1);
    for (let minute = 0; minute < 5; minute++) {
      const pings = broker.pings();
      await rig.clock.advance(30_000);
      await until('a ping', () => broker.pings() > pings);
      await rig.clock.advance(1_000);
    }
    expect(broker.connects).toHaveLength(1);
    expect(rig.uplink.status().connected).toBe(true);
  });

  it.each([
    [135, 'uplink.refused', 'does not authorise'],
    [137, 'uplink.refused', 'is busy'],
    [134, 'uplink.refused', 'user name or password'],
  ])('that refuses CONNECT with %i is tried again, with no payload sent', async (reason, code, text) => {
    let refuse = true;
    const rig = await station(
      { onConnect: () => (refuse ? reason : true) },
      { config: { username: 'u', password: 'canary' } },
    );
    rig.source.push(...readings(1, 10));
    await until('refused', () => rig.uplink.status().error !== undefined);
    expect(rig.uplink.status().error?.code).toBe(code);
    expect(rig.uplink.status().error?.message).toContain(text);
    expect(broker.publishes).toEqual([]);
    expect(JSON.stringify([rig.uplink.status(), rig.logLines])).not.toContain('canary');
    refuse = false;
    await rig.clock.advance(2_000);
    await until('all is acknowledged', () => rig.source.pending === 0);
  });

  it('that does not answer CONNECT is left after 15 s', async () => {
    const rig = await station({ onConnect: () => 'silent' });
    await until('CONNECT is there', () => broker.connects.length === 1);
    await rig.clock.advance(15_000);
    await until('given up', () => rig.uplink.status().error?.code === 'uplink.timeout');
  });

  it.each([
    ['names the version as the reason', 132],
    ['names the version as 3.1.1 did', 1],
    ['just closes', 'close' as const],
  ])('that speaks MQTT 3.1.1 only and %s is spoken to in 3.1.1 at once', async (_, answer) => {
    const rig = await station({ onConnect: ({ protocolVersion }) => (protocolVersion === 5 ? answer : true) });
    rig.source.push(...readings(1, 10));
    await until('all is acknowledged', () => rig.source.pending === 0);
    expect(broker.connects.map(({ protocolVersion }) => protocolVersion)).toEqual([5, 4]);
    broker.clients[0]!.kill();
    await until('lost', () => !rig.uplink.status().connected);
    await rig.clock.advance(2_000);
    await until('back', () => rig.uplink.status().connected);
    expect(broker.connects.map(({ protocolVersion }) => protocolVersion)).toEqual(
      answer === 'close' ? [5, 4, 5, 4] : [5, 4, 4],
    );
  });

  it('that another client took our id from says so', async () => {
    const rig = await station();
    await until('connected', () => broker.payloads(`${BASE}/health`).length === 1);
    broker.clients[0]!.send({ cmd: 'disconnect', reasonCode: 0x8e });
    await until('told', () => rig.uplink.status().error !== undefined);
    expect(rig.uplink.status().error?.message).toContain('took over the client id sedge-greenhouse-1-cloud');
  });

  it('that is away logs its failure once, not with each attempt', async () => {
    const gone = await startScriptedBroker();
    await gone.close();
    broker = gone;
    const rig = startRig({ url: gone.url });
    rigs.push(rig);
    rig.source.push(...readings(1, 10));
    for (let attempt = 0; attempt < 5; attempt++) {
      await until('it waits', () => rig.uplink.status().error !== undefined && rig.clock.sleepers === 1);
      await rig.clock.advance(5_000);
    }
    expect(rig.logLines.filter((line) => line.startsWith('warn:'))).toHaveLength(1);
    expect(rig.source.pending).toBe(10);
  });
});
