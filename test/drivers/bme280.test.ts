import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/bme280.sim.ts';
import bme280, { type Calibration, humidity, measurementUs, parseCalibration } from '../../drivers/bme280.ts';
import { fineTemperature, pressurePa, temperature } from '../../drivers/bmx280.maths.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import type { Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig, type Surroundings } from '../rig.ts';
import { bareChip } from './specifications.ts';

// The driver computes in floating point and the simulation in integers; the datasheet's two forms differ by as much.
conformance(bme280, simulation, { slack: { temperature: 0.015, humidity: 0.02, pressure: 0.005 } });

const signal = new AbortController().signal;
const NO_SAMPLES = { oversampling_pressure: 0, oversampling_humidity: 0 };

/** The calibration of the example in the BMP280's datasheet, which has the same formulas for temperature and pressure. */
const EXAMPLE: Calibration = {
  t: [27504, 26435, -1000],
  p: [36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000],
  h: [75, 362, 0, 313, 50, 30],
};

describe('the maths of bme280', () => {
  it('gives the results of the datasheet for its example: 25.08 Cel and 1006.53 hPa', () => {
    const fine = fineTemperature(519888, EXAMPLE);
    expect(fine).toBeCloseTo(128422.3, 1);
    expect(temperature(fine)).toBeCloseTo(25.08, 2);
    expect(pressurePa(415148, fine, EXAMPLE)).toBeCloseTo(100653.27, 0);
  });

  it('crops humidity at both ends of the raw range', () => {
    const fine = fineTemperature(519888, EXAMPLE);
    expect(humidity(0, fine, EXAMPLE)).toBe(0);
    expect(humidity(0xffff, fine, EXAMPLE)).toBe(100);
  });

  it('has no pressure where the calibration makes it divide by zero', () => {
    expect(
      pressurePa(415148, 128422, { ...EXAMPLE, p: [0, ...EXAMPLE.p.slice(1)] as unknown as Calibration['p'] }),
    ).toBe(undefined);
  });

  it('reads each calibration word with its sign, and H4 and H5 out of the byte that they share', () => {
    const low = Uint8Array.from({ length: 26 }, (_, at) => 0x80 + at);
    const { t, p, h } = parseCalibration(low, Uint8Array.of(0xff, 0xff, 0xfe, 0xff, 0x8f, 0x80, 0xff));
    expect(t).toEqual([0x8180, 0x8382 - 0x10000, 0x8584 - 0x10000]);
    expect(p[0]).toBe(0x8786);
    expect(p[8]).toBe(0x9796 - 0x10000);
    expect(h).toEqual([0x99, -1, 0xfe, -1, -2040, -1]);
  });

  it.each([
    [{ t: 1, p: 1, h: 1 }, 9_300],
    [{ t: 5, p: 5, h: 5 }, 112_800],
    [{ t: 1, p: 0, h: 0 }, 4_700],
  ])('needs for %j at most %i microseconds', (oversampling, expected) => {
    expect(measurementUs(oversampling)).toBe(expected);
  });
});

describe('bme280', () => {
  const rig = (options: Options = {}, surroundings: Surroundings = {}) =>
    i2cRig(bme280, simulation, {
      options,
      surroundings: { temperature: 25, humidity: 50, pressure: 1000, ...surroundings },
    });

  it('asks once for identity and calibration, and then measures with each read', async () => {
    const { bus, open } = rig();
    const sensor = await open();
    expect(bus.transcript.map((line) => line.slice(0, 14))).toEqual([
      '0x76 w d0 r 60',
      '0x76 w e0b6',
      '0x76 w f3 r 00',
      '0x76 w 88 r 70',
      '0x76 w e1 r 6a',
    ]);
    const opened = bus.transcript.length;
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript.slice(opened)).toEqual([
      '0x76 w f201',
      '0x76 w f425',
      '0x76 w f3 r 00',
      expect.stringMatching(/^0x76 w f7 r [0-9a-f]{16}$/),
    ]);
  });

  it.each([
    [{ oversampling_temperature: 2 }, 'f201', 'f445'],
    [{ oversampling_temperature: 4 }, 'f201', 'f465'],
    [{ oversampling_temperature: 8 }, 'f201', 'f485'],
    [{ oversampling_temperature: 16 }, 'f201', 'f4a5'],
    [{ oversampling_pressure: 0 }, 'f201', 'f421'],
    [{ oversampling_pressure: 2 }, 'f201', 'f429'],
    [{ oversampling_pressure: 4 }, 'f201', 'f42d'],
    [{ oversampling_pressure: 8 }, 'f201', 'f431'],
    [{ oversampling_pressure: 16 }, 'f201', 'f435'],
    [{ oversampling_humidity: 0 }, 'f200', 'f425'],
    [{ oversampling_humidity: 2 }, 'f202', 'f425'],
    [{ oversampling_humidity: 4 }, 'f203', 'f425'],
    [{ oversampling_humidity: 8 }, 'f204', 'f425'],
    [{ oversampling_humidity: 16 }, 'f205', 'f425'],
  ])('says on the wire what the datasheet asks for with %j', async (options, ctrlHum, ctrlMeas) => {
    const { bus, open } = rig(options);
    await (await open()).read(signal);
    expect(bus.transcript.slice(5, 7)).toEqual([`0x76 w ${ctrlHum}`, `0x76 w ${ctrlMeas}`]);
  });

  it.each([
    [2, '04'],
    [4, '08'],
    [8, '0c'],
    [16, '10'],
  ])('writes the filter %i once, and leaves it alone while the chip keeps it', async (filter, code) => {
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
  });

  it('smooths temperature and pressure from one read to the next with the filter, and not humidity', async () => {
    const { open, world } = rig({ filter: 4 });
    const sensor = await open();
    await sensor.read(signal);
    world.set({ temperature: 29, humidity: 80 });
    const values = await sensor.read(signal);
    expect(values.temperature).toBeCloseTo(26, 1);
    expect(values.humidity).toBeCloseTo(80, 0);
  });

  it('leaves out the channels that are switched off', async () => {
    const { open, options } = rig(NO_SAMPLES);
    expect(Object.keys(bme280.variant?.(options).channels ?? {})).toEqual(['temperature']);
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature']);
  });

  it.each([
    [0x58, /answers as a BMP280.*no humidity.*`driver: bmp280`/],
    [0x61, /answers as a BME680.*`driver: bme680`/],
    [0x42, /unknown chip \(id 0x42\)/],
  ])('refuses a chip with the id %i by name', async (id, message) => {
    const { open } = i2cRig(bme280, simulation, {
      intercept: async (_address, tx, _rxLength, pass) => (tx[0] === 0xd0 ? Uint8Array.of(id) : pass()),
    });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('names a BMP390, whose id is elsewhere, and the driver that reads it', async () => {
    const { open } = i2cRig(bme280, simulation, {
      intercept: async (_address, tx, _rxLength, pass) =>
        tx[0] === 0x00 ? Uint8Array.of(0x60) : tx[0] === 0xd0 ? Uint8Array.of(0) : pass(),
    });
    await expect(open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringMatching(/answers as a BMP390.*`driver: bmp388`/),
    });
  });

  it('tells a scan what answers, and nothing where it knows no such id', async () => {
    const answering = (id: number) =>
      bme280.identify?.(i2cDevice(i2cRig(bme280, simulation, { intercept: async () => Uint8Array.of(id) }).bus, 0x76));
    expect(await answering(0x60)).toBe('BME280');
    expect(await answering(0x58)).toBe('BMP280');
    expect(await answering(0x00)).toBeUndefined();
  });

  /** Overwrites what the chip answers at a register. */
  const answering = (register: number, ...bytes: number[]) => ({
    intercept: async (
      _address: number,
      tx: Uint8Array,
      rxLength: number,
      pass: () => Promise<Uint8Array>,
    ): Promise<Uint8Array> => (rxLength > 0 && tx[0] === register ? Uint8Array.from(bytes) : pass()),
  });

  it.each([
    ['measuring', 0x08, 'read'],
    ['copying its calibration', 0x01, 'open'],
  ])('gives up on a chip that never ends %s', async (_what, status, where) => {
    const { open, clock } = i2cRig(bme280, simulation, answering(0xf3, status));
    const beganMs = clock.monotonic();
    const opened = open();
    if (where === 'open') await expect(opened).rejects.toMatchObject({ code: 'sensor.not-ready' });
    else await expect((await opened).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
    expect(clock.monotonic() - beganMs).toBeLessThan(100);
  });

  it.each([0x88, 0xe1])('refuses a calibration of nothing but ones at register %i', async (register) => {
    const { open } = i2cRig(bme280, simulation, answering(register, ...Array<number>(26).fill(0xff)));
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity' });
  });

  it('has no data where the chip has not measured temperature, because the rest is computed from it', async () => {
    const skipped = answering(0xf7, 0x65, 0x5a, 0xc0, 0x80, 0x00, 0x00, 0x70, 0x00);
    const { open } = i2cRig(bme280, simulation, skipped);
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it.each([
    ['pressure', [0x80, 0x00, 0x00, 0x7e, 0xed, 0x00, 0x70, 0x00], ['temperature', 'humidity']],
    ['humidity', [0x65, 0x5a, 0xc0, 0x7e, 0xed, 0x00, 0x80, 0x00], ['temperature', 'pressure']],
    ['a pressure out of range', [0x00, 0x00, 0x00, 0x7e, 0xed, 0x00, 0x70, 0x00], ['temperature', 'humidity']],
  ])('leaves out %s that the chip has not measured', async (_what, bytes, expected) => {
    const { open } = i2cRig(bme280, simulation, answering(0xf7, ...bytes));
    expect(Object.keys(await (await open()).read(signal))).toEqual(expected);
  });

  it('refuses a temperature that the chip cannot measure', async () => {
    const { open } = i2cRig(bme280, simulation, answering(0xf7, 0x65, 0x5a, 0xc0, 0xff, 0xff, 0xf0, 0x70, 0x00));
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.range' });
  });

  it('keeps the plain data that the schema, the help and users of the table rely on', () => {
    const { open: _open, identify: _identify, variant: _variant, ...data } = bme280;
    const golden = new URL('../contract/bme280.golden.json', import.meta.url);
    expect(data).toEqual(JSON.parse(readFileSync(golden, 'utf8')));
  });
});

describe('the simulated bme280', () => {
  const bare = () => bareChip(bme280, simulation, { temperature: 25, humidity: 50, pressure: 1000 });

  it('holds the old data and says that it is measuring until the longest time has passed', async () => {
    const { write, hex, pass } = bare();
    write(0xf2, 0x01);
    write(0xf4, 0x25);
    await pass(9.2);
    expect([hex(0xf3, 1), hex(0xf7, 8)]).toEqual(['08', '8000008000008000']);
    await pass(0.2);
    expect([hex(0xf3, 1), hex(0xf4, 1)]).toEqual(['00', '24']);
    expect(hex(0xf7, 8)).not.toBe('8000008000008000');
  });

  it('takes ctrl_hum into account only with the next ctrl_meas', async () => {
    const { write, hex, pass } = bare();
    write(0xf4, 0x25);
    write(0xf2, 0x01);
    await pass(20);
    expect(hex(0xfd, 2)).toBe('8000');
  });

  it('forgets its settings with a reset, and has no calibration until it is copied', async () => {
    const { write, hex, pass } = bare();
    const calibration = hex(0x88, 26);
    write(0xf5, 0x10, 0xf2, 0x05);
    expect([hex(0xf5, 1), hex(0xf2, 1)]).toEqual(['10', '05']);
    write(0xe0, 0xb6);
    expect([hex(0xf5, 1), hex(0xf2, 1), hex(0xf3, 1)]).toEqual(['00', '00', '01']);
    expect(hex(0x88, 26)).not.toBe(calibration);
    await pass(2);
    expect([hex(0xf3, 1), hex(0x88, 26)]).toEqual(['00', calibration]);
  });

  it('ignores config in normal mode', () => {
    const { write, hex } = bare();
    write(0xf4, 0x27);
    write(0xf5, 0x10);
    expect(hex(0xf5, 1)).toBe('00');
  });
});
