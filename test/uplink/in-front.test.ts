/** What stands in front of any uplink: which sensors, how many readings a second, at what times. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { silentLog } from '../../src/service/log.ts';
import { openOnly } from '../../src/uplink/open-hours.ts';
import { limitRate } from '../../src/uplink/rate-limit.ts';
import { carrierOf } from '../../src/uplink/selection.ts';
import type { Uplink } from '../../src/uplink/types.ts';
import { until } from '../until.ts';
import { arraySource, readings } from './array-source.ts';

describe('include and exclude', () => {
  it.each([
    [{}, 'air', true],
    [{ include: ['air', 'motor-*'] }, 'air', true],
    [{ include: ['air', 'motor-*'] }, 'motor-1', true],
    [{ include: ['air', 'motor-*'] }, 'motor', false],
    [{ include: ['air', 'motor-*'] }, 'airy', false],
    [{ exclude: ['*-raw'] }, 'motor-raw', false],
    [{ exclude: ['*-raw'] }, 'motor-raw-2', true],
    [{ include: ['motor*'], exclude: ['motor-raw'] }, 'motor-raw', false],
    [{ include: ['motor*'], exclude: ['motor-raw'] }, 'motor-2', true],
    [{ include: [] }, 'air', false],
    [{ exclude: [] }, 'air', true],
  ])('%j of %s: %s', (lists, sensor, carried) => {
    expect(carrierOf(lists)?.(sensor) ?? true).toBe(carried);
  });
});

describe('max_rate', () => {
  const take = async (source: ReturnType<typeof limitRate>) =>
    (await source.next({ maxRecords: 500, maxBytes: 1e6 }))?.records.length ?? 0;

  it('gives one second of readings at once, and then no more than the rate', async () => {
    const clock = virtualClock();
    const source = arraySource();
    source.push(...readings(1, 1_000));
    const limited = limitRate(source, 20, clock);
    expect([await take(limited), await take(limited)]).toEqual([20, 0]);
    await clock.advance(500);
    expect(await take(limited)).toBe(10);
    await clock.advance(3_600_000);
    expect([await take(limited), await take(limited)]).toEqual([20, 0]);
  });

  it('makes a sender wait until there is something it may send', async () => {
    const clock = virtualClock();
    const source = arraySource();
    source.push(...readings(1, 10));
    const limited = limitRate(source, 0.1, clock);
    const { signal } = new AbortController();
    const takenAtS: number[] = [];
    const taking = (async () => {
      while (takenAtS.length < 3) {
        await limited.waitForRecords(signal);
        if ((await take(limited)) === 1) takenAtS.push(Math.round(clock.monotonic() / 1_000) - 1);
      }
    })();
    await clock.advance(25_000);
    await taking;
    expect(takenAtS).toEqual([0, 10, 20]);
  });

  it('holds up nothing that carries no readings', async () => {
    const source = arraySource();
    source.pushGap({ stream: 'a', from: 1, to: 1, lost: 1, reason: 'damaged' });
    source.push(...readings(2, 2));
    const limited = limitRate(source, 1, virtualClock());
    expect(await take(limited)).toBe(1);
  });
});

describe('window', () => {
  const HOUR_MS = 3_600_000;
  function rig() {
    const clock = virtualClock({ wallMs: Date.UTC(2026, 10, 22, 12, 10) });
    const made: { stops: number[]; states: number; fromMs: number; toMs?: number }[] = [];
    const create = (): Uplink => {
      const one: (typeof made)[number] = { stops: [], states: 0, fromMs: clock.now() };
      made.push(one);
      const counts = { batchesAcknowledged: 2, recordsAcknowledged: 10, deadLetters: 0, inFlight: 0 };
      return {
        status: () => ({ connected: true, ...counts }),
        state: () => {
          one.states += 1;
        },
        sensorStatus: () => {},
        catalogueChanged: () => {},
        health: () => {},
        async stop(drainMs) {
          one.stops.push(drainMs);
          one.toMs = clock.now();
        },
      };
    };
    const uplink = openOnly({
      name: 'cloud',
      window: { cron: '0 * * * *', timezone: 'UTC', forMs: 300_000 },
      loadCron: async () => (nowMs) => (Math.floor(nowMs / HOUR_MS) + 1) * HOUR_MS,
      clock,
      log: silentLog,
      create,
      onChange: () => {},
    });
    return { clock, made, uplink };
  }
  const state = { sensor: 'air', time: '', valuesJson: '{}' };

  it('connects at its times only, says goodbye after, and counts over all of them', async () => {
    const { clock, made, uplink } = rig();
    await clock.advance(49 * 60_000);
    uplink.state(state);
    expect(made).toEqual([]);
    expect(uplink.status()).toMatchObject({
      connected: false,
      error: { code: 'uplink.closed', message: 'It connects next at 2026-11-22T13:00:00.000Z (window).' },
    });
    await clock.advance(60_000);
    await until('open', () => made.length === 1);
    uplink.state(state);
    expect(uplink.status().connected).toBe(true);
    await clock.advance(6 * 60_000);
    expect(made[0]).toMatchObject({ stops: [3_000], states: 1, toMs: Date.UTC(2026, 10, 22, 13, 5) });
    await clock.advance(HOUR_MS);
    expect([made.length, uplink.status().recordsAcknowledged]).toEqual([2, 20]);
    await uplink.stop(1_000);
  });

  it('asks the calendar again when the clock is set back', async () => {
    const { clock, made, uplink } = rig();
    await clock.advance(60_000);
    clock.step(-3 * HOUR_MS);
    await clock.advance(52 * 60_000);
    expect(made.map(({ fromMs }) => new Date(fromMs).toISOString())).toEqual(['2026-11-22T10:00:00.000Z']);
    await uplink.stop(1_000);
    expect(made[0]!.stops).toEqual([1_000]);
  });
});
