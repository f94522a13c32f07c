/**
 * What every driver owes the runtime, whatever its kind and bus. One call per driver:
 *
 *   conformance(sht4x, simulation);                                   // polled, on I2C
 *   conformance(gpioInput, simulation, { happen });                    // watched, on GPIO: see conformance-watched.ts
 *   conformance(ds18b20, simulation);                                  // polled, on a device's files: see conformance-files.ts
 *   conformance(host, undefined, { device: fakeTree, broken: emptyTree }); // polled, on files or on nothing
 *
 * A polled I2C driver is checked over its channels' whole range, with each single transfer failing, unplugged, after a
 * brown-out, and against its own promise of time, for every value of every choice and for the ends of every number.
 */
import { describe, expect, it } from 'vitest';
import type { Simulation } from '../src/bus/sim.ts';
import { virtualClock } from '../src/clock.ts';
import {
  type AnyDriver,
  type Channels,
  type Devices,
  driverContext,
  type Options,
  type PollDriver,
  type Values,
} from '../src/driver.ts';
import { polledFilesConformance } from './conformance-files.ts';
import { polledI2cConformance } from './conformance-i2c.ts';
import { type Happen, watchedConformance } from './conformance-watched.ts';
import { optionsOf, outcomeOf, type Surroundings } from './rig.ts';

export interface Hooks {
  /** Options that must be given because they have no default. */
  readonly options?: Options;
  /** Option sets to run with; by default what `optionSets` makes of the table. */
  readonly optionSets?: readonly Options[];
  /**
   * I2C, simulated files: the surroundings in which a channel reads `value`; undefined for a channel that does not follow them directly.
   * By default the quantity of the channel's own name.
   */
  readonly surroundings?: (channel: string, value: number, options: Options) => Surroundings | undefined;
  /**
   * I2C, simulated files: how far, besides its resolution, a channel may be from what is the case; where the datasheet's own formulas differ
   * by more than a step. 0 by default.
   */
  readonly slack?: Readonly<Record<string, number>>;
  /** I2C: what every reply may turn to without being told from a measurement; the test that passes it says why. */
  readonly believes?: readonly number[];
  /** GPIO: makes something happen and says what the driver must report. */
  readonly happen?: Happen;
  /** Files, none: a device that works, and one on which every read must fail with a code. */
  readonly device?: () => Devices['files' | 'none'];
  readonly broken?: () => Devices['files' | 'none'];
}

export function conformance(driver: AnyDriver, simulation: Simulation | undefined, hooks: Hooks = {}): void {
  describe(`${driver.id} owes the runtime`, () => {
    describesItself(driver, hooks);
    if (driver.kind !== 'poll') watchedConformance(driver, simulation, hooks);
    else if (driver.bus === 'i2c') polledI2cConformance(driver, simulation, hooks);
    else if (simulation?.bus === 'files') polledFilesConformance(driver, simulation, hooks);
    else polledElsewhere(driver, hooks);
  });
}

/** The defaults, then each choice's other values and each number's ends, one option changed at a time. */
export function optionSets(driver: AnyDriver, { options = {}, optionSets }: Hooks): readonly Options[] {
  if (optionSets) return optionSets;
  const others = Object.entries(driver.options).flatMap(([name, spec]) => {
    const values: readonly (string | number | boolean | undefined)[] =
      spec.kind === 'choice'
        ? spec.choices
        : spec.kind === 'boolean'
          ? [false, true]
          : spec.kind === 'string' || spec.kind === 'file'
            ? []
            : spec.kind === 'rate' && spec.choices
              ? spec.choices
              : [spec.min, spec.max];
    return values
      .filter((value) => value !== undefined && value !== spec.default)
      .map((value) => ({ ...options, [name]: value }));
  });
  return [options, ...others];
}

/** The channels that a driver has with these options. */
export const channelsOf = (driver: AnyDriver, options: Options): Channels =>
  driver.variant?.(options).channels ?? driver.channels;

/** Every value belongs to a declared channel, is finite, and lies where the channel can be. */
export function expectDeclared(values: Values, channels: Channels): void {
  expect(Object.keys(values).length).toBeGreaterThan(0);
  for (const [name, value] of Object.entries(values)) {
    const channel = channels[name];
    expect(channel, `the channel ${name} is not declared`).toBeDefined();
    expect(Number.isFinite(value), `${name} is ${value}`).toBe(true);
    expect(value).toBeGreaterThanOrEqual(channel!.min - channel!.resolution);
    expect(value).toBeLessThanOrEqual(channel!.max + channel!.resolution);
  }
}

const sentence = /^[A-Z0-9`].*\.$/s;

function describesItself(driver: AnyDriver, hooks: Hooks): void {
  it('describes itself', () => {
    expect(driver.api).toBe(1);
    expect(driver.id).toMatch(/^[a-z0-9][a-z0-9-]*$/);
    expect(driver.title).not.toBe('');
    expect(driver.datasheet).not.toBe('');
    expect(driver.worstCaseMs).toBeGreaterThanOrEqual(0);
    if (driver.bus === 'i2c') {
      expect(driver.addresses?.length).toBeGreaterThan(0);
      // 0x00..0x07 and 0x78..0x7f are reserved by the I2C specification.
      for (const address of driver.addresses ?? []) {
        expect(address).toBeGreaterThanOrEqual(0x08);
        expect(address).toBeLessThanOrEqual(0x77);
      }
    }
    // Plain data: what `sedge drivers` prints and the schema is made from survives a copy.
    const { open: _open, identify: _identify, variant: _variant, ...data } = driver;
    expect(structuredClone(data)).toEqual(data);
  });

  it('has well formed channels, whatever the options', () => {
    for (const set of optionSets(driver, hooks)) {
      for (const [name, channel] of Object.entries(channelsOf(driver, optionsOf(driver, set)))) {
        expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
        expect(['time', 'clock']).not.toContain(name);
        expect(channel.min).toBeLessThan(channel.max);
        expect(channel.resolution).toBeGreaterThan(0);
        expect(Number.isInteger(channel.decimals) && channel.decimals >= 0).toBe(true);
        // Rounding must not be coarser than ten steps of the chip.
        expect(10 ** -channel.decimals).toBeLessThanOrEqual(10 * channel.resolution);
      }
    }
  });

  it('has well formed options', () => {
    for (const [name, spec] of Object.entries(driver.options)) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(spec.doc, `${name}: its text is a sentence`).toMatch(sentence);
      if (spec.default === undefined) continue;
      if (spec.kind === 'choice') expect(spec.choices).toContain(spec.default);
      if (spec.kind === 'boolean') expect(typeof spec.default).toBe('boolean');
      if (spec.kind === 'string' || spec.kind === 'file') expect(typeof spec.default).toBe('string');
      if (spec.kind === 'integer') expect(Number.isInteger(spec.default)).toBe(true);
      if (spec.kind === 'number' || spec.kind === 'integer' || spec.kind === 'duration' || spec.kind === 'rate') {
        expect(spec.default).toBeGreaterThanOrEqual(spec.min ?? Number.NEGATIVE_INFINITY);
        expect(spec.default).toBeLessThanOrEqual(spec.max ?? Number.POSITIVE_INFINITY);
      }
    }
  });
}

function polledElsewhere(driver: PollDriver, hooks: Hooks): void {
  const { device, broken } = hooks;
  if (!device) throw new Error(`${driver.id}: conformance on ${driver.bus} needs a device`);
  const signal = new AbortController().signal;
  const openOn = (given: Devices['files' | 'none'], set: Options) => {
    const clock = virtualClock({ automatic: true });
    return { clock, opened: driver.open(driverContext(given as never, clock, optionsOf(driver, set))) };
  };

  it('reports its declared channels, each with a finite value, in its time', async () => {
    for (const set of optionSets(driver, hooks)) {
      const options = optionsOf(driver, set);
      const { clock, opened } = openOn(device(), set);
      const sensor = await opened;
      const beganMs = clock.monotonic();
      expectDeclared(await sensor.read(signal), channelsOf(driver, options));
      expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(
        driver.variant?.(options).worstCaseMs ?? driver.worstCaseMs,
      );
      await sensor.close();
    }
  });

  if (broken) {
    it('fails with a code when there is nothing to read', async () => {
      const outcome = await outcomeOf(
        openOn(broken(), hooks.options ?? {}).opened.then((sensor) => sensor.read(signal)),
      );
      expect(outcome).toEqual({ code: expect.stringMatching(/^(bus|sensor)\./) });
    });
  }

  it('closes twice without complaint', async () => {
    const sensor = await openOn(device(), hooks.options ?? {}).opened;
    await sensor.close();
    await sensor.close();
  });
}
