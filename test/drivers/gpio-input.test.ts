import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/gpio-input.sim.ts';
import gpioInput from '../../drivers/gpio-input.ts';
import type { Edge, GpioLine } from '../../src/bus/gpio.ts';
import { simulatedGpioLine } from '../../src/bus/simulated-gpio.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Happening, type Options, SedgeError } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { optionsOf, settableWorld } from '../rig.ts';

conformance(gpioInput, simulation, {
  happen: (world, nth) => {
    const state = (nth + 1) % 2;
    world.set({ contact: state });
    return { state };
  },
});

describe('gpio-input', () => {
  const BEGIN_MS = 1_000;
  /** A line that goes through `edges` (time and level), in real order, and what the driver makes of it. */
  const watch = async (edges: readonly (readonly [number, 0 | 1])[], given: Options = {}, first: 0 | 1 = 0) => {
    const clock = virtualClock({ monoMs: BEGIN_MS });
    const known: Edge[] = edges.map(([monoMs, level]) => ({ monoMs, level }));
    const line = simulatedGpioLine({
      clock,
      wire: {
        level: (monoMs) => known.findLast((edge) => edge.monoMs <= monoMs)?.level ?? first,
        nextEdge: (monoMs) => known.find((edge) => edge.monoMs > monoMs),
      },
    });
    const sensor = await gpioInput.open(driverContext<'gpio'>(line, clock, optionsOf(gpioInput, given)));
    const stop = new AbortController();
    const heard: Happening[] = [];
    const done = (async () => {
      for await (const happening of sensor.watch(stop.signal)) heard.push(happening);
    })();
    await clock.advance(5_000);
    stop.abort();
    await done;
    expect(clock.sleepers).toBe(0);
    return heard.map(({ values, monoMs }) => [monoMs, values.state]);
  };

  it('says the state as it is, then a change with the time of its edge', async () => {
    expect(await watch([[2_000, 1]])).toEqual([
      [BEGIN_MS, 0],
      [2_000, 1],
    ]);
  });

  it('takes a bouncing contact for one change, at the edge after which the line stayed', async () => {
    const bounces = [
      [2_000, 1],
      [2_003, 0],
      [2_004, 1],
      [2_019, 0],
      [2_021, 1],
    ] as const;
    expect(await watch(bounces)).toEqual([
      [BEGIN_MS, 0],
      [2_021, 1],
    ]);
  });

  it('does not hear a pulse that is shorter than the debounce, and does hear one that is as long', async () => {
    expect(
      await watch([
        [2_000, 1],
        [2_019, 0],
      ]),
    ).toEqual([[BEGIN_MS, 0]]);
    expect(
      await watch([
        [2_000, 1],
        [2_020, 0],
      ]),
    ).toEqual([
      [BEGIN_MS, 0],
      [2_000, 1],
      [2_020, 0],
    ]);
  });

  it('without debounce hears every edge', async () => {
    const heard = await watch(
      [
        [2_000, 1],
        [2_000.4, 0],
        [2_001, 1],
      ],
      { debounce: 0 },
    );
    expect(heard).toEqual([
      [BEGIN_MS, 0],
      [2_000, 1],
      [2_000.4, 0],
      [2_001, 1],
    ]);
  });

  it('turns the levels round when active_low', async () => {
    expect(await watch([[2_000, 0]], { active_low: true }, 1)).toEqual([
      [BEGIN_MS, 0],
      [2_000, 1],
    ]);
  });

  it('reads the level again when edges were lost, so that the last state said is true', async () => {
    const clock = virtualClock({ monoMs: BEGIN_MS });
    let lostEdges = 0;
    let level: 0 | 1 = 0;
    const line: GpioLine = {
      title: 'a line whose queue overflows',
      read: async () => level,
      async *edges(signal) {
        await clock.sleep(1_000, signal);
        // Up, down and up again came; the last one did not fit.
        lostEdges = 1;
        level = 1;
        yield { level: 0, monoMs: clock.monotonic() };
        await clock.sleep(60_000, signal);
      },
      get lostEdges() {
        return lostEdges;
      },
      async close() {},
    };
    const sensor = await gpioInput.open(driverContext<'gpio'>(line, clock, optionsOf(gpioInput)));
    const stop = new AbortController();
    const states: (number | undefined)[] = [];
    const done = (async () => {
      for await (const { values } of sensor.watch(stop.signal)) states.push(values.state);
    })();
    await clock.advance(2_000);
    expect(states).toEqual([0, 1]);
    stop.abort();
    await done;
  });

  it('waits once at a time, however long the debounce and however often the line changes', async () => {
    const clock = virtualClock();
    const world = settableWorld(clock);
    world.set({ contact: (monoMs) => Math.floor(monoMs / 100) % 2 });
    const line = simulatedGpioLine({ wire: simulation.create(world), clock });
    const options = optionsOf(gpioInput, { debounce: 60_000 });
    const sensor = await gpioInput.open(driverContext<'gpio'>(line, clock, options));
    const stop = new AbortController();
    const done = (async () => {
      for await (const _ of sensor.watch(stop.signal));
    })();
    await clock.advance(10_000);
    // The debounce and the simulated line's own wait for its next edge.
    expect(clock.sleepers).toBeLessThanOrEqual(2);
    stop.abort();
    await done;
    expect(clock.sleepers).toBe(0);
  });

  it('tells its reader that the line was lost while the reader was busy', async () => {
    const clock = virtualClock();
    const line: GpioLine = {
      title: 'a line that is lost at once',
      lostEdges: 0,
      read: async () => 0,
      // biome-ignore lint/correctness/useYield: it fails before its first edge
      async *edges() {
        throw new SedgeError('bus.io', 'the line is lost');
      },
      async close() {},
    };
    const sensor = await gpioInput.open(driverContext<'gpio'>(line, clock, optionsOf(gpioInput)));
    const watching = sensor.watch(new AbortController().signal)[Symbol.asyncIterator]();
    expect((await watching.next()).value.values).toEqual({ state: 0 });
    await new Promise((resolve) => setImmediate(resolve));
    await expect(watching.next()).rejects.toMatchObject({ code: 'bus.io' });
  });

  it('lets go of the line when its reader leaves', async () => {
    const clock = virtualClock();
    const world = settableWorld(clock);
    const line = simulatedGpioLine({ wire: simulation.create(world), clock });
    const sensor = await gpioInput.open(driverContext<'gpio'>(line, clock, optionsOf(gpioInput)));
    for await (const { values } of sensor.watch(new AbortController().signal)) {
      expect(values).toEqual({ state: 0 });
      break;
    }
    await clock.advance(1_000);
    expect(clock.sleepers).toBe(0);
  });
});

describe('the simulated contact', () => {
  it('bounces when it changes, and settles within 5 ms', () => {
    const clock = virtualClock();
    const world = settableWorld(clock);
    world.set({ contact: (monoMs) => (monoMs >= 1_500 && monoMs < 1_900 ? 1 : 0) });
    const wire = simulation.create(world);
    const heard: Edge[] = [];
    for (let edge = wire.nextEdge(1_000); edge; edge = wire.nextEdge(edge.monoMs)) {
      heard.push(edge);
      expect(wire.level(edge.monoMs)).toBe(edge.level);
    }
    expect(heard.map(({ level }) => level)).toEqual([1, 0, 1, 0, 1, 0]);
    expect(heard.map(({ monoMs }) => monoMs)).toEqual([1_500, 1_500.4, 1_501.1, 1_900, 1_900.4, 1_901.1]);
  });
});
