import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/tsl2561.sim.ts';
import tsl2561, { fitting, isSaturated, lux, settingsOf } from '../../drivers/tsl2561.ts';
import type { Options } from '../../src/driver.ts';
import { conformance, optionSets } from '../conformance.ts';
import { i2cRig, type Surroundings } from '../rig.ts';

const signal = new AbortController().signal;
const FINEST = { gain: 16, integration: '402ms' } as const;

/** The ends of the channel are those of the CS package; the simulated one saturates 4 % earlier. */
const upToItsEnd = (_channel: string, value: number, options: Options): Surroundings | undefined =>
  value <= tsl2561.variant!(options).channels!.illuminance!.max * (0.0304 / 0.0315)
    ? { illuminance: value }
    : undefined;

describe('with a gain that is set', () => {
  conformance(tsl2561, simulation, {
    optionSets: [{ gain: 1 }, ...['13.7ms', '101ms', '402ms'].map((integration) => ({ gain: 16, integration }))],
    surroundings: upToItsEnd,
  });
});

describe('with the gain that it finds', () => {
  conformance(tsl2561, simulation, {
    optionSets: optionSets(tsl2561, {}).filter(({ gain }) => gain === undefined),
    // In bright light a step is 2 lx, or 14 lx where 13.7 ms are asked for.
    slack: { illuminance: 15 },
    surroundings: upToItsEnd,
  });
});

describe('tsl2561', () => {
  it.each([
    [1_000, 0, 'T', 30.4],
    [1_000, 125, 'T', 27],
    [1_000, 250, 'T', 21.5],
    [1_000, 500, 'T', 6.9],
    [1_000, 610, 'T', 3.49],
    [1_000, 1_301, 'T', 0],
    [1_000, 0, 'CS', 31.5],
    [1_000, 520, 'CS', 7.74],
    [0, 0, 'T', 0],
    [0, 5, 'T', 0],
  ] as const)('converts the counts %i and %i of package %s to %d lx', (channel0, channel1, packaging, expected) => {
    expect(lux(channel0, channel1, FINEST, packaging)).toBeCloseTo(expected, 9);
  });

  it('scales counts by gain and by periods of the clock', () => {
    expect(lux(100, 0, { gain: 1, integration: '402ms' }, 'T')).toBeCloseTo(100 * 16 * 0.0304, 9);
    expect(lux(100, 0, { gain: 16, integration: '101ms' }, 'T')).toBeCloseTo((100 * 0.0304 * 322) / 81, 9);
    expect(lux(100, 0, { gain: 16, integration: '13.7ms' }, 'T')).toBeCloseTo((100 * 0.0304 * 322) / 11, 9);
  });

  it.each([
    ['13.7ms', 4_900],
    ['101ms', 37_000],
    ['402ms', 65_000],
  ] as const)('takes either count above the end of %s for saturated', (integration, most) => {
    const setting = { gain: 1, integration } as const;
    expect(isSaturated([most, most], setting)).toBe(false);
    expect(isSaturated([most + 1, 0], setting)).toBe(true);
    expect(isSaturated([0, most + 1], setting)).toBe(true);
  });

  it.each([
    [0, 3, FINEST],
    [100, 3, FINEST],
    [200, 2, { gain: 1, integration: '402ms' }],
    [2_000, 1, { gain: 1, integration: '101ms' }],
    [5_047, 1, { gain: 1, integration: '101ms' }],
  ])('after a look that saw %i counts has %i settings to try, the first of them %j', (looked, count, first) => {
    const found = fitting(settingsOf({ gain: 'auto', integration: '402ms' }), looked);
    expect(found).toHaveLength(count);
    expect(found[0]).toEqual(first);
  });

  it.each([
    [{ gain: 16 }, ['8112'], 9868],
    [{ gain: 1 }, ['8102'], 617],
    [{ gain: 16, integration: '13.7ms' }, ['8110'], 337],
    [{ gain: 16, integration: '101ms' }, ['8111'], 2482],
    [{ gain: 'auto' }, ['8100', '8112'], 9868],
    [{ gain: 'auto', integration: '101ms' }, ['8100', '8111'], 2482],
  ])('says on the wire what the datasheet asks for with %j', async (options, timings, counts) => {
    const { bus, open } = i2cRig(tsl2561, simulation, { options });
    const sensor = await open();
    expect(bus.transcript).toEqual(['0x39 w 8a r 50', '0x39 w 8003', '0x39 w 80 r 03', '0x39 w 8000']);
    const before = bus.transcript.length;
    await sensor.read(signal);
    const said = bus.transcript.slice(before);
    expect(said.filter((line) => / w 81[0-9a-f]{2}$/.test(line))).toEqual(timings.map((timing) => `0x39 w ${timing}`));
    const word = Buffer.from(Uint16Array.of(counts).buffer).toString('hex');
    const timing = timings.at(-1)!;
    expect(said.slice(-8)).toEqual([
      '0x39 w 8000',
      `0x39 w ${timing}`,
      '0x39 w 8003',
      `0x39 w ac r ${word}`,
      '0x39 w ae r 0000',
      '0x39 w 80 r 03',
      `0x39 w 81 r ${timing.slice(2)}`,
      '0x39 w 8000',
    ]);
  });

  it.each([0, 0.1, 1, 10, 100, 1_000, 10_000, 50_000, 66_000])('finds its setting for %d lx', async (illuminance) => {
    const { open } = i2cRig(tsl2561, simulation, { surroundings: { illuminance } });
    const values = await (await open()).read(signal);
    expect(Math.abs(values.illuminance! - illuminance)).toBeLessThanOrEqual(0.016 + illuminance / 500);
  });

  it.each([0.1, 0.25, 0.4])('takes the infrared out where its share is %d', async (infrared) => {
    const { open } = i2cRig(tsl2561, simulation, { surroundings: { illuminance: 500, infrared } });
    // The datasheet's straight lines and its power law differ by up to 2 %.
    expect((await (await open()).read(signal)).illuminance).toBeCloseTo(500, -1);
  });

  it('goes on to a less sensitive setting when the light has grown since the look', async () => {
    const { bus, open } = i2cRig(tsl2561, simulation, {
      surroundings: { illuminance: (monoMs) => (monoMs < 1_030 ? 10 : 20_000) },
    });
    expect((await (await open()).read(signal)).illuminance).toBeCloseTo(20_000, -2);
    expect(bus.transcript.filter((line) => / w 81[0-9a-f]{2}$/.test(line)).map((line) => line.slice(-2))).toEqual([
      '00',
      '12',
      '02',
    ]);
  });

  it.each([
    [{}, 80_000, /shade it/],
    [{ gain: 16 }, 3_000, /gain: auto/],
  ])('refuses too much light with %j', async (options, illuminance, advice) => {
    const { bus, open } = i2cRig(tsl2561, simulation, { options, surroundings: { illuminance } });
    await expect((await open()).read(signal)).rejects.toMatchObject({
      code: 'sensor.saturated',
      message: expect.stringMatching(advice),
    });
    expect(bus.transcript.at(-1)).toBe('0x39 w 8000');
  });

  it.each([
    ['a TSL2591: use the driver tsl2591', 0xb2, 0x50],
    ['an APDS-9960', 0x92, 0xab],
    ['which is no TSL2561', 0x00, 0x00],
  ])('says when the chip there is %s', async (name, command, reply) => {
    const { open } = i2cRig(tsl2561, simulation, {
      intercept: async (_address, tx, rxLength) =>
        new Uint8Array(rxLength).fill(tx[0] === 0x8a ? 0xab : tx[0] === command ? reply : 0x01),
    });
    await expect(open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringContaining(name),
    });
  });

  it.each([
    [0x13, 0x00, 'TSL2561CS'],
    [0x50, 0x03, 'TSL2561'],
    [0x14, 0x15, undefined],
    [0x4b, 0x00, undefined],
  ])('takes id %i beside a control register of %i for %s', async (id, control, name) => {
    const device = { writeRead: async ([command]: number[]) => Uint8Array.of(command === 0x8a ? id : control) };
    expect(await tsl2561.identify!(device as never)).toBe(name);
  });
});

describe('the simulated tsl2561', () => {
  const chipOf = () => {
    const { clock, world } = i2cRig(tsl2561, simulation, { surroundings: { illuminance: 100 } });
    const chip = simulation.create(world);
    const hex = (command: number, length: number) => {
      chip.write(Uint8Array.of(command));
      return Buffer.from(chip.read(length) ?? []).toString('hex');
    };
    return { chip, clock, world, hex };
  };

  it('is off after power-on, with its reset values', async () => {
    const { clock, hex } = chipOf();
    await clock.sleep(1_000);
    expect([hex(0x80, 1), hex(0x81, 1), hex(0x8a, 1), hex(0xac, 2)]).toEqual(['00', '02', '50', '0000']);
  });

  it('has data one integration after it is switched on, and keeps them when it is switched off', async () => {
    const { chip, clock, world, hex } = chipOf();
    chip.write(Uint8Array.of(0x80, 0x03));
    await clock.sleep(449);
    expect(hex(0xac, 2)).toBe('0000');
    await clock.sleep(1);
    expect(hex(0xac, 2)).toBe('ce00');
    chip.write(Uint8Array.of(0x80, 0x00));
    world.set({ illuminance: 0 });
    await clock.sleep(1_000);
    expect(hex(0xac, 2)).toBe('ce00');
  });

  it('does not hear what has no command bit', () => {
    const { chip, hex } = chipOf();
    chip.write(Uint8Array.of(0x00, 0x03));
    expect(hex(0x80, 1)).toBe('00');
  });
});
