/** The part of the conformance suite for polled drivers that read a device of the kernel through files; see conformance.ts. */
import { expect, it } from 'vitest';
import { type FileTree, fileError, fileTree } from '../src/bus/files.ts';
import type { FilesSimulation } from '../src/bus/sim.ts';
import { simulatedFileTree } from '../src/bus/simulated-files.ts';
import { virtualClock } from '../src/clock.ts';
import { driverContext, type Options, type PollDriver, type Values } from '../src/driver.ts';
import { channelsOf, expectDeclared, type Hooks, optionSets } from './conformance.ts';
import { optionsOf, outcomeOf, type Surroundings, settableWorld } from './rig.ts';

/** No driver needs this many reads to open and measure; a loop without a bound would. */
const MAX_READS = 200;
/** Between a failed read and the next. */
const PAUSE_MS = 1_000;

type Meeting = (path: string, read: () => Promise<string>) => Promise<string>;

/** A driver on its simulated files. `meet` stands before each read of a file. */
export function filesRig(driver: PollDriver<'files'>, simulation: FilesSimulation, given: Options, meet?: Meeting) {
  const clock = virtualClock({ automatic: true });
  const world = settableWorld(clock);
  const options = optionsOf(driver, given);
  const tree = simulatedFileTree({ files: simulation.create(world, options), clock, real: fileTree() });
  const device: FileTree = meet ? { ...tree, readText: (path) => meet(path, () => tree.readText(path)) } : tree;
  return { clock, world, device, options, open: () => driver.open(driverContext<'files'>(device, clock, options)) };
}

export function polledFilesConformance(driver: PollDriver<'files'>, simulation: FilesSimulation, hooks: Hooks): void {
  const signal = new AbortController().signal;
  const follow = hooks.surroundings ?? ((channel: string, value: number): Surroundings => ({ [channel]: value }));
  const sets = optionSets(driver, hooks);
  const defaults = sets[0] ?? {};

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

  it('reports what is the case over the whole range, within its resolution and its time, whatever the options', async () => {
    for (const options of sets) {
      for (let step = 0; step <= 20; step++) {
        const { truth, surroundings } = situation(options, step / 20);
        const { world, clock, open, options: parsed } = filesRig(driver, simulation, options);
        world.set(surroundings);
        const sensor = await open();
        const beganMs = clock.monotonic();
        expectTruth(await sensor.read(signal), truth, options);
        const { worstCaseMs = driver.worstCaseMs } = driver.variant?.(parsed) ?? {};
        expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(worstCaseMs);
        await sensor.close();
        await sensor.close();
      }
    }
  });

  it('never repeats an old value, however often it is read', async () => {
    const { world, open } = filesRig(driver, simulation, defaults);
    const sensor = await open();
    for (const share of [0.3, 0.6, 0.2, 0.9]) {
      const { truth, surroundings } = situation(defaults, share);
      world.set(surroundings);
      expectTruth(await sensor.read(signal), truth, defaults);
    }
  });

  it.each(['EIO', 'ETIMEDOUT', 'EREMOTEIO', 'EBUSY', 'ENODEV', 'ENOENT', 'empty', 'nonsense'])(
    'is right, leaves a channel out or fails with a code when any single read meets %s, and recovers',
    async (fault) => {
      for (let nth = 1; ; nth++) {
        expect(nth).toBeLessThan(MAX_READS);
        let reads = 0;
        const { world, clock, open } = filesRig(driver, simulation, defaults, async (path, read) => {
          reads += 1;
          if (reads !== nth) return read();
          if (fault === 'empty') return '';
          if (fault === 'nonsense') return 'nan\n';
          throw fileError(path, fault);
        });
        const before = situation(defaults, 0.3);
        world.set(before.surroundings);
        const opened = await outcomeOf(open());
        const failedOpen = 'code' in opened;
        const outcome = failedOpen ? opened : await outcomeOf(opened.value.read(signal));
        if (reads < nth) {
          expect(nth).toBeGreaterThan(1);
          break;
        }
        if ('code' in outcome) expect(outcome.code).toMatch(/^(bus|sensor)\./);
        else if (!failedOpen) expectTruth(outcome.value as Values, before.truth, defaults, false);
        await clock.sleep(PAUSE_MS);
        const after = situation(defaults, 0.7);
        world.set(after.surroundings);
        expectTruth(await (failedOpen ? await open() : opened.value).read(signal), after.truth, defaults);
      }
    },
  );

  it.each(['ENODEV', 'EIO'])(
    'does not repeat its last value when all reads meet %s, and reads on afterwards',
    async (fault) => {
      const stage = { isGone: false };
      const { world, clock, open } = filesRig(driver, simulation, defaults, async (path, read) => {
        if (stage.isGone) throw fileError(path, fault);
        return read();
      });
      world.set(situation(defaults, 0.3).surroundings);
      const sensor = await open();
      await sensor.read(signal);
      stage.isGone = true;
      expect(await outcomeOf(sensor.read(signal))).toEqual({ code: expect.stringMatching(/^(bus|sensor)\./) });
      stage.isGone = false;
      await clock.sleep(PAUSE_MS);
      const { truth, surroundings } = situation(defaults, 0.7);
      world.set(surroundings);
      expectTruth(await sensor.read(signal), truth, defaults);
    },
  );

  it('says with a code that the device is not there', async () => {
    const { device: _, clock, options } = filesRig(driver, simulation, defaults);
    const nothing = simulatedFileTree({ files: () => ({}), clock, real: fileTree() });
    const outcome = await outcomeOf(driver.open(driverContext<'files'>(nothing, clock, options)));
    expect(outcome).toEqual({ code: 'bus.missing' });
  });
}
