/**
 * One injected clock over sampler, cron, journal and uplink together, against a broker on loopback: boots in 1970 and in last
 * month, a clock that is never set, steps of seconds to years in both directions. Only `Date` is set beside it, because
 * node-cron asks that for the present.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { drivers } from '../drivers/index.ts';
import { type VirtualClock, virtualClock } from '../src/clock.ts';
import { parseConfig } from '../src/config/load.ts';
import { hardware } from '../src/hardware.ts';
import { type Runtime, startRuntime } from '../src/runtime.ts';
import { type ScriptedBroker, startScriptedBroker } from './uplink/scripted-broker.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
const TICK_MS = 10 * SECOND_MS;
const TIMESYNCD = '/run/systemd/timesync';
/** Files and sockets are real: time stands still for them for so many looks, and longer when something is awaited. */
const REAL_LOOKS = 2;
const MAX_LOOKS = 2_000;

interface Record {
  readonly seq: number;
  readonly time: string;
  readonly sensor: string;
  readonly clock?: string;
  readonly boot?: string;
  readonly mono_ms?: number;
}

let directory: string;
let broker: ScriptedBroker;
let runtime: Runtime | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sedge-time-'));
  broker = await startScriptedBroker({ onPublish: () => true });
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(async () => {
  vi.useRealTimers();
  // After a failure it is still there.
  void runtime?.stop();
  runtime = undefined;
  await broker.close();
  await rm(directory, { recursive: true, force: true });
});

const turns = async () => {
  for (let look = 0; look < REAL_LOOKS; look++) await new Promise((resolve) => setTimeout(resolve, 1));
};
/** Holds time until something is so. */
async function hold(isSo: () => boolean): Promise<void> {
  for (let looks = 0; !isSo(); looks++) {
    if (looks === MAX_LOOKS) throw new Error('the world does not keep up');
    await turns();
  }
}
/** Lets time pass in steps of a second, and the world keep up. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let doneMs = 0; doneMs < ms; doneMs += SECOND_MS) {
    vi.setSystemTime(Math.max(0, clock.now()));
    await clock.advance(SECOND_MS);
    await turns();
  }
}

async function start(clock: VirtualClock, files: ReadonlySet<string>): Promise<Runtime> {
  const yaml = `version: 1
device: board
sensors: { tick: { driver: mock, every: 10s }, minute: { driver: mock, cron: "* * * * *" } }
journal: { directory: ${JSON.stringify(join(directory, 'journal'))} }
clock: { wait: 2m }
uplinks: { cloud: { type: mqtt, url: "${broker.url}", batch: { max_wait: 100ms } } }
`;
  const loaded = await parseConfig(yaml, { env: {}, cwd: directory, drivers, hostname: 'board' });
  if (!('config' in loaded)) throw new Error('the configuration of the test is wrong');
  const { makeBuses } = await hardware({ simulate: true, clock });
  const silent = () => {};
  const log = { error: silent, warn: silent, info: silent, debug: silent, flush: silent };
  vi.setSystemTime(Math.max(0, clock.now()));
  const options = { config: loaded.config, clock, version: 'test', makeBuses, random: () => 0.5 };
  runtime = await startRuntime({ ...options, log, exists: (path) => files.has(path) });
  // Time stands still until it is connected: loading the client is real work.
  const known = broker.connects.length;
  await hold(() => broker.connects.length > known);
  await turns();
  return runtime;
}

/** All that was read is accepted, and acknowledged. */
function isDelivered(): boolean {
  const { sensors, accepted, pending } = runtime!.snapshot();
  return accepted === sensors.tick!.reads + sensors.minute!.reads && pending.cloud === 0;
}
/** Ends the process when all is delivered; time goes on for it meanwhile. */
async function stop(clock: VirtualClock): Promise<void> {
  for (let waited = 0; waited < 300 && !isDelivered(); waited++) {
    await pass(clock, SECOND_MS);
    await turns();
  }
  let ended = false;
  const stopping = runtime!.stop().then(() => {
    ended = true;
  });
  while (!ended) await pass(clock, SECOND_MS);
  await stopping;
  runtime = undefined;
}

/** What the broker got, in order and without what was sent twice; no number is missing. */
function received(sensor: string): Record[] {
  const batches = broker.payloads('sedge/board/readings').map((text) => JSON.parse(text));
  const bySeq = new Map<number, Record>();
  for (const record of batches.flatMap(({ readings }) => readings as Record[])) {
    const known = bySeq.get(record.seq) ?? record;
    // One that went out unsynced and was not acknowledged comes again with the time that is known by then.
    if (known.clock === record.clock) expect(known).toEqual(record);
    else expect([known.sensor, known.clock, record.clock]).toEqual([record.sensor, 'unsynced', undefined]);
    bySeq.set(record.seq, record);
  }
  const all = [...bySeq.values()];
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
  expect(batches.flatMap(({ gaps = [] }) => gaps)).toEqual([]);
  return all.filter((record) => record.sensor === sensor);
}
const timesOf = (records: readonly Record[]) => records.map(({ time }) => Date.parse(time));
const differences = (times: readonly number[]) => times.slice(1).map((time, index) => time - times[index]!);

describe('a boot whose clock is set late', () => {
  it.each([
    ['in 1970', 0, true],
    ['in 1970, without timesyncd', 0, false],
    ['last month, as the file says that timesyncd left', NOW - 31 * DAY_MS, true],
    ['next year', NOW + 365 * DAY_MS, true],
  ])('begins %s: every reading goes out with the time it was taken at', async (_when, wallMs, hasTimesyncd) => {
    const clock = virtualClock({ wallMs, monoMs: 5_000 });
    const bootedAtMs = NOW - 5_000;
    const files = new Set(hasTimesyncd ? [TIMESYNCD] : []);
    await start(clock, files);
    await pass(clock, MINUTE_MS);
    expect(received('tick')).toEqual([]);
    // The network is there: the clock jumps to what it should be.
    clock.step(bootedAtMs + clock.monotonic() - clock.now());
    files.add(`${TIMESYNCD}/synchronized`);
    await pass(clock, 2 * MINUTE_MS);
    await stop(clock);
    const ticks = received('tick');
    expect(ticks.every((record) => record.clock === undefined)).toBe(true);
    expect(ticks.length).toBeGreaterThanOrEqual(18);
    // The grid as it was on the monotonic clock, within the 50 ms of the fault matrix.
    for (const difference of differences(timesOf(ticks)))
      expect(Math.abs(difference - TICK_MS)).toBeLessThanOrEqual(50);
    expect(Math.abs(timesOf(ticks)[0]! - NOW)).toBeLessThanOrEqual(50);
    // Two whole minutes after the step; how many before depends on what the minute was then.
    const minutes = timesOf(received('minute')).filter((time) => time > NOW + MINUTE_MS + SECOND_MS);
    expect(minutes.every((time) => time % MINUTE_MS < 50)).toBe(true);
    expect(minutes).toHaveLength(2);
  });
});

describe('a clock that is never set', () => {
  it('lets readings go after clock.wait, marked with boot and monotonic time, and the next boot’s are right', async () => {
    const clock = virtualClock({ wallMs: 0, monoMs: 5_000 });
    await start(clock, new Set([TIMESYNCD]));
    await pass(clock, MINUTE_MS);
    expect(received('tick')).toEqual([]);
    await pass(clock, 2 * MINUTE_MS);
    await stop(clock);
    const ticks = received('tick');
    expect(ticks.length).toBeGreaterThanOrEqual(17);
    expect(ticks.every((record) => record.clock === 'unsynced' && record.boot !== undefined)).toBe(true);
    for (const difference of differences(ticks.map(({ mono_ms }) => mono_ms!)))
      expect(Math.abs(difference - TICK_MS)).toBeLessThanOrEqual(50);

    const count = ticks.length;
    const next = virtualClock({ wallMs: NOW, monoMs: clock.monotonic() + MINUTE_MS });
    await start(next, new Set([TIMESYNCD, `${TIMESYNCD}/synchronized`]));
    await pass(next, MINUTE_MS);
    await stop(next);
    const later = received('tick').slice(count);
    expect(later.length).toBeGreaterThanOrEqual(6);
    expect(later.every((record) => record.clock === undefined)).toBe(true);
    // The first readings of this run; what the run before left behind is of the same boot, and earlier.
    const fresh = timesOf(later).filter((time) => time >= NOW - SECOND_MS);
    expect(Math.abs(fresh[0]! - NOW)).toBeLessThanOrEqual(50);
    expect(fresh.length).toBeGreaterThanOrEqual(6);
  });
});

describe('a set clock that is stepped', () => {
  const STEPS: readonly (readonly [string, number])[] = [
    ['2 s on', 2 * SECOND_MS],
    ['2 s back', -2 * SECOND_MS],
    ['an hour on', 60 * MINUTE_MS],
    ['an hour back', -60 * MINUTE_MS],
    ['a year on', 365 * DAY_MS],
    ['three months back', -90 * DAY_MS],
    ['to 1970', -NOW],
  ];
  it.each(STEPS)('%s: sampling neither stalls nor floods, and nothing is lost', async (_what, stepMs) => {
    const clock = virtualClock({ wallMs: NOW, monoMs: 5_000 });
    await start(clock, new Set());
    await pass(clock, 2 * MINUTE_MS);
    const before = runtime!.snapshot().sensors;
    clock.step(stepMs);
    await pass(clock, 3 * MINUTE_MS);
    const after = runtime!.snapshot().sensors;
    // One slot for each ten seconds.
    expect(after.tick!.reads - before.tick!.reads).toBe(18);
    const minutes = after.minute!.reads - before.minute!.reads;
    expect(minutes).toBeGreaterThanOrEqual(2);
    expect(minutes).toBeLessThanOrEqual(4);
    await stop(clock);
    expect(received('tick').length).toBeGreaterThanOrEqual(after.tick!.reads);
    const times = timesOf(received('tick'));
    expect(new Set(times).size).toBe(times.length);
  });

  it('to and fro, again and again: the same', async () => {
    const clock = virtualClock({ wallMs: NOW, monoMs: 5_000 });
    await start(clock, new Set());
    await pass(clock, MINUTE_MS);
    const before = runtime!.snapshot().sensors;
    for (const [, stepMs] of STEPS) {
      clock.step(stepMs);
      await pass(clock, 15 * SECOND_MS);
      clock.step(-stepMs);
      await pass(clock, 15 * SECOND_MS);
    }
    const after = runtime!.snapshot().sensors;
    expect(after.tick!.reads - before.tick!.reads).toBe(STEPS.length * 3);
    expect(after.minute!.reads - before.minute!.reads).toBeLessThanOrEqual(STEPS.length * 3);
    await stop(clock);
    expect(received('tick').length).toBeGreaterThanOrEqual(after.tick!.reads);
  });
});
