import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/hwmon.sim.ts';
import hwmon from '../../drivers/hwmon.ts';
import { fileTree } from '../../src/bus/files.ts';
import type { SimulatedFile } from '../../src/bus/sim.ts';
import { simulatedFileTree } from '../../src/bus/simulated-files.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { optionsOf } from '../rig.ts';

conformance(hwmon, simulation, {
  optionSets: [
    { name: 'sht3x', channels: 'temperature1 humidity1' },
    { name: 'ina219', address: '1-0040', channels: 'voltage0, voltage1, current1' },
    { channels: 'temperature humidity voltage current' },
  ],
  surroundings: (channel, value) => ({ [channel.replace(/\d$/, '')]: value }),
});

const SIGNAL = new AbortController().signal;
type Files = Readonly<Record<string, SimulatedFile>>;
const device = (nth: number, files: Files): Files =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [`/sys/class/hwmon/hwmon${nth}/${name}`, text]));

describe('hwmon', () => {
  const read = async (files: Files, given: Options = {}) => {
    const clock = virtualClock({ automatic: true });
    const tree = simulatedFileTree({ files: () => files, clock, real: fileTree() });
    const sensor = await hwmon.open(driverContext<'files'>(tree, clock, optionsOf(hwmon, given)));
    return sensor.read(SIGNAL);
  };
  const processor = device(0, { name: 'cpu_thermal\n', temp1_input: '48312\n' });
  const meter = device(2, {
    name: 'ina219\n',
    in0_input: '12\n',
    in1_input: '5012\n',
    curr1_input: '-250\n',
    power1_input: '1253000\n',
  });

  it("reads every kind in the kernel's units", async () => {
    const all = device(1, {
      name: 'all\n',
      temp1_input: '-10500\n',
      humidity1_input: '45300\n',
      in0_input: '3301\n',
      curr1_input: '120\n',
      power1_average: '2500000\n',
      energy1_input: '3600000000\n',
      fan1_input: '1200\n',
    });
    expect(await read(all, { channels: 'temperature1 humidity1 voltage0 current1 power1 energy1 fan1' })).toEqual({
      temperature1: -10.5,
      humidity1: expect.closeTo(45.3),
      voltage0: 3.301,
      current1: 0.12,
      power1: 2.5,
      energy1: 3_600,
      fan1: 20,
    });
  });

  it('takes a word without a number for the first of its kind, and leaves out what is not there', async () => {
    expect(await read({ ...processor, ...meter }, { name: 'ina219' })).toEqual({
      voltage: 0.012,
      current: -0.25,
      power: 1.253,
    });
    expect(await read(processor)).toEqual({ temperature: 48.312 });
  });

  it('finds a device by the place of its chip', async () => {
    const placed = { ...processor, ...meter, '/sys/bus/i2c/devices/1-0040/hwmon/hwmon2/name': 'ina219\n' };
    expect(await read(placed, { address: '1-0040', channels: 'voltage1' })).toEqual({
      voltage1: expect.closeTo(5.012),
    });
  });

  it('says which devices there are when none or several could be meant', async () => {
    await expect(read({ ...processor, ...meter })).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringContaining('cpu_thermal (hwmon0), ina219 (hwmon2)'),
    });
    await expect(read(processor, { name: 'lm75' })).rejects.toMatchObject({ code: 'bus.missing' });
  });

  it('gives no value of an input that is faulty, broken or cannot be', async () => {
    const wire = (files: Files) => read(device(0, { name: 'max31865\n', ...files }));
    await expect(wire({ temp1_input: '0\n', temp1_fault: '1\n' })).rejects.toMatchObject({ code: 'sensor.no-data' });
    await expect(wire({ temp1_input: '\n' })).rejects.toMatchObject({ code: 'sensor.no-data' });
    await expect(wire({ temp1_input: '4294967295\n' })).rejects.toMatchObject({ code: 'sensor.range' });
    await expect(wire({ temp1_input: { readMs: 1, read: () => ({ errno: 'ENODATA' }) } })).rejects.toMatchObject({
      code: 'bus.io',
    });
    await expect(wire({ temp1_max: '80000\n' })).rejects.toMatchObject({ code: 'sensor.no-data' });
    expect(await wire({ temp1_input: '20000\n', temp1_fault: '0\n' })).toEqual({ temperature: 20 });
  });

  it('says at once that a channel is none', () => {
    expect(() => hwmon.variant?.({ channels: 'pressure' })).toThrow(/pressure is none: write temperature, humidity/);
  });
});
