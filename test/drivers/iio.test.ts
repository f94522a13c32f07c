import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/iio.sim.ts';
import iio from '../../drivers/iio.ts';
import { fileTree } from '../../src/bus/files.ts';
import type { SimulatedFile } from '../../src/bus/sim.ts';
import { simulatedFileTree } from '../../src/bus/simulated-files.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Options, type PolledSensor } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { optionsOf } from '../rig.ts';

/** The whole of a simulated device; its scales are finer than the channels' resolution but for these. */
const EVERYTHING =
  'temperature humidity pressure illuminance co2 acceleration_x acceleration_y acceleration_z voltage0 current1';
conformance(iio, simulation, {
  optionSets: [
    { name: 'everything', channels: EVERYTHING },
    { name: 'bme280' },
    { name: 'bme280', address: '1-0076' },
    { name: 'tmp117', address: 'spi0.0' },
    {},
  ],
  surroundings: (channel, value) => ({ [channel.replace(/[01]$/, '')]: value }),
  slack: { acceleration_x: 0.001, acceleration_y: 0.001, acceleration_z: 0.001, voltage0: 0.0001, current1: 0.0001 },
});

const SIGNAL = new AbortController().signal;
type Files = Readonly<Record<string, SimulatedFile>>;
const device = (nth: number, files: Files): Files =>
  Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`/sys/bus/iio/devices/iio:device${nth}/${name}`, text]),
  );

describe('iio', () => {
  const openOn = (files: () => Files, given: Options = {}): Promise<PolledSensor> => {
    const clock = virtualClock({ automatic: true });
    const tree = simulatedFileTree({ files, clock, real: fileTree() });
    return iio.open(driverContext<'files'>(tree, clock, optionsOf(iio, given)));
  };
  const read = async (files: Files, given: Options = {}) => (await openOn(() => files, given)).read(SIGNAL);

  const air = device(0, { name: 'bme280\n', in_temp_input: '21500\n', in_humidityrelative_input: '45000\n' });
  const lamp = device(1, { name: 'bh1750\n', in_illuminance_raw: '600\n', in_illuminance_scale: '0.833333\n' });

  it('finds a device by its name, whatever its number', async () => {
    expect(await read({ ...air, ...lamp }, { name: 'bh1750' })).toEqual({ illuminance: 600 * 0.833333 });
    expect(await read({ ...air, ...lamp }, { name: 'bme280' })).toEqual({ temperature: 21.5, humidity: 45 });
  });

  it('finds a device by its label, and the only one without any', async () => {
    const labelled = device(3, {
      name: 'ads1015\n',
      label: 'battery\n',
      in_voltage1_raw: '1000\n',
      in_voltage_scale: '2\n',
    });
    expect(await read({ ...air, ...labelled }, { name: 'battery', channels: 'voltage1' })).toEqual({ voltage1: 2 });
    expect(await read(lamp)).toEqual({ illuminance: 600 * 0.833333 });
  });

  it('tells two of one name apart by the place of the chip', async () => {
    const two = { ...air, ...device(1, { name: 'bme280\n', in_temp_input: '3000\n' }) };
    await expect(read(two, { name: 'bme280' })).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringContaining('set address, as in /sys/bus/*/devices'),
    });
    const placed = { ...two, '/sys/bus/i2c/devices/1-0077/iio:device1/name': 'bme280\n' };
    expect(await read(placed, { name: 'bme280', address: '1-0077' })).toEqual({ temperature: 3 });
    expect(await read(placed, { address: '1-0077' })).toEqual({ temperature: 3 });
    await expect(read(placed, { address: '1-0076' })).rejects.toMatchObject({ code: 'bus.missing' });
  });

  it('says which devices there are when it is not one of them', async () => {
    await expect(read(air, { name: 'bmp280' })).rejects.toMatchObject({
      code: 'bus.missing',
      message: 'no IIO device named bmp280 is in /sys/bus/iio/devices; there are bme280 (iio:device0)',
    });
  });

  it('does not read a device that another one has taken the number of', async () => {
    let files: Files = air;
    const sensor = await openOn(() => files, { name: 'bme280' });
    await sensor.read(SIGNAL);
    files = device(0, { name: 'tmp117\n', in_temp_input: '99000\n' });
    await expect(sensor.read(SIGNAL)).rejects.toMatchObject({ code: 'sensor.identity' });
    files = {};
    await expect(sensor.read(SIGNAL)).rejects.toMatchObject({ code: 'bus.missing' });
  });

  it('leaves out a channel that fails, and fails with its error when it is the last one', async () => {
    const failing = device(0, { name: 'bme280\n', in_temp_input: { readMs: 1, read: () => ({ errno: 'EIO' }) } });
    await expect(read(failing)).rejects.toMatchObject({ code: 'bus.io' });
    expect(await read({ ...failing, ...device(0, { in_pressure_input: '101.325000000\n' }) })).toEqual({
      pressure: 1013.25,
    });
  });

  it('leaves out a raw value without a scale, since it has no unit', async () => {
    const raw = device(0, { name: 'x\n', in_temp_raw: '500\n', in_temp_offset: '10\n' });
    await expect(read(raw)).rejects.toMatchObject({ code: 'sensor.no-data' });
    expect(await read({ ...raw, ...device(0, { in_temp_scale: '100\n' }) })).toEqual({ temperature: 51 });
  });

  it.each([
    [
      'in_temp_object_raw of an MLX90614',
      'temperature_object',
      { in_temp_object_raw: '100\n', in_temp_scale: '20\n' },
      2,
    ],
    [
      'a scale of its own before a shared one',
      'voltage2',
      { in_voltage2_raw: '4\n', in_voltage2_scale: '500\n', in_voltage_scale: '1\n' },
      2,
    ],
    ['a small negative number', 'temperature', { in_temp_input: '-0.500000\n' }, -0.0005],
    ['humidity in percent, against the ABI', 'humidity', { in_humidityrelative_input: '45.678000000\n' }, 45.678],
  ])('reads %s', async (_, channel, files, value) => {
    expect(await read(device(0, { name: 'x\n', ...files }), { channels: channel })).toEqual({ [channel]: value });
  });

  it('refuses what cannot be', async () => {
    const hot = device(0, { name: 'bme280\n', in_temp_input: '9999999\n' });
    await expect(read(hot)).rejects.toMatchObject({ code: 'sensor.range' });
  });

  it('has the channels of a known chip, or those that are asked for', () => {
    const names = (options: Options) => Object.keys(iio.variant?.(options).channels ?? {});
    expect(names({ name: 'bmp280' })).toEqual(['temperature', 'pressure']);
    expect(names({ name: 'lsm6dsox_accel' })).toEqual(['acceleration_x', 'acceleration_y', 'acceleration_z']);
    expect(names({ name: '1-0040' })).toEqual(['temperature', 'humidity', 'pressure', 'illuminance']);
    expect(names({ name: 'bmp280', channels: 'voltage0, co2 voltage0' })).toEqual(['voltage0', 'co2']);
  });

  it('says at once that a channel is none', () => {
    expect(() => iio.variant?.({ channels: 'temprature' })).toThrow(/temprature is none: write temperature, humidity/);
  });
});
