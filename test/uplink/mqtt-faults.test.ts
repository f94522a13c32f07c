import { describe, expect, it } from 'vitest';
import { recordJson } from '../../src/uplink/batch-json.ts';
import { until } from '../until.ts';
import {
  BASE,
  batches,
  broker,
  distinct,
  lonelyStation,
  passingTime,
  READINGS,
  range,
  seqs,
  station,
} from './against.ts';
import { readings, STREAM } from './array-source.ts';
import type { ScriptedClient } from './scripted-broker.ts';

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
    await until('all is acknowledged', () => rig.source.pending === 0);
    // How many of a size are under way when the first is refused is the network's affair.
    const sizes = batches().map(({ readings: list }) => list.length);
    expect([...new Set(sizes)]).toEqual([20, 10, 5]);
    expect(sizes.slice(sizes.indexOf(5))).toEqual(Array(8).fill(5));
    expect(distinct()).toEqual(range(1, 40));
    expect([rig.source.refused, broker.connects.length]).toEqual([[], 1]);
  });

  it('that answers with a reason that the client library does not know is left, not trusted', async () => {
    let wrong = true;
    const rig = await station({
      onPublish({ topic, messageId, client }) {
        if (topic !== READINGS || !wrong) return true;
        wrong = false;
        client.sendRaw(0x40, 3, messageId >> 8, messageId & 255, 0x96);
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

  it('that refuses one record for good gets all others; the record goes to the dead letters and into a gap', async () => {
    const rig = await station(
      {
        onPublish({ topic, payload, messageId, client }) {
          if (topic !== READINGS || !/"seq":(33|34|77)\b/.test(payload)) return true;
          client.acknowledge(messageId, 0x99);
          return false;
        },
      },
      { batch: { maxReadings: 20 } },
    );
    rig.source.push(...readings(1, 100));
    await passingTime(rig, 'all is acknowledged', () => rig.source.pending === 0);
    expect(rig.source.refused).toEqual([33, 34, 77]);
    const letters = broker.payloads(`${BASE}/dead-letter`).map((payload) => JSON.parse(payload));
    expect(letters.map(({ seq, reason, error, stream }) => [seq, reason, error, stream])).toEqual(
      [33, 34, 77].map((seq) => [seq, 'refused', 'uplink.rejected', STREAM]),
    );
    expect(letters[0].message).toContain('Publishing to sedge/greenhouse-1/readings');
    expect(letters[0].record).toEqual(JSON.parse(recordJson(readings(33, 33)[0]!)));
    const gaps = batches().flatMap((batch) => batch.gaps ?? []);
    expect([...new Set(gaps.map(({ from, to, reason }) => `${from}-${to} ${reason}`))]).toEqual([
      '33-33 refused',
      '34-34 refused',
      '77-77 refused',
    ]);
    expect([broker.connects.length, rig.uplink.status().deadLetters]).toEqual([1, 3]);
  });

  it('that refuses everything gets it all when it takes it again, and nothing is given up', async () => {
    let refuse = true;
    const rig = await station(
      {
        onPublish({ topic, messageId, client }) {
          if (topic !== READINGS || !refuse) return true;
          client.acknowledge(messageId, 0x87);
          return false;
        },
      },
      { batch: { maxReadings: 20 } },
    );
    rig.source.push(...readings(1, 100));
    await passingTime(rig, 'two sessions with nothing taken', () => broker.connects.length === 3);
    refuse = false;
    await passingTime(rig, 'all is acknowledged', () => rig.source.pending === 0);
    expect([rig.source.refused, distinct(), broker.payloads(`${BASE}/dead-letter`)]).toEqual([[], range(1, 100), []]);
  });

  it('that refuses the only record is told about, and asked again', async () => {
    const rig = await station({
      onPublish({ topic, messageId, client }) {
        if (topic !== READINGS) return true;
        client.acknowledge(messageId, 0x99);
        return false;
      },
    });
    rig.source.push(...readings(7, 7));
    await until('asked', () => batches().length === 1);
    await rig.clock.advance(1_000);
    await until('asked again', () => batches().length === 2);
    await rig.clock.advance(1_000);
    await until('refused', () => rig.uplink.status().error?.code === 'uplink.rejected');
    expect(rig.uplink.status().error?.message).toContain('Record 7 of stream 5f0c112233445566778899aa waits');
    await rig.clock.advance(1_000);
    await until('asked on a new connection', () => batches().length === 4);
    expect(broker.payloads(`${BASE}/status`)).toEqual(
      ['online', 'offline', 'online'].map((state) => `{"state":"${state}"}`),
    );
    expect(rig.source.refused).toEqual([]);
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

  it('under 3.1.1 that closes again and again leads to the same suspicion; it stays a warning for a while', async () => {
    const rig = await station({ onConnect: ({ protocolVersion }) => protocolVersion !== 5 || 132 });
    for (let session = 1; session <= 3; session++) {
      await until('connected', () => broker.clients.length === session && rig.uplink.status().connected);
      expect(rig.uplink.status().warning).toBeUndefined();
      broker.clients.at(-1)!.kill();
      await until('lost', () => !rig.uplink.status().connected);
      if (session < 3) await rig.clock.advance(5_000);
    }
    expect(rig.uplink.status().error).toMatchObject({
      code: 'uplink.taken-over',
      message: expect.stringContaining('another client may use the client id sedge-greenhouse-1-cloud'),
    });
    await rig.clock.advance(5_000);
    await until('back', () => rig.uplink.status().connected);
    expect(rig.uplink.status().warning).toContain('sedge-greenhouse-1-cloud');
    await rig.clock.advance(600_000);
    expect(rig.uplink.status().warning).toBeUndefined();
  });

  it('of the own network that comes back is used within 5 s, however long it was away', async () => {
    const rig = await station({}, { random: () => 0.999 });
    await until('connected', () => rig.uplink.status().connected);
    broker.script.onConnect = () => 'close';
    broker.clients[0]!.kill();
    await passingTime(rig, 'many attempts', () => broker.connects.length > 20);
    broker.script.onConnect = () => true;
    const backMs = rig.clock.monotonic();
    await passingTime(rig, 'back', () => rig.uplink.status().connected);
    expect(rig.clock.monotonic() - backMs).toBeLessThanOrEqual(5_000 + 200);
  });

  it('that floods a station with what nobody asked for costs it no readings and no memory', async () => {
    const rig = await station();
    await until('told', () => broker.payloads(`${BASE}/health`).length === 1);
    const [client] = broker.clients;
    const before = process.memoryUsage().rss;
    for (let message = 0; message < 20_000; message++) {
      client!.send({
        cmd: 'publish',
        topic: `${BASE}/request/shell`,
        payload: 'x'.repeat(200),
        qos: 0,
        dup: false,
        retain: false,
      });
    }
    rig.source.push(...readings(1, 500));
    await until('all is acknowledged', () => rig.source.pending === 0);
    expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(60);
    expect([distinct(), broker.connects.length]).toEqual([range(1, 500), 1]);
  });

  it('that is away logs its failure once, not with each attempt', async () => {
    const rig = await lonelyStation();
    rig.source.push(...readings(1, 10));
    for (let attempt = 0; attempt < 5; attempt++) {
      await until('it waits', () => rig.uplink.status().error !== undefined && rig.clock.sleepers === 1);
      await rig.clock.advance(5_000);
    }
    expect(rig.logLines.filter((line) => line.startsWith('warn:'))).toHaveLength(1);
    expect(rig.source.pending).toBe(10);
  });
});
