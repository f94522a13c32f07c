import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/tsl2591.sim.ts';
import tsl2591, { fitting, isSaturated, lux, settingsOf } from '../../drivers/tsl2591.ts';
import { conformance, optionSets } from '../conformance.ts';
import { answering, i2cRig } from '../rig.ts';

const signal = new AbortController().signal;

describe('with a gain that is set', () => {
  conformance(tsl2591, simulation, {
    optionSets: [
      ...[1, 25, 428].map((gain) => ({ gain })),
      ...['200ms', '300ms', '400ms', '500ms', '600ms'].map((integration) => ({ gain: 25, integration })),
    ],
  });
});

describe('with the gain that it finds', () => {
  conformance(tsl2591, simulation, {
    optionSets: optionSets(tsl2591, {}).filter(({ gain }) => gain === undefined),
    // A step of the least sensitive setting.
    slack: { illuminance: 4.08 },
  });
});

describe('tsl2591', () => {
  // The conformance suite begins in a lit room, where this gain has nothing to say.
  it.each([0, 0.001, 0.5, 5, 15.2])('measures %d lx at gain 9876', async (illuminance) => {
    const { open } = i2cRig(tsl2591, simulation, { options: { gain: 9876 }, surroundings: { illuminance } });
    expect(Math.abs((await (await open()).read(signal)).illuminance! - illuminance)).toBeLessThanOrEqual(0.00042);
  });

  it.each([
    [1_000, 0, 1, 100, 4_080],
    [1_000, 500, 25, 100, 40.8],
    [1_000, 250, 428, 200, (750 * 0.75 * 408) / 85_600],
    [1, 0, 9_876, 600, 408 / 5_925_600],
    [0, 0, 25, 100, 0],
    [100, 100, 25, 100, 0],
    [100, 101, 25, 100, 0],
  ] as const)(
    'converts the counts %i and %i at gain %i and %i ms to %d lx',
    (channel0, channel1, gain, integrationMs, expected) => {
      expect(lux(channel0, channel1, { gain, integrationMs })).toBeCloseTo(expected, 9);
    },
  );

  it('takes either count at the full scale for saturated, which is lower at 100 ms', () => {
    const short = { gain: 25, integrationMs: 100 } as const;
    const long = { gain: 25, integrationMs: 200 } as const;
    expect(isSaturated([36_862, 36_862], short)).toBe(false);
    expect(isSaturated([36_863, 0], short)).toBe(true);
    expect(isSaturated([0, 36_863], short)).toBe(true);
    expect(isSaturated([65_534, 37_000], long)).toBe(false);
    expect(isSaturated([65_535, 0], long)).toBe(true);
  });

  it.each([
    [0, 5, 9876, 600],
    [12, 5, 9876, 600],
    [100, 4, 428, 600],
    [1_000, 3, 25, 600],
    [20_000, 2, 1, 600],
    [36_863, 2, 1, 600],
  ])(
    'after a look that saw %i counts has %i settings to try, the first with gain %i',
    (looked, count, gain, integrationMs) => {
      const found = fitting(settingsOf({ gain: 'auto', integration: '600ms' }), looked);
      expect(found).toHaveLength(count);
      expect(found[0]).toEqual({ gain, integrationMs });
      expect(found.at(-1)).toEqual({ gain: 1, integrationMs: 100 });
    },
  );

  it.each([
    [{ gain: 1 }, ['00'], 300],
    [{ gain: 25 }, ['10'], 300],
    [{ gain: 428 }, ['20'], 300],
    [{ gain: 9876 }, ['30'], 10],
    [{ gain: 25, integration: '200ms' }, ['11'], 300],
    [{ gain: 25, integration: '300ms' }, ['12'], 300],
    [{ gain: 25, integration: '400ms' }, ['13'], 300],
    [{ gain: 25, integration: '500ms' }, ['14'], 300],
    [{ gain: 25, integration: '600ms' }, ['15'], 300],
    [{}, ['10', '10'], 300],
    [{ integration: '600ms' }, ['10', '15'], 300],
  ])('says on the wire what the datasheet asks for with %j', async (options, controls, illuminance) => {
    const { bus, open } = i2cRig(tsl2591, simulation, { options, surroundings: { illuminance } });
    const sensor = await open();
    expect(bus.transcript).toEqual(['0x29 w b2 r 50', '0x29 w a000']);
    await sensor.read(signal);
    const said = bus.transcript.slice(2);
    expect(said.filter((line) => / w a1[0-9a-f]{2}$/.test(line))).toEqual(
      controls.map((control) => `0x29 w a1${control}`),
    );
    const control = controls.at(-1)!;
    const step =
      408 / (100 * ((Number.parseInt(control, 16) & 7) + 1) * [1, 25, 428, 9876][Number.parseInt(control, 16) >> 4]!);
    const word = Buffer.from(Uint16Array.of(Math.round(illuminance / step)).buffer).toString('hex');
    expect(said.slice(-6)).toEqual([
      '0x29 w a000',
      `0x29 w a1${control}`,
      '0x29 w a003',
      `0x29 w b3 r 01${word}0000`,
      `0x29 w a0 r 03${control}`,
      '0x29 w a000',
    ]);
  });

  it.each([0, 0.01, 0.1, 1, 10, 100, 1_000, 10_000, 100_000, 150_000])(
    'finds its setting for %d lx',
    async (illuminance) => {
      const { open } = i2cRig(tsl2591, simulation, { surroundings: { illuminance } });
      const values = await (await open()).read(signal);
      expect(Math.abs(values.illuminance! - illuminance)).toBeLessThanOrEqual(0.0003 + illuminance / 500);
    },
  );

  it.each([0.1, 0.25, 0.5])('takes the infrared out where its share is %d', async (infrared) => {
    const { open } = i2cRig(tsl2591, simulation, { surroundings: { illuminance: 500, infrared } });
    expect((await (await open()).read(signal)).illuminance).toBeCloseTo(500, 0);
  });

  it('goes on to a less sensitive setting when the light has grown since the look', async () => {
    const { bus, open } = i2cRig(tsl2591, simulation, {
      surroundings: { illuminance: (monoMs) => (monoMs < 1_110 ? 5 : 4_000) },
    });
    expect((await (await open()).read(signal)).illuminance).toBeCloseTo(4_000, -1);
    const controls = bus.transcript.filter((line) => / w a1[0-9a-f]{2}$/.test(line)).map((line) => line.slice(-2));
    expect(controls).toEqual(['10', '30', '20', '10']);
  });

  it.each([
    [{}, 155_000, /shade it/],
    [{ gain: 9876 }, 20, /gain: auto/],
  ])('refuses too much light with %j', async (options, illuminance, advice) => {
    const { bus, open } = i2cRig(tsl2591, simulation, { options, surroundings: { illuminance } });
    await expect((await open()).read(signal)).rejects.toMatchObject({
      code: 'sensor.saturated',
      message: expect.stringMatching(advice),
    });
    expect(bus.transcript.at(-1)).toBe('0x29 w a000');
  });

  it('says that a chip which never ends measuring is not ready', async () => {
    const { open } = i2cRig(tsl2591, simulation, {
      intercept: async (_address, tx, rxLength, pass) => (tx[0] === 0xb3 ? new Uint8Array(rxLength) : pass()),
    });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });

  it.each(['0100', '0390'])('refuses counts that were taken with another setting, 0x%s', async (held) => {
    const { open } = i2cRig(tsl2591, simulation, { intercept: answering({ 160: held }) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });

  it.each([
    [0x50, 'use the driver tsl2561'],
    [0x12, 'use the driver tsl2561'],
    [0x33, 'it is no TSL2591'],
  ])('says what answers there with 0x%s as the id of a TSL2561', async (reply, words) => {
    const { open } = i2cRig(tsl2591, simulation, {
      intercept: async (_address, tx, rxLength) => new Uint8Array(rxLength).fill(tx[0] === 0x8a ? reply : 0x22),
    });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringContaining(words) });
  });
});

describe('the simulated tsl2591', () => {
  const chipOf = () => {
    const { clock, world } = i2cRig(tsl2591, simulation, { surroundings: { illuminance: 100 } });
    const chip = simulation.create(world);
    const hex = (command: number, length: number) => {
      chip.write(Uint8Array.of(command));
      return Buffer.from(chip.read(length) ?? []).toString('hex');
    };
    return { chip, clock, hex };
  };

  it('is off after power-on, with its reset values', async () => {
    const { clock, hex } = chipOf();
    await clock.sleep(1_000);
    expect([hex(0xa0, 2), hex(0xb2, 6)]).toEqual(['0000', '500000000000']);
  });

  it('has valid data one integration after it is switched on, and says so until it is switched on again', async () => {
    const { chip, clock, hex } = chipOf();
    chip.write(Uint8Array.of(0xa1, 0x10));
    chip.write(Uint8Array.of(0xa0, 0x03));
    await clock.sleep(107);
    expect(hex(0xb3, 5)).toBe('0000000000');
    await clock.sleep(1);
    expect(hex(0xb3, 5)).toBe('0165020000');
    chip.write(Uint8Array.of(0xa0, 0x00));
    expect(hex(0xb3, 5)).toBe('0165020000');
    chip.write(Uint8Array.of(0xa0, 0x03));
    expect(hex(0xb3, 5)).toBe('0065020000');
  });

  it('forgets its settings at a reset, and does not hear what has no command bits', () => {
    const { chip, hex } = chipOf();
    chip.write(Uint8Array.of(0xa1, 0x25));
    chip.write(Uint8Array.of(0x01, 0x11));
    expect(hex(0xa1, 1)).toBe('25');
    chip.write(Uint8Array.of(0xa1, 0x80));
    expect(hex(0xa1, 1)).toBe('00');
  });
});
