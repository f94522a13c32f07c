import { describe, expect, it } from 'vitest';
import { convert } from '../../drivers/adxl345.maths.ts';
import { simulation } from '../../drivers/adxl345.sim.ts';
import adxl345, { drain } from '../../drivers/adxl345.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Options, SedgeError } from '../../src/driver.ts';
import { channelsOf, conformance, optionSets } from '../conformance.ts';
import { type I2cRig, i2cRig, optionsOf, type Surroundings } from '../rig.ts';

const G = 9.80665;
const signal = new AbortController().signal;
const BURST: Options = { mode: 'burst', rate: 200, window: 160 };
const fail = (code: string, message: string) => new SedgeError(code, message);

/** A square wave of 8 samples around `middle`: its rms is its amplitude. */
const shaking =
  (amplitude: number, rateHz: number, middle = 0) =>
  (monoMs: number) =>
    middle + (Math.sin((2 * Math.PI * monoMs * rateHz) / 8_000 + 0.1) > 0 ? amplitude : -amplitude);

// Bursts follow their surroundings in another way, below.
conformance(adxl345, simulation, {
  optionSets: optionSets(adxl345, {}).filter(({ mode }) => mode !== 'burst'),
});

describe('in bursts', () => {
  conformance(adxl345, simulation, {
    options: BURST,
    optionSets: [
      BURST,
      { ...BURST, rate: 800 },
      { ...BURST, rate: 25, window: 1_280 },
      { ...BURST, range: 2 },
      { ...BURST, range: 8, full_resolution: false },
      { ...BURST, bands: '20-60 60-90' },
      { ...BURST, raw: 'always' },
    ],
    surroundings: (channel, value, options): Surroundings | undefined => {
      if (!channel.startsWith('rms_')) return undefined;
      // At rest there would be no ratios to report: it always moves by at least half a step.
      const half = channelsOf(adxl345, options)[channel]!.resolution * 0.48;
      return {
        [channel.replace('rms', 'acceleration')]: shaking(Math.max(value, half), options.rate as number, half),
      };
    },
  });
});

describe('adxl345', () => {
  it.each([
    ['1 g on z in full resolution', 0x0b, '000000000001', [0, 0, G]],
    ['both signs in full resolution', 0x0b, '0100ffff0002', [G / 256, -G / 256, 2 * G]],
    ['1 g on z in 10 bits of 16 g', 0x03, '000000002000', [0, 0, G]],
    ['10 bits of 4 g, left-justified', 0x05, '40000080c0ff', [G / 128, -4 * G, -G / 128]],
    ['13 bits, left-justified', 0x0f, '0800f8ff0008', [G / 256, -G / 256, G]],
  ])('converts %s', (_name, dataFormat, hex, axes) => {
    const found = convert(Buffer.from(hex, 'hex'), dataFormat).axes;
    found.forEach((value, at) => {
      expect(value).toBeCloseTo(axes[at]!, 9);
    });
  });

  it.each([
    [0x0b, 'ff0f00000000', false, true],
    [0x0b, 'fe0f00000000', false, false],
    [0x0b, 'fe0f00000000', true, true],
    [0x0b, '00f000000000', false, true],
    [0x08, '0000ff010000', false, true],
    [0x00, '0000000000fe', false, true],
    [0x03, '0000fe010000', false, false],
  ])('with data format %i takes %s (low bit zero: %s) for saturated: %s', (format, hex, lowBitZero, saturated) => {
    expect(convert(Buffer.from(hex, 'hex'), format, lowBitZero).saturated).toBe(saturated);
  });

  it('says on the wire what the datasheet asks for, and leaves the chip in standby', async () => {
    const { bus, open } = i2cRig(adxl345, simulation);
    await (await open()).read(signal);
    expect(bus.transcript).toEqual([
      '0x53 w 00 r e5',
      '0x53 w 2d00',
      '0x53 w 3800',
      '0x53 w 310b',
      '0x53 w 32 r 000000000000',
      '0x53 w 3800',
      '0x53 w 2c0b08',
      '0x53 w 30 r 800b000000000001',
      '0x53 w 2d00',
    ]);
  });

  it.each([
    [{ range: 2 }, '3108'],
    [{ range: 4, full_resolution: false }, '3101'],
    [{ rate: 6.25 }, '2c0608'],
    [{ rate: 3_200 }, '2c0f08'],
  ])('writes the code of %j', async (options, written) => {
    const { bus, open } = i2cRig(adxl345, simulation, { options });
    await (await open()).read(signal);
    expect(bus.transcript).toContain(`0x53 w ${written}`);
  });

  it('refuses more than its range', async () => {
    const { open, world } = i2cRig(adxl345, simulation, { options: { range: 2 } });
    world.set({ acceleration_x: 2.5 * G });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.saturated' });
  });

  it('says that a chip which never has fresh data is not ready', async () => {
    const { open } = i2cRig(adxl345, simulation, {
      intercept: async (_address, tx, rxLength, pass) => {
        const reply = await pass();
        if (tx[0] === 0x30 && rxLength > 0) reply[0] = 0x03;
        return reply;
      },
    });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });
});

describe('a burst', () => {
  const burst = (options: Options = {}, surroundings: Surroundings = {}) =>
    i2cRig(adxl345, simulation, { options: { mode: 'burst', ...options }, surroundings });

  it('finds the frequency of a motor, its strength, and rest on the other axes', async () => {
    const { open } = burst({}, { acceleration_x: (monoMs) => 4 * Math.sin(2 * Math.PI * 0.031 * monoMs) });
    const values = await (await open()).read(signal);
    expect(values.frequency_x).toBeCloseTo(31, 6);
    expect(values.rms_x).toBeCloseTo(4 / Math.SQRT2, 2);
    expect(values.kurtosis_x).toBeCloseTo(1.5, 1);
    expect(values.rms_z).toBeCloseTo(0, 9);
    expect(values.frequency).toBe(values.frequency_x);
    expect(values).not.toHaveProperty('crest_z');
  });

  it('takes exactly window times rate samples, as they come', async () => {
    const { open, bus, clock } = burst({ rate: 400, window: 250 });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await sensor.read(signal);
    expect(bus.transcript.filter((line) => line.startsWith('0x53 w 32 r'))).toHaveLength(1 + 100);
    expect(clock.monotonic() - beganMs).toBeGreaterThan(250);
    expect(clock.monotonic() - beganMs).toBeLessThan(270);
    expect(bus.transcript.at(-1)).toBe('0x53 w 2d00');
  });

  it('keeps the newest samples in the FIFO, not the oldest', async () => {
    const { open, bus } = burst();
    await (await open()).read(signal);
    expect(bus.transcript).toContain('0x53 w 3880');
  });

  it('has a window, and channels for each axis and the whole', () => {
    const options = optionsOf(adxl345, { mode: 'burst', window: 2_000 });
    const { channels = {}, windowMs, worstCaseMs } = adxl345.variant!(options);
    expect(windowMs).toBe(2_000);
    expect(worstCaseMs).toBeGreaterThan(2_000);
    expect(Object.keys(channels)).toHaveLength(28);
    expect(channels.velocity).toMatchObject({ quantity: 'velocity', bandHz: [10, 90] });
    expect(channels.frequency_y).toMatchObject({ quantity: 'frequency', max: 100, resolution: 0.5 });
  });

  /** Holds up the bus before one transfer, as a busy board does. */
  const heldUp = (holdMs: number, when: (transfers: number, tx: Uint8Array) => boolean): I2cRig => {
    let transfers = 0;
    const rig: I2cRig = i2cRig(adxl345, simulation, {
      options: { mode: 'burst', rate: 800, window: 500 },
      intercept: async (_address, tx, _rxLength, pass) => {
        transfers += 1;
        if (when(transfers, tx)) await rig.clock.sleep(holdMs);
        return pass();
      },
    });
    return rig;
  };

  it('is refused as a whole when the FIFO overran before it was looked at', async () => {
    const { open } = heldUp(60, (transfers, tx) => transfers > 100 && transfers < 120 && tx[0] === 0x39);
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.overrun' });
  });

  it('is refused when the FIFO overran after the overrun bit was seen clear: reading data clears the bit', async () => {
    const { open, bus } = heldUp(60, (transfers, tx) => transfers > 100 && transfers < 120 && tx[0] === 0x32);
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.overrun' });
    expect(bus.transcript.filter((line) => /w 30 r ..(?<=[13579bdf])/.test(line))).toEqual([]);
  });

  it('survives a delay that the FIFO can hold', async () => {
    const { open } = heldUp(10, (transfers, tx) => transfers > 100 && transfers < 120 && tx[0] === 0x39);
    await expect((await open()).read(signal)).resolves.toBeDefined();
  });

  it('is refused when one sample in it is saturated', async () => {
    const { open } = burst({ range: 2 }, { acceleration_y: (monoMs) => (monoMs > 1_500 && monoMs < 1_510 ? 30 : 0) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.saturated' });
  });

  it('ends when it is called off in the middle, with the chip in standby', async () => {
    const stop = new AbortController();
    const { open, bus } = i2cRig(adxl345, simulation, {
      options: { mode: 'burst' },
      intercept: (_address, _tx, _rxLength, pass) => {
        if (bus.transcript.length > 60) stop.abort();
        return pass();
      },
    });
    await expect((await open()).read(stop.signal)).rejects.toMatchObject({ code: 'sensor.deadline' });
    expect(bus.transcript.at(-1)).toBe('0x53 w 2d00');
    expect(bus.transcript.length).toBeLessThan(120);
  });

  const openOn = (clockHz: number, options: Options, lateMs = 0) => {
    const clock = virtualClock({ automatic: true });
    const bus = simulatedI2cBus({ clockHz });
    bus.attach(0x53, simulation.create({ clock, value: () => 0, random: () => 0 }));
    const parsed = optionsOf(adxl345, { mode: 'burst', ...options });
    const late = { ...clock, sleep: (ms: number, until?: AbortSignal) => clock.sleep(ms + lateMs, until) };
    return adxl345.open(driverContext<'i2c'>(i2cDevice(bus, 0x53), late, parsed));
  };

  it('is refused when it was woken too late, and not when it was woken late', async () => {
    await expect((await openOn(400_000, { rate: 800 }, 25)).read(signal)).resolves.toBeDefined();
    await expect((await openOn(400_000, { rate: 800 }, 40)).read(signal)).rejects.toMatchObject({
      code: 'sensor.overrun',
    });
  });

  it('is refused at a rate that the bus does not carry, with the way out', async () => {
    await expect(openOn(100_000, { rate: 200 })).resolves.toBeDefined();
    await expect(openOn(100_000, { rate: 400 })).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(/100 kHz carries 200 Hz.*lower the rate.*i2c_arm_baudrate=400000/),
    });
    await expect(openOn(400_000, { rate: 800 })).resolves.toBeDefined();
  });

  it('is refused without a bus at a rate that no bus carries', () => {
    expect(() => adxl345.variant!(optionsOf(adxl345, { mode: 'burst', rate: 1_600 }))).toThrow(
      'adxl345: a bus of 400 kHz carries 800 Hz and not 1600 Hz: lower the rate',
    );
    expect(adxl345.variant!(optionsOf(adxl345, { rate: 1_600 })).windowMs).toBeUndefined();
  });

  it('gives the samples too when they are asked for, in steps of the range, and is none when a read fails', async () => {
    const tilt = (monoMs: number) => (Math.floor(monoMs / 5) % 7) * (G / 256);
    const { open, unplug } = burst({ window: 200, raw: 'always', range: 4 }, { acceleration_x: tilt });
    const sensor = await open();
    await sensor.read(signal);
    const window = sensor.takeWindow!()!;
    expect(window).toMatchObject({ rateHz: 200, scale: G / 256 });
    expect(window.axes.z).toEqual(Array(40).fill(256));
    expect([...new Set(window.axes.x)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(window.axes.x!.slice(7, 14)).toEqual(window.axes.x!.slice(0, 7));
    unplug();
    await expect(sensor.read(signal)).rejects.toMatchObject({ code: 'bus.nack' });
    expect(sensor.takeWindow!()).toBeUndefined();
  });

  it('gives no samples when their trigger is not exceeded, and in single samples there are none to give', async () => {
    const shaken = (amplitude: number) => ({ acceleration_x: (ms: number) => amplitude * Math.sin(0.2 * ms) });
    for (const [amplitude, isKept] of [
      [1, false],
      [4, true],
    ] as const) {
      const sensor = await burst({ raw: 'trigger', trigger_rms: 2 }, shaken(amplitude)).open();
      await sensor.read(signal);
      expect(sensor.takeWindow!() !== undefined).toBe(isKept);
    }
    expect(await i2cRig(adxl345, simulation).open()).not.toHaveProperty('takeWindow');
  });

  it('has a velocity within the band that its rate covers: 50 Hz and not 95 Hz of two at a rate of 200', async () => {
    const of = async (hertz: number): Promise<number> => {
      const shaken = (ms: number) => 8 * Math.sin((2 * Math.PI * hertz * ms) / 1_000);
      return (await (await burst({}, { acceleration_x: shaken }).open()).read(signal)).velocity_x!;
    };
    expect(await of(50)).toBeCloseTo(8_000 / Math.SQRT2 / (2 * Math.PI * 50), 1);
    expect(await of(95)).toBeLessThan(0.1);
  });

  it.each([
    [{ rate: 200, window: 50 }, /10 samples/],
    [{ rate: 800, window: 60_000 }, /48000 samples/],
  ])('is refused with too few or too many samples: %j', async (options, message) => {
    await expect(openOn(400_000, options)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(message),
    });
  });
});

describe('the simulated adxl345', () => {
  const chipOf = (surroundings: Surroundings = {}) => {
    const { clock, world } = i2cRig(adxl345, simulation, { surroundings });
    const bus = simulatedI2cBus();
    bus.attach(0x53, simulation.create(world));
    const device = i2cDevice(bus, 0x53);
    const hex = async (register: number, length: number) =>
      Buffer.from(await device.writeRead([register], length)).toString('hex');
    return { clock, world, device, hex };
  };

  it('sleeps after power-on: its data stay zero', async () => {
    const { clock, hex } = chipOf();
    await clock.sleep(1_000);
    expect(await hex(0x2c, 6)).toBe('0a0000000000');
    expect(await hex(0x30, 8)).toBe('0000000000000000');
  });

  it('has its first sample 1.1 ms and one period after it is told to measure', async () => {
    const { clock, device, hex } = chipOf();
    await device.write(0x2c, 0x0a, 0x08);
    await clock.sleep(11);
    expect(await hex(0x30, 1)).toBe('00');
    await clock.sleep(0.11);
    expect(await hex(0x30, 1)).toBe('80');
    expect(await hex(0x32, 6)).toBe('000000000001');
    expect(await hex(0x30, 1)).toBe('00');
  });

  it('keeps the newest 33 samples in stream mode, and says until the next read that some were lost', async () => {
    const { clock, device, hex } = chipOf({ acceleration_x: (monoMs) => Math.floor(monoMs / 10) * (G / 256) });
    await device.write(0x38, 0x9f);
    await device.write(0x2c, 0x0a, 0x08);
    await clock.sleep(11.2 + 310);
    expect(await hex(0x39, 1)).toBe('20');
    expect(await hex(0x30, 1)).toBe('82');
    await clock.sleep(500);
    expect(await hex(0x39, 1)).toBe('21');
    expect(await hex(0x30, 1)).toBe('83');
    const first = (await device.writeRead([0x32], 6))[0]!;
    expect(await hex(0x30, 1)).toBe('82');
    expect((await device.writeRead([0x32], 6))[0]).toBe(first + 1);
  });

  it('keeps the oldest in FIFO mode', async () => {
    const { clock, device } = chipOf({ acceleration_x: (monoMs) => (monoMs < 1_020 ? G / 256 : 0) });
    await device.write(0x38, 0x40);
    await device.write(0x2c, 0x0a, 0x08);
    await clock.sleep(10_000);
    expect((await device.writeRead([0x32], 6))[0]).toBe(1);
    expect((await device.writeRead([0x39], 1))[0]).toBe(32);
  });

  it('gives one sample a read, however long or short the read is', async () => {
    const { clock, device, hex } = chipOf();
    await device.write(0x38, 0x80);
    await device.write(0x2c, 0x0a, 0x08);
    await clock.sleep(100);
    const entries = Number.parseInt(await hex(0x39, 1), 16);
    await device.writeRead([0x32], 2);
    await device.writeRead([0x32], 8);
    expect(Number.parseInt(await hex(0x39, 1), 16)).toBe(entries - 2);
  });

  it('has no lowest bit at 1600 and 3200 Hz', async () => {
    const { clock, device, hex } = chipOf({ acceleration_x: (5 * G) / 256 });
    await device.write(0x31, 0x0b);
    await device.write(0x2c, 0x0f, 0x08);
    await clock.sleep(10);
    expect(await hex(0x32, 2)).toBe('0400');
  });

  it('drains to what the driver makes of it', async () => {
    const { clock, device } = chipOf();
    await device.write(0x31, 0x0b);
    await device.write(0x38, 0x80);
    await device.write(0x2c, 0x0a, 0x08);
    await clock.sleep(105);
    const samples = await drain(device, fail);
    expect(samples).toHaveLength(10);
    expect(samples[9]).toEqual({ axes: [0, 0, G], saturated: false });
  });
});
