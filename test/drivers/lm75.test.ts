import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/lm75.sim.ts';
import lm75, { celsius } from '../../drivers/lm75.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { bareChip, refusesAtOpen, refusesInRead } from './specifications.ts';

conformance(lm75, simulation);

const signal = new AbortController().signal;

describe('lm75', () => {
  it.each([
    [0x0000, 9, 0],
    [0x0080, 9, 0.5],
    [0xffff, 9, -0.5],
    [0x007f, 9, 0],
    [0x7d00, 9, 125],
    [0x7f1f, 11, 127],
    [0x003f, 11, 0.125],
    [0xff60, 11, -0.625],
    [0xc900, 11, -55],
    [0x001f, 12, 0.0625],
    [0xffff, 12, -0.0625],
    [0x8000, 12, -128],
  ])('converts %i of %i bits to %d Cel, whatever is below them', (word, bits, expected) => {
    expect(celsius(word, bits)).toBe(expected);
  });

  it.each([
    ['lm75', '18', '19', '195f', 25, 303],
    ['lm75a', '18', '19', '195f', 25.25, 303],
    ['lm75b', '18', '19', '195f', 25.25, 103],
    ['tmp75', '78', '79', '195f', 25.3125, 323],
    ['pct2075', '18', '19', '195f', 25.25, 103],
  ])('says on the wire what the datasheet asks for with chip %s', async (chip, run, idle, word, value, worstCaseMs) => {
    const { bus, open, options } = i2cRig(lm75, simulation, {
      options: { chip },
      surroundings: { temperature: 25.37 },
    });
    const sensor = await open();
    const { temperature } = await sensor.read(signal);
    await sensor.close();
    expect(temperature).toBe(value);
    expect(bus.transcript).toEqual([
      '0x48 w 0f r 5000',
      `0x48 w 01${idle}`,
      `0x48 w 01 r ${idle}`,
      `0x48 w 01${run}`,
      `0x48 w 00 r ${word}`,
      `0x48 w 01 r ${run}`,
      `0x48 w 01${idle}`,
      `0x48 w 01${idle}`,
    ]);
    expect(lm75.variant?.(options).worstCaseMs).toBe(worstCaseMs);
  });

  refusesAtOpen(lm75, simulation, [
    ['a TMP117', { 15: '0117' }, /answers as a TMP117.*use the driver tmp117/],
    ['a bus stuck low', { 1: '00', 15: '0000' }, /says 0x00.*check wiring/],
    ['a bus stuck high', { 1: 'ff', 15: 'ffff' }, /says 0xff.*check wiring/],
  ]);

  refusesInRead(lm75, simulation, [
    ['a chip that was reset', { 1: '00' }, 'sensor.no-data'],
    ['a bus stuck low', { 0: '0000', 1: '00' }, 'sensor.no-data'],
    ['a bus stuck high', { 0: 'ffff', 1: 'ff' }, 'sensor.no-data'],
  ]);
});

describe('the resolution of the lm75', () => {
  it.each([
    ['lm75', 0.5, 1],
    ['lm75b', 0.125, 2],
  ])('of chip %s is %d Cel, and its values have as many decimals as that deserves', (chip, resolution, decimals) => {
    expect(lm75.variant?.({ chip }).channels?.temperature).toMatchObject({ resolution, decimals });
  });
});

describe('the simulated lm75', () => {
  const bare = () => bareChip(lm75, simulation, { temperature: 25 });

  it('says 0 until the first conversion has ended, and keeps its last temperature in shutdown', async () => {
    const { write, word, pass, world } = bare();
    await pass(99);
    expect([word(0), word(2), word(3)]).toEqual(['0000', '4b00', '5000']);
    await pass(1);
    expect(word(0)).toBe('191f');
    write(0x01, 0x01);
    world.set({ temperature: 30 });
    await pass(1_000);
    expect(word(0)).toBe('191f');
    write(0x01, 0x60);
    await pass(219);
    expect(word(0)).toBe('191f');
    await pass(1);
    expect(word(0)).toBe('1e0f');
  });
});
