import { describe, expect, it } from 'vitest';
import {
  gasResistanceHigh,
  gasResistanceLow,
  heaterCode,
  heaterTimeCode,
  humidity,
  measurementUs,
  parseCalibration,
  pressurePa,
} from '../../drivers/bme680.maths.ts';
import { simulation } from '../../drivers/bme680.sim.ts';
import bme680 from '../../drivers/bme680.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import type { Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig, type Surroundings } from '../rig.ts';
import { bareChip } from './specifications.ts';

// The driver computes in floating point and the simulation in integers. The integer form is this far from the other: its
// pressure has a slope of 1/36000 and its humidity whole hundredths of a degree.
conformance(bme680, simulation, {
  slack: { temperature: 0.015, humidity: 0.1, pressure: 0.06 },
  // A resistance is right in proportion and not within a step; it is checked below.
  surroundings: (channel, value) => (channel === 'gas_resistance' ? undefined : { [channel]: value }),
});

const signal = new AbortController().signal;
const SURROUNDINGS: Surroundings = { temperature: 25, humidity: 50, pressure: 1000, gas_resistance: 50_000 };
const ROW = Uint8Array.from({ length: 42 }, (_, at) => 0x80 + at);

describe('the maths of bme680', () => {
  it('reads each calibration word with its sign, and H1 and H2 out of the byte that they share', () => {
    const { t, p, h, gas } = parseCalibration(ROW);
    expect(t).toEqual([0xa09f, 0x8180 - 0x10000, 0x82 - 256]);
    expect(p).toMatchObject({ p1: 0x8584, p2: 0x8786 - 0x10000, p6: 0x8f - 256, p7: 0x8e - 256, p10: 0x96 });
    expect(h).toMatchObject({ h1: 0x998, h2: 0x979, h3: 0x9a - 256, h6: 0x9d, h7: 0x9e - 256 });
    expect(gas).toEqual({
      g1: 0xa3 - 256,
      g2: 0xa2a1 - 0x10000,
      g3: 0xa4 - 256,
      heatValue: 0xa5 - 256,
      heatRange: 2,
      rangeError: -6,
    });
  });

  it('crops humidity at both ends of the raw range', () => {
    const calibration = parseCalibration(Uint8Array.from({ length: 42 }, () => 0x20));
    expect(humidity(0, 128_000, calibration)).toBe(0);
    expect(humidity(0xffff, 128_000, calibration)).toBe(100);
  });

  it('has no pressure where the calibration makes it divide by zero', () => {
    expect(pressurePa(400_000, 128_000, parseCalibration(new Uint8Array(42)))).toBeUndefined();
  });

  it('has for a BME680 8 MOhm in the middle of its first range, and half of it in the next', () => {
    const calibration = parseCalibration(new Uint8Array(42));
    expect(gasResistanceLow(512, 0, calibration)).toBeCloseTo(8_000_000, 3);
    expect(gasResistanceLow(512, 1, calibration)).toBeCloseTo(4_000_000, 3);
    expect(gasResistanceLow(512, 7, calibration)).toBeCloseTo(62_500 / 0.992, 3);
    expect(gasResistanceLow(1023, 15, calibration)).toBeCloseTo(8_000_000 / 2 ** 15 / (511 / 1340 + 1), 3);
  });

  it('has for a BME688 64 MOhm in the middle of its first range, and half of it in the next', () => {
    expect(gasResistanceHigh(512, 0)).toBe(64_000_000);
    expect(gasResistanceHigh(512, 1)).toBe(32_000_000);
    expect(gasResistanceHigh(0, 0)).toBe(102_400_000);
  });

  it('makes the heater hotter with a larger code, less so where it is warm, and never beyond 400 Cel', () => {
    const { gas, ...rest } = parseCalibration(new Uint8Array(42));
    const calibration = { ...rest, gas: { ...gas, g3: 18 } };
    expect(heaterCode(320, 25, calibration)).toBeGreaterThan(heaterCode(200, 25, calibration));
    expect(heaterCode(500, 25, calibration)).toBe(heaterCode(400, 25, calibration));
    const { gas: strong } = parseCalibration(new Uint8Array(42).fill(0x7f));
    expect(heaterCode(400, 25, { ...calibration, gas: { ...strong, heatRange: 0, heatValue: -128 } })).toBe(255);
  });

  it.each([
    [0, 0x00],
    [63, 0x3f],
    [64, 0x50],
    [150, 0x65],
    [1000, 0xbe],
    [4032, 0xff],
    [9999, 0xff],
  ])('writes %i ms as the code %i, never longer', (ms, code) => {
    expect(heaterTimeCode(ms)).toBe(code);
    expect((code & 0x3f) * 4 ** (code >> 6)).toBeLessThanOrEqual(ms);
  });

  it.each([
    [{ t: 1, p: 1, h: 1 }, 11_182],
    [{ t: 5, p: 5, h: 5 }, 99_517],
    [{ t: 1, p: 0, h: 0 }, 7_256],
  ])('needs for %j %i microseconds without the heater', (oversampling, expected) => {
    expect(measurementUs(oversampling)).toBe(expected);
  });
});

describe('bme680', () => {
  const rig = (options: Options = {}, surroundings: Surroundings = {}) =>
    i2cRig(bme680, simulation, { options, surroundings: { ...SURROUNDINGS, ...surroundings } });

  it('asks once for identity, variant and calibration, and then measures with each read', async () => {
    const { bus, open } = rig();
    const sensor = await open();
    expect(bus.transcript.map((line) => line.slice(0, 14))).toEqual([
      '0x76 w d0 r 61',
      '0x76 w e0b6',
      '0x76 w f0 r 00',
      '0x76 w 8a r 65',
      '0x76 w e1 r 3f',
      '0x76 w 00 r 2d',
    ]);
    const opened = bus.transcript.length;
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript.slice(opened)).toEqual([
      '0x76 w 7201',
      expect.stringMatching(/^0x76 w 5a[0-9a-f]{2}$/),
      '0x76 w 6465',
      '0x76 w 7000',
      '0x76 w 7110',
      '0x76 w 7425',
      expect.stringMatching(/^0x76 w 1d r 80[0-9a-f]{32}$/),
    ]);
  });

  const written = async (options: Options, ...registers: string[]) => {
    const { bus, open } = rig(options);
    const sensor = await open();
    const opened = bus.transcript.length;
    await sensor.read(signal);
    const lines = bus.transcript.slice(opened).map((line) => line.slice(7));
    return lines.filter((line) => !line.includes('r') && registers.includes(line.slice(0, 2)));
  };

  it.each([
    [{ oversampling_temperature: 2 }, ['7201', '7445']],
    [{ oversampling_temperature: 4 }, ['7201', '7465']],
    [{ oversampling_temperature: 8 }, ['7201', '7485']],
    [{ oversampling_temperature: 16 }, ['7201', '74a5']],
    [{ oversampling_pressure: 0 }, ['7201', '7421']],
    [{ oversampling_pressure: 2 }, ['7201', '7429']],
    [{ oversampling_pressure: 4 }, ['7201', '742d']],
    [{ oversampling_pressure: 8 }, ['7201', '7431']],
    [{ oversampling_pressure: 16 }, ['7201', '7435']],
    [{ oversampling_humidity: 0 }, ['7200', '7425']],
    [{ oversampling_humidity: 2 }, ['7202', '7425']],
    [{ oversampling_humidity: 4 }, ['7203', '7425']],
    [{ oversampling_humidity: 8 }, ['7204', '7425']],
    [{ oversampling_humidity: 16 }, ['7205', '7425']],
  ])('says on the wire what the datasheet asks for with %j', async (options, expected) => {
    expect(await written(options, '72', '74')).toEqual(expected);
  });

  it('heats as hot and as long as is asked for', async () => {
    const [cool] = await written({ heater_temperature: 200 }, '5a');
    const [hot] = await written({ heater_temperature: 400 }, '5a');
    expect(Number.parseInt(hot!, 16)).toBeGreaterThan(Number.parseInt(cool!, 16));
    expect(await written({ heater_duration: 20 }, '64')).toEqual(['6414']);
    expect(await written({ heater_duration: 4032 }, '64')).toEqual(['64ff']);
  });

  it('computes the heater with the temperature that it has measured last', async () => {
    const { bus, open } = rig({}, { temperature: 80 });
    const sensor = await open();
    await sensor.read(signal);
    await sensor.read(signal);
    const codes = bus.transcript.filter((line) => line.startsWith('0x76 w 5a'));
    expect(new Set(codes).size).toBe(2);
  });

  it('does not heat when the gas is switched off, and leaves the channel out', async () => {
    expect(await written({ gas: false }, '5a', '64', '70', '71', '74')).toEqual(['7100', '7425']);
    const { open, options } = rig({ gas: false });
    expect(Object.keys(bme680.variant?.(options).channels ?? {})).toEqual(['temperature', 'humidity', 'pressure']);
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature', 'humidity', 'pressure']);
  });

  it.each([
    [1, '7504'],
    [3, '7508'],
    [7, '750c'],
    [15, '7510'],
    [31, '7514'],
    [63, '7518'],
    [127, '751c'],
  ])(
    'writes the filter %i once, leaves it alone while the chip keeps it, and again after a brown-out',
    async (filter, code) => {
      const { bus, open, powerCycle } = rig({ filter });
      const sensor = await open();
      const configTraffic = async () => {
        const before = bus.transcript.length;
        await sensor.read(signal);
        return bus.transcript.slice(before).filter((line) => line.startsWith('0x76 w 75'));
      };
      expect(await configTraffic()).toEqual(['0x76 w 75 r 00', `0x76 w ${code}`]);
      expect(await configTraffic()).toEqual([`0x76 w 75 r ${code.slice(2)}`]);
      powerCycle();
      expect(await configTraffic()).toEqual(['0x76 w 75 r 00', `0x76 w ${code}`]);
    },
  );

  it('smooths temperature and pressure from one read to the next with the filter, and not humidity', async () => {
    const { open, world } = rig({ filter: 3 });
    const sensor = await open();
    await sensor.read(signal);
    world.set({ temperature: 29, humidity: 80 });
    const values = await sensor.read(signal);
    expect(values.temperature).toBeCloseTo(26, 1);
    expect(values.humidity).toBeGreaterThan(70);
  });

  it.each([300, 5_000, 50_000, 500_000, 5_000_000])('reports a resistance of %i Ohm', async (ohms) => {
    const { open } = rig({}, { gas_resistance: ohms });
    const { gas_resistance: got } = await (await open()).read(signal);
    // The maker's two forms differ by up to 3 %.
    expect(Math.abs(Number(got) / ohms - 1)).toBeLessThan(0.03);
  });

  /** Overwrites what the chip answers at registers. */
  const answering = (answers: Readonly<Record<number, readonly number[]>>) =>
    i2cRig(bme680, simulation, {
      surroundings: SURROUNDINGS,
      intercept: async (_address, tx, rxLength, pass) => {
        const answer = rxLength > 0 ? answers[tx[0] ?? -1] : undefined;
        return answer ? Uint8Array.from(answer) : pass();
      },
    });

  it('runs the gas measurement of a BME688 with its own bit, and finds the result in its own place', async () => {
    const { bus, open } = answering({
      240: [1],
      29: [0x80, 0, 0x80, 0, 0, 0x7f, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0x80, 0x31],
    });
    const { gas_resistance: ohms } = await (await open()).read(signal);
    expect(ohms).toBe(32_000_000);
    expect(bus.transcript).toContain('0x76 w 7120');
  });

  it.each([
    [{ 208: [0x58] }, /answers as a BMP280.*`driver: bmp280`/],
    [{ 208: [0x60] }, /answers as a BME280.*`driver: bme280`/],
    [{ 208: [0x42] }, /unknown chip \(id 0x42\)/],
  ])('refuses a chip that answers %j by name', async (answers, message) => {
    await expect(answering(answers).open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringMatching(message),
    });
  });

  it('tells a scan what answers, and nothing where it knows no such id', async () => {
    expect(await bme680.identify?.(i2cDevice(answering({}).bus, 0x76))).toBe('BME680');
    expect(await bme680.identify?.(i2cDevice(answering({ 208: [0x42] }).bus, 0x76))).toBeUndefined();
  });

  it('refuses a calibration of nothing but ones', async () => {
    const ones = (length: number) => Array<number>(length).fill(0xff);
    const { open } = answering({ 138: ones(23), 225: ones(14), 0: ones(5) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity' });
  });

  const field = (changes: Readonly<Record<number, number>>) => {
    const bytes = [0x80, 0, 0x60, 0, 0, 0x77, 0, 0, 0x50, 0, 0, 0, 0, 0x80, 0x37, 0, 0];
    for (const [at, byte] of Object.entries(changes)) bytes[Number(at)] = byte;
    return { 29: bytes };
  };
  const ALL = ['temperature', 'humidity', 'pressure', 'gas_resistance'];

  it.each([
    ['nothing', {}, ALL],
    ['a pressure that was not measured', { 2: 0x80, 3: 0, 4: 0 }, ['temperature', 'humidity', 'gas_resistance']],
    ['a humidity that was not measured', { 8: 0x80, 9: 0 }, ['temperature', 'pressure', 'gas_resistance']],
    ['a gas that is not valid', { 14: 0x17 }, ['temperature', 'humidity', 'pressure']],
    ['a gas whose heater was not stable', { 14: 0x27 }, ['temperature', 'humidity', 'pressure']],
    ['a pressure out of range', { 2: 0, 3: 0 }, ['temperature', 'humidity', 'gas_resistance']],
  ])('leaves out %s', async (_what, changes, expected) => {
    const { open } = answering(field(changes));
    expect(Object.keys(await (await open()).read(signal))).toEqual(expected);
  });

  it('uses the lowest of the 20 bits of pressure', async () => {
    const read = async (changes: Record<number, number>) => (await answering(field(changes)).open()).read(signal);
    expect((await read({ 4: 0x10 })).pressure).not.toBe((await read({ 4: 0x00 })).pressure);
  });

  it('has no data where the chip has not measured temperature, because the rest is computed from it', async () => {
    const { open } = answering(field({ 5: 0x80 }));
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it('refuses a temperature that the chip cannot measure', async () => {
    const { open } = answering(field({ 5: 0xff }));
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.range' });
  });

  it.each([0x00, 0x20, 0x40, 0xa0, 0xc0])(
    'gives up on a chip with the status %i, in the time that it promises',
    async (status) => {
      const { open, clock } = answering(field({ 0: status }));
      const sensor = await open();
      const beganMs = clock.monotonic();
      await expect(sensor.read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
      expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(bme680.worstCaseMs);
    },
  );
});

describe('the simulated bme680', () => {
  const bare = () => bareChip(bme680, simulation, SURROUNDINGS);

  it('holds the old data and says that it is measuring until measuring and heating have ended', async () => {
    const { write, hex, pass } = bare();
    write(0x72, 0x01, 0x5a, 0x70, 0x64, 0x59, 0x71, 0x10, 0x74, 0x25);
    await pass(111);
    expect(hex(0x1d, 10)).toBe('60008000008000008000');
    await pass(0.3);
    expect([hex(0x1d, 1), hex(0x74, 1)]).toEqual(['80', '24']);
    expect(Number.parseInt(hex(0x2b, 1), 16) & 0x30).toBe(0x30);
  });

  it('has no stable heater when it is on too shortly or not at all', async () => {
    const { write, hex, pass } = bare();
    const statusWith = async (...settings: number[]) => {
      write(...settings, 0x74, 0x25);
      await pass(200);
      return Number.parseInt(hex(0x2b, 1), 16) & 0x30;
    };
    expect(await statusWith(0x5a, 0x70, 0x64, 0x10, 0x71, 0x10)).toBe(0x20);
    expect(await statusWith(0x64, 0x59, 0x70, 0x08)).toBe(0x20);
    expect(await statusWith(0x71, 0x00)).toBe(0x00);
  });

  it('takes ctrl_hum into account only with the next ctrl_meas', async () => {
    const { write, hex, pass } = bare();
    write(0x74, 0x25);
    write(0x72, 0x01);
    await pass(20);
    expect(hex(0x25, 2)).toBe('8000');
  });

  it('forgets its settings with a reset, and has no calibration until it has started', async () => {
    const { write, hex, pass } = bare();
    const calibration = hex(0x8a, 23);
    write(0x75, 0x10);
    write(0xe0, 0xb6);
    expect([hex(0x75, 1), hex(0x1d, 1)]).toEqual(['00', '00']);
    expect(hex(0x8a, 23)).not.toBe(calibration);
    await pass(10);
    expect(hex(0x8a, 23)).toBe(calibration);
  });
});
