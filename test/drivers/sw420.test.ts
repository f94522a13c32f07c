import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/sw420.sim.ts';
import sw420 from '../../drivers/sw420.ts';
import type { Edge } from '../../src/bus/gpio.ts';
import { simulatedGpioLine } from '../../src/bus/simulated-gpio.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { optionsOf, settableWorld } from '../rig.ts';

conformance(sw420, simulation, {
  happen: (world, nth, windowMs) => {
    const fresh = 3 * (nth + 1);
    const before = world.value('shocks');
    world.set({ shocks: before + fresh });
    return { count: fresh, rate: fresh / (windowMs / 1_000) };
  },
});

describe('sw420', () => {
  const counted = async (edges: readonly (readonly [number, 0 | 1])[], given: Options = {}) => {
    const clock = virtualClock({ monoMs: 1_000 });
    const known: Edge[] = edges.map(([monoMs, level]) => ({ monoMs, level }));
    const line = simulatedGpioLine({
      clock,
      wire: {
        level: (monoMs) => known.findLast((edge) => edge.monoMs <= monoMs)?.level ?? 0,
        nextEdge: (monoMs) => known.find((edge) => edge.monoMs > monoMs),
      },
    });
    const sensor = await sw420.open(driverContext<'gpio'>(line, clock, optionsOf(sw420, given)));
    const stop = new AbortController();
    const done = sensor.run(stop.signal);
    await clock.advance(2_000);
    stop.abort();
    await done;
    return sensor.take(2_000);
  };
  const knock = [
    [1_100, 1],
    [1_100.5, 0],
    [1_101, 1],
    [1_101.9, 0],
    [1_102, 1],
    [1_105, 0],
  ] as const;

  it('counts edges within the debounce of the last one counted as its chatter', async () => {
    expect(await counted(knock)).toEqual({ count: 2, rate: 1 });
    expect(await counted(knock, { debounce: 5 })).toEqual({ count: 1, rate: 0.5 });
    expect(await counted(knock, { debounce: 0 })).toEqual({ count: 3, rate: 1.5 });
  });

  it('counts falling edges where a module is high at rest', async () => {
    expect(await counted(knock, { edge: 'falling', debounce: 0 })).toEqual({ count: 3, rate: 1.5 });
    expect(await counted([[1_100, 0]], { edge: 'rising' })).toEqual({ count: 0, rate: 0 });
  });

  it('begins a new window with each take', async () => {
    const clock = virtualClock();
    const world = settableWorld(clock);
    world.set({ shocks: (monoMs) => Math.floor(monoMs / 100) });
    const line = simulatedGpioLine({ wire: simulation.create(world), clock });
    const sensor = await sw420.open(driverContext<'gpio'>(line, clock, optionsOf(sw420)));
    const stop = new AbortController();
    const done = sensor.run(stop.signal);
    await clock.advance(5_050);
    expect(sensor.take(5_050).count).toBe(50);
    for (let window = 0; window < 3; window++) {
      await clock.advance(1_000);
      expect(sensor.take(1_000)).toEqual({ count: 10, rate: 10 });
    }
    stop.abort();
    await done;
    expect(line.lostEdges).toBe(0);
  });
});

describe('the simulated SW-420', () => {
  it('is low at rest, and pulses once for each shock, with chatter in the first millisecond', () => {
    const clock = virtualClock();
    const world = settableWorld(clock);
    world.set({ shocks: (monoMs) => (monoMs < 1_200 ? 0 : monoMs < 1_700 ? 1 : 3) });
    const wire = simulation.create(world);
    expect(wire.level(1_100)).toBe(0);
    const heard: Edge[] = [];
    for (let edge = wire.nextEdge(1_000); edge; edge = wire.nextEdge(edge.monoMs)) {
      heard.push(edge);
      expect(wire.level(edge.monoMs)).toBe(edge.level);
    }
    expect(heard.map(({ level }) => level)).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    expect(heard[0]!.monoMs).toBeCloseTo(1_200, 3);
    expect(heard[3]!.monoMs).toBeCloseTo(1_203, 3);
    // Two at once follow one another.
    expect(heard[8]!.monoMs - heard[4]!.monoMs).toBeCloseTo(5, 6);
  });
});
