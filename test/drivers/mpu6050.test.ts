import { describe, expect, it } from 'vitest';
import { accelerationStep, angularStep, convertAxes, convertTemperature, MODELS } from '../../drivers/mpu6050.maths.ts';
import { simulation } from '../../drivers/mpu6050.sim.ts';
import mpu6050, { drain, filterOf } from '../../drivers/mpu6050.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Options, SedgeError } from '../../src/driver.ts';
import { channelsOf, conformance, optionSets } from '../conformance.ts';
import { type I2cRig, i2cRig, optionsOf, type Surroundings } from '../rig.ts';

const G = 9.80665;
const signal = new AbortController().signal;
const fail = (code: string, message: string) => new SedgeError(code, message);
const BURST: Options = { mode: 'burst', rate: 200, window: 160 };
const RATES = [10, 25, 50, 100, 125, 200, 250, 500, 1_000];

/** A square wave of 8 samples around `middle`: its rms is its amplitude. */
const shaking =
  (amplitude: number, rateHz: number, middle = 0) =>
  (monoMs: number) =>
    middle + (Math.sin((2 * Math.PI * monoMs * rateHz) / 8_000 + 0.1) > 0 ? amplitude : -amplitude);

// Bursts follow their surroundings in another way, below.
conformance(mpu6050, simulation, { optionSets: optionSets(mpu6050, {}).filter(({ mode }) => mode !== 'burst') });

describe('in bursts', () => {
  conformance(mpu6050, simulation, {
    options: BURST,
    optionSets: [
      BURST,
      { ...BURST, rate: 1_000 },
      { ...BURST, rate: 25, window: 1_280 },
      { ...BURST, range: 2 },
      { ...BURST, bands: '20-60 60-90' },
      { ...BURST, raw: 'always' },
    ],
    surroundings: (channel, value, options): Surroundings | undefined => {
      if (!channel.startsWith('rms_')) return undefined;
      // At rest there would be no ratios to report: it always moves by at least half a step.
      const half = channelsOf(mpu6050, options)[channel]!.resolution * 0.48;
      return {
        [channel.replace('rms', 'acceleration')]: shaking(Math.max(value, half), options.rate as number, half),
      };
    },
  });
});

describe('mpu6050', () => {
  it.each([
    [2, '000000004000', [0, 0, G]],
    [4, '2000e0000001', [G, -G, G / 8_192]],
    [16, '0800ffff7ffe', [G, -G / 2_048, (32_766 / 2_048) * G]],
  ])('converts accelerations in the range of %i g', (rangeG, hex, expected) => {
    const { axes, saturated } = convertAxes(Buffer.from(hex, 'hex'), accelerationStep(rangeG));
    axes.forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at]!, 9);
    });
    expect(saturated).toBe(false);
  });

  it.each([250, 500, 1_000, 2_000])('converts turns in the range of %i degrees a second', (rangeDps) => {
    const { axes } = convertAxes(Buffer.from('4000c0000001', 'hex'), angularStep(rangeDps));
    const half = (rangeDps / 2) * (Math.PI / 180);
    expect(axes[0]).toBeCloseTo(half, 9);
    expect(axes[1]).toBeCloseTo(-half, 9);
    expect(axes[2]).toBeCloseTo(half / 16_384, 9);
  });

  it.each(['7fff00000000', '000080000000'])('takes %s for saturated', (hex) => {
    expect(convertAxes(Buffer.from(hex, 'hex'), 1).saturated).toBe(true);
  });

  it.each([
    [0x68, 0x00, 0x00, 36.53],
    [0x68, 0xcf, 0x7c, 0.000588],
    [0x70, 0x03, 0xe8, 23.995178],
    [0x71, 0x00, 0x00, 21],
  ])('converts the temperature of the chip with id %i: %i %i', (id, high, low, celsius) => {
    expect(convertTemperature(high, low, MODELS[id]!)).toBeCloseTo(celsius, 5);
  });

  it('chooses the widest filter below half of the rate', () => {
    expect(RATES.map(filterOf)).toEqual([6, 5, 4, 3, 3, 2, 2, 1, 1]);
  });

  it('says on the wire what the datasheet asks for, and leaves the chip asleep', async () => {
    const { bus, clock, open } = i2cRig(mpu6050, simulation, { surroundings: { temperature: 36.53 } });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await sensor.read(signal);
    expect(clock.monotonic() - beganMs).toBeCloseTo(10 + 100 + 1_000 / 184, 6);
    expect(bus.transcript).toEqual([
      '0x68 w 75 r 68',
      '0x68 w 6b80',
      '0x68 w 6b01',
      '0x68 w 1901011818',
      '0x68 w 3a r 010000000008000000000000000000',
      '0x68 w 6b r 01',
      '0x68 w 6b40',
    ]);
  });

  it.each([
    [{ range: 2 }, '1901011800'],
    [{ range: 4 }, '1901011808'],
    [{ range: 8 }, '1901011810'],
    [{ gyro_range: 250 }, '1901010018'],
    [{ gyro_range: 500 }, '1901010818'],
    [{ gyro_range: 1_000 }, '1901011018'],
    [{ rate: 10 }, '1963061818'],
    [{ rate: 25 }, '1927051818'],
    [{ rate: 50 }, '1913041818'],
    [{ rate: 100 }, '1909031818'],
    [{ rate: 125 }, '1907031818'],
    [{ rate: 200 }, '1904021818'],
    [{ rate: 250 }, '1903021818'],
    [{ rate: 1_000 }, '1900011818'],
  ])('writes the codes of %j', async (options, written) => {
    const { bus, open } = i2cRig(mpu6050, simulation, { options });
    await (await open()).read(signal);
    expect(bus.transcript).toContain(`0x68 w ${written}`);
  });

  const asModel =
    (id: number) => async (_a: number, tx: Uint8Array, _length: number, pass: () => Promise<Uint8Array>) =>
      tx[0] === 0x75 ? Uint8Array.of(id) : pass();

  it.each([0x70, 0x71])('sets the other filter and another temperature in the chip with id %i', async (id) => {
    const { bus, open } = i2cRig(mpu6050, simulation, { intercept: asModel(id), surroundings: { temperature: 36.53 } });
    expect((await (await open()).read(signal)).temperature).toBe(21);
    expect(bus.transcript).toContain('0x68 w 1d01');
  });

  it.each([
    [{ range: 2 }, { acceleration_x: 2.5 * G }, /more than \+\/-2 g: choose a larger range/],
    [{ gyro_range: 250 }, { angular_velocity_z: 5 }, /250 degrees a second: choose a larger gyro_range/],
  ])('refuses more than its range with %j', async (options, surroundings, message) => {
    const { open } = i2cRig(mpu6050, simulation, { options, surroundings });
    await expect((await open()).read(signal)).rejects.toMatchObject({
      code: 'sensor.saturated',
      message: expect.stringMatching(message),
    });
  });

  it('writes nothing to a chip with another id, and says that clocks live there too', async () => {
    const { bus, open } = i2cRig(mpu6050, simulation, { intercept: asModel(0x23) });
    await expect(open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringMatching(/id 0x23 .*DS3231/),
    });
    expect(bus.transcript).toHaveLength(1);
  });
});

describe('a burst of the mpu6050', () => {
  const burst = (options: Options = {}, surroundings: Surroundings = {}) =>
    i2cRig(mpu6050, simulation, { options: { mode: 'burst', ...options }, surroundings });

  it('finds the frequency of a motor, its strength, and rest on the other axes', async () => {
    const { open } = burst({}, { acceleration_x: (monoMs) => 4 * Math.sin(2 * Math.PI * 0.031 * monoMs) });
    const values = await (await open()).read(signal);
    expect(values.frequency_x).toBeCloseTo(31, 6);
    expect(values.rms_x).toBeCloseTo(4 / Math.SQRT2, 2);
    expect(values.rms_z).toBeCloseTo(0, 9);
    expect(values).not.toHaveProperty('crest_z');
  });

  it('begins with an empty FIFO, holds the bus for 8 samples at most, and leaves the chip asleep', async () => {
    const { bus, clock, open } = burst({ rate: 1_000, window: 100 });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await sensor.read(signal);
    expect(clock.monotonic() - beganMs).toBeCloseTo(10 + 60 + 1_000 / 184 + 100, 3);
    const said = bus.transcript.slice(4);
    expect(said.slice(0, 6)).toEqual([
      '0x68 w 2300',
      '0x68 w 6a04',
      '0x68 w 3a r 01',
      '0x68 w 6a40',
      '0x68 w 2308',
      '0x68 w 72 r 00c0',
    ]);
    expect(
      said.filter((line) => line.startsWith('0x68 w 74')).map((line) => line.split(' r ')[1]!.length / 12),
    ).toEqual([...Array(12).fill(8), 4]);
    expect(bus.transcript.slice(-2)).toEqual(['0x68 w 6b r 01', '0x68 w 6b40']);
  });

  /** Holds up the bus before one transfer, as a busy board does. */
  const heldUp = (holdMs: number, register: number, id = 0x68): I2cRig => {
    let held = false;
    const rig: I2cRig = i2cRig(mpu6050, simulation, {
      options: { mode: 'burst', rate: 1_000, window: 500 },
      intercept: async (_address, tx, _rxLength, pass) => {
        if (tx[0] === register && rig.bus.transcript.length > 20 && !held) {
          held = true;
          await rig.clock.sleep(holdMs);
        }
        return tx[0] === 0x75 ? Uint8Array.of(id) : pass();
      },
    });
    return rig;
  };

  it.each([0x72, 0x74, 0x3a])(
    'is refused as a whole when the FIFO overflows before register %i is read',
    async (register) => {
      await expect((await heldUp(200, register).open()).read(signal)).rejects.toMatchObject({ code: 'sensor.overrun' });
    },
  );

  it('survives a delay that the FIFO can hold, which is shorter in the newer chips', async () => {
    await expect((await heldUp(100, 0x72).open()).read(signal)).resolves.toBeDefined();
    await expect((await heldUp(100, 0x72, 0x70).open()).read(signal)).rejects.toMatchObject({ code: 'sensor.overrun' });
    await expect((await heldUp(40, 0x72, 0x70).open()).read(signal)).resolves.toBeDefined();
  });

  it('gives the samples too when they are asked for, in steps of the range', async () => {
    const { open } = burst({ rate: 200, window: 200, raw: 'always', range: 2 }, { acceleration_x: -G / 16_384 });
    const sensor = await open();
    await sensor.read(signal);
    const window = sensor.takeWindow!()!;
    expect(window).toMatchObject({ rateHz: 200, scale: G / 16_384 });
    expect(window.axes).toEqual({ x: Array(40).fill(-1), y: Array(40).fill(0), z: Array(40).fill(16_384) });
  });

  it.each([
    [1_000, [10, 184]],
    [500, [10, 184]],
    [200, [10, 90]],
    [100, [10, 44]],
  ])("at %i Hz has the velocity of its filter's band", (rate, band) => {
    const { channels } = mpu6050.variant!(optionsOf(mpu6050, { mode: 'burst', rate }));
    expect(channels!.velocity!.bandHz).toEqual(band);
  });

  it('is refused when one sample in it is saturated', async () => {
    const { open } = burst({ range: 2 }, { acceleration_y: (monoMs) => (monoMs > 1_500 && monoMs < 1_510 ? 30 : 0) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.saturated' });
  });

  it('is refused when the chip falls asleep before its end', async () => {
    const rig: I2cRig = i2cRig(mpu6050, simulation, {
      options: BURST,
      intercept: (_address, tx, _rxLength, pass) => {
        if (tx[0] === 0x74) rig.powerCycle();
        return pass();
      },
    });
    await expect((await rig.open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });

  const openOn = (clockHz: number, options: Options) => {
    const clock = virtualClock({ automatic: true });
    const bus = simulatedI2cBus({ clockHz });
    bus.attach(0x68, simulation.create({ clock, value: () => 0, random: () => 0 }));
    const parsed = optionsOf(mpu6050, { mode: 'burst', ...options });
    return mpu6050.open(driverContext<'i2c'>(i2cDevice(bus, 0x68), clock, parsed));
  };

  it('is refused at a rate that the bus does not carry, and with too few samples', async () => {
    await expect(openOn(100_000, { rate: 500 })).resolves.toBeDefined();
    await expect(openOn(400_000, { rate: 1_000 })).resolves.toBeDefined();
    await expect(openOn(100_000, { rate: 1_000 })).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(/100 kHz carries 833 Hz.*lower the rate/),
    });
    await expect(openOn(400_000, { rate: 10, window: 1_000 })).rejects.toMatchObject({ code: 'config.invalid' });
  });
});

describe('the thermometer of the mpu6050', () => {
  it('has the whole range of a signed word', () => {
    const { temperature } = channelsOf(mpu6050, optionsOf(mpu6050));
    expect(temperature!.min).toBeCloseTo(-32_768 / 340 + 36.53, 9);
    expect(temperature!.max).toBeCloseTo(32_767 / 340 + 36.53, 9);
  });
});

describe('the simulated mpu6050', () => {
  const chipOf = (surroundings: Surroundings = {}) => {
    const { clock, world } = i2cRig(mpu6050, simulation, { surroundings });
    const bus = simulatedI2cBus();
    bus.attach(0x68, simulation.create(world));
    const device = i2cDevice(bus, 0x68);
    const hex = async (register: number, length: number) =>
      Buffer.from(await device.writeRead([register], length)).toString('hex');
    return { clock, device, hex };
  };

  it('is asleep after power-on: its data stay zero, and settings are kept', async () => {
    const { clock, device, hex } = chipOf();
    await device.write(0x1c, 0x08);
    await clock.sleep(1_000);
    expect(await hex(0x6b, 1)).toBe('40');
    expect(await hex(0x3a, 15)).toBe('00'.repeat(15));
    expect(await hex(0x1c, 1)).toBe('08');
  });

  it('takes 100 ms for a reset, and forgets its settings', async () => {
    const { clock, device, hex } = chipOf();
    await device.write(0x1c, 0x08);
    await device.write(0x6b, 0x80);
    await device.write(0x6b, 0x01);
    expect(await hex(0x6b, 1)).toBe('80');
    await clock.sleep(100);
    expect([await hex(0x6b, 1), await hex(0x1c, 1)]).toEqual(['40', '00']);
  });

  it('starts up in its parts: accelerometer, gyroscope, thermometer', async () => {
    const { clock, device, hex } = chipOf({ angular_velocity_x: Math.PI / 2, temperature: 37.53 });
    await device.write(0x6b, 0x01);
    const data: string[] = [];
    for (const ms of [10, 20, 40, 50]) {
      await clock.sleep(ms);
      data.push(await hex(0x3b, 14));
    }
    expect(data).toEqual([
      '0000000000000000000000000000',
      '0000000040000000000000000000',
      '00000000400000002e1400000000',
      '00000000400001542e1400000000',
    ]);
  });

  it('fills its FIFO at the output rate, and says once that it has overflown', async () => {
    const { clock, device, hex } = chipOf();
    await device.write(0x19, 0x09, 0x03);
    await device.write(0x6b, 0x01);
    await clock.sleep(30);
    await device.write(0x6a, 0x44);
    await device.write(0x23, 0x08);
    await clock.sleep(100);
    expect(await hex(0x72, 2)).toBe('003c');
    expect(await hex(0x74, 6)).toBe('000000004000');
    expect(await hex(0x72, 2)).toBe('0036');
    await clock.sleep(2_000);
    expect(await hex(0x72, 2)).toBe('0400');
    expect(await hex(0x3a, 1)).toBe('11');
    expect(await hex(0x3a, 1)).toBe('00');
  });

  it('drains to what the driver makes of it', async () => {
    const { clock, device } = chipOf();
    await device.write(0x19, 0x00, 0x01);
    await device.write(0x6b, 0x01);
    await clock.sleep(30);
    await device.write(0x6a, 0x40);
    await device.write(0x23, 0x08);
    await clock.sleep(50);
    const samples = await drain(device, fail, 2);
    expect(samples).toHaveLength(50);
    expect(samples[49]).toEqual({ axes: [0, 0, G], saturated: false });
  });
});
