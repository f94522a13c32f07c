import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/hdc2080.sim.ts';
import hdc2080, { celsius, relativeHumidity, zeroCelsius } from '../../drivers/hdc2080.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { conformance } from '../conformance.ts';
import { answering, i2cRig } from '../rig.ts';
import { bareChip } from './specifications.ts';

conformance(hdc2080, simulation, {
  // The simulated chip is one of the first formula: with the other, the same temperature reads lower.
  surroundings: (channel, value, { formula, supply }) => ({
    [channel]: channel === 'temperature' ? value - zeroCelsius(formula === 'revised', supply as number) - 40 : value,
  }),
});

const signal = new AbortController().signal;

describe('hdc2080', () => {
  it.each([
    [0x0000, -40, 0],
    [0x4000, 1.25, 25],
    [0x8000, 42.5, 50],
    [0xffff, 124.99748, 99.99847],
  ])('converts %i to %d Cel and %d %RH', (word, temperature, humidity) => {
    expect(celsius(word, -40)).toBeCloseTo(temperature, 5);
    expect(relativeHumidity(word)).toBeCloseTo(humidity, 5);
  });

  it('begins half a Cel lower by the revised formula, and lower still with a higher supply', () => {
    expect(zeroCelsius(false, 3.3)).toBe(-40);
    expect(zeroCelsius(true, 1.8)).toBe(-40.5);
    expect(zeroCelsius(true, 3.3)).toBeCloseTo(-40.62, 9);
  });

  it.each([
    [{}, '01', '6466fc7f80', 26],
    [{ temperature_bits: 11 }, '41', '6066fc7f80', 26],
    [{ temperature_bits: 9 }, '81', '0066fc7f80', 25.7],
    [{ humidity_bits: 11 }, '11', '6466e07f80', 26],
    [{ humidity_bits: 9 }, '21', '6466807f80', 26],
    [{ formula: 'revised' }, '01', '6466fc7f80', 25.4],
    [{ formula: 'revised', supply: 1.8 }, '01', '6466fc7f80', 25.5],
  ])('says on the wire what the datasheet asks for with %j', async (options, start, reply, temperature) => {
    const { bus, open } = i2cRig(hdc2080, simulation, {
      options,
      surroundings: { temperature: 26, humidity: 49.999 },
    });
    const sensor = await open();
    const values = await sensor.read(signal);
    await sensor.close();
    expect(values.temperature).toBeCloseTo(temperature, 1);
    expect(bus.transcript).toEqual([
      '0x40 w fc r 4954d007',
      '0x40 w 0e00',
      `0x40 w 0f${start}`,
      `0x40 w 00 r ${reply}`,
    ]);
  });

  it.each([
    ['an HDC1080', { 252: '01234567', 255: '1050' }, /answers as HDC1080/],
    ['an unknown chip', { 252: '4954d107', 255: '0749' }, /unknown chip \(ids 4954d107\)/],
  ])('refuses %s by name', async (_what, replies, message) => {
    const { open } = i2cRig(hdc2080, simulation, { intercept: answering(replies) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('tells a scan what answers', async () => {
    const { bus } = i2cRig(hdc2080, simulation);
    expect(await hdc2080.identify?.(i2cDevice(bus, 0x40))).toBe('HDC2080');
  });

  it.each([
    ['a chip that never measures', '6466fc7f00', 'sensor.not-ready'],
    ['a bus stuck low', '0000000000', 'sensor.not-ready'],
    ['a bus stuck high', 'ffffffffff', 'sensor.no-data'],
  ])('refuses %s in a read', async (_what, burst, code) => {
    const { open, clock } = i2cRig(hdc2080, simulation, { intercept: answering({ 0: burst }) });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await expect(sensor.read(signal)).rejects.toMatchObject({ code });
    expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(hdc2080.worstCaseMs);
  });

  it('stops a chip that another program left measuring at a rate', async () => {
    const { bus, open, address, world } = i2cRig(hdc2080, simulation, { surroundings: { temperature: 26 } });
    await bus.transfer(address, Uint8Array.of(0x0e, 0x50), 0);
    await bus.transfer(address, Uint8Array.of(0x0f, 0x01), 0);
    const sensor = await open();
    await sensor.read(signal);
    world.set({ temperature: 30 });
    expect((await sensor.read(signal)).temperature).toBeCloseTo(30, 1);
  });
});

describe('the status of the hdc2080', () => {
  const status = (value: number) =>
    i2cRig(hdc2080, simulation, {
      surroundings: { temperature: 25 },
      intercept: async (_address, tx, rxLength, pass) => {
        const reply = await pass();
        if (tx[0] === 0x00 && rxLength === 5) reply[4] = value;
        return reply;
      },
    });

  it.each([0x81, 0x82, 0x84])('has no such bits as in %i: that is another chip or a fault', async (value) => {
    await expect((await status(value).open()).read(signal)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it.each([0x88, 0xf8])('may have alerts besides, as in %i', async (value) => {
    expect((await (await status(value).open()).read(signal)).temperature).toBeCloseTo(25, 1);
  });

  it('comes with the whole range of a word', () => {
    expect(hdc2080.channels.temperature!.max - hdc2080.channels.temperature!.min).toBeCloseTo((165 * 65535) / 65536, 9);
  });
});

describe('the simulated hdc2080', () => {
  const bare = () => bareChip(hdc2080, simulation, { temperature: 26, humidity: 50 });

  it('is ready after the typical time, and says so once', async () => {
    const { write, hex, pass } = bare();
    write(0x0f, 0x01);
    await pass(1.26);
    expect(hex(0x00, 5)).toBe('0000000000');
    await pass(0.01);
    expect([hex(0x0f, 1), hex(0x00, 4), hex(0x00, 5), hex(0x00, 5)]).toEqual([
      '00',
      '64660080',
      '6466008080',
      '6466008000',
    ]);
  });

  it('measures at a rate when it is told to, and forgets it with a reset', async () => {
    const { write, hex, pass, world } = bare();
    write(0x0e, 0x50, 0x01);
    await pass(1_000);
    expect(hex(0x00, 2)).toBe('6466');
    world.set({ temperature: 42.5 });
    await pass(1_000);
    expect(hex(0x00, 2)).toBe('0080');
    write(0x0e, 0x80);
    await pass(2_000);
    expect([hex(0x00, 5), hex(0x0e, 2)]).toEqual(['0000000000', '0000']);
  });
});
