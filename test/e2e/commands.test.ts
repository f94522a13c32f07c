/** Commands over MQTT as a person gives them: the built program, Mosquitto, `mosquitto_pub` and `mosquitto_sub`. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasMosquitto, type Mosquitto, NO_MOSQUITTO, startMosquitto } from '../mosquitto.ts';
import { type SedgeProcess, startSedge, until } from '../sedge-process.ts';

const hasClients = hasMosquitto && ['mosquitto_pub', 'mosquitto_sub'].every((name) => existsSync(`/usr/bin/${name}`));
const title = hasClients ? 'commands over MQTT' : `commands over MQTT (${NO_MOSQUITTO})`;
const BASE = 'sedge/greenhouse-1';

// biome-ignore lint/suspicious/noExplicitAny: whatever a publisher sends
type Seen = { readonly topic: string; readonly body: any };

let directory: string;
let broker: Mosquitto;
let run: SedgeProcess;
let stopListening = () => {};
const seen: Seen[] = [];
const on = (topic: string) => seen.filter((one) => one.topic === `${BASE}/${topic}`).map(({ body }) => body);
const last = (topic: string) => on(topic).at(-1);

const sensors = (air = 'every: 1h') => `
  air: { driver: bme280, ${air} }
  door: { driver: gpio-input, line: 17 }
  shock: { driver: sw420, line: 27, every: 1h }`;
function configure({ air = 'every: 1h', uplink = '', rest = '' } = {}): void {
  writeFileSync(
    join(directory, 'sedge.yaml'),
    `version: 1
device: greenhouse-1
sensors:${sensors(air)}
journal: { directory: ${join(directory, 'journal')}, commit_every: 50ms }
uplinks:
  cloud: { type: mqtt, url: "mqtt://127.0.0.1:${broker.port}", commands: [read, reload, interval, health, journal]${uplink} }
${rest}`,
  );
}
const publish = (verb: string, message: string, ...more: string[]) =>
  promisify(execFile)('mosquitto_pub', [
    ...['-h', '127.0.0.1', '-p', String(broker.port), '-q', '1', '-V', 'mqttv5'],
    ...['-t', `${BASE}/request/${verb}`, '-m', message, ...more],
  ]);
let transactions = 0;
/** Asks, and waits for the answer to this. */
async function ask(verb: string, given: object = {}): Promise<Seen['body']> {
  const transaction = `t${++transactions}`;
  await publish(verb, JSON.stringify({ transaction, time: new Date().toISOString(), ...given }));
  const mine = () => on(`response/${verb}`).find((one) => one.transaction === transaction);
  await until(`an answer to ${verb}`, () => mine() !== undefined);
  return mine();
}

beforeAll(async () => {
  if (!hasClients) return;
  directory = mkdtempSync(join(tmpdir(), 'sedge-commands-'));
  broker = await startMosquitto();
  const listener = spawn(
    'stdbuf',
    ['-oL', 'mosquitto_sub', '-h', '127.0.0.1', '-p', String(broker.port), '-v', '-t', `${BASE}/#`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let rest = '';
  listener.stdout.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [topic = '', text = ''] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
      if (!topic.includes('/request/')) seen.push({ topic, body: text.startsWith('{') ? JSON.parse(text) : text });
    }
  });
  stopListening = () => listener.kill();
  configure();
  // Retained before the station came: refused when it subscribes.
  await publish('interval', '{"transaction":"old","sensor":"air","every":"1s"}', '-r');
  run = startSedge(['run', '--simulate', '--config', join(directory, 'sedge.yaml')], { cwd: directory });
  await until(
    'the station and its first reading',
    () => last('state/air') !== undefined && last('status')?.state === 'online',
  );
  await until('the answer to what was retained', () => on('response/interval').length > 0);
}, 60_000);
afterAll(async () => {
  run?.kill('SIGKILL');
  await run?.ended;
  stopListening();
  await broker?.close();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(!hasClients)(title, () => {
  it('refuse what was retained before the station came', () => {
    expect(on('response/interval')).toEqual([
      expect.objectContaining({ data: {}, status: 'error', code: 'command.retained', transaction: 'old' }),
    ]);
    expect(last('info').sensors.air.every_ms).toBe(3_600_000);
  });

  it('read a sensor now: the answer is the reading that goes to the state topic and into the journal', async () => {
    const { data, status } = await ask('read', { sensor: 'air' });
    expect(status).toBe('ok');
    expect(data).toMatchObject({ sensor: 'air', time: expect.stringMatching(/Z$/) });
    expect(Object.keys(data.values)).toEqual(['temperature', 'humidity', 'pressure']);
    await until('the state topic', () => last('state/air').time === data.time);
    expect(last('state/air').temperature).toBe(data.values.temperature);
    const journaled = () =>
      on('readings')
        .flatMap(({ readings }) => readings)
        .find(({ sensor, time }) => sensor === 'air' && time === data.time);
    await until('the batch', () => journaled() !== undefined);
    expect(journaled().values).toEqual(data.values);
    const journal = (await ask('journal')).data;
    expect(journal).toMatchObject({ stream: last('info').stream, gaps: [] });
    expect(journal.last).toBeGreaterThanOrEqual(journaled().seq);
  });

  it('say why a sensor cannot be read', async () => {
    expect(await ask('read', { sensor: 'deep' })).toMatchObject({
      ...{ status: 'error', code: 'sensor.unknown', error: 'There is no sensor deep.' },
    });
    expect(await ask('read', { sensor: 'door' })).toMatchObject({ status: 'error', code: 'sensor.not-read' });
    expect(await ask('read', { sensor: 'shock' })).toMatchObject({ status: 'error', code: 'sensor.not-read' });
    expect(await ask('read')).toMatchObject({ status: 'error', code: 'command.arguments' });
  });

  it('set an interval within what the chip can do, marked in info, until null or a restart', async () => {
    expect(await ask('interval', { sensor: 'air', every: '1ms' })).toMatchObject({
      ...{ status: 'error', code: 'sensor.interval' },
    });
    expect(await ask('interval', { sensor: 'air', every: '5' })).toMatchObject({
      ...{ status: 'error', error: '`every` needs a unit: write 5s.' },
    });
    expect((await ask('interval', { sensor: 'door', every: '5s' })).code).toBe('sensor.no-interval');

    const readings = on('state/air').length;
    expect((await ask('interval', { sensor: 'air', every: '200ms' })).data).toEqual({
      ...{ sensor: 'air', every_ms: 200, remote_interval: true },
    });
    await until('info with the mark', () => last('info').sensors.air.remote_interval === true);
    expect(last('info').sensors.air.every_ms).toBe(200);
    await until('readings at that interval', () => on('state/air').length > readings + 3);
    expect((await ask('interval', { sensor: 'air', every: null })).data).toEqual({
      sensor: 'air',
      every_ms: 3_600_000,
    });
    await until('info without it', () => last('info').sensors.air.remote_interval === undefined);
    expect(readFileSync(join(directory, 'sedge.yaml'), 'utf8')).toContain('every: 1h');
  });

  it('reload: the answer says what was done, or the problems, and then nothing was', async () => {
    configure({ air: 'every: 2h' });
    expect((await ask('reload')).data).toEqual({ done: ['sensor air restarted'] });
    configure({ air: 'evry: 2h' });
    const refused = await ask('reload');
    expect(refused).toMatchObject({ status: 'error', error: 'configuration not applied: 1 problem' });
    expect(refused.data.problems).toEqual([expect.stringMatching(/sedge\.yaml:4:26: sensors\.air\.evry: unknown key/)]);
    expect(last('info').sensors.air.every_ms).toBe(7_200_000);
  });

  it('reload: the answer comes also when the uplink that was asked is itself restarted', async () => {
    configure({ uplink: ', keepalive: 20s' });
    expect((await ask('reload')).data.done).toEqual([
      'sensor air restarted',
      expect.stringMatching(/^uplink cloud restarted/),
    ]);
  });

  it('refuse a replay, what is old, malformed or too large; health counts them, and nothing of it was done', async () => {
    const request = JSON.stringify({ transaction: 'once', sensor: 'air', every: '30m' });
    await publish('interval', request);
    await until('done', () => on('response/interval').some(({ transaction }) => transaction === 'once'));
    await ask('interval', { sensor: 'air', every: null });
    const answers = on('response/interval').length;
    await publish('interval', request);
    await publish('interval', '{"transaction":"x","time":"2026-01-01T00:00:00Z","sensor":"air","every":"30m"}');
    await publish('interval', '{"transaction":"y","sensor":"air","every":"30m","shell":"reboot"}');
    await publish('interval', JSON.stringify({ transaction: 'z', pad: 'x'.repeat(9_000) }));
    await until('four refusals', () => on('response/interval').length === answers + 4);
    expect(
      on('response/interval')
        .slice(-4)
        .map(({ code }) => code),
    ).toEqual([...['command.replayed', 'command.stale', 'command.malformed', 'command.oversized']]);
    const { data } = await ask('health');
    expect(data.commands.cloud.refused).toMatchObject({ replayed: 1, stale: 1, malformed: 1, oversized: 1 });
    expect(last('info').sensors.air.every_ms).toBe(3_600_000);
  });

  it('are not heard where they are not listed, for other devices, or on a response topic of the asker', async () => {
    const lines = seen.length;
    await publish('exec', '{"transaction":"e"}');
    await promisify(execFile)('mosquitto_pub', [
      ...['-h', '127.0.0.1', '-p', String(broker.port), '-t', 'sedge/other/request/health', '-m', '{}'],
    ]);
    await publish('health', '{"transaction":"r"}', '-D', 'publish', 'response-topic', `${BASE}/stolen`);
    await until('its own answer', () => on('response/health').some(({ transaction }) => transaction === 'r'));
    expect(seen.slice(lines).map(({ topic }) => topic)).not.toContain(`${BASE}/stolen`);
    expect(on('response/exec')).toEqual([]);
  });

  it('a remote interval does not outlive the program', async () => {
    await ask('interval', { sensor: 'air', every: '45m' });
    await until('info with the mark', () => last('info').sensors.air.every_ms === 2_700_000);
    run.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    const infos = on('info').length;
    run = startSedge(['run', '--simulate', '--config', join(directory, 'sedge.yaml')], { cwd: directory });
    await until('info again', () => on('info').length > infos);
    expect(last('info').sensors.air).toMatchObject({ every_ms: 3_600_000 });
    expect(last('info').sensors.air).not.toHaveProperty('remote_interval');
  });
});
