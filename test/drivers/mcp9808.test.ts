import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/mcp9808.sim.ts';
import mcp9808, { celsius } from '../../drivers/mcp9808.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { conformance } from '../conformance.ts';
import { answering, i2cRig } from '../rig.ts';

conformance(mcp9808, simulation);

const signal = new AbortController().signal;

describe('mcp9808', () => {
  it.each([
    [0x0000, 0],
    [0x0001, 0.0625],
    [0x1fff, -0.0625],
    [0x0194, 25.25],
    [0x1d80, -40],
    [0x07d0, 125],
    [0xe194, 25.25],
    [0xfe6c, -25.25],
  ])('converts %i to %d Cel, whatever the alert flags', (word, expected) => {
    expect(celsius(word)).toBe(expected);
  });

  it.each([
    [{}, '03', 'c194', 304],
    [{ resolution: 0.125 }, '02', 'c194', 160],
    [{ resolution: 0.25 }, '01', 'c194', 82],
    [{ resolution: 0.5 }, '00', 'c190', 40],
  ])('says on the wire what the datasheet asks for with %j', async (options, code, ambient, worstCaseMs) => {
    const { bus, open, options: all } = i2cRig(mcp9808, simulation, { options, surroundings: { temperature: 25.26 } });
    const sensor = await open();
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript).toEqual([
      '0x18 w 06 r 0054',
      '0x18 w 06 r 0054',
      '0x18 w 07 r 0400',
      '0x18 w 010300',
      `0x18 w 08${code}`,
      '0x18 w 010200',
      `0x18 w 05 r ${ambient}`,
      '0x18 w 01 r 0200',
      `0x18 w 08 r ${code}`,
      '0x18 w 010300',
      '0x18 w 010300',
    ]);
    expect(mcp9808.variant?.(all).worstCaseMs).toBe(worstCaseMs);
  });

  it.each([
    ['a LIS3DH', { 6: '3300', 15: '33' }, /answers as LIS3DH.*check address and driver/],
    ['another part of Microchip', { 7: '0100', 15: '00' }, /unknown chip \(0x54 /],
  ])('refuses %s by name', async (_what, replies, message) => {
    const { open } = i2cRig(mcp9808, simulation, { intercept: answering(replies) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('tells a scan what answers, and nothing where it knows no such id', async () => {
    const scan = (replies: Record<number, string>) =>
      mcp9808.identify?.(i2cDevice(i2cRig(mcp9808, simulation, { intercept: answering(replies) }).bus, 0x18));
    expect(await scan({})).toBe('MCP9808');
    expect(await scan({ 6: '3300', 15: '33' })).toBe('LIS3DH');
    expect(await scan({ 6: '3300', 15: '00' })).toBeUndefined();
  });

  it.each(['0000', 'ffff'])('refuses a read in which the bus says nothing but %s', async (word) => {
    const stage: { replies: Record<number, string> } = { replies: {} };
    const { open } = i2cRig(mcp9808, simulation, { intercept: (...all) => answering(stage.replies)(...all) });
    const sensor = await open();
    stage.replies = { 1: word, 5: word, 8: word };
    await expect(sensor.read(signal)).rejects.toMatchObject({
      code: 'sensor.no-data',
      message: expect.stringMatching(/check its supply and wiring/),
    });
  });
});

describe('the resolution of the mcp9808', () => {
  it.each([
    [0.5, 1],
    [0.0625, 2],
  ])('of %d Cel has %i decimals', (resolution, decimals) => {
    expect(mcp9808.variant?.({ resolution }).channels?.temperature).toMatchObject({ resolution, decimals });
  });
});

describe('the simulated mcp9808', () => {
  const bare = () => {
    const { clock, world } = i2cRig(mcp9808, simulation, { surroundings: { temperature: 25.3 } });
    const chip = simulation.create(world);
    const write = (...bytes: number[]) => chip.write(Uint8Array.from(bytes));
    const ambient = () => {
      write(0x05);
      return Buffer.from(chip.read(2) ?? []).toString('hex');
    };
    return { write, ambient, world, pass: (ms: number) => clock.sleep(ms) };
  };

  it('says 0 until the first conversion has ended, and then converts by itself', async () => {
    const { ambient, pass, world } = bare();
    await pass(249);
    expect(ambient()).toBe('c000');
    await pass(1);
    expect(ambient()).toBe('c194');
    world.set({ temperature: -0.01 });
    await pass(250);
    expect(ambient()).toBe('3fff');
  });

  it('keeps its last temperature in shutdown, and for a whole conversion after it', async () => {
    const { write, ambient, pass, world } = bare();
    await pass(250);
    write(0x01, 0x01, 0x00);
    world.set({ temperature: 30 });
    await pass(1_000);
    expect(ambient()).toBe('c194');
    write(0x08, 0x00);
    write(0x01, 0x00, 0x00);
    await pass(29);
    expect(ambient()).toBe('c194');
    await pass(1);
    expect(ambient()).toBe('c1e0');
  });
});
