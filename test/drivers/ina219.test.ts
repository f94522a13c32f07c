import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/ina219.sim.ts';
import ina219, { busVolts, calibrationFor, currentStep, measurementMs, shuntVolts } from '../../drivers/ina219.ts';
import type { Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { answering, i2cRig, optionsOf, type Surroundings } from '../rig.ts';
import { bareChip, refusesAtOpen, refusesInRead } from './specifications.ts';

/** The simulated module has 0.1 Ohm: a current that the driver is to find with another shunt is another one in truth. */
conformance(ina219, simulation, {
  surroundings: (channel, value, { shunt }) => {
    if (channel === 'voltage') return { voltage: value };
    return channel === 'current' ? { current: (value * (shunt as number)) / 0.1 } : undefined;
  },
  // Half a step of the shunt, where the step of the current is the coarser one.
  slack: { current: 0.00005 },
});

const signal = new AbortController().signal;

describe('the maths of ina219', () => {
  it.each([
    [0.0001, 0.1, 4096],
    [0.00004, 0.1, 10240],
    [0.00005, 0.1, 8192],
    [0.0001, 0.01, 40960],
    [0.001, 0.1, 408],
    [1, 100, 2],
    [1e-6, 0.1, 0xfffe],
  ])('calibrates for steps of %d A at %d Ohm with %i', (step, shunt, expected) => {
    expect(calibrationFor(step, shunt)).toBe(expected);
  });

  it('knows the step that a calibration makes in truth', () => {
    expect(currentStep(4096, 0.1)).toBeCloseTo(0.0001, 12);
    expect(currentStep(408, 0.1)).toBeCloseTo(0.00100392, 8);
  });

  it('converts both voltages', () => {
    expect([0x0000, 0x000a, 0x5dc2, 0xfa02].map(busVolts)).toEqual([0, 0.004, 12, 32]);
    expect([0x0001, 0xffff, 0x7d00, 0x8300].map(shuntVolts)).toEqual([1e-5, -1e-5, 0.32, -0.32]);
  });

  it('needs 586 us for each sample of each voltage', () => {
    expect(measurementMs(1)).toBeCloseTo(1.172, 9);
    expect(measurementMs(128)).toBeCloseTo(150.016, 9);
  });
});

describe('the ranges of ina219', () => {
  it('end with the largest word that the register of the current can hold', () => {
    const step = 0.00001;
    const { current } = ina219.variant!(optionsOf(ina219, { shunt: 0.1, current_step: step })).channels!;
    expect(current!.max).toBeCloseTo(32_767 * step, 9);
  });
});

describe('ina219', () => {
  const rig = (options: Options = {}, surroundings: Surroundings = {}) =>
    i2cRig(ina219, simulation, { options, surroundings: { voltage: 12, current: 0.2, ...surroundings } });

  it.each([
    [{}, '1000', '3dd8', '3ddb', '07d0', '07d0', '04b0'],
    [{ samples: 1 }, '1000', '3998', '399b', '07d0', '07d0', '04b0'],
    [{ samples: 2 }, '1000', '3cc8', '3ccb', '07d0', '07d0', '04b0'],
    [{ samples: 4 }, '1000', '3d50', '3d53', '07d0', '07d0', '04b0'],
    [{ samples: 16 }, '1000', '3e60', '3e63', '07d0', '07d0', '04b0'],
    [{ samples: 32 }, '1000', '3ee8', '3eeb', '07d0', '07d0', '04b0'],
    [{ samples: 64 }, '1000', '3f70', '3f73', '07d0', '07d0', '04b0'],
    [{ samples: 128 }, '1000', '3ff8', '3ffb', '07d0', '07d0', '04b0'],
    [{ range: 40 }, '1000', '25d8', '25db', '07d0', '07d0', '04b0'],
    [{ range: 80 }, '1000', '2dd8', '2ddb', '07d0', '07d0', '04b0'],
    [{ range: 160 }, '1000', '35d8', '35db', '07d0', '07d0', '04b0'],
    [{ bus_range: 16 }, '1000', '1dd8', '1ddb', '07d0', '07d0', '04b0'],
    [{ current_step: 0.00004 }, '2800', '3dd8', '3ddb', '07d0', '1388', '0bb8'],
    [{ shunt: 0.01 }, '1000', '3dd8', '3ddb', '07d0', '07d0', '04b0'],
  ])(
    'says on the wire what the datasheet asks for with %j',
    async (options, calibration, idle, once, shunt, current, power) => {
      const { bus, open } = rig(options);
      const sensor = await open();
      await sensor.read(signal);
      await sensor.close();
      expect(bus.transcript).toEqual([
        '0x40 w 008000',
        '0x40 w 00 r 399f',
        `0x40 w 00${idle}`,
        `0x40 w 05${calibration}`,
        `0x40 w 00${once}`,
        '0x40 w 02 r 5dc2',
        `0x40 w 01 r ${shunt}`,
        `0x40 w 04 r ${current}`,
        `0x40 w 03 r ${power}`,
        `0x40 w 05 r ${calibration}`,
        `0x40 w 00 r ${once}`,
        `0x40 w 00${idle}`,
        `0x40 w 00${idle}`,
      ]);
    },
  );

  it('reports voltage, current, power and the voltage at the shunt', async () => {
    const values = await (await rig().open()).read(signal);
    expect(values.voltage).toBeCloseTo(12, 9);
    expect(values.current).toBeCloseTo(0.2, 9);
    expect(values.power).toBeCloseTo(2.4, 9);
    expect(values.shunt_voltage).toBeCloseTo(0.02, 9);
  });

  it('reports a current that flows back as negative, and its power as what it is', async () => {
    const values = await (await rig({}, { current: -0.2 }).open()).read(signal);
    expect(values.current).toBeCloseTo(-0.2, 9);
    expect(values.power).toBeCloseTo(2.4, 9);
  });

  it('leaves out current and power when they have overflown in the chip', async () => {
    const values = await (await rig({ current_step: 0.00001 }, { current: 0.4 }).open()).read(signal);
    expect(Object.keys(values)).toEqual(['voltage', 'shunt_voltage']);
  });

  it('leaves out current and power when the chip has lost its calibration', async () => {
    const { open } = i2cRig(ina219, simulation, { intercept: answering({ 5: '0000' }) });
    expect(Object.keys(await (await open()).read(signal))).toEqual(['voltage', 'shunt_voltage']);
  });

  it.each([
    [{ range: 40 }, { current: 0.5 }, /more than 40 mV at the shunt.*widen range/],
    [{ range: 160 }, { current: -1.7 }, /more than 160 mV at the shunt.*widen range/],
    [{ bus_range: 16 }, { voltage: 17 }, /more than 16 V.*set bus_range to 32/],
  ])('refuses what is beyond the range with %j and %j, and says what to do', async (options, surroundings, message) => {
    const sensor = await rig(options, surroundings).open();
    await expect(sensor.read(signal)).rejects.toMatchObject({
      code: 'sensor.saturated',
      message: expect.stringMatching(message),
    });
  });

  refusesAtOpen(ina219, simulation, [
    ['an HDC1080', { 0: '6a10', 255: '1050' }, /answers as an HDC1080.*use the driver hdc1080/],
    ['a bus stuck low', { 0: '0000', 255: '0000' }, /says 0x0000.*check wiring/],
    ['a bus stuck high', { 0: 'ffff', 255: 'ffff' }, /says 0xffff.*check wiring/],
  ]);

  refusesInRead(ina219, simulation, [
    ['a chip that was reset', { 0: '399f' }, 'sensor.no-data'],
    ['a measurement that never ends', { 2: '5dc0' }, 'sensor.not-ready'],
    ['a bus stuck low', { 0: '0000', 1: '0000', 2: '0000' }, 'sensor.not-ready'],
    ['a bus stuck high', { 0: 'ffff', 1: 'ffff', 2: 'ffff' }, 'sensor.no-data'],
  ]);
});

describe('the simulated ina219', () => {
  const bare = () => bareChip(ina219, simulation, { voltage: 12, current: 0.2 });

  it('measures by itself after power-on, without a calibration and so without current and power', async () => {
    const { word, pass } = bare();
    expect([0, 1, 2, 3, 4, 5].map(word)).toEqual(['399f', '0000', '0000', '0000', '0000', '0000']);
    await pass(1.064);
    expect([1, 2, 4, 3].map(word)).toEqual(['07d0', '5dc2', '0000', '0000']);
    // Reading the power takes the flag back.
    expect(word(2)).toBe('5dc0');
  });

  it('measures once when it is asked to, and not at all in power-down', async () => {
    const { write, word, pass, world } = bare();
    write(0x05, 0x10, 0x01);
    write(0x00, 0x39, 0x9b);
    await pass(1);
    expect(word(2)).toBe('0000');
    await pass(0.1);
    expect([2, 1, 4, 3, 5].map(word)).toEqual(['5dc2', '07d0', '07d0', '04b0', '1000']);
    write(0x00, 0x39, 0x98);
    world.set({ voltage: 5 });
    await pass(100);
    expect(word(2)).toBe('5dc0');
  });
});
