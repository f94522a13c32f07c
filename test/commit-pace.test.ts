/**
 * How often the running station commits, through the whole composition on an injected clock: rarely while no uplink is
 * connected (`commit_every_offline`), as usual as soon as one is, and at once for an alarm.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drivers } from '../drivers/index.ts';
import { type VirtualClock, virtualClock } from '../src/clock.ts';
import { parseConfig } from '../src/config/load.ts';
import type { Config } from '../src/config/types.ts';
import { hardware } from '../src/hardware.ts';
import { type Runtime, startRuntime } from '../src/runtime.ts';
import { type ScriptedBroker, startScriptedBroker } from './uplink/scripted-broker.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** An uplink that is away is tried again no later than this. */
const MAX_AWAY_MS = 2 * MINUTE_MS;
const MAX_LOOKS = 2_000;

let directory: string;
let broker: ScriptedBroker;
let clock: VirtualClock;
let runtime: Runtime | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sedge-pace-'));
  broker = await startScriptedBroker({ onConnect: () => 'close', onPublish: () => true });
  clock = virtualClock({ monoMs: 5_000 });
});
afterEach(async () => {
  // After a failure it is still there.
  void runtime?.stop();
  runtime = undefined;
  await broker.close();
  await rm(directory, { recursive: true, force: true });
});

/** Files and sockets are real: time stands still for them. */
const turns = async () => {
  for (let look = 0; look < 3; look++) await new Promise((resolve) => setTimeout(resolve, 1));
};
const pass = async (ms: number) => {
  for (let doneMs = 0; doneMs < ms; doneMs += SECOND_MS) {
    await clock.advance(SECOND_MS);
    await turns();
  }
};
/** Holds time until something is so. */
const hold = async (isSo: () => boolean) => {
  for (let looks = 0; !isSo(); looks++) {
    if (looks === MAX_LOOKS) throw new Error('the world does not keep up');
    await turns();
  }
};
const passUntil = async (isSo: () => boolean, mostMs: number) => {
  for (let doneMs = 0; !isSo(); doneMs += SECOND_MS) {
    if (doneMs >= mostMs) throw new Error('it did not come in time');
    await pass(SECOND_MS);
  }
};

async function configured(sensors: string, offline: string): Promise<Config> {
  const yaml = `version: 1
device: board
sensors: { ${sensors} }
simulation: { seed: 3 }
journal: { directory: ${JSON.stringify(join(directory, 'journal'))}, commit_every: 2s${offline} }
uplinks: { cloud: { type: mqtt, url: "${broker.url}", batch: { max_wait: 100ms } } }
`;
  const loaded = await parseConfig(yaml, { env: {}, cwd: directory, drivers, hostname: 'board' });
  if (!('config' in loaded)) throw new Error('the configuration of the test is wrong');
  return loaded.config;
}
const TICK = 'tick: { driver: mock, every: 10s }';
const DOOR = 'door: { driver: gpio-input, line: 17 }';
const RARELY = ', commit_every_offline: 1m';

async function start(config: Config): Promise<Runtime> {
  const { makeBuses } = await hardware({ simulate: true, clock });
  const silent = () => {};
  const log = { error: silent, warn: silent, info: silent, debug: silent, flush: silent };
  runtime = await startRuntime({ config, clock, log, version: 'test', makeBuses, random: () => 0.5 });
  await hold(() => runtime!.snapshot().accepted >= 1);
  return runtime;
}
const stop = async () => {
  let ended = false;
  void runtime!.stop().then(() => {
    ended = true;
  });
  while (!ended) await pass(SECOND_MS);
  runtime = undefined;
};
const commits = async () => ((await runtime!.health()) as { commits: number }).commits;
const committedIn = async (ms: number) => {
  const before = await commits();
  await pass(ms);
  return (await commits()) - before;
};
const isAllAccepted = () => runtime!.snapshot().accepted === runtime!.snapshot().taken;
const isConnected = () => runtime!.snapshot().uplinks.cloud!.connected;

describe('while no uplink is connected', () => {
  it('a station commits every commit_every_offline; once one is, every commit_every; and rarely again when it goes', async () => {
    await start(await configured(TICK, RARELY));
    // A commit is due a minute after its first reading, which comes up to 10 s after the commit before.
    await pass(5 * SECOND_MS);
    expect(await committedIn(7 * MINUTE_MS)).toBe(6);
    expect(isConnected()).toBe(false);
    broker.script.onConnect = () => true;
    await passUntil(isConnected, MAX_AWAY_MS);
    await passUntil(isAllAccepted, 5 * SECOND_MS);
    await pass(3 * SECOND_MS);
    expect(await committedIn(MINUTE_MS)).toBe(6);
    broker.script.onConnect = () => 'close';
    for (const client of broker.clients) client.kill();
    await hold(() => !isConnected());
    expect(await committedIn(7 * MINUTE_MS)).toBeLessThanOrEqual(7);
    await stop();
  });

  it('commits as usual where commit_every_offline is not set', async () => {
    await start(await configured(TICK, ''));
    // Away from the grid of the readings and their commits.
    await pass(5 * SECOND_MS);
    expect(await committedIn(MINUTE_MS)).toBe(6);
    expect(isConnected()).toBe(false);
    await stop();
  });

  it('an alarm is committed at once, and takes along the readings that wait', async () => {
    await start(await configured(`${TICK}, ${DOOR}`, ', commit_every_offline: 1h'));
    let alarms = 0;
    runtime!.onReading(({ sensor }) => {
      if (sensor === 'door') alarms += 1;
    });
    // The first state of the line is an event too: not that one, but one that finds readings waiting.
    await pass(30 * SECOND_MS);
    await passUntil(() => !isAllAccepted(), 20 * SECOND_MS);
    const seen = alarms;
    await passUntil(() => alarms > seen, 10 * MINUTE_MS);
    await hold(isAllAccepted);
    await stop();
  });

  it('what waits is committed within commit_every of a connection', async () => {
    await start(await configured(TICK, ', commit_every_offline: 1h'));
    await pass(5 * MINUTE_MS);
    const { accepted, taken } = runtime!.snapshot();
    expect([accepted, taken]).toEqual([1, 31]);
    // They wait as they should: no reason for the watchdog to restart the service.
    expect(runtime!.progressing()).toBe(true);
    broker.script.onConnect = () => true;
    await passUntil(isConnected, MAX_AWAY_MS);
    await pass(2 * SECOND_MS);
    await hold(isAllAccepted);
    await stop();
    const readings = broker.payloads('sedge/board/readings').flatMap((text) => JSON.parse(text).readings);
    expect(readings.length).toBeGreaterThanOrEqual(31);
  });
});
