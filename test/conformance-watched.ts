/**
 * The part of the conformance suite for drivers that watch a GPIO line; see conformance.ts.
 * Time moves by hand here, because a watch never ends by itself.
 */
import { expect, it } from 'vitest';
import type { GpioSimulation, Simulation } from '../src/bus/sim.ts';
import {
  type AnyDriver,
  type CounterDriver,
  type CounterSensor,
  driverContext,
  type EventDriver,
  type EventSensor,
  type GpioLine,
  type Happening,
  SedgeError,
  type Values,
} from '../src/driver.ts';
import { channelsOf, expectDeclared, type Hooks, optionSets } from './conformance.ts';
import { gpioRig, outcomeOf, type SettableWorld } from './rig.ts';

/**
 * Makes one thing happen in the world (a contact closes, three shocks) and returns the values that the driver must report:
 * an event driver as its next happening, a counter at its next `take`. `nth` counts from 0.
 */
export type Happen = (world: SettableWorld, nth: number, windowMs: number) => Values;

const WINDOW_MS = 10_000;
/** Turns of the event loop that a watcher gets to come to its end. */
const SETTLE_MS = 2_000;

export function watchedConformance(driver: AnyDriver, simulation: Simulation | undefined, hooks: Hooks): void {
  const { happen } = hooks;
  if (simulation?.bus !== 'gpio' || driver.bus !== 'gpio') throw new Error(`${driver.id}: needs its GPIO simulation`);
  if (!happen) throw new Error(`${driver.id}: conformance needs to know how something happens`);
  if (driver.kind === 'event') eventConformance(driver, simulation, hooks, happen);
  else if (driver.kind === 'counter') counterConformance(driver, simulation, hooks, happen);
}

/** No driver asks its line this often before it watches; a loop without a bound would. */
const MAX_ASKED = 20;

/** A line whose `nth` question (counting from 1; a read or a request for edges) fails. */
function failingLine(line: GpioLine, nth: number): { readonly line: GpioLine; readonly asked: () => number } {
  let asked = 0;
  const ask = <T>(answer: () => T): T => {
    asked += 1;
    if (asked === nth) throw new SedgeError('bus.io', `question ${nth} failed on purpose`);
    return answer();
  };
  return {
    asked: () => asked,
    line: {
      title: line.title,
      get lostEdges() {
        return line.lostEdges;
      },
      read: async () => ask(() => line.read()),
      edges: (signal) => ask(() => line.edges(signal)),
      close: () => line.close(),
    },
  };
}

/** What holds for watching lines of both kinds: `begin` watches until the signal aborts. */
function watchingConformance(
  driver: EventDriver<'gpio'> | CounterDriver<'gpio'>,
  simulation: GpioSimulation,
  hooks: Hooks,
  begin: (sensor: EventSensor & CounterSensor, signal: AbortSignal) => Promise<unknown>,
): void {
  it('fails with a code when any single question to the line fails, and works when it is opened again', async () => {
    for (let nth = 1; ; nth++) {
      expect(nth).toBeLessThan(MAX_ASKED);
      const rig = gpioRig(driver as EventDriver<'gpio'>, simulation, hooks.options);
      const failing = failingLine(rig.line, nth);
      const watchOn = (line: GpioLine, stop: AbortController) =>
        (async () => {
          const sensor = await driver.open(driverContext<'gpio'>(line, rig.clock, rig.options));
          await begin(sensor as EventSensor & CounterSensor, stop.signal);
        })();
      const stop = new AbortController();
      const outcome = outcomeOf(watchOn(failing.line, stop));
      await rig.clock.advance(SETTLE_MS);
      stop.abort();
      await rig.clock.advance(SETTLE_MS);
      if (failing.asked() < nth) {
        expect(nth).toBeGreaterThan(1);
        expect(await outcome).toHaveProperty('value');
        break;
      }
      expect(await outcome).toEqual({ code: 'bus.io' });
      const again = new AbortController();
      const ended = outcomeOf(watchOn(rig.line, again));
      await rig.clock.advance(SETTLE_MS);
      again.abort();
      await rig.clock.advance(SETTLE_MS);
      expect(await ended).toHaveProperty('value');
      expect(rig.clock.sleepers).toBe(0);
    }
  });
}

function eventConformance(driver: EventDriver<'gpio'>, simulation: GpioSimulation, hooks: Hooks, happen: Happen): void {
  /** Opens and watches; `heard` grows as the sensor speaks. */
  const listen = async (options = hooks.options ?? {}) => {
    const rig = gpioRig(driver, simulation, options);
    const sensor = await rig.open();
    const stop = new AbortController();
    const heard: Happening[] = [];
    const ended = outcomeOf(
      (async () => {
        for await (const happening of sensor.watch(stop.signal)) heard.push(happening);
      })(),
    );
    await rig.clock.advance(SETTLE_MS);
    return { ...rig, sensor, stop, heard, ended };
  };

  it('speaks once at the start, with the state as it is, whatever the options', async () => {
    for (const [nth, set] of optionSets(driver, hooks).entries()) {
      const { heard, stop, ended, clock, options: parsed } = await listen(set);
      await clock.advance(WINDOW_MS);
      // One that warms up first may be silent for minutes.
      if (nth === 0 || heard.length > 0) expect(heard.length, JSON.stringify(set)).toBe(1);
      for (const { values } of heard) expectDeclared(values, channelsOf(driver, parsed));
      stop.abort();
      await clock.advance(SETTLE_MS);
      await ended;
    }
  });

  watchingConformance(driver, simulation, hooks, async (sensor, signal) => {
    for await (const _ of sensor.watch(signal));
  });

  it('speaks once for each thing that happens, in order, with its time', async () => {
    const { clock, world, heard, stop, ended, options: parsed } = await listen();
    for (let nth = 0; nth < 5; nth++) {
      const beganMs = clock.monotonic();
      const truth = happen(world, nth, WINDOW_MS);
      await clock.advance(WINDOW_MS);
      expect(heard.length).toBe(nth + 2);
      const { values, monoMs } = heard[nth + 1]!;
      expect(values).toEqual(truth);
      expectDeclared(values, channelsOf(driver, parsed));
      expect(monoMs).toBeGreaterThanOrEqual(beganMs);
      expect(monoMs).toBeLessThanOrEqual(clock.monotonic());
    }
    stop.abort();
    await ended;
  });

  it('ends when it is told to, and leaves nobody waiting', async () => {
    const { clock, stop, ended, sensor } = await listen();
    stop.abort();
    await clock.advance(SETTLE_MS);
    expect(await ended).toHaveProperty('value');
    await sensor.close();
    await sensor.close();
    expect(clock.sleepers).toBe(0);
  });

  it('says with a code that the line is lost, and opens again when it is back', async () => {
    const { clock, line, ended, heard } = await listen();
    line.lose();
    await clock.advance(WINDOW_MS);
    expect(await ended).toEqual({ code: 'bus.io' });
    expect(heard.length).toBe(1);
    const again = await listen();
    expect(again.heard.length).toBe(1);
    again.stop.abort();
    await again.ended;
  });
}

function counterConformance(
  driver: CounterDriver<'gpio'>,
  simulation: GpioSimulation,
  hooks: Hooks,
  happen: Happen,
): void {
  const count = async (options = hooks.options ?? {}) => {
    const rig = gpioRig(driver, simulation, options);
    const sensor = await rig.open();
    const stop = new AbortController();
    const ended = outcomeOf(sensor.run(stop.signal));
    await rig.clock.advance(SETTLE_MS);
    return { ...rig, sensor, stop, ended };
  };

  it('counts nothing while nothing happens, whatever the options', async () => {
    for (const set of optionSets(driver, hooks)) {
      const { sensor, clock, stop, ended, options: parsed } = await count(set);
      await clock.advance(WINDOW_MS);
      const values = sensor.take(WINDOW_MS);
      expectDeclared(values, channelsOf(driver, parsed));
      expect(new Set(Object.values(values))).toEqual(new Set([0]));
      stop.abort();
      await clock.advance(SETTLE_MS);
      await ended;
    }
  });

  watchingConformance(driver, simulation, hooks, (sensor, signal) => sensor.run(signal));

  it('reports each thing that happens in one window, and only in that one', async () => {
    const { world, clock, sensor, stop, ended, options: parsed } = await count();
    sensor.take(SETTLE_MS);
    for (let nth = 0; nth < 3; nth++) {
      const truth = happen(world, nth, WINDOW_MS);
      await clock.advance(WINDOW_MS);
      const values = sensor.take(WINDOW_MS);
      expect(values).toEqual(truth);
      expectDeclared(values, channelsOf(driver, parsed));
      expect(new Set(Object.values(sensor.take(1)))).toEqual(new Set([0]));
    }
    stop.abort();
    await ended;
  });

  it('ends when it is told to, and leaves nobody waiting', async () => {
    const { sensor, clock, stop, ended } = await count();
    stop.abort();
    await clock.advance(SETTLE_MS);
    expect(await ended).toHaveProperty('value');
    await sensor.close();
    await sensor.close();
    expect(clock.sleepers).toBe(0);
  });

  it('says with a code that the line is lost, and counts again when it is back', async () => {
    const { line, clock, ended } = await count();
    line.lose();
    await clock.advance(WINDOW_MS);
    expect(await ended).toEqual({ code: 'bus.io' });
    const again = await count();
    again.sensor.take(SETTLE_MS);
    const truth = happen(again.world, 0, WINDOW_MS);
    await again.clock.advance(WINDOW_MS);
    expect(again.sensor.take(WINDOW_MS)).toEqual(truth);
    again.stop.abort();
    await again.ended;
  });
}
