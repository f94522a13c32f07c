import { describe, expect, it } from 'vitest';
import { convert, convertTemperature, stepOf } from '../../drivers/lis3dh.maths.ts';
import { simulation } from '../../drivers/lis3dh.sim.ts';
import lis3dh, { drain } from '../../drivers/lis3dh.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Options } from '../../src/driver.ts';
import { channelsOf, conformance, optionSets } from '../conformance.ts';
import { type I2cRig, i2cRig, optionsOf, type Surroundings } from '../rig.ts';

const G = 9.80665;
const signal = new AbortController().signal;
const BURST: Options = { mode: 'burst', rate: 200, window: 160 };

/** A square wave of 8 samples around `middle`: its rms is its amplitude. */
const shaking =
  (amplitude: number, rateHz: number, middle = 0) =>
  (monoMs: number) =>
    middle + (Math.sin((2 * Math.PI * monoMs * rateHz) / 8_000 + 0.1) > 0 ? amplitude : -amplitude);

// Bursts follow their surroundings in another way, below.
conformance(lis3dh, simulation, { optionSets: optionSets(lis3dh, {}).filter(({ mode }) => mode !== 'burst') });

describe('with its temperature', () => {
  conformance(lis3dh, simulation, { options: { temperature: true }, optionSets: [{ temperature: true }] });
});

describe('in bursts', () => {
  conformance(lis3dh, simulation, {
    options: BURST,
    optionSets: [
      BURST,
      { ...BURST, rate: 1_344 },
      { ...BURST, rate: 25, window: 1_280 },
      { ...BURST, range: 16, resolution: 'high' },
      { ...BURST, resolution: 'low' },
      { ...BURST, bands: '20-60 60-90' },
      { ...BURST, raw: 'always' },
    ],
    surroundings: (channel, value, options): Surroundings | undefined => {
      if (!channel.startsWith('rms_')) return undefined;
      // At rest there would be no ratios to report: it always moves by at least half a step.
      const half = channelsOf(lis3dh, options)[channel]!.resolution * 0.48;
      return {
        [channel.replace('rms', 'acceleration')]: shaking(Math.max(value, half), options.rate as number, half),
      };
    },
  });
});

describe('lis3dh', () => {
  it.each([
    [2, 'high', 0.001],
    [2, 'normal', 0.004],
    [2, 'low', 0.016],
    [4, 'high', 0.002],
    [8, 'normal', 0.016],
    [16, 'high', 0.012],
    [16, 'normal', 0.048],
    [16, 'low', 0.192],
  ] as const)('has steps in the range of %i g with resolution %s of %d g', (rangeG, resolution, stepG) => {
    expect(stepOf(rangeG, resolution)).toBeCloseTo(stepG * G, 9);
  });

  it.each([
    [2, 'high', '1000f0ff803e', [0.001, -0.001, 1]],
    [4, 'normal', '4000c0ff401f', [0.008, -0.008, 1]],
    [16, 'low', '000100ff0005', [0.192, -0.192, 0.96]],
  ] as const)('converts in the range of %i g with resolution %s', (rangeG, resolution, hex, expectedG) => {
    const { axes, saturated } = convert(Buffer.from(hex, 'hex'), rangeG, resolution);
    axes.forEach((value, at) => {
      expect(value).toBeCloseTo(expectedG[at]! * G, 9);
    });
    expect(saturated).toBe(false);
  });

  it.each([
    ['high', 'f07f00000000', true],
    ['high', 'e07f00000000', false],
    ['normal', '0000c07f0000', true],
    ['normal', '0000807f0000', false],
    ['low', '00000000007f', true],
    ['low', '000000000080', true],
    ['low', '00000000007e', false],
  ] as const)('with resolution %s takes %s for saturated: %s', (resolution, hex, saturated) => {
    expect(convert(Buffer.from(hex, 'hex'), 2, resolution).saturated).toBe(saturated);
  });

  it('converts a temperature as the maker does', () => {
    expect(convertTemperature(0, 0)).toBe(25);
    expect(convertTemperature(0, 0xf6)).toBe(15);
    expect(convertTemperature(0x40, 0x05)).toBe(30.25);
  });

  it('says on the wire what the datasheet asks for, and leaves the chip powered down', async () => {
    const { bus, open } = i2cRig(lis3dh, simulation);
    await (await open()).read(signal);
    expect(bus.transcript).toEqual([
      '0x18 w 0f r 33',
      '0x18 w 2007',
      '0x18 w 2e00',
      '0x18 w a7 r 00000000000000',
      '0x18 w a07700009000',
      '0x18 w a7 r 0f00000000401f',
      '0x18 w 2007',
    ]);
  });

  it.each([
    [{ range: 2 }, '7700008000'],
    [{ range: 8 }, '770000a000'],
    [{ range: 16 }, '770000b000'],
    [{ resolution: 'high' }, '7700009800'],
    [{ resolution: 'low' }, '7f00009000'],
    [{ rate: 1 }, '1700009000'],
    [{ rate: 10 }, '2700009000'],
    [{ rate: 25 }, '3700009000'],
    [{ rate: 50 }, '4700009000'],
    [{ rate: 100 }, '5700009000'],
    [{ rate: 200 }, '6700009000'],
    [{ rate: 1_344 }, '9700009000'],
    [{ mode: 'burst' }, '7700009040'],
  ])('writes the codes of %j in one transfer', async (options, written) => {
    const { bus, open } = i2cRig(lis3dh, simulation, { options });
    await (await open()).read(signal);
    expect(bus.transcript).toContain(`0x18 w a0${written}`);
  });

  it('switches the thermometer on when it is asked for', async () => {
    const { bus, open } = i2cRig(lis3dh, simulation, {
      options: { temperature: true },
      surroundings: { temperature: 31 },
    });
    expect(await (await open()).read(signal)).toMatchObject({ temperature: 31 });
    expect(bus.transcript).toContain('0x18 w 1fc0');
    expect(bus.transcript).toContain('0x18 w 87 r 77000000000006');
  });

  it('does not report what was left from before: old data are read away', async () => {
    const { bus, clock, open, world, address } = i2cRig(lis3dh, simulation, { options: { temperature: true } });
    const sensor = await open();
    await bus.transfer(address, Uint8Array.of(0x1f, 0xc0), 0);
    await bus.transfer(address, Uint8Array.of(0x20, 0x57), 0);
    await clock.sleep(100);
    await bus.transfer(address, Uint8Array.of(0x20, 0x07), 0);
    world.set({ acceleration_x: G, temperature: 40 });
    const values = await sensor.read(signal);
    expect(values.acceleration_x).toBeCloseTo(G, 9);
    expect(values.temperature).toBe(40);
  });

  it('waits for seven periods more with high resolution', async () => {
    const { clock, open } = i2cRig(lis3dh, simulation, { options: { resolution: 'high', rate: 10 } });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await sensor.read(signal);
    expect(clock.monotonic() - beganMs).toBeCloseTo(880, 6);
  });

  it('refuses more than its range', async () => {
    const { open } = i2cRig(lis3dh, simulation, { options: { range: 2 }, surroundings: { acceleration_y: -2.5 * G } });
    await expect((await open()).read(signal)).rejects.toMatchObject({
      code: 'sensor.saturated',
      message: expect.stringMatching(/2 g: choose a larger range/),
    });
  });

  it('says that a chip which never has fresh data is not ready', async () => {
    const { open } = i2cRig(lis3dh, simulation, {
      intercept: async (_address, tx, rxLength, pass) => {
        const reply = await pass();
        if (tx[0] === 0xa7 && rxLength > 0) reply[0] = 0x07;
        return reply;
      },
    });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });

  it.each([
    [[0x00, 0x54], 'an MCP9808 thermometer'],
    [[0x12, 0x34], 'no LIS3DH'],
  ])('says what answers there with %j', async (limits, words) => {
    const { open } = i2cRig(lis3dh, simulation, {
      intercept: async (_address, tx) => (tx[0] === 0x06 ? Uint8Array.from(limits) : Uint8Array.of(0x11)),
    });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringContaining(words) });
  });
});

describe('the thermometer of the lis3dh', () => {
  it('has no fresh value while only the other inputs of the converter have', async () => {
    const { open } = i2cRig(lis3dh, simulation, {
      options: { temperature: true },
      intercept: async (_address, tx, rxLength, pass) =>
        tx[0] === 0x87 ? Uint8Array.from({ length: rxLength }, (_, at) => (at === 0 ? 0x33 : 0)) : pass(),
    });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });
});

describe('a burst of the lis3dh', () => {
  const burst = (options: Options = {}, surroundings: Surroundings = {}) =>
    i2cRig(lis3dh, simulation, { options: { mode: 'burst', ...options }, surroundings });

  it('finds the frequency of a motor, its strength, and rest on the other axes', async () => {
    const { open } = burst({}, { acceleration_x: (monoMs) => 4 * Math.sin(2 * Math.PI * 0.031 * monoMs) });
    const values = await (await open()).read(signal);
    expect(values.frequency_x).toBeCloseTo(31, 6);
    expect(values.rms_x).toBeCloseTo(4 / Math.SQRT2, 2);
    expect(values.rms_z).toBeCloseTo(0, 9);
    expect(values).not.toHaveProperty('crest_z');
  });

  it('drains eight samples in one read, and leaves the chip powered down', async () => {
    const { bus, clock, open } = burst({ rate: 400, window: 50 });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await sensor.read(signal);
    // The first sample is there one period after turn-on, which is when the FIFO is switched on.
    expect(clock.monotonic() - beganMs).toBeCloseTo(1.6 + 50, 3);
    const said = bus.transcript.slice(5);
    expect(said.filter((line) => !line.includes(' r '))).toEqual(['0x18 w 2e80', '0x18 w 2007']);
    const drained = said
      .filter((line) => line.startsWith('0x18 w a8'))
      .map((line) => line.split(' r ')[1]!.length / 12);
    expect(drained).toEqual([8, 8, 4]);
    // Before each read how many there are, and after it how many came meanwhile.
    const counts = said.filter((line) => line.startsWith('0x18 w 2f')).map((line) => line.slice(-2));
    expect(counts).toEqual(['88', '20', '88', '20', '84', '20']);
  });

  it('catches up in reads of eight samples when it was late, so that others come between', async () => {
    const { bus, open } = heldUp(45, 0x2f);
    await (await open()).read(signal);
    const lengths = bus.transcript
      .filter((line) => line.startsWith('0x18 w a8'))
      .map((line) => line.split(' r ')[1]!.length / 12);
    expect(Math.max(...lengths)).toBe(8);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBeGreaterThanOrEqual(200);
  });

  it('gives the samples too when they are asked for, in steps of range and resolution', async () => {
    const { open } = burst(
      { window: 100, raw: 'always', resolution: 'high', range: 8 },
      { acceleration_x: -0.004 * G },
    );
    const sensor = await open();
    await sensor.read(signal);
    const window = sensor.takeWindow!()!;
    expect(window.rateHz).toBe(400);
    expect(window.scale).toBeCloseTo(0.004 * G, 12);
    expect(window.axes).toEqual({ x: Array(40).fill(-1), y: Array(40).fill(0), z: Array(40).fill(250) });
  });

  it.each([
    ['normal', 1_344, [10, 604.8]],
    ['high', 1_344, [10, 149.3]],
    ['normal', 200, [10, 90]],
    ['high', 100, [10, 11.1]],
    ['high', 50, undefined],
  ])('with resolution %s at %i Hz has the velocity of the band that passes its filter', (resolution, rate, band) => {
    const { channels } = lis3dh.variant!(optionsOf(lis3dh, { mode: 'burst', rate, resolution }));
    expect(channels!.velocity?.bandHz).toEqual(band);
  });

  /** Holds up the bus before one transfer, as a busy board does. */
  const heldUp = (holdMs: number, register: number): I2cRig => {
    let held = false;
    const rig: I2cRig = i2cRig(lis3dh, simulation, {
      options: { mode: 'burst', rate: 400, window: 500 },
      intercept: async (_address, tx, _rxLength, pass) => {
        if (tx[0] === register && rig.bus.transcript.length > 20 && !held) {
          held = true;
          await rig.clock.sleep(holdMs);
        }
        return pass();
      },
    });
    return rig;
  };

  it.each([
    ['before it was looked at', 0x2f],
    ['after it was seen not to be full', 0xa8],
  ])('is refused as a whole when the FIFO overran %s', async (_when, register) => {
    await expect((await heldUp(70, register).open()).read(signal)).rejects.toMatchObject({ code: 'sensor.overrun' });
  });

  it.each([0x2f, 0xa8])('survives a delay that the FIFO can hold before register %i', async (register) => {
    await expect((await heldUp(45, register).open()).read(signal)).resolves.toBeDefined();
  });

  it('is refused when one sample in it is saturated', async () => {
    const { open } = burst({ range: 2 }, { acceleration_y: (monoMs) => (monoMs > 1_500 && monoMs < 1_510 ? 30 : 0) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.saturated' });
  });

  it('is refused when the chip loses its supply before its end', async () => {
    const rig: I2cRig = i2cRig(lis3dh, simulation, {
      options: BURST,
      intercept: (_address, tx, _rxLength, pass) => {
        if (tx[0] === 0xa8 && rig.bus.transcript.length > 10) rig.powerCycle();
        return pass();
      },
    });
    await expect((await rig.open()).read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
  });

  const openOn = (clockHz: number, options: Options) => {
    const clock = virtualClock({ automatic: true });
    const bus = simulatedI2cBus({ clockHz });
    bus.attach(0x18, simulation.create({ clock, value: () => 0, random: () => 0 }));
    const parsed = optionsOf(lis3dh, options);
    return lis3dh.open(driverContext<'i2c'>(i2cDevice(bus, 0x18), clock, parsed));
  };

  it('is refused at a rate that the bus does not carry or the resolution does not have', async () => {
    await expect(openOn(100_000, { mode: 'burst', rate: 400 })).resolves.toBeDefined();
    await expect(openOn(400_000, { mode: 'burst', rate: 1_344 })).resolves.toBeDefined();
    await expect(openOn(100_000, { mode: 'burst', rate: 1_344 })).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(/100 kHz carries 833 Hz.*lower the rate/),
    });
    await expect(openOn(400_000, { rate: 1_344, resolution: 'low' })).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(/no 1344 Hz with resolution low/),
    });
  });
});

describe('the simulated lis3dh', () => {
  const chipOf = (surroundings: Surroundings = {}) => {
    const { clock, world } = i2cRig(lis3dh, simulation, { surroundings });
    const bus = simulatedI2cBus();
    bus.attach(0x18, simulation.create(world));
    const device = i2cDevice(bus, 0x18);
    const hex = async (register: number, length: number) =>
      Buffer.from(await device.writeRead([register], length)).toString('hex');
    return { clock, device, hex };
  };

  it('is powered down after power-on: its data stay zero', async () => {
    const { clock, hex } = chipOf();
    await clock.sleep(1_000);
    expect(await hex(0x20, 1)).toBe('07');
    expect(await hex(0xa7, 9)).toBe('000000000000000020');
  });

  it('repeats one register without the bit that makes the address count up', async () => {
    const { clock, device, hex } = chipOf();
    await device.write(0x20, 0x57);
    await clock.sleep(50);
    expect(await hex(0x2d, 3)).toBe('3e3e3e');
    expect(await hex(0xa8, 6)).toBe('00000000803e');
  });

  it('has its first sample after turn-on and one period, and says when one was not fetched', async () => {
    const { clock, device, hex } = chipOf();
    await device.write(0x20, 0x57);
    await clock.sleep(11.5);
    expect(await hex(0x27, 1)).toBe('00');
    await clock.sleep(0.2);
    expect(await hex(0x27, 1)).toBe('0f');
    await clock.sleep(10);
    expect(await hex(0x27, 1)).toBe('ff');
    await hex(0xa8, 6);
    expect(await hex(0x27, 1)).toBe('00');
  });

  it('keeps the newest 32 samples in a stream, whose address goes round', async () => {
    const { clock, device, hex } = chipOf({ acceleration_x: (monoMs) => Math.floor(monoMs / 10) * 0.004 * G });
    await device.write(0xa4, 0x40);
    await device.write(0x2e, 0x80);
    await device.write(0x20, 0x57);
    await clock.sleep(1.7 + 30);
    expect(await hex(0x2f, 1)).toBe('83');
    const [first, second] = [await hex(0xa8, 6), await hex(0xa8, 12)];
    expect(first.slice(0, 2)).not.toBe(second.slice(0, 2));
    expect(await hex(0x2f, 1)).toBe('20');
    await clock.sleep(1_000);
    expect(await hex(0x2f, 1)).toBe('df');
    expect(await hex(0xa8, 192)).toHaveLength(384);
    expect(await hex(0x2f, 1)).toBe('20');
  });

  it('keeps the oldest in FIFO mode', async () => {
    const { clock, device } = chipOf({ acceleration_x: (monoMs) => (monoMs < 1_015 ? G : 0) });
    await device.write(0x24, 0x40);
    await device.write(0x2e, 0x40);
    await device.write(0x20, 0x57);
    await clock.sleep(10_000);
    const { samples, full } = await drain(device, 2, 'normal');
    expect(full).toBe(true);
    expect(samples.map(({ axes }) => axes[0] > 1)).toEqual([true, ...Array(31).fill(false)]);
  });
});
