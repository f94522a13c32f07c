import { expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { createRates } from '../../src/status/rates.ts';

const counter = () => {
  const clock = virtualClock();
  const counts: Record<string, number> = { air: 0 };
  return { clock, counts, rates: createRates(clock, () => ({ ...counts })) };
};

it('a rate is that of the last minute', async () => {
  const { clock, counts, rates } = counter();
  const pass = async (seconds: number, perSecond: number) => {
    for (let second = 0; second < seconds; second++) {
      await clock.advance(1_000);
      counts.air! += perSecond;
      rates.note();
    }
  };
  await pass(5, 10);
  expect(rates.perSecond('air')).toBeNull();
  await pass(5, 10);
  expect(rates.perSecond('air')).toBe(10);
  await pass(600, 10);
  expect(rates.perSecond('air')).toBe(10);
  await pass(30, 0);
  expect(rates.perSecond('air')).toBeCloseTo(5, 0);
  await pass(60, 0);
  expect(rates.perSecond('air')).toBe(0);
});

it('a rate needs no notes in between: then it is that of the whole silence', async () => {
  const { clock, counts, rates } = counter();
  counts.air = 360;
  await clock.advance(3_600_000);
  expect(rates.perSecond('air')).toBe(0.1);
  expect(clock.sleepers).toBe(0);
});

it('a counter that began anew or is gone has none; one that came later has', async () => {
  const { clock, counts, rates } = counter();
  counts.air = 50;
  await clock.advance(5_000);
  rates.note();
  await clock.advance(60_000);
  counts.air = 3;
  counts.lamp = 65;
  expect(rates.perSecond('air')).toBeNull();
  expect(rates.perSecond('gone')).toBeNull();
  expect(rates.perSecond('lamp')).toBeCloseTo(1, 0);
});
