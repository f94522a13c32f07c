/** The HTTP uplink with `format: influx` against a real InfluxDB: what a query gives back is what was measured. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BatchRecord } from '../../src/batch.ts';
import type { HttpUplinkConfig } from '../../src/config/types.ts';
import { sample } from '../contract/sample.ts';
import { hasInfluxdb, type Influxd, NO_INFLUXDB, startInfluxd } from '../influxd.ts';
import { arraySource, readings, STREAM } from './array-source.ts';
import { type RequestRig, startRequestRig } from './request-rig.ts';

describe.skipIf(!hasInfluxdb)(`InfluxDB 1.6${hasInfluxdb ? '' : ` (${NO_INFLUXDB})`}`, () => {
  let database: Influxd;
  const rigs: RequestRig[] = [];
  beforeAll(async () => {
    database = await startInfluxd({ auth: true });
  }, 60_000);
  afterAll(() => database.close());
  afterEach(async () => {
    for (const { uplink } of rigs.splice(0)) await uplink.stop(0);
    for (const measurement of ['sedge', 'sedge_batch', 'sedge_gap'])
      await database.query(`DROP MEASUREMENT ${measurement}`).catch(() => undefined);
  });

  async function station(source = arraySource(), more: Partial<HttpUplinkConfig> = {}): Promise<RequestRig> {
    const rig = await startRequestRig(
      {
        type: 'http',
        name: 'influx',
        url: `http://127.0.0.1:${database.port}/write?db=garden`,
        format: 'influx',
        compress: 'gzip',
        headers: {},
        authorization: `Basic ${Buffer.from('admin:secret').toString('base64')}`,
        timeoutMs: 10_000,
        tls: {},
        batch: { maxReadings: 500, maxBytes: 100_000, maxWaitMs: 0 },
        ...more,
      },
      { source, isPeerReal: true },
    );
    rigs.push(rig);
    return rig;
  }
  const nanoseconds = (time: string) => `${Date.parse(time)}000000`;

  it('has every value of the sample under its tags, at its time to the nanosecond', async () => {
    const source = arraySource();
    source.previous = sample.previous;
    source.push(...sample.records);
    source.pushGap(sample.gaps[0]!);
    const rig = await station(source);
    await rig.passing('all is acknowledged', () => rig.acknowledged() === 1045);
    const rows = await database.query('SELECT * FROM sedge ORDER BY time');
    for (const record of sample.records) {
      const row = rows.find(({ seq }) => seq === record.seq);
      expect(row).toMatchObject({
        time: nanoseconds(record.time),
        device: 'greenhouse-1',
        sensor: record.sensor,
        stream: STREAM,
        ...(JSON.parse(record.valuesJson) as object),
        ...(record.kind !== 'reading' && { kind: record.kind }),
        ...(record.unsynced && { clock: 'unsynced', boot: record.unsynced.boot }),
      });
    }
    expect(rows.length).toBe(sample.records.length);
    expect(await database.query('SELECT * FROM sedge_batch')).toMatchObject([
      { stream: STREAM, first: 1041, last: 1045, skipped: 0, previous_last: 1040, device: 'greenhouse-1' },
    ]);
    expect(await database.query('SELECT * FROM sedge_gap')).toMatchObject([
      { from: 900, to: 1040, lost: 141, reason: 'journal_full', device: 'greenhouse-1' },
    ]);
  });

  it('keeps each channel a float and our numbers integers', async () => {
    const source = arraySource();
    source.push(...sample.records);
    const rig = await station(source);
    await rig.passing('all is acknowledged', () => rig.acknowledged() === 1045);
    const types = await database.query('SHOW FIELD KEYS FROM sedge');
    const typeOf = Object.fromEntries(types.map(({ fieldKey, fieldType }) => [fieldKey, fieldType]));
    expect(typeOf).toMatchObject({ count: 'float', state: 'float', temperature: 'float', seq: 'integer' });
  });

  it('has a duplicate once, and an integer of 53 bits to the last digit', async () => {
    const record: BatchRecord = { ...readings(1, 1)[0]!, valuesJson: '{"size":9007199254740991,"tiny":1e-7}' };
    for (let times = 0; times < 2; times++) {
      const source = arraySource();
      source.push(record);
      const rig = await station(source, { compress: 'none' });
      await rig.passing('it is acknowledged', () => rig.acknowledged() === 1);
    }
    expect(await database.query('SELECT size, tiny FROM sedge')).toEqual([
      { time: nanoseconds(record.time), size: '9007199254740991', tiny: 1e-7 },
    ]);
  });

  it('takes the longest window of samples that there can be', async () => {
    const steps = Array.from({ length: 4_096 }, (_, index) => (index % 2 === 0 ? -32_768 : 32_767));
    const samples = { rate_hz: 3200, unit: 'm/s2', scale: 0.04, axes: { x: steps, y: steps, z: steps } };
    const source = arraySource();
    const window = {
      kind: 'window',
      durationMs: 1_280,
      valuesJson: '{}',
      samplesJson: JSON.stringify(samples),
    } as const;
    source.push({ ...readings(1, 1)[0]!, ...window });
    const rig = await station(source);
    await rig.passing('it is acknowledged', () => rig.acknowledged() === 1);
    expect(rig.uplink.status()).toMatchObject({ deadLetters: 0 });
    const [row] = await database.query('SELECT samples_z, samples_scale FROM sedge');
    expect(row).toMatchObject({ samples_z: steps.join(' '), samples_scale: 0.04 });
  });

  it('can be asked whether all has come: the numbers of the batches hold together', async () => {
    const source = arraySource();
    source.push(...readings(1, 1_200));
    const rig = await station(source);
    await rig.passing('all is acknowledged', () => rig.acknowledged() === 1_200);
    const [sum] = await database.query('SELECT count(temperature) AS readings FROM sedge');
    expect(sum).toMatchObject({ readings: 1_200 });
    const batches = await database.query('SELECT first, last, skipped FROM sedge_batch');
    expect(batches.map(({ first, last }) => [first, last])).toEqual([
      [1, 500],
      [501, 1000],
      [1001, 1200],
    ]);
  });

  it('refuses one record of a type that it cannot take: the rest is there, that one is named', async () => {
    const source = arraySource();
    const bad: BatchRecord = { ...readings(5, 5)[0]!, time: '+275760-09-13T00:00:00.000Z' };
    source.push(...readings(1, 4), bad, ...readings(6, 9));
    const rig = await station(source);
    await rig.passing('all others are acknowledged', () => rig.acknowledged() === 9);
    expect(rig.uplink.status()).toMatchObject({ deadLetters: 1 });
    const [sum] = await database.query('SELECT count(temperature) AS readings FROM sedge');
    expect(sum).toMatchObject({ readings: 8 });
    expect(rig.logLines.find((line) => line.includes('uplink.dead-letter'))).toMatch(/seq=5 .*400/);
  });

  it.each([
    ['a database that is not there', { url: 'nowhere' }, 'uplink.refused', 'knows nothing at this address'],
    ['a wrong password', { authorization: 'Basic eDp5' }, 'uplink.refused', 'wants another authorisation'],
  ])('says so and gives nothing up: %s', async (_what, { url, ...more }: Partial<HttpUplinkConfig>, code, message) => {
    const source = arraySource();
    source.push(...readings(1, 3));
    const at = `http://127.0.0.1:${database.port}/write?db=${url ?? 'garden'}`;
    const rig = await station(source, { ...more, url: at });
    await rig.passing('a failure', () => rig.uplink.status().error !== undefined);
    expect(rig.uplink.status().error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(rig.acknowledged()).toBe(0);
  });
});
