import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/tmp102.sim.ts';
import tmp102, { celsius } from '../../drivers/tmp102.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { bareChip, refusesAtOpen, refusesInRead } from './specifications.ts';

conformance(tmp102, simulation);

const signal = new AbortController().signal;

describe('tmp102', () => {
  it.each([
    [0x0000, false, 0],
    [0x0010, false, 0.0625],
    [0xfff0, false, -0.0625],
    [0x7ff0, false, 127.9375],
    [0xc900, false, -55],
    [0x3200, false, 50],
    [0x4b01, true, 150],
    [0x3e81, true, 125],
    [0xfff9, true, -0.0625],
    [0xe481, true, -55],
  ])('converts %i, extended %s, to %d Cel', (word, extended, expected) => {
    expect(celsius(word, extended)).toBe(expected);
  });

  it.each([
    [{}, '80', 'a0', '1940'],
    [{ extended: true }, '90', 'b0', '0ca1'],
  ])('says on the wire what the datasheet asks for with %j', async (options, written, read, temperature) => {
    const { bus, open } = i2cRig(tmp102, simulation, { options, surroundings: { temperature: 25.26 } });
    const sensor = await open();
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript).toEqual([
      '0x48 w 01 r 60a0',
      `0x48 w 0101${written}`,
      `0x48 w 0181${written}`,
      `0x48 w 01 r e1${read}`,
      `0x48 w 00 r ${temperature}`,
      `0x48 w 01 r e1${read}`,
      `0x48 w 0101${written}`,
    ]);
  });

  refusesAtOpen(tmp102, simulation, [
    ['a TMP117', { 1: '0220', 15: '0117' }, /answers as a TMP117.*use the driver tmp117/],
    ['an ADS1115', { 1: '8583', 15: '7fff' }, /has 0x8583 for a configuration/],
    ['a bus stuck low', { 1: '0000', 15: '0000' }, /check wiring/],
    ['a bus stuck high', { 1: 'ffff', 15: 'ffff' }, /check wiring/],
  ]);

  refusesInRead(tmp102, simulation, [
    ['a chip that was reset', { 1: '60a0' }, 'sensor.no-data'],
    ['a bus stuck low', { 0: '0000', 1: '0000' }, 'sensor.no-data'],
    ['a bus stuck high', { 0: 'ffff', 1: 'ffff' }, 'sensor.no-data'],
    ['a temperature in the other format', { 0: '1941' }, 'sensor.no-data'],
    ['a conversion that never ends', { 1: '61a0' }, 'sensor.not-ready'],
  ]);
});

describe('the simulated tmp102', () => {
  const bare = () => bareChip(tmp102, simulation, { temperature: 25 });

  it('says 0 until its first conversion has ended, and then converts at its rate', async () => {
    const { word, pass, world } = bare();
    await pass(34);
    expect([word(0), word(1), word(2), word(3)]).toEqual(['0000', '60a0', '4b00', '5000']);
    await pass(1);
    expect(word(0)).toBe('1900');
    world.set({ temperature: 30 });
    await pass(249);
    expect(word(0)).toBe('1900');
    await pass(1);
    expect(word(0)).toBe('1e00');
  });

  it('converts once in shutdown, and says so by OS', async () => {
    const { write, word, pass } = bare();
    write(0x01, 0x01, 0x80);
    await pass(100);
    expect([word(0), word(1)]).toEqual(['0000', 'e1a0']);
    write(0x01, 0x81, 0x80);
    await pass(34);
    expect([word(0), word(1)]).toEqual(['0000', '61a0']);
    await pass(1);
    expect([word(0), word(1)]).toEqual(['1900', 'e1a0']);
  });
});
