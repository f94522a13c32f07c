/** The sampler on a virtual clock: when sensors are read, and that one's trouble is never another's. */
import { describe, expect, it, vi } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { SedgeError } from '../../src/errors.ts';
import { loadCron } from '../../src/sampler/cron.ts';
import { createSampler } from '../../src/sampler/sampler.ts';
import type { Measurement, SampledSensor, Schedule } from '../../src/sampler/types.ts';

const every = (everyMs: number, rest: Partial<Extract<Schedule, { kind: 'every' }>> = {}): Schedule => ({
  kind: 'every',
  everyMs,
  align: false,
  jitterMs: 0,
  ...rest,
});

function bench() {
  const clock = virtualClock({ wallMs: Date.UTC(2026, 10, 22, 12, 0, 0, 400), monoMs: 5_000 });
  const taken: Measurement[] = [];
  const changes: string[] = [];
  const sampler = createSampler({
    clock,
    stamp: (monoMs) => ({ wallMs: clock.now() - (clock.monotonic() - monoMs), monoMs, synced: true }),
    sink: (measurement) => void taken.push(measurement),
    onChange: (id) => void changes.push(`${id} ${sampler.health()[id]?.state}`),
    random: () => 0.5,
    // node-cron reads Date itself: it follows the virtual wall clock for the time of the call.
    loadCron: async (expression, timezone) => {
      const next = await loadCron(expression, timezone);
      return (afterMs) => {
        vi.useFakeTimers({ toFake: ['Date'], now: afterMs });
        try {
          return next(afterMs);
        } finally {
          vi.useRealTimers();
        }
      };
    },
  });
  const timesOf = (id: string) => taken.filter(({ sensor }) => sensor === id).map(({ at }) => at.monoMs - 5_000);
  const wallTimesOf = (id: string) =>
    taken.filter(({ sensor }) => sensor === id).map(({ at }) => new Date(at.wallMs).toISOString().slice(11, 19));
  return { clock, sampler, taken, changes, timesOf, wallTimesOf };
}

/** A polled sensor whose read is `read`. */
function polled(
  id: string,
  schedule: Schedule,
  read: (signal: AbortSignal) => Promise<number>,
  rest: Partial<SampledSensor> = {},
) {
  const life = { opens: 0, closes: 0 };
  const sensor: SampledSensor = {
    id,
    kind: 'poll',
    schedule,
    deadlineMs: 500,
    async open() {
      life.opens += 1;
      return {
        read: async (signal) => ({ value: await read(signal) }),
        close: async () => {
          life.closes += 1;
        },
      };
    },
    ...rest,
  };
  return { sensor, life };
}
const steady = (id: string, schedule: Schedule) => polled(id, schedule, async () => 1).sensor;

it('hands on the samples of a burst with the values they led to, and only with them', async () => {
  const { clock, sampler, taken } = bench();
  const samples = { unit: 'm/s2', rateHz: 200, scale: 0.01, axes: { x: [1, 2] } };
  let reads = 0;
  const open = async () => ({
    read: async () => ({ value: ++reads }),
    takeWindow: () => (reads === 2 ? samples : undefined),
    close: async () => {},
  });
  await sampler.add({ ...steady('motor', every(1_000)), open, windowMs: 10 });
  await clock.advance(2_500);
  expect(taken.map(({ values, ...rest }) => [values.value, rest.durationMs, rest.samples])).toEqual([
    [1, 10, undefined],
    [2, 10, samples],
    [3, 10, undefined],
  ]);
  await sampler.stop();
});

describe('every', () => {
  it('reads at once when open, then on a grid that does not drift', async () => {
    const { clock, sampler, timesOf } = bench();
    await sampler.add(polled('slow', every(1_000), () => clock.sleep(120).then(() => 1)).sensor);
    await clock.advance(4_500);
    // Times are the ends of reads of 120 ms that begin on the grid.
    expect(timesOf('slow')).toEqual([120, 1_120, 2_120, 3_120, 4_120]);
    await sampler.stop();
  });

  it('counts the slots that a slow read covers, and never queues them', async () => {
    const { clock, sampler, timesOf } = bench();
    await sampler.add(polled('slow', every(100), () => clock.sleep(250).then(() => 1)).sensor);
    await clock.advance(1_000);
    expect(timesOf('slow')).toEqual([250, 550, 850]);
    expect(sampler.health().slow).toMatchObject({ reads: 3, missed: 6 + 1, failures: 0 });
    await sampler.stop();
  });

  it('moves its slots by offset, and then waits for the first of them', async () => {
    const { clock, sampler, timesOf } = bench();
    await sampler.add(steady('a', every(1_000, { offsetMs: 300 })));
    await clock.advance(2_500);
    expect(timesOf('a')).toEqual([300, 1_300, 2_300]);
    await sampler.stop();
  });

  it('lies on the wall clock when aligned', async () => {
    const { clock, sampler, wallTimesOf } = bench();
    await sampler.add(steady('a', every(10_000, { align: true })));
    await clock.advance(25_000);
    expect(wallTimesOf('a')).toEqual(['12:00:10', '12:00:20']);
    await sampler.stop();
  });

  it('spreads reads within jitter', async () => {
    const { clock, sampler, timesOf } = bench();
    await sampler.add(steady('a', every(1_000, { jitterMs: 200 })));
    await clock.advance(2_500);
    expect(timesOf('a')).toEqual([0, 1_100, 2_100]);
    await sampler.stop();
  });

  it('lets sensors with one interval share their wake-ups', async () => {
    const { clock, sampler } = bench();
    for (let n = 0; n < 10; n++) await sampler.add(steady(`s${n}`, every(1_000)));
    await clock.advance(10);
    expect(clock.sleepers).toBe(1);
    await sampler.stop();
  });

  it.each([
    ['an hour forward', 3_600_000],
    ['a day back', -86_400_000],
    ['to 1970', -Date.UTC(2026, 10, 22)],
    ['ten years forward', 315_360_000_000],
  ])('neither stalls nor floods when the wall clock is stepped %s', async (_name, stepMs) => {
    const { clock, sampler, timesOf } = bench();
    await sampler.add(steady('a', every(1_000)));
    await clock.advance(2_100);
    clock.step(stepMs);
    await clock.advance(2_000);
    expect(timesOf('a')).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
    await sampler.stop();
  });
});

describe('cron', () => {
  it('reads when the expression says so, in UTC', async () => {
    const { clock, sampler, wallTimesOf } = bench();
    await sampler.add(steady('a', { kind: 'cron', expression: '*/5 * * * *', timezone: 'UTC', jitterMs: 0 }));
    await clock.advance(11 * 60_000);
    expect(wallTimesOf('a')).toEqual(['12:05:00', '12:10:00']);
    await sampler.stop();
  });

  it('takes six fields and a time zone', async () => {
    const { clock, sampler, wallTimesOf } = bench();
    // 18:00:30 in Kolkata (UTC+05:30) is 12:30:30 UTC.
    await sampler.add(
      steady('a', { kind: 'cron', expression: '30 0 18 * * *', timezone: 'Asia/Kolkata', jitterMs: 0 }),
    );
    await clock.advance(40 * 60_000);
    expect(wallTimesOf('a')).toEqual(['12:30:30']);
    await sampler.stop();
  });

  it('goes on within 30 s after steps in both directions, without a flood', async () => {
    const { clock, sampler, taken } = bench();
    await sampler.add(steady('a', { kind: 'cron', expression: '* * * * *', timezone: 'UTC', jitterMs: 0 }));
    await clock.advance(3 * 60_000);
    expect(taken).toHaveLength(3);
    clock.step(300 * 86_400_000);
    await clock.advance(3 * 60_000);
    expect(taken).toHaveLength(6);
    clock.step(-600 * 86_400_000);
    await clock.advance(3 * 60_000 + 30_000);
    expect(taken.length).toBeGreaterThanOrEqual(9);
    expect(taken.length).toBeLessThanOrEqual(10);
    await sampler.stop();
  });
});

describe('a failing sensor', () => {
  const failing: readonly [string, () => Promise<number>, string][] = [
    ['throws', () => Promise.reject(new Error('boom')), 'sensor.failed'],
    ['is not acknowledged', () => Promise.reject(new SedgeError('bus.nack', 'nobody there')), 'bus.nack'],
    ['hangs for ever', () => new Promise<number>(() => {}), 'sensor.deadline'],
  ];
  it.each(failing)('that %s leaves the others alone and says why', async (_name, read, code) => {
    const { clock, sampler, timesOf } = bench();
    await sampler.add(polled('bad', every(1_000), read).sensor);
    await sampler.add(steady('good', every(1_000)));
    await clock.advance(10_000);
    expect(timesOf('good')).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000]);
    expect(timesOf('bad')).toEqual([]);
    expect(sampler.health().bad).toMatchObject({ state: 'offline', error: code, reads: 0 });
    expect(sampler.health().bad!.failures).toBeGreaterThanOrEqual(3);
    await sampler.stop();
  });

  it('is closed, opened again with growing pauses, and read at once when it is back', async () => {
    const { clock, sampler, timesOf, changes } = bench();
    let isThere = true;
    const { sensor, life } = polled('a', every(1_000), async () => {
      if (!isThere) throw new SedgeError('bus.nack', 'unplugged');
      return 1;
    });
    await sampler.add(sensor);
    await clock.advance(1_500);
    isThere = false;
    await clock.advance(8_000);
    isThere = true;
    await clock.advance(10_000);
    // Fails at 2 s; opened again after 1, 2, 4 s (fails at 3, 5, 9 s) and then after 8 s.
    expect(timesOf('a').slice(0, 4)).toEqual([0, 1_000, 17_000, 18_000]);
    expect(life.opens).toBe(5);
    expect(life.closes).toBe(4);
    expect(changes).toEqual(['a online', 'a offline', 'a online']);
    expect(sampler.health().a).toMatchObject({ state: 'online', failures: 4, missed: 15 });
    await sampler.stop();
    expect(life.closes).toBe(5);
  });

  it('that cannot be opened is tried again', async () => {
    const { clock, sampler, timesOf } = bench();
    let opens = 0;
    const { sensor } = polled('a', every(1_000), async () => 1);
    await sampler.add({
      ...sensor,
      async open(signal) {
        if (++opens < 3) throw new SedgeError('bus.missing', 'no /dev/i2c-1');
        return sensor.open(signal);
      },
    });
    await clock.advance(5_000);
    expect(timesOf('a')[0]).toBe(3_000);
    await sampler.stop();
  });

  it('does not hold up the stop when its driver ignores every signal', async () => {
    const { clock, sampler } = bench();
    await sampler.add(polled('bad', every(1_000), () => new Promise(() => {})).sensor);
    await clock.advance(100);
    const stopped = sampler.stop();
    await clock.advance(1_000);
    await stopped;
  });
});

describe('windows', () => {
  it('a burst carries the time at which its window began, and its length', async () => {
    const { clock, sampler, taken } = bench();
    const read = () => clock.sleep(1_050).then(() => 1);
    await sampler.add(polled('motor', every(60_000), read, { windowMs: 1_000, deadlineMs: 5_000 }).sensor);
    await clock.advance(2_000);
    expect(taken[0]).toMatchObject({ at: { monoMs: 5_000 }, durationMs: 1_000 });
    await sampler.stop();
  });

  it('a counter is watched all the time and reported at each slot with its window', async () => {
    const { clock, sampler, taken } = bench();
    let count = 0;
    await sampler.add({
      id: 'rain',
      kind: 'counter',
      schedule: every(10_000),
      deadlineMs: 500,
      open: async () => ({
        run: (signal) => clock.sleep(1e9, signal),
        take() {
          const values = { count };
          count = 0;
          return values;
        },
        close: async () => {},
      }),
    });
    await clock.advance(4_000);
    count = 7;
    await clock.advance(6_000);
    count = 2;
    await clock.advance(10_000);
    expect(taken.map(({ at, durationMs, values }) => [at.monoMs - 5_000, durationMs, values.count])).toEqual([
      [0, 10_000, 7],
      [10_000, 10_000, 2],
    ]);
    await sampler.stop();
  });
});

describe('events', () => {
  it('are passed on with the time of the edge, and a lost line is opened again', async () => {
    const { clock, sampler, taken } = bench();
    let opens = 0;
    await sampler.add({
      id: 'door',
      kind: 'event',
      deadlineMs: 500,
      async open() {
        opens += 1;
        return {
          async *watch(signal: AbortSignal) {
            yield { values: { state: 0 }, monoMs: clock.monotonic() };
            await clock.sleep(2_000, signal);
            yield { values: { state: 1 }, monoMs: clock.monotonic() - 3 };
            if (opens === 1) throw new SedgeError('bus.io', 'the line is gone');
            await clock.sleep(1e9, signal);
          },
          close: async () => {},
        };
      },
    });
    await clock.advance(10_000);
    expect(taken.map(({ kind, at, values }) => [kind, at.monoMs - 5_000, values.state])).toEqual([
      ['event', 0, 0],
      ['event', 1_997, 1],
      ['event', 3_000, 0],
      ['event', 4_997, 1],
    ]);
    expect(sampler.health().door).toMatchObject({ state: 'online', failures: 1 });
    await sampler.stop();
  });
});

describe('adding and removing while it runs', () => {
  it('does not touch the other sensors', async () => {
    const { clock, sampler, timesOf } = bench();
    await sampler.add(steady('a', every(1_000)));
    await clock.advance(1_500);
    await sampler.add(steady('b', every(1_000)));
    await clock.advance(1_000);
    await sampler.remove('b');
    await sampler.remove('never-there');
    await clock.advance(2_000);
    expect(timesOf('a')).toEqual([0, 1_000, 2_000, 3_000, 4_000]);
    expect(timesOf('b')).toEqual([1_500, 2_000]);
    expect(Object.keys(sampler.health())).toEqual(['a']);
    await sampler.stop();
  });
});
