import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/pulse-counter.sim.ts';
import pulseCounter from '../../drivers/pulse-counter.ts';
import sw420 from '../../drivers/sw420.ts';
import { simulatedGpioLine } from '../../src/bus/simulated-gpio.ts';
import { virtualClock } from '../../src/clock.ts';
import { type CounterDriver, driverContext, type Options, type Values } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { optionsOf } from '../rig.ts';
import { stormLine, type Told, toldLine } from './lines.ts';

conformance(pulseCounter, simulation, {
  options: { unit: 'mm', factor: 0.25, per: 'hour', quantity: 'rain' },
  happen: (world, nth, windowMs) => {
    const fresh = 3 * (nth + 1);
    world.set({ shocks: world.value('shocks') + fresh });
    return { count: fresh, amount: fresh * 0.25, rate: (fresh * 0.25 * 3_600_000) / windowMs };
  },
});

const WINDOW_MS = 10_000;

describe('pulse-counter', () => {
  /** What it reports of a line that is high at rest. */
  const counted = async (edges: Told, given: Options = {}): Promise<Values> => {
    const clock = virtualClock({ monoMs: 1_000 });
    const line = toldLine(edges, clock, 1);
    const sensor = await pulseCounter.open(driverContext<'gpio'>(line, clock, optionsOf(pulseCounter, given)));
    const stop = new AbortController();
    const done = sensor.run(stop.signal);
    await clock.advance(WINDOW_MS);
    stop.abort();
    await done;
    return sensor.take(WINDOW_MS);
  };
  const tips = [
    [2_000, 0],
    [2_000.3, 1],
    [2_000.6, 0],
    [2_040, 1],
    [7_000, 0],
    [7_040, 1],
  ] as const;

  it('counts pulses and says how many came in a second', async () => {
    expect(await counted(tips)).toEqual({ count: 2, rate: 0.2 });
    expect(await counted(tips, { per: 'minute' })).toEqual({ count: 2, rate: 12 });
    expect(await counted(tips, { debounce: 0 })).toEqual({ count: 3, rate: expect.closeTo(0.3) });
    expect(await counted(tips, { edge: 'rising' })).toEqual({ count: 3, rate: expect.closeTo(0.3) });
    expect(await counted([])).toEqual({ count: 0, rate: 0 });
  });

  it.each([
    ['a rain gauge', { factor: 0.2794, unit: 'mm', per: 'hour' }, { amount: 0.5588, rate: 201.168 }],
    ['a flow sensor', { factor: 1 / 450, unit: 'l', per: 'minute' }, { amount: 2 / 450, rate: 12 / 450 }],
    ['an energy meter', { factor: 3_600, unit: 'J', quantity: 'energy' }, { amount: 7_200, rate: 720 }],
  ])('reports %s in its own unit', async (_, options, { amount, rate }) => {
    expect(await counted(tips, options)).toEqual({
      count: 2,
      amount: expect.closeTo(amount, 9),
      rate: expect.closeTo(rate, 9),
    });
  });

  it('names quantity and unit after its options', () => {
    const channels = (given: Options) => pulseCounter.variant?.(optionsOf(pulseCounter, given)).channels ?? {};
    expect(channels({})).toMatchObject({ count: { quantity: 'count' }, rate: { quantity: 'rate', decimals: 3 } });
    expect(channels({ per: 'minute' }).rate).toMatchObject({ quantity: 'count_rate', unit: '1/min' });
    expect(channels({ unit: 'mm', factor: 0.2794, quantity: 'rain', per: 'hour' })).toMatchObject({
      amount: { quantity: 'rain', unit: 'mm', decimals: 4 },
      rate: { quantity: 'rain_rate', unit: 'mm/h', decimals: 4 },
    });
    expect(channels({ unit: 'l', factor: 1 / 450 }).amount).toMatchObject({
      quantity: 'amount',
      unit: 'l',
      decimals: 6,
    });
  });

  it.each([
    [{ factor: 2 }, /need unit/],
    [{ unit: 'kWh', quantity: 'energy' }, /the unit of energy is J everywhere/],
    [{ unit: 'mm', quantity: 'Rain fall' }, /write a word such as rain/],
  ])('refuses the options %j', (given, text) => {
    expect(() => pulseCounter.variant?.(optionsOf(pulseCounter, given))).toThrow(text);
  });

  it('says no rate of a window without length', async () => {
    const clock = virtualClock();
    const line = toldLine([], clock);
    const sensor = await pulseCounter.open(driverContext<'gpio'>(line, clock, optionsOf(pulseCounter)));
    expect(sensor.take(0)).toEqual({ count: 0 });
  });
});

describe.each([pulseCounter, sw420])('$id in a storm of 100,000 edges in a second', (driver: CounterDriver<'gpio'>) => {
  const setUp = async () => {
    const clock = virtualClock();
    const line = stormLine(clock);
    const sensor = await driver.open(driverContext<'gpio'>(line, clock, optionsOf(driver, { debounce: 0 })));
    const stop = new AbortController();
    const done = sensor.run(stop.signal);
    await clock.advance(10);
    const end = async () => {
      stop.abort();
      await done;
    };
    return { clock, line, sensor, end };
  };

  it('counts them all as long as the system hands them over', async () => {
    const { clock, line, sensor, end } = await setUp();
    for (let turn = 0; turn < 100; turn++) {
      line.burst(1_000, 0.01);
      await clock.advance(10);
    }
    expect(sensor.take(1_000)).toEqual({ count: 50_000, rate: 50_000 });
    await end();
  });

  it('says how many were lost when they come faster than they can be taken, in that window only', async () => {
    const { clock, line, sensor, end } = await setUp();
    line.burst(100_000, 0.01);
    await clock.advance(1_000);
    const values = sensor.take(1_000);
    // What the bounded queue held is counted, and what it did not is known: nothing is kept, nothing is invented.
    expect(values.count! * 2 + values.lost!).toBe(100_000);
    expect(values.count).toBeLessThanOrEqual(1_024);
    expect(sensor.take(1_000)).toEqual({ count: 0, rate: 0 });
    await end();
  });
});

describe('a simulated line in a storm', () => {
  it('lets everything else run, on real time too', async () => {
    const clock = virtualClock();
    // Each look at the time finds more edges: a reader that is slower than the line.
    let nowMs = 1_000;
    const busy = { ...clock, monotonic: () => (nowMs += 0.05), sleep: async () => {} };
    const line = simulatedGpioLine({
      clock: busy,
      wire: {
        level: (monoMs) => (Math.floor(monoMs * 100) % 2 === 1 ? 1 : 0),
        nextEdge: (monoMs) => {
          const edge = Math.floor(monoMs * 100 + 1e-6) + 1;
          return { level: edge % 2 === 1 ? 1 : 0, monoMs: edge / 100 };
        },
      },
    });
    const sensor = await pulseCounter.open(driverContext<'gpio'>(line, busy, optionsOf(pulseCounter, { debounce: 0 })));
    const stop = new AbortController();
    const done = sensor.run(stop.signal);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await done;
    expect(sensor.take(1_000).count).toBeGreaterThan(100);
  });
});
