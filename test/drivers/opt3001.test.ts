import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/opt3001.sim.ts';
import opt3001, { lux, startWord } from '../../drivers/opt3001.ts';
import { conformance, optionSets } from '../conformance.ts';
import { answering, i2cRig } from '../rig.ts';

const signal = new AbortController().signal;
const sets = optionSets(opt3001, {});

describe('with a range that is set', () => {
  // The suite begins in a lit room, which the smaller ranges do not hold.
  conformance(opt3001, simulation, { optionSets: sets.filter(({ range }) => Number(range) > 300) });
});

describe('with the range that it finds', () => {
  conformance(opt3001, simulation, {
    optionSets: sets.filter(({ range }) => range === undefined),
    // Half a step of the largest range.
    slack: { illuminance: 10.24 },
  });
});

describe('opt3001', () => {
  it.each([
    [0x0000, 0],
    [0x0001, 0.01],
    [0x0fff, 40.95],
    [0x3456, 88.8],
    [0x789a, 2_818.56],
    [0x8800, 5_242.88],
    [0x9400, 5_242.88],
    [0xbfff, 83_865.6],
    [0xc000, undefined],
    [0xffff, undefined],
  ])('converts %i as the datasheet does, to %d lx', (word, expected) => {
    if (expected === undefined) expect(lux(word)).toBeUndefined();
    else expect(lux(word)).toBeCloseTo(expected, 9);
  });

  it.each([
    [12, true, 0xca10],
    [12, false, 0xc210],
    [0, true, 0x0a10],
    [11, false, 0xb210],
  ])('starts a measurement with range %i (long: %s) with %i', (range, isLong, word) => {
    expect(startWord({ range, isLong })).toBe(word);
  });

  it.each([
    [{}, 'ca10', 880, 'c890', '3ea6'],
    [{ integration: '100ms' }, 'c210', 110, 'c090', '3ea6'],
    [{ range: 327.6 }, '3a10', 880, '3890', '3ea6'],
    [{ range: 655.2 }, '4a10', 880, '4890', '4753'],
    [{ range: 83_865.6 }, 'ba10', 880, 'b890', 'b00f'],
  ])('says on the wire what the datasheet asks for with %j', async (options, start, waitMs, done, result) => {
    const { bus, clock, open } = i2cRig(opt3001, simulation, { options, surroundings: { illuminance: 300 } });
    const sensor = await open();
    expect(bus.transcript).toEqual(['0x44 w 7e r 5449', '0x44 w 7f r 3001']);
    await sensor.read(signal);
    const before = bus.transcript.length;
    const beganMs = clock.monotonic();
    await sensor.read(signal);
    await sensor.close();
    expect(clock.monotonic() - beganMs).toBe(waitMs);
    expect(bus.transcript.slice(before)).toEqual([`0x44 w 01${start}`, `0x44 w 01 r ${done}`, `0x44 w 00 r ${result}`]);
  });

  it.each([40.95, 81.9, 163.8])('measures up to its range of %d lx', async (range) => {
    const options = { range, integration: '100ms' };
    const { open, world } = i2cRig(opt3001, simulation, { options });
    const sensor = await open();
    for (const share of [0, 0.3, 1]) {
      world.set({ illuminance: share * range });
      expect(Math.abs((await sensor.read(signal)).illuminance! - share * range)).toBeLessThanOrEqual(range / 4095);
    }
  });

  it.each([0, 0.02, 1, 50, 1_000, 20_000, 83_800])('finds its range for %d lx', async (illuminance) => {
    const { open } = i2cRig(opt3001, simulation, { surroundings: { illuminance } });
    const values = await (await open()).read(signal);
    expect(Math.abs(values.illuminance! - illuminance)).toBeLessThanOrEqual(0.005 + illuminance / 4_000);
  });

  it('waits for the second measurement that the automatic range may need', async () => {
    const { clock, open, world } = i2cRig(opt3001, simulation, { options: { integration: '100ms' } });
    const sensor = await open();
    await sensor.read(signal);
    world.set({ illuminance: 30_000 });
    const beganMs = clock.monotonic();
    expect((await sensor.read(signal)).illuminance).toBeCloseTo(30_000, -2);
    expect(clock.monotonic() - beganMs).toBeCloseTo(220, 6);
  });

  it('believes in darkness when two measurements in a row say so', async () => {
    const { bus, open } = i2cRig(opt3001, simulation, { surroundings: { illuminance: 0 } });
    expect(await (await open()).read(signal)).toEqual({ illuminance: 0 });
    expect(bus.transcript.filter((line) => line === '0x44 w 00 r 0000')).toHaveLength(2);
  });

  it.each([
    [{}, 90_000, /83865.6 lx: shade it/],
    [{ range: 163.8 }, 200, /163.8 lx: set range: auto/],
  ])('refuses too much light with %j', async (options, illuminance, message) => {
    const { open } = i2cRig(opt3001, simulation, { options, surroundings: { illuminance } });
    await expect((await open()).read(signal)).rejects.toMatchObject({
      code: 'sensor.saturated',
      message: expect.stringMatching(message),
    });
  });

  it('says that a chip which never ends measuring is not ready', async () => {
    const { clock, open } = i2cRig(opt3001, simulation, {
      options: { integration: '100ms' },
      intercept: async (_address, tx, rxLength, pass) => {
        const reply = await pass();
        return tx[0] === 0x01 && rxLength > 0 ? Uint8Array.of(0xc8, 0x10) : reply;
      },
    });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await expect(sensor.read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
    expect(clock.monotonic() - beganMs).toBeCloseTo(220, 6);
  });

  it('refuses a result whose exponent the chip does not have', async () => {
    const { open } = i2cRig(opt3001, simulation, { intercept: answering({ 0: 'c123' }) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.range' });
  });

  it.each([
    [0x5449, 'another chip of Texas Instruments, 0x1234'],
    [0x4321, 'maker 0x4321, chip 0x1234'],
  ])('says what answers there with maker %i', async (maker, words) => {
    const { open } = i2cRig(opt3001, simulation, {
      intercept: async (_address, tx) =>
        tx[0] === 0x7e ? Uint8Array.of(maker >> 8, maker & 0xff) : Uint8Array.of(0x12, 0x34),
    });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringContaining(words) });
  });
});

describe('the simulated opt3001', () => {
  const chipOf = () => {
    const { clock, world } = i2cRig(opt3001, simulation, { surroundings: { illuminance: 20 } });
    const chip = simulation.create(world);
    const hex = (register: number) => {
      chip.write(Uint8Array.of(register));
      return Buffer.from(chip.read(2) ?? []).toString('hex');
    };
    return { chip, clock, world, hex };
  };

  it('is shut down after power-on, with its reset values', async () => {
    const { clock, hex } = chipOf();
    await clock.sleep(2_000);
    expect([0, 1, 2, 3, 0x7e, 0x7f].map(hex)).toEqual(['0000', 'c810', 'c000', 'bfff', '5449', '3001']);
  });

  it('measures once, says ready until it is asked, and shuts down', async () => {
    const { chip, clock, world, hex } = chipOf();
    chip.write(Uint8Array.of(1, 0xca, 0x10));
    await clock.sleep(879);
    expect([hex(1), hex(0)]).toEqual(['ca10', '0000']);
    await clock.sleep(1);
    expect([hex(1), hex(1), hex(0)]).toEqual(['c890', 'c810', '07d0']);
    world.set({ illuminance: 10 });
    await clock.sleep(2_000);
    expect(hex(0)).toBe('07d0');
  });

  it('begins anew when its configuration is written', async () => {
    const { chip, clock, hex } = chipOf();
    chip.write(Uint8Array.of(1, 0xc2, 0x10));
    await clock.sleep(100);
    chip.write(Uint8Array.of(1, 0xc2, 0x10));
    await clock.sleep(100);
    expect(hex(1)).toBe('c210');
    await clock.sleep(10);
    expect(hex(1)).toBe('c090');
  });

  it('goes on measuring in continuous mode, and says when a fixed range overflows', async () => {
    const { chip, clock, world, hex } = chipOf();
    chip.write(Uint8Array.of(1, 0x04, 0x10));
    await clock.sleep(110);
    expect([hex(1), hex(0)]).toEqual(['0490', '07d0']);
    world.set({ illuminance: 50 });
    await clock.sleep(110);
    expect([hex(1), hex(0)]).toEqual(['0590', '0fff']);
  });
});
