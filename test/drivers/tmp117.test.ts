import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/tmp117.sim.ts';
import tmp117, { celsius, conversionMs } from '../../drivers/tmp117.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { conformance } from '../conformance.ts';
import { answering, i2cRig } from '../rig.ts';
import { bareChip, refusesInRead } from './specifications.ts';

conformance(tmp117, simulation);

const signal = new AbortController().signal;

describe('tmp117', () => {
  it.each([
    [0x0000, 0],
    [0x0001, 0.0078125],
    [0xffff, -0.0078125],
    [0x0c80, 25],
    [0xf380, -25],
    [0x4b00, 150],
    [0xe480, -55],
  ])('converts %i to %d Cel', (word, expected) => {
    expect(celsius(word)).toBe(expected);
  });

  it('waits for the longest conversion, times the average', () => {
    expect([1, 8, 32, 64].map(conversionMs)).toEqual([17.5, 140, 560, 1120]);
  });

  it.each([
    [{}, '20'],
    [{ averaging: 1 }, '00'],
    [{ averaging: 32 }, '40'],
    [{ averaging: 64 }, '60'],
  ])('says on the wire what the datasheet asks for with %j', async (options, average) => {
    const { bus, open } = i2cRig(tmp117, simulation, { options, surroundings: { temperature: 25.26 } });
    const sensor = await open();
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript).toEqual([
      '0x48 w 0f r 0117',
      `0x48 w 0104${average}`,
      `0x48 w 010c${average}`,
      `0x48 w 01 r 24${average}`,
      '0x48 w 00 r 0ca1',
      `0x48 w 01 r 04${average}`,
      `0x48 w 0104${average}`,
    ]);
  });

  it.each([
    ['0116', /answers as TMP116/],
    ['5000', /unknown chip \(id 0x5000\)/],
  ])('refuses a chip with the id %s by name', async (id, message) => {
    const { open } = i2cRig(tmp117, simulation, { intercept: answering({ 15: id }) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('knows its chip whatever the revision, for a scan too', async () => {
    const { open, bus } = i2cRig(tmp117, simulation, { intercept: answering({ 15: '1117' }) });
    await expect(open()).resolves.toBeDefined();
    expect(await tmp117.identify?.(i2cDevice(bus, 0x48))).toBe('TMP117');
  });

  refusesInRead(tmp117, simulation, [
    ['a chip that was reset', { 1: '0220' }, 'sensor.no-data'],
    ['a chip that has not measured', { 0: '8000' }, 'sensor.no-data'],
    ['a bus stuck low', { 0: '0000', 1: '0000' }, 'sensor.no-data'],
    ['a bus stuck high', { 0: 'ffff', 1: 'ffff' }, 'sensor.no-data'],
    [
      'a bus stuck high, where it looks like an average of 64,',
      { 0: 'ffff', 1: 'ffff' },
      'sensor.no-data',
      { averaging: 64 },
    ],
    ['a conversion that never ends', { 1: '0c20' }, 'sensor.not-ready'],
  ]);
});

describe('the simulated tmp117', () => {
  const bare = () => bareChip(tmp117, simulation, { temperature: 25 });

  it('says 0x8000 until its first average has ended, and then measures once in a second', async () => {
    const { word, pass, world } = bare();
    await pass(123);
    expect([word(0), word(1)]).toEqual(['8000', '0220']);
    await pass(1);
    expect(word(0)).toBe('0c80');
    world.set({ temperature: 30 });
    await pass(999);
    expect(word(0)).toBe('0c80');
    await pass(1);
    expect(word(0)).toBe('0f00');
  });

  it('clears data-ready when temperature or configuration are read', async () => {
    const { write, word, pass } = bare();
    for (const register of [0, 1]) {
      write(0x01, 0x0c, 0x00);
      await pass(15.5);
      expect(word(register)).toBe(['0c80', '2400'][register]);
      expect(word(1)).toBe('0400');
    }
  });

  it('is deaf for 2 ms after a soft reset, and then as at power-on', async () => {
    const { write, word, pass } = bare();
    await pass(200);
    write(0x01, 0x00, 0x02);
    expect(write(0x00)).toBe(false);
    await pass(2);
    expect([word(0), word(1)]).toEqual(['8000', '0220']);
  });
});
