import { describe, expect, it } from 'vitest';
import { environment } from '../../src/bus/environment.ts';
import { virtualClock } from '../../src/clock.ts';

const HOUR = 3_600_000;
const SECOND = 1_000;
const setUp = ({ seed = 1, speed = 1 } = {}) => {
  const clock = virtualClock();
  return { clock, ...environment({ seed, speed, clock }) };
};
const series = (length: number, stepMs: number, at: (monoMs: number) => number, fromMs = 1_000): number[] =>
  Array.from({ length }, (_, index) => at(fromMs + index * stepMs));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
function correlation(one: readonly number[], other: readonly number[]): number {
  const product = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, at) => sum + (value - mean(a)) * (b[at]! - mean(b)), 0);
  return product(one, other) / Math.sqrt(product(one, one) * product(other, other));
}
const EVERYTHING = ['temperature', 'humidity', 'pressure', 'illuminance', 'contact', 'acceleration_x', 'shocks'];

describe('the simulated world', () => {
  it('is the same for the same seed, sensor and time, in whatever order it is asked', () => {
    const one = setUp().world('air');
    const two = setUp().world('air');
    for (const what of EVERYTHING) {
      const forwards = series(50, 7_777, (ms) => one.value(what, ms));
      const backwards = series(50, -7_777, (ms) => two.value(what, ms), 1_000 + 49 * 7_777).reverse();
      expect(forwards).toEqual(backwards);
    }
    expect([one.random(), one.random()]).toEqual([two.random(), two.random()]);
  });

  it('is another one for another seed', () => {
    expect(setUp({ seed: 2 }).world('air').value('temperature')).not.toBe(setUp().world('air').value('temperature'));
  });

  it('says what is now when no time is given', async () => {
    const { clock, world } = setUp();
    await clock.advance(12_345);
    expect(world('air').value('acceleration_x')).toBe(world('air').value('acceleration_x', clock.monotonic()));
  });

  it('does not know what it does not know', () => expect(setUp().world('air').value('unheard-of')).toBe(0));

  it('does not jump when the wall clock is set', () => {
    const { clock, world } = setUp();
    const before = world('air').value('temperature');
    clock.step(30 * 365 * 24 * HOUR);
    expect(world('air').value('temperature')).toBe(before);
  });
});

describe('weather', () => {
  const { world } = setUp();
  const air = world('air');
  const days = (what: string) => series(24 * 4 * 5, HOUR / 4, (ms) => air.value(what, ms));

  it('stays within what a greenhouse has', () => {
    const ranges: [string, number, number][] = [
      ['temperature', 13, 29],
      ['humidity', 3, 97],
      ['pressure', 1_000, 1_026],
      ['illuminance', 0, 2_000],
    ];
    for (const [what, min, max] of ranges) {
      expect(Math.min(...days(what))).toBeGreaterThanOrEqual(min);
      expect(Math.max(...days(what))).toBeLessThanOrEqual(max);
    }
  });

  it('is warmer in the afternoon than at night, and then drier', () => {
    // The clock begins at noon: 3 h later it is warmest, 12 h after that coldest.
    const warmest = mean(series(10, 24 * HOUR, (ms) => air.value('temperature', ms), 3 * HOUR));
    const coldest = mean(series(10, 24 * HOUR, (ms) => air.value('temperature', ms), 15 * HOUR));
    expect(warmest - coldest).toBeGreaterThan(5);
    expect(correlation(days('temperature'), days('humidity'))).toBeLessThan(-0.5);
  });

  it('is dark at midnight and bright at noon', () => {
    expect(air.value('illuminance', 12 * HOUR)).toBeLessThan(2);
    expect(air.value('illuminance', 24 * HOUR)).toBeGreaterThan(100);
  });

  it('passes as fast as asked', () => {
    const fast = setUp({ speed: 3_600 }).world('air');
    expect(fast.value('illuminance', 1_000 + 12 * SECOND)).toBeLessThan(2);
  });

  it('is nearly the same at two places, but not quite', () => {
    const roof = world('roof');
    const differences = series(100, HOUR, (ms) => roof.value('temperature', ms) - air.value('temperature', ms));
    expect(Math.max(...differences.map(Math.abs))).toBeLessThan(2);
    expect(new Set(differences).size).toBe(100);
  });

  it('moves smoothly: no step between two readings a second apart', () => {
    const values = series(1_000, SECOND, (ms) => air.value('temperature', ms));
    const steps = values.slice(1).map((value, at) => Math.abs(value - values[at]!));
    expect(Math.max(...steps)).toBeLessThan(0.05);
  });
});

describe('people, motor and knocks', () => {
  const { world } = setUp();

  it('open the door now and then, for seconds, at any weather speed', () => {
    for (const speed of [1, 1_000]) {
      const contact = series(6_000, 100, (ms) => setUp({ speed }).world('door').value('contact', ms));
      const openings = contact.filter((value, at) => value === 1 && contact[at - 1] === 0).length;
      expect(openings).toBeGreaterThan(5);
      expect(openings).toBeLessThan(31);
    }
  });

  it('shake the shaft at one frequency, on top of gravity', () => {
    const motor = world('motor');
    const rateHz = 1_600;
    const window = (what: string) => series(rateHz, 1_000 / rateHz, (ms) => motor.value(what, ms), 10 * SECOND);
    expect(mean(window('acceleration_z'))).toBeCloseTo(9.80665, 1);
    const signal = window('acceleration_x');
    const power = (frequencyHz: number) => {
      const part = (wave: (angle: number) => number) =>
        mean(signal.map((value, at) => value * wave((2 * Math.PI * frequencyHz * at) / rateHz)));
      return part(Math.sin) ** 2 + part(Math.cos) ** 2;
    };
    const frequencies = Array.from({ length: 100 }, (_, hz) => hz + 1);
    const loudest = frequencies.reduce((best, hz) => (power(hz) > power(best) ? hz : best), 1);
    expect(loudest).toBeGreaterThanOrEqual(20);
    expect(loudest).toBeLessThanOrEqual(30);
    // At the end of its minute it stands still.
    const still = series(800, 1, (ms) => motor.value('acceleration_x', ms), 50 * SECOND);
    expect(Math.max(...still.map(Math.abs))).toBeLessThan(0.2);
  });

  it('are counted: never fewer than before, and in time about one in 3 s', () => {
    const shock = world('shock');
    const counts = series(36_000, 100, (ms) => shock.value('shocks', ms));
    expect(counts[0]).toBe(0);
    expect(counts.every((count, at) => at === 0 || count >= counts[at - 1]!)).toBe(true);
    expect(counts.at(-1)).toBeGreaterThan(1_100);
    expect(counts.at(-1)).toBeLessThan(1_300);
    const perTenSeconds = series(
      300,
      10 * SECOND,
      (ms) => shock.value('shocks', ms + 10 * SECOND) - shock.value('shocks', ms),
    );
    expect(new Set(perTenSeconds).size).toBeGreaterThan(3);
  });
});
