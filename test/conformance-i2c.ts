/** The part of the conformance suite for polled I2C drivers; see conformance.ts. */
import { describe, expect, it } from 'vitest';
import { i2cDevice } from '../src/bus/i2c.ts';
import type { Simulation } from '../src/bus/sim.ts';
import type { Intercept } from '../src/bus/simulated-i2c.ts';
import type { Options, PollDriver, Values } from '../src/driver.ts';
import { SedgeError } from '../src/errors.ts';
import { channelsOf, expectDeclared, type Hooks, optionSets } from './conformance.ts';
import { i2cRig, optionsOf, outcomeOf, type Surroundings } from './rig.ts';

/** No driver needs this many transfers to open and read; a loop without a bound would. */
const MAX_TRANSFERS = 500;
/** Between a failed read and the next: less than the sampler ever waits. */
const PAUSE_MS = 1_000;
/** A promise of time may be so many times what a read takes here, and so much more: polling, retries, a slow bus. */
const MAX_CAUTION = 40;
const CAUTION_MS = 1_000;
/** No chip, and no window of a burst, takes minutes. */
const LONGEST_MS = 120_000;

export function polledI2cConformance(
  driver: PollDriver<'i2c'>,
  simulation: Simulation | undefined,
  hooks: Hooks,
): void {
  if (simulation?.bus !== 'i2c') throw new Error(`${driver.id}: conformance needs its I2C simulation`);
  const signal = new AbortController().signal;
  const follow = hooks.surroundings ?? ((channel: string, value: number): Surroundings => ({ [channel]: value }));
  const sets = optionSets(driver, hooks);
  const defaults = sets[0] ?? {};
  const rig = (options: Options, intercept?: Intercept) =>
    i2cRig(driver, simulation, intercept ? { options, intercept } : { options });

  /** A place in every channel's range, and the surroundings that put the chip there. */
  const situation = (options: Options, share: number): { truth: Values; surroundings: Surroundings } => {
    const truth: Record<string, number> = {};
    let surroundings: Surroundings = {};
    for (const [name, { min, max }] of Object.entries(channelsOf(driver, optionsOf(driver, options)))) {
      const value = min + share * (max - min);
      const change = follow(name, value, optionsOf(driver, options));
      if (!change) continue;
      truth[name] = value;
      surroundings = { ...surroundings, ...change };
    }
    return { truth, surroundings };
  };
  /** Every reported value is right; `complete` asks for every channel. */
  const expectTruth = (values: Values, truth: Values, options: Options, complete = true) => {
    const channels = channelsOf(driver, optionsOf(driver, options));
    expectDeclared(values, channels);
    if (complete) expect(Object.keys(values).sort()).toEqual(Object.keys(channels).sort());
    for (const [name, value] of Object.entries(values)) {
      const expected = truth[name];
      if (expected === undefined) continue;
      expect(Math.abs(value - expected), `${name}: ${value} instead of ${expected}`).toBeLessThanOrEqual(
        channels[name]!.resolution + (hooks.slack?.[name] ?? 0),
      );
    }
  };
  describe.each(sets.map((options) => ({ options, name: JSON.stringify(options) })))('with $name', ({ options }) => {
    it('reports what is the case over the whole range of every channel, within its resolution', async () => {
      for (let step = 0; step <= 20; step++) {
        const { truth, surroundings } = situation(options, step / 20);
        const { world, open } = rig(options);
        world.set(surroundings);
        const sensor = await open();
        expectTruth(await sensor.read(signal), truth, options);
        await sensor.close();
      }
    });

    it('keeps its promise of time', async () => {
      const { clock, open, world } = rig(options);
      world.set(situation(options, 0.3).surroundings);
      const sensor = await open();
      const beganMs = clock.monotonic();
      await sensor.read(signal);
      const worstCaseMs = driver.variant?.(optionsOf(driver, options)).worstCaseMs ?? driver.worstCaseMs;
      const tookMs = clock.monotonic() - beganMs;
      expect(tookMs).toBeLessThanOrEqual(worstCaseMs);
      expect(worstCaseMs).toBeLessThanOrEqual(LONGEST_MS);
      // A deadline is made from it: one that is far too long hides a chip that hangs.
      expect(worstCaseMs).toBeLessThanOrEqual(MAX_CAUTION * tookMs + CAUTION_MS);
    });

    it('is right again after a brown-out between two reads, or says that it is not', async () => {
      const { world, open, powerCycle, clock } = rig(options);
      world.set(situation(options, 0.3).surroundings);
      const sensor = await open();
      await sensor.read(signal);
      await sensor.read(signal);
      powerCycle();
      await clock.sleep(PAUSE_MS);
      const { truth, surroundings } = situation(options, 0.7);
      world.set(surroundings);
      const outcome = await outcomeOf(sensor.read(signal));
      if ('value' in outcome) expectTruth(outcome.value, truth, options);
      else expect(outcome.code).toMatch(/^(bus|sensor)\./);
      expectTruth(await (await open()).read(signal), truth, options);
    });
  });

  it('never repeats an old value', async () => {
    const { world, open, unplug, plug, clock } = rig(defaults);
    const sensor = await open();
    for (const share of [0.3, 0.6, 0.2]) {
      const { truth, surroundings } = situation(defaults, share);
      world.set(surroundings);
      expectTruth(await sensor.read(signal), truth, defaults);
    }
    unplug();
    expect(await outcomeOf(sensor.read(signal))).toEqual({ code: 'bus.nack' });
    plug();
    await clock.sleep(PAUSE_MS);
    const { truth, surroundings } = situation(defaults, 0.8);
    world.set(surroundings);
    expectTruth(await sensor.read(signal), truth, defaults);
  });

  const faults = [
    { fault: 'is not acknowledged', code: 'bus.nack', seen: false },
    { fault: 'times out', code: 'bus.timeout', seen: false },
    { fault: 'reaches the chip but is reported as failed', code: 'bus.timeout', seen: true },
  ] as const;
  it.each(faults)('fails with a code and recovers when any single transfer $fault', async ({ code, seen }) => {
    for (let nth = 1; ; nth++) {
      expect(nth).toBeLessThan(MAX_TRANSFERS);
      let transfers = 0;
      const { world, open, clock } = rig(defaults, async (_address, _tx, _rxLength, pass) => {
        transfers += 1;
        if (transfers !== nth) return pass();
        if (seen) await pass();
        throw new SedgeError(code, `transfer ${nth} failed on purpose`);
      });
      const before = situation(defaults, 0.3);
      world.set(before.surroundings);
      const opened = await outcomeOf(open());
      const failedOpen = 'code' in opened;
      const outcome = failedOpen ? opened : await outcomeOf(opened.value.read(signal));
      if (transfers < nth) break;
      // A driver may repeat a transfer by itself, and then must be right.
      if ('code' in outcome) expect(outcome.code).toBe(code);
      else if (!failedOpen) expectTruth(outcome.value as Values, before.truth, defaults);

      await clock.sleep(PAUSE_MS);
      const after = situation(defaults, 0.7);
      world.set(after.surroundings);
      const sensor = failedOpen ? await open() : opened.value;
      expectTruth(await sensor.read(signal), after.truth, defaults);
    }
  });

  it.each([
    ['write', 0],
    ['reply', 1],
  ])('fails with a code when no %s gets through any more, and recovers', async (_what, least) => {
    const stage = { isBroken: false };
    const { world, open, clock } = rig(defaults, async (_address, _tx, rxLength, pass) => {
      if (stage.isBroken && Math.min(rxLength, 1) === least) throw new SedgeError('bus.io', 'failed on purpose');
      return pass();
    });
    const sensor = await open();
    world.set(situation(defaults, 0.3).surroundings);
    await sensor.read(signal);
    stage.isBroken = true;
    const { truth, surroundings } = situation(defaults, 0.7);
    world.set(surroundings);
    const outcome = await outcomeOf(sensor.read(signal));
    // A chip that measures by itself is not written to.
    if ('value' in outcome) expectTruth(outcome.value, truth, defaults);
    else expect(outcome.code).toBe('bus.io');
    if (least > 0) expect(outcome).toHaveProperty('code');
    stage.isBroken = false;
    await clock.sleep(PAUSE_MS);
    expectTruth(await sensor.read(signal), truth, defaults);
  });

  it.each([0x00, 0xff])('does not take a bus on which every reply turns to %i for a measurement', async (level) => {
    if (hooks.believes?.includes(level)) return;
    const stage = { isStuck: false };
    const { world, open, clock } = rig(defaults, async (_address, _tx, rxLength, pass) => {
      const reply = await pass();
      return stage.isStuck ? new Uint8Array(rxLength).fill(level) : reply;
    });
    const sensor = await open();
    world.set(situation(defaults, 0.3).surroundings);
    await sensor.read(signal);
    stage.isStuck = true;
    expect(await outcomeOf(sensor.read(signal))).toEqual({ code: expect.stringMatching(/^sensor\./) });
    stage.isStuck = false;
    await clock.sleep(PAUSE_MS);
    const { truth, surroundings } = situation(defaults, 0.7);
    world.set(surroundings);
    expectTruth(await (await open()).read(signal), truth, defaults);
  });

  it('says the truth or fails when the supply dips before any single transfer of a read', async () => {
    for (let nth = 1; ; nth++) {
      expect(nth).toBeLessThan(MAX_TRANSFERS);
      let transfers = Number.NEGATIVE_INFINITY;
      const stage = rig(defaults, async (_address, _tx, _rxLength, pass) => {
        transfers += 1;
        if (transfers === nth) stage.powerCycle();
        return pass();
      });
      const sensor = await stage.open();
      await sensor.read(signal);
      transfers = 0;
      const { truth, surroundings } = situation(defaults, 0.7);
      stage.world.set(surroundings);
      const outcome = await outcomeOf(sensor.read(signal));
      if (transfers < nth) break;
      if ('value' in outcome) expectTruth(outcome.value, truth, defaults, false);
      else expect(outcome.code).toMatch(/^(bus|sensor)\./);
    }
  });

  it('gives up at once when it is called off, and does not report what it read early', async () => {
    const { world, open, clock } = rig(defaults);
    const sensor = await open();
    await sensor.read(signal);
    const { truth, surroundings } = situation(defaults, 0.7);
    world.set(surroundings);
    const beganMs = clock.monotonic();
    const outcome = await outcomeOf(sensor.read(AbortSignal.abort()));
    expect(clock.monotonic()).toBe(beganMs);
    // A chip that measures by itself may have the answer without any wait.
    if ('value' in outcome) expectTruth(outcome.value, truth, defaults);
    else expect(outcome.code).toBe('sensor.deadline');
    await clock.sleep(PAUSE_MS);
    expectTruth(await sensor.read(signal), truth, defaults);
  });

  it('closes twice without complaint, also when the chip is gone', async () => {
    const { open, unplug } = rig(defaults);
    const sensor = await open();
    await sensor.close();
    unplug();
    await sensor.close();
  });

  if (driver.identify) {
    const identify = driver.identify;
    it('knows its own chip by reading only', async () => {
      const writes: number[] = [];
      const { bus, address } = rig(defaults, (_address, tx, rxLength, pass) => {
        if (rxLength === 0) writes.push(tx.length);
        return pass();
      });
      const name = await identify(i2cDevice(bus, address));
      expect(name?.toLowerCase()).toContain(driver.id);
      expect(writes).toEqual([]);
    });

    it('refuses to open another chip, by name', async () => {
      const { open } = rig(defaults, async (_address, _tx, rxLength) => new Uint8Array(rxLength).fill(0x5a));
      expect(await outcomeOf(open())).toEqual({ code: 'sensor.identity' });
    });

    it.each([0x00, 0xff])('takes a bus on which everything reads %i for a fault, not for a chip', async (level) => {
      const { open } = rig(defaults, async (_address, _tx, rxLength) => new Uint8Array(rxLength).fill(level));
      const error = await open().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(/wir/) });
    });
  }
}
