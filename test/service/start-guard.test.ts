/** Processes that end while they open sensors, one after another, with one file between them. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type VirtualClock, virtualClock } from '../../src/clock.ts';
import { createLog } from '../../src/service/log.ts';
import { createStartGuard, type StartGuard } from '../../src/service/start-guard.ts';

let directory: string;
let clock: VirtualClock;
let lines: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-guard-'));
  clock = virtualClock();
  lines = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const MINUTE_MS = 60_000;
const start = (file = join(directory, 'a.starts')): StartGuard => {
  const guard = createStartGuard({ file, clock, log: createLog({ clock, write: (line) => lines.push(line) }) });
  guard.begin();
  return guard;
};
const never = () => new Promise<string>(() => {});
const well = async () => 'open';
const { signal } = new AbortController();
/** A process that is killed while these are being opened. */
const killedOpening = async (...sensors: string[]) => {
  const guard = start();
  for (const sensor of sensors) void guard.watched(sensor, never)(new AbortController().signal);
  await clock.advance(0);
  return guard;
};

describe('the guard of starts', () => {
  it('knows nothing after a clean stop, and leaves no file', async () => {
    const guard = await killedOpening('lamp');
    guard.end(true);
    expect(readdirSync(directory)).toEqual([]);
    start();
    expect(lines).toEqual([]);
  });

  it('says what was being opened when the last process ended', async () => {
    await killedOpening('lamp', 'air');
    start();
    expect(lines).toEqual([expect.stringMatching(/^warn: service.unclean-end .*being opened: lamp, air"\n$/)]);
  });

  it('leaves a sensor out that was being opened at each of the last three ends, and no other', async () => {
    await killedOpening('lamp', 'air');
    await killedOpening('lamp', 'door');
    await killedOpening('lamp');
    const guard = start();
    await expect(guard.watched('lamp', well)(signal)).rejects.toMatchObject({
      code: 'sensor.quarantined',
      message: expect.stringContaining('tried again in 10 min'),
    });
    await expect(guard.watched('air', well)(signal)).resolves.toBe('open');
    expect(guard.warnings()).toEqual([expect.stringContaining('sensor lamp is left out')]);
  });

  it('leaves nobody out when the ends had nothing in common, or nothing was being opened', async () => {
    await killedOpening('lamp');
    await killedOpening('air');
    await killedOpening('lamp');
    expect(start().warnings()).toEqual([]);
    for (let kills = 0; kills < 5; kills++) await killedOpening();
    expect(start().warnings()).toEqual([]);
  });

  it('opens one after another after two ends, so that only one can be meant', async () => {
    await killedOpening('air', 'lamp');
    await killedOpening('air', 'lamp');
    const guard = start();
    const order: string[] = [];
    const air = guard.watched('air', async () => void order.push('air'));
    const lamp = guard.watched('lamp', async () => {
      order.push('lamp');
      return never();
    });
    const gone = new AbortController();
    await Promise.all([air(signal), clock.advance(0)]);
    void lamp(gone.signal).catch(() => {});
    const door = guard.watched('door', async () => void order.push('door'))(signal);
    await clock.advance(0);
    expect(order).toEqual(['air', 'lamp']);
    // The sampler gives up an open that hangs, and the next has its turn.
    gone.abort();
    await door;
    expect(order).toEqual(['air', 'lamp', 'door']);
  });

  it('tries again after ten minutes, and leaves out at once what still ends the process', async () => {
    for (let kills = 0; kills < 3; kills++) await killedOpening('lamp');
    const guard = start();
    const lamp = guard.watched('lamp', never);
    await expect(lamp(signal)).rejects.toMatchObject({ code: 'sensor.quarantined' });
    await clock.advance(9 * MINUTE_MS);
    await expect(lamp(signal)).rejects.toMatchObject({ message: expect.stringContaining('in 1 min') });
    await clock.advance(MINUTE_MS);
    expect(guard.warnings()).toEqual([]);
    void lamp(signal);
    await clock.advance(0);
    expect(start().warnings()).toHaveLength(1);
  });

  it('forgets it when it opens well, or fails like any other', async () => {
    for (let kills = 0; kills < 3; kills++) await killedOpening('lamp', 'air');
    const guard = start();
    await clock.advance(10 * MINUTE_MS);
    await expect(guard.watched('lamp', well)(signal)).resolves.toBe('open');
    await expect(guard.watched('air', () => Promise.reject(new Error('away')))(signal)).rejects.toThrow('away');
    await killedOpening('lamp', 'air');
    expect(start().warnings()).toEqual([]);
  });

  it('counts no end of a process that ran for five minutes', async () => {
    for (let kills = 0; kills < 3; kills++) await killedOpening('lamp');
    await clock.advance(5 * MINUTE_MS);
    expect(start().warnings()).toEqual([]);
  });

  it('watches the first opening only: a sensor that comes and goes writes nothing', async () => {
    const guard = start();
    const lamp = guard.watched('lamp', well);
    await lamp(signal);
    rmSync(join(directory, 'a.starts'));
    await lamp(signal);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('remembers what was being opened when something broke, not what the stop made of it', async () => {
    for (let breaks = 0; breaks < 3; breaks++) {
      const guard = start();
      const stopping = new AbortController();
      void guard.watched('lamp', never)(stopping.signal);
      await clock.advance(0);
      guard.end(false);
      stopping.abort();
      guard.end(true);
    }
    expect(start().warnings()).toHaveLength(1);
  });

  it.each([
    '',
    '{',
    '[]',
    'null',
    '{"ends":[1],"quarantined":[],"opening":[]}',
    '{"ends":[],"quarantined":[{}],"opening":[]}',
  ])('is not confused by a file with %j', (text) => {
    const file = join(directory, 'a.starts');
    writeFileSync(file, text);
    expect(start(file).warnings()).toEqual([]);
  });

  it('does without a file where there can be none', async () => {
    const guard = start(join(directory, 'missing', 'a.starts'));
    await expect(guard.watched('lamp', well)(signal)).resolves.toBe('open');
    guard.end(true);
    expect(lines).toEqual([]);
  });
});
