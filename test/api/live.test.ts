/** The live stream beside WebSocket clients of the `ws` package: fast ones, slow ones, strangers. */
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { until } from '../until.ts';
import { type ApiRig, apiRig, reading, TOKEN } from './rig.ts';

let rig: ApiRig;
const clients: WebSocket[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await rig.close();
});

/** A client that keeps all it is told, and how it ended. */
function client(options: ClientOptions = {}, path = '/api/live') {
  const socket = new WebSocket(`ws://127.0.0.1:${rig.port}${path}`, options);
  clients.push(socket);
  const heard: string[] = [];
  const end: { code?: number; refused?: number } = {};
  socket.on('message', (data) => heard.push(String(data)));
  socket.on('close', (code) => {
    end.code = code;
  });
  socket.on('error', () => {});
  socket.on('unexpected-response', (_request, answer) => {
    end.refused = answer.statusCode ?? 0;
    answer.destroy();
  });
  return { socket, heard, end, ready: () => until('the client is ready', () => heard[0] === '{"ready":true}') };
}

describe('the live stream', () => {
  it('says each reading to everybody as it is taken', async () => {
    rig = await apiRig();
    const [one, two] = [client(), client()];
    await Promise.all([one.ready(), two.ready()]);
    rig.say(reading('air', 21));
    rig.say({ ...reading('door', 1), durationMs: 10, unsynced: { boot: 'b', monoMs: 12.4 } });
    await until('both have heard', () => one.heard.length === 3 && two.heard.length === 3);
    expect(one.heard.slice(1)).toEqual([
      '{"time":"2026-11-22T12:00:21.000Z","sensor":"air","values":{"temperature":21}}',
      '{"time":"2026-11-22T12:00:01.000Z","sensor":"door","values":{"temperature":1},"duration_ms":10,"clock":"unsynced","boot":"b","mono_ms":12}',
    ]);
    expect(two.heard).toEqual(one.heard);
  });

  it('drops a client that does not keep up, counts it, and holds back nobody', async () => {
    rig = await apiRig({}, { liveBufferedBytes: 10_000 });
    const [slow, quick] = [client(), client()];
    await Promise.all([slow.ready(), quick.ready()]);
    slow.socket.pause();
    const large = { ...reading('air', 1), valuesJson: `{"temperature":1,"x":"${'x'.repeat(100_000)}"}` };
    let said = 0;
    await until('the slow one is dropped', () => {
      if (rig.server.counts.liveDropped === 0 && said - quick.heard.length < 2) {
        rig.say(large);
        said += 1;
      }
      return rig.server.counts.liveDropped === 1;
    });
    await until('the other has heard all', () => quick.heard.length === said + 1);
    await until('one is left', () => rig.server.counts.liveClients === 1);
  });

  it('is for so many at once', async () => {
    rig = await apiRig({}, { liveClients: 1 });
    await client().ready();
    const second = client();
    await until('the second is refused', () => second.end.refused === 503);
  });

  it('lets go of a client that answers no ping, and does nothing while there is none', async () => {
    rig = await apiRig();
    expect(rig.clock.sleepers).toBe(0);
    const { ready } = client({ autoPong: false });
    await ready();
    expect(rig.clock.sleepers).toBe(1);
    await rig.clock.advance(60_000);
    await until('it is gone', () => rig.server.counts.liveClients === 0);
    expect(rig.clock.sleepers).toBe(0);
  });

  it('ends a client that talks too much', async () => {
    rig = await apiRig();
    const { socket, end, ready } = client();
    await ready();
    socket.send('x'.repeat(5_000));
    await until('it is closed', () => end.code === 1009);
  });

  it('ends with the service', async () => {
    rig = await apiRig();
    const { end, ready } = client();
    await ready();
    await rig.close();
    await until('it is closed', () => end.code !== undefined);
  });
});

describe('a stranger', () => {
  it('with a foreign Origin or Host, or at another path, is refused before the upgrade', async () => {
    rig = await apiRig();
    const strangers = [
      client({ origin: 'http://evil.example' }),
      client({ headers: { host: 'evil.example' } }),
      client({}, '/api/health'),
    ];
    await until('all are refused', () => strangers.every(({ end }) => end.refused !== undefined));
    expect(strangers.map(({ end }) => end.refused)).toEqual([403, 403, 404]);
  });

  it('without the token hears nothing, and is closed when it does not bring it in time', async () => {
    rig = await apiRig({ token: TOKEN });
    const { socket, heard, end } = client();
    await once(socket, 'open');
    await until('it is counted', () => rig.server.counts.liveClients === 1);
    rig.say(reading('air', 21));
    await rig.clock.advance(5_000);
    await until('it is closed', () => end.code === 4401);
    expect(heard).toEqual([]);
  });

  it('brings the token in its first message, or in its headers', async () => {
    rig = await apiRig({ token: TOKEN });
    const page = client();
    await once(page.socket, 'open');
    page.socket.send(JSON.stringify({ token: TOKEN }));
    await page.ready();
    await client({ headers: { authorization: `Bearer ${TOKEN}` } }).ready();
    for (const wrong of [`{"token":"${TOKEN}x"}`, '{"token":1}', 'hello', '']) {
      const guess = client();
      await once(guess.socket, 'open');
      guess.socket.send(wrong);
      await until('it is closed', () => guess.end.code === 4401);
    }
  });
});
