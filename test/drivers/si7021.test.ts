import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/si7021.sim.ts';
import si7021, { celsius, checked, partOf, relativeHumidity } from '../../drivers/si7021.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import type { Intercept } from '../../src/bus/simulated-i2c.ts';
import { crc8, SedgeError } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { answering, i2cRig, nackingReads } from '../rig.ts';

conformance(si7021, simulation);

const signal = new AbortController().signal;

/** The nth plain read of three bytes gets another reply. */
const replacing = (nth: number, reply: string): Intercept => {
  let count = 0;
  return async (_address, tx, rxLength, pass) => {
    const own = await pass();
    if (tx.length > 0 || rxLength !== 3) return own;
    count += 1;
    return count === nth ? Uint8Array.from(Buffer.from(reply, 'hex')) : own;
  };
};

describe('si7021', () => {
  it.each([
    [0x683a, 24.69],
    [0x0000, -46.85],
    [0x8000, 41.01],
    [0x8003, 41.01],
  ])('converts %i to %d Cel, whatever the status bits', (word, expected) => {
    expect(celsius(word)).toBeCloseTo(expected, 2);
  });

  it.each([
    [0x4e85, 32.34],
    [0x8002, 56.5],
    [0x0000, 0],
    [0xfffe, 100],
  ])('converts %i to %d %RH, and crops what is not physical', (word, expected) => {
    expect(relativeHumidity(word)).toBeCloseTo(expected, 2);
  });

  it.each([
    [0x15, 'Si7021'],
    [0x14, 'Si7020'],
    [0x0d, 'Si7013'],
    [0x32, 'HTU21D'],
    [0x00, 'sample'],
    [0xff, 'sample'],
    [0x5a, undefined],
  ])('knows the part by the first byte %i of its id', (first, part) => {
    expect(partOf(Uint8Array.of(first, 0xff, 0x4a, 0x07, 0xc2, 0xe1))).toBe(part);
  });

  it('believes no reply in which a single bit is wrong', () => {
    const reply = Uint8Array.of(0x68, 0x3a, 0x7c);
    expect(checked(reply, crc8)).toBe(0x683a);
    expect(checked(Uint8Array.of(0x4e, 0x85, 0x6b), crc8)).toBe(0x4e85);
    for (let bit = 0; bit < 24; bit++) {
      const flipped = reply.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(checked(flipped, crc8), `bit ${bit}`).toBeUndefined();
    }
  });

  it.each([
    [{}, undefined, '68ecde', '72b23f', 37.6 + 100],
    [{ resolution: '13/10' }, 'ba', '68f0e0', '72c2c7', 20.9 + 100],
    [{ resolution: '12/8' }, '3b', '68f0e0', '730274', 14.7 + 100],
    [{ resolution: '11/11' }, 'bb', '68e0a3', '72c2c7', 15.8 + 100],
  ])(
    'says on the wire what the datasheet asks for with %j',
    async (options, user, temperature, humidity, worstCaseMs) => {
      const {
        bus,
        open,
        options: all,
      } = i2cRig(si7021, simulation, {
        options,
        surroundings: { temperature: 25.17, humidity: 50 },
      });
      const sensor = await open();
      await sensor.read(signal);
      await sensor.close();
      expect(bus.transcript).toEqual([
        '0x40 w fe',
        '0x40 w fcc9 r 15ff4a07c2e1',
        '0x40 w e7 r 3a',
        ...(user === undefined ? [] : [`0x40 w e6${user}`]),
        '0x40 w f3',
        `0x40 r ${temperature}`,
        '0x40 w f5',
        `0x40 r ${humidity}`,
      ]);
      expect(si7021.variant?.(all).worstCaseMs).toBeCloseTo(worstCaseMs, 6);
    },
  );

  it('writes its resolution again after a brown-out, and leaves the other bits alone', async () => {
    const { bus, open, powerCycle } = i2cRig(si7021, simulation, { options: { resolution: '12/8' } });
    const sensor = await open();
    const writes = async () => {
      const before = bus.transcript.length;
      await sensor.read(signal);
      return bus.transcript.slice(before).filter((line) => line.startsWith('0x40 w e6'));
    };
    expect([await writes(), await writes()]).toEqual([['0x40 w e63b'], []]);
    powerCycle();
    expect(await writes()).toEqual(['0x40 w e63b']);
  });

  it.each([
    ['32ff4a07c2e1', /answers as HTU21D.*use the driver htu21d/],
    ['0123456789ab', /unknown chip \(id 0x01\).*check address and driver/],
  ])('refuses a chip with the id %s by name', async (id, message) => {
    const { open } = i2cRig(si7021, simulation, { intercept: answering({ 252: id }) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it.each(['00ff4a07c2e1', 'ff004a07c2e1'])('opens an engineering sample with the id %s', async (id) => {
    const { bus, open } = i2cRig(si7021, simulation, { intercept: answering({ 252: id }) });
    await expect(open()).resolves.toBeDefined();
    expect(await si7021.identify?.(i2cDevice(bus, 0x40))).toBe('Si7021 (sample)');
  });

  it('takes a chip that does not know the question for its like, but tells a scan nothing', async () => {
    const { bus, open } = i2cRig(si7021, simulation, {
      async intercept(_address, tx, _rxLength, pass) {
        if (tx[0] === 0xfc) throw new SedgeError('bus.nack', 'unknown command');
        return pass();
      },
    });
    expect((await (await open()).read(signal)).temperature).toBeCloseTo(21.5, 1);
    expect(await si7021.identify?.(i2cDevice(bus, 0x40))).toBeUndefined();
  });

  it('asks a chip that is slow a few times more, and no more than that', async () => {
    const slow = i2cRig(si7021, simulation, { intercept: nackingReads(10) });
    expect((await (await slow.open()).read(signal)).temperature).toBeCloseTo(21.5, 1);
    const { open } = i2cRig(si7021, simulation, { intercept: nackingReads(11) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'bus.nack' });
  });

  it.each([
    ['a wrong checksum of the temperature', '68ecdf', 'sensor.crc'],
    ['nothing but ones', 'ffffff', 'sensor.crc'],
    ['nothing but zeros, though their checksum is right', '000000', 'sensor.no-data'],
  ])('refuses %s', async (_what, reply, code) => {
    const { open } = i2cRig(si7021, simulation, { intercept: replacing(1, reply) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code });
  });

  it.each(['72b23e', 'ffffff', '000000'])('leaves out a humidity that reads %s', async (reply) => {
    const { open } = i2cRig(si7021, simulation, { intercept: replacing(2, reply) });
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature']);
  });
});

describe('the simulated si7021', () => {
  it('acknowledges no read until it has measured, gives each reply once, and is deaf during a reset', async () => {
    const { clock, world } = i2cRig(si7021, simulation, { surroundings: { temperature: 25.17 } });
    const chip = simulation.create(world);
    const write = (...bytes: number[]) => chip.write(Uint8Array.from(bytes));
    expect(chip.read(3)).toBeNull();
    expect(write(0xf3)).toBe(true);
    await clock.sleep(10.7);
    expect(chip.read(3)).toBeNull();
    await clock.sleep(0.1);
    expect(chip.read(3)).toEqual(Uint8Array.of(0x68, 0xec, 0xde));
    expect(chip.read(3)).toBeNull();
    expect(write(0xe3)).toBe(false);
    expect(write(0xe6, 0x83)).toBe(true);
    expect(write(0xfe)).toBe(true);
    expect(write(0xe7)).toBe(false);
    await clock.sleep(15);
    expect([write(0xe7), chip.read(1)]).toEqual([true, Uint8Array.of(0x3a)]);
  });
});
