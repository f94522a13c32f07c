import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/bmp388.sim.ts';
import bmp388, { measurementUs, parseCalibration, pressurePa, temperature } from '../../drivers/bmp388.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import type { Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { bareChip } from './specifications.ts';

// The driver computes in floating point and the simulation in integers; the maker's two forms differ by 0.011 Cel. The
// chip's bridge moves by 240 Pa for each Cel, which is compensated with the temperature as measured: half of its coarsest
// step, 0.0023 Cel, is 0.55 Pa.
conformance(bmp388, simulation, { slack: { temperature: 0.011, pressure: 0.006 } });

const signal = new AbortController().signal;
const SURROUNDINGS = { temperature: 25, pressure: 1000 };

describe('the maths of bmp388', () => {
  it('reads each calibration word with its sign and scale', () => {
    const { t, p } = parseCalibration(Uint8Array.from({ length: 21 }, (_, at) => 0x80 + at));
    expect(t).toEqual([0x8180 * 256, 0x8382 / 2 ** 30, (0x84 - 256) / 2 ** 48]);
    expect(p.slice(0, 4)).toEqual([
      (0x8685 - 0x10000 - 16384) / 2 ** 20,
      (0x8887 - 0x10000 - 16384) / 2 ** 29,
      (0x89 - 256) / 2 ** 32,
      (0x8a - 256) / 2 ** 37,
    ]);
    expect(p.slice(4)).toEqual([
      0x8c8b * 8,
      0x8e8d / 64,
      (0x8f - 256) / 2 ** 8,
      (0x90 - 256) / 2 ** 15,
      (0x9291 - 0x10000) / 2 ** 48,
      (0x93 - 256) / 2 ** 48,
      (0x94 - 256) / 2 ** 65,
    ]);
  });

  it('is a parabola in temperature, and in pressure a sum whose terms can be looked at one by one', () => {
    type Eleven = Parameters<typeof pressurePa>[2]['p'];
    const only = (at: number) => Array.from({ length: 11 }, (_, index) => Number(index === at)) as unknown as Eleven;
    const calibration = { t: [1000, 2, 3], p: only(-1) } as const;
    expect(temperature(1000, calibration)).toBe(0);
    expect(temperature(1010, calibration)).toBe(2 * 10 + 3 * 100);
    const expected = [10, 20, 40, 80, 1, 2, 4, 8, 100, 200, 1000];
    const terms = expected.map((_, at) => pressurePa(10, 2, { ...calibration, p: only(at) }));
    expect(terms).toEqual(expected);
  });

  it.each([
    [{ t: 1, p: 1 }, 234 + 392 + 2020 + 313 + 2020],
    [{ t: 32, p: 32 }, 130_219],
    [{ t: 1, p: 0 }, 2_567],
  ])('needs for %j samples %i microseconds', (samples, expected) => {
    expect(measurementUs(samples)).toBe(expected);
  });
});

describe('bmp388', () => {
  const rig = (options: Options = {}) => i2cRig(bmp388, simulation, { options, surroundings: SURROUNDINGS });

  it('asks once for identity and calibration, and then measures with each read', async () => {
    const { bus, open } = rig();
    const sensor = await open();
    expect(bus.transcript.map((line) => line.slice(0, 14))).toEqual([
      '0x76 w d0 r 00',
      '0x76 w 00 r 50',
      '0x76 w 03 r 10',
      '0x76 w 7eb6',
      '0x76 w 02 r 00',
      '0x76 w 31 r 7c',
    ]);
    const opened = bus.transcript.length;
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript.slice(opened)).toEqual([
      '0x76 w 1c02',
      '0x76 w 1b13',
      '0x76 w 03 r 70',
      '0x76 w 02 r 00',
      expect.stringMatching(/^0x76 w 04 r [0-9a-f]{12}$/),
    ]);
  });

  it.each([
    [{ oversampling_temperature: 2 }, '1c0a', '1b13'],
    [{ oversampling_temperature: 4 }, '1c12', '1b13'],
    [{ oversampling_temperature: 8 }, '1c1a', '1b13'],
    [{ oversampling_temperature: 16 }, '1c22', '1b13'],
    [{ oversampling_temperature: 32 }, '1c2a', '1b13'],
    [{ oversampling_pressure: 0 }, '1c00', '1b12'],
    [{ oversampling_pressure: 1 }, '1c00', '1b13'],
    [{ oversampling_pressure: 2 }, '1c01', '1b13'],
    [{ oversampling_pressure: 8 }, '1c03', '1b13'],
    [{ oversampling_pressure: 16 }, '1c04', '1b13'],
    [{ oversampling_pressure: 32 }, '1c05', '1b13'],
  ])('says on the wire what the datasheet asks for with %j', async (options, osr, pwrCtrl) => {
    const { bus, open } = rig(options);
    await (await open()).read(signal);
    expect(bus.transcript.slice(6, 8)).toEqual([`0x76 w ${osr}`, `0x76 w ${pwrCtrl}`]);
  });

  it.each([
    [1, '02'],
    [3, '04'],
    [7, '06'],
    [15, '08'],
    [31, '0a'],
    [63, '0c'],
    [127, '0e'],
  ])(
    'writes the filter %i once, leaves it alone while the chip keeps it, and again after a brown-out',
    async (filter, code) => {
      const { bus, open, powerCycle } = rig({ filter });
      const sensor = await open();
      const configTraffic = async () => {
        const before = bus.transcript.length;
        await sensor.read(signal);
        return bus.transcript.slice(before).filter((line) => line.startsWith('0x76 w 1f'));
      };
      expect(await configTraffic()).toEqual(['0x76 w 1f r 00', `0x76 w 1f${code}`]);
      expect(await configTraffic()).toEqual([`0x76 w 1f r ${code}`]);
      powerCycle();
      expect(await configTraffic()).toEqual(['0x76 w 1f r 00', `0x76 w 1f${code}`]);
    },
  );

  it('smooths from one read to the next with the filter', async () => {
    const { open, world } = rig({ filter: 3 });
    const sensor = await open();
    await sensor.read(signal);
    world.set({ temperature: 29 });
    expect((await sensor.read(signal)).temperature).toBeCloseTo(26, 1);
  });

  it('does not take the ready bits of a measurement that was called off for those of the next', async () => {
    const { bus, open, clock } = rig();
    const sensor = await open();
    await expect(sensor.read(AbortSignal.abort())).rejects.toMatchObject({ code: 'sensor.deadline' });
    await clock.sleep(100);
    const before = bus.transcript.length;
    await sensor.read(signal);
    expect(bus.transcript.slice(before, before + 3)).toEqual([
      expect.stringMatching(/^0x76 w 04 r [0-9a-f]{12}$/),
      '0x76 w 1c02',
      '0x76 w 1b13',
    ]);
  });

  it('leaves pressure out when it is switched off', async () => {
    const { open, options } = rig({ oversampling_pressure: 0 });
    expect(Object.keys(bmp388.variant?.(options).channels ?? {})).toEqual(['temperature']);
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature']);
  });

  /** Overwrites what the chip answers at registers. */
  const answering = (answers: Readonly<Record<number, readonly number[]>>) =>
    i2cRig(bmp388, simulation, {
      surroundings: SURROUNDINGS,
      intercept: async (_address, tx, rxLength, pass) => {
        const answer = rxLength > 0 ? answers[tx[0] ?? -1] : undefined;
        return answer ? Uint8Array.from(answer) : pass();
      },
    });

  it.each([
    [{ 0: [0x42] }, /unknown chip \(id 0x42\)/],
    [{ 0: [0x00], 208: [0x58] }, /answers as a BMP280.*`driver: bmp280`/],
    [{ 0: [0x00], 208: [0x60] }, /answers as a BME280.*`driver: bme280`/],
    // A BME680 has a calibration value at 0x00, here by chance our own id.
    [{ 0: [0x50], 208: [0x61] }, /answers as a BME680.*`driver: bme680`/],
  ])('refuses a chip that answers %j by name', async (answers, message) => {
    await expect(answering(answers).open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [0x50, 'BMP388'],
    [0x60, 'BMP390'],
  ])('knows the id %i as %s, and takes both', async (id, name) => {
    const { bus, open } = answering({ 0: [id] });
    expect(await bmp388.identify?.(i2cDevice(bus, 0x76))).toBe(name);
    await expect((await open()).read(signal)).resolves.toBeDefined();
  });

  it('gives up on a chip that never takes a command', async () => {
    const { open, clock } = answering({ 3: [0x00] });
    const beganMs = clock.monotonic();
    await expect(open()).rejects.toMatchObject({ code: 'sensor.not-ready' });
    expect(clock.monotonic() - beganMs).toBeLessThan(100);
  });

  it.each([0x10, 0x30, 0x50])('gives up on a chip with the status %i, which has not both values', async (status) => {
    const { open } = answering({ 3: [status] });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });

  it('refuses to open a chip that has refused its reset', async () => {
    await expect(answering({ 2: [0x02] }).open()).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it.each([0x01, 0x04])('has no data from a chip with the error %i', async (errors) => {
    const { open } = answering({ 2: [errors] });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it('refuses a calibration of nothing but ones', async () => {
    await expect(answering({ 49: Array<number>(21).fill(0xff) }).open()).rejects.toMatchObject({
      code: 'sensor.identity',
    });
  });

  it('has no data where the chip has not measured temperature, because pressure is computed from it', async () => {
    const { open } = answering({ 4: [0x00, 0x00, 0x70, 0x00, 0x00, 0x80] });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it.each([
    ['that the chip has not measured', [0x00, 0x00, 0x80]],
    ['out of range', [0x00, 0x00, 0x00]],
  ])('leaves out a pressure %s', async (_what, pressure) => {
    const { open } = answering({ 4: [...pressure, 0x00, 0x00, 0x81] });
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature']);
  });

  it('refuses a temperature that the chip cannot measure', async () => {
    const { open } = answering({ 4: [0x00, 0x00, 0x70, 0xff, 0xff, 0xff] });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.range' });
  });
});

describe('the simulated bmp388', () => {
  const bare = () => bareChip(bmp388, simulation, SURROUNDINGS);

  it('holds the old data until it has measured, and clears the ready bits when they are read', async () => {
    const { write, hex, pass } = bare();
    write(0x1c, 0x00);
    write(0x1b, 0x13);
    await pass(4.8);
    expect([hex(0x03, 1), hex(0x04, 6)]).toEqual(['10', '000080000080']);
    await pass(0.1);
    expect([hex(0x03, 1), hex(0x1b, 1)]).toEqual(['70', '03']);
    expect(hex(0x04, 6)).not.toBe('000080000080');
    expect(hex(0x03, 1)).toBe('10');
  });

  it('forgets its settings with a reset, and refuses a command before it has started', async () => {
    const { write, hex, pass } = bare();
    write(0x1f, 0x06);
    write(0x7e, 0xb6);
    expect([hex(0x1f, 1), hex(0x1c, 1), hex(0x03, 1)]).toEqual(['00', '02', '00']);
    write(0x7e, 0xb6);
    expect(hex(0x02, 1)).toBe('02');
    await pass(2);
    expect(hex(0x03, 1)).toBe('10');
  });

  it('reports settings that do not fit in normal mode', () => {
    const { write, hex } = bare();
    write(0x1c, 0x03);
    write(0x1b, 0x33);
    expect(hex(0x02, 1)).toBe('04');
  });
});
