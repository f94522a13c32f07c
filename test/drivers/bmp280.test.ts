import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/bmp280.sim.ts';
import bmp280, { measurementUs } from '../../drivers/bmp280.ts';
import {
  type Calibration,
  fineTemperature,
  parseCalibration,
  pressurePa,
  temperature,
} from '../../drivers/bmx280.maths.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import type { Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { bareChip } from './specifications.ts';

// The driver computes in floating point and the simulation in integers; the datasheet's two forms differ by as much.
conformance(bmp280, simulation, { slack: { temperature: 0.015, pressure: 0.005 } });

const signal = new AbortController().signal;
const SURROUNDINGS = { temperature: 25, pressure: 1000 };

/** The calibration of the worked example in the datasheet. */
const EXAMPLE: Calibration = {
  t: [27504, 26435, -1000],
  p: [36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000],
};

describe('the maths of bmp280', () => {
  it('gives the results of the datasheet for its example: 25.08 Cel and 1006.53 hPa', () => {
    const fine = fineTemperature(519888, EXAMPLE);
    expect(temperature(fine)).toBeCloseTo(25.08, 2);
    expect(pressurePa(415148, fine, EXAMPLE)).toBeCloseTo(100653.27, 0);
  });

  it('has no pressure where the calibration makes it divide by zero', () => {
    const p = [0, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000] as const;
    expect(pressurePa(415148, 128422, { ...EXAMPLE, p })).toBeUndefined();
  });

  it('reads each calibration word with its sign', () => {
    const { t, p } = parseCalibration(Uint8Array.from({ length: 24 }, (_, at) => 0x80 + at));
    expect(t).toEqual([0x8180, 0x8382 - 0x10000, 0x8584 - 0x10000]);
    expect(p[0]).toBe(0x8786);
    expect(p[8]).toBe(0x9796 - 0x10000);
  });

  it.each([
    [{ t: 1, p: 1 }, 6_425],
    [{ t: 2, p: 5 }, 43_225],
    [{ t: 1, p: 0 }, 4_125],
  ])('needs for %j at most %i microseconds', (oversampling, expected) => {
    expect(measurementUs(oversampling)).toBe(expected);
  });
});

describe('bmp280', () => {
  const rig = (options: Options = {}) => i2cRig(bmp280, simulation, { options, surroundings: SURROUNDINGS });

  it('asks once for identity and calibration, and then measures with each read', async () => {
    const { bus, open } = rig();
    const sensor = await open();
    expect(bus.transcript.map((line) => line.slice(0, 14))).toEqual([
      '0x76 w d0 r 58',
      '0x76 w e0b6',
      '0x76 w f3 r 00',
      '0x76 w 88 r 70',
    ]);
    const opened = bus.transcript.length;
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript.slice(opened)).toEqual([
      '0x76 w f425',
      '0x76 w f3 r 00',
      expect.stringMatching(/^0x76 w f7 r [0-9a-f]{12}$/),
    ]);
  });

  it.each([
    [{ oversampling_temperature: 2 }, 'f445'],
    [{ oversampling_temperature: 4 }, 'f465'],
    [{ oversampling_temperature: 8 }, 'f485'],
    [{ oversampling_temperature: 16 }, 'f4a5'],
    [{ oversampling_pressure: 0 }, 'f421'],
    [{ oversampling_pressure: 2 }, 'f429'],
    [{ oversampling_pressure: 4 }, 'f42d'],
    [{ oversampling_pressure: 8 }, 'f431'],
    [{ oversampling_pressure: 16 }, 'f435'],
  ])('says on the wire what the datasheet asks for with %j', async (options, ctrlMeas) => {
    const { bus, open } = rig(options);
    await (await open()).read(signal);
    expect(bus.transcript[4]).toBe(`0x76 w ${ctrlMeas}`);
  });

  it.each([
    [2, '04'],
    [4, '08'],
    [8, '0c'],
    [16, '10'],
  ])(
    'writes the filter %i once, leaves it alone while the chip keeps it, and again after a brown-out',
    async (filter, code) => {
      const { bus, open, powerCycle } = rig({ filter });
      const sensor = await open();
      const configTraffic = async () => {
        const before = bus.transcript.length;
        await sensor.read(signal);
        return bus.transcript.slice(before).filter((line) => line.startsWith('0x76 w f5'));
      };
      expect(await configTraffic()).toEqual(['0x76 w f5 r 00', `0x76 w f5${code}`]);
      expect(await configTraffic()).toEqual([`0x76 w f5 r ${code}`]);
      powerCycle();
      expect(await configTraffic()).toEqual(['0x76 w f5 r 00', `0x76 w f5${code}`]);
    },
  );

  it('smooths from one read to the next with the filter', async () => {
    const { open, world } = rig({ filter: 4 });
    const sensor = await open();
    await sensor.read(signal);
    world.set({ temperature: 29 });
    expect((await sensor.read(signal)).temperature).toBeCloseTo(26, 1);
  });

  it('leaves pressure out when it is switched off', async () => {
    const { open, options } = rig({ oversampling_pressure: 0 });
    expect(Object.keys(bmp280.variant?.(options).channels ?? {})).toEqual(['temperature']);
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature']);
  });

  it.each([
    [0x60, /answers as a BME280.*`driver: bme280`/],
    [0x61, /answers as a BME680.*`driver: bme680`/],
    [0x42, /unknown chip \(id 0x42\)/],
  ])('refuses a chip with the id %i by name', async (id, message) => {
    const { open } = i2cRig(bmp280, simulation, {
      intercept: async (_address, tx, _rxLength, pass) => (tx[0] === 0xd0 ? Uint8Array.of(id) : pass()),
    });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('names a BMP390, whose id is elsewhere, and the driver that reads it', async () => {
    const { open } = i2cRig(bmp280, simulation, {
      intercept: async (_address, tx, _rxLength, pass) =>
        tx[0] === 0x00 ? Uint8Array.of(0x60) : tx[0] === 0xd0 ? Uint8Array.of(0) : pass(),
    });
    await expect(open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringMatching(/answers as a BMP390.*`driver: bmp388`/),
    });
  });

  it.each([0x56, 0x57, 0x58])('takes the id %i for its own, early samples included', async (id) => {
    const bus = i2cRig(bmp280, simulation, { intercept: async () => Uint8Array.of(id) }).bus;
    expect(await bmp280.identify?.(i2cDevice(bus, 0x76))).toBe('BMP280');
  });

  /** Overwrites what the chip answers at a register. */
  const answering = (register: number, ...bytes: number[]) =>
    i2cRig(bmp280, simulation, {
      surroundings: SURROUNDINGS,
      intercept: async (_address, tx, rxLength, pass) =>
        rxLength > 0 && tx[0] === register ? Uint8Array.from(bytes) : pass(),
    });

  it('gives up on a chip that never ends its start', async () => {
    const { open, clock } = answering(0xf3, 0x01);
    const beganMs = clock.monotonic();
    await expect(open()).rejects.toMatchObject({ code: 'sensor.not-ready' });
    expect(clock.monotonic() - beganMs).toBeLessThan(100);
  });

  it('gives up on a chip that never ends measuring', async () => {
    const { open } = answering(0xf3, 0x08);
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });

  it('refuses a calibration of nothing but ones', async () => {
    const { open } = answering(0x88, ...Array<number>(24).fill(0xff));
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity' });
  });

  it('has no data where the chip has not measured temperature, because pressure is computed from it', async () => {
    const { open } = answering(0xf7, 0x65, 0x5a, 0xc0, 0x80, 0x00, 0x00);
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it.each([
    ['that the chip has not measured', [0x80, 0x00, 0x00, 0x7e, 0xed, 0x00]],
    ['out of range', [0x00, 0x00, 0x00, 0x7e, 0xed, 0x00]],
  ])('leaves out a pressure %s', async (_what, bytes) => {
    const { open } = answering(0xf7, ...bytes);
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature']);
  });

  it('refuses a temperature that the chip cannot measure', async () => {
    const { open } = answering(0xf7, 0x65, 0x5a, 0xc0, 0xff, 0xff, 0xf0);
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.range' });
  });
});

describe('the simulated bmp280', () => {
  const bare = () => bareChip(bmp280, simulation, SURROUNDINGS);

  it('holds the old data and says that it is measuring until the longest time has passed', async () => {
    const { write, hex, pass } = bare();
    write(0xf4, 0x25);
    await pass(6.3);
    expect([hex(0xf3, 1), hex(0xf7, 6)]).toEqual(['08', '800000800000']);
    await pass(0.2);
    expect([hex(0xf3, 1), hex(0xf4, 1)]).toEqual(['00', '24']);
    expect(hex(0xf7, 6)).not.toBe('800000800000');
  });

  it('forgets its settings with a reset, and has no calibration until it is copied', async () => {
    const { write, hex, pass } = bare();
    const calibration = hex(0x88, 24);
    write(0xf5, 0x10);
    write(0xe0, 0xb6);
    expect([hex(0xf5, 1), hex(0xf3, 1)]).toEqual(['00', '01']);
    expect(hex(0x88, 24)).not.toBe(calibration);
    await pass(2);
    expect([hex(0xf3, 1), hex(0x88, 24)]).toEqual(['00', calibration]);
  });

  it('ignores config in normal mode', () => {
    const { write, hex } = bare();
    write(0xf4, 0x27);
    write(0xf5, 0x10);
    expect(hex(0xf5, 1)).toBe('00');
  });
});
