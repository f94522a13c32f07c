import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/htu21d.sim.ts';
import htu21d, { celsius, checked, compensated, cropped, rawHumidity } from '../../drivers/htu21d.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import type { Intercept } from '../../src/bus/simulated-i2c.ts';
import { crc8, SedgeError } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { answering, i2cRig, nackingReads } from '../rig.ts';

conformance(htu21d, simulation, {
  // With the compensation, the humidity depends on the temperature as well.
  surroundings: (channel, value, { compensation }) =>
    compensation && channel === 'humidity' ? undefined : { [channel]: value },
});

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

describe('htu21d', () => {
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
    [0x0000, -6],
    [0xfffe, 118.99],
  ])('converts %i to %d %RH, and crops what is not physical', (word, expected) => {
    expect(rawHumidity(word)).toBeCloseTo(expected, 2);
    expect(cropped(rawHumidity(word))).toBeCloseTo(Math.min(100, Math.max(0, expected)), 2);
  });

  it('compensates for 0.15 %RH a Cel away from 25 Cel', () => {
    expect([15, 25, 35].map((temperature) => compensated(50, temperature))).toEqual([48.5, 50, 51.5]);
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
    [{}, undefined, '68ecde', '72b23f', 70 + 40],
    [{ resolution: '13/10' }, '82', '68f0e0', '72c2c7', 34 + 40],
    [{ resolution: '12/8' }, '03', '68f0e0', '730274', 20 + 40],
    [{ resolution: '11/11' }, '83', '68e0a3', '72c2c7', 19 + 40],
    [{ compensation: true }, undefined, '68ecde', '72b23f', 70 + 40],
  ])(
    'says on the wire what the datasheet asks for with %j',
    async (options, user, temperature, humidity, worstCaseMs) => {
      const {
        bus,
        open,
        options: all,
      } = i2cRig(htu21d, simulation, {
        options,
        surroundings: { temperature: 25.17, humidity: 50 },
      });
      const sensor = await open();
      await sensor.read(signal);
      await sensor.close();
      expect(bus.transcript).toEqual([
        '0x40 w fe',
        '0x40 w fcc9 r 32ff4a07c2e1',
        '0x40 w e7 r 02',
        ...(user === undefined ? [] : [`0x40 w e6${user}`]),
        '0x40 w f3',
        `0x40 r ${temperature}`,
        '0x40 w f5',
        `0x40 r ${humidity}`,
      ]);
      expect(htu21d.variant?.(all).worstCaseMs).toBe(worstCaseMs);
    },
  );

  it('writes its resolution again after a brown-out, and leaves the other bits alone', async () => {
    const { bus, open, powerCycle } = i2cRig(htu21d, simulation, { options: { resolution: '12/8' } });
    const sensor = await open();
    const writes = async () => {
      const before = bus.transcript.length;
      await sensor.read(signal);
      return bus.transcript.slice(before).filter((line) => line.startsWith('0x40 w e6'));
    };
    expect([await writes(), await writes()]).toEqual([['0x40 w e603'], []]);
    powerCycle();
    expect(await writes()).toEqual(['0x40 w e603']);
  });

  it('compensates the humidity when it is told to', async () => {
    const { open } = i2cRig(htu21d, simulation, {
      options: { compensation: true },
      surroundings: { temperature: 35, humidity: 50 },
    });
    expect((await (await open()).read(signal)).humidity).toBeCloseTo(51.5, 1);
  });

  it.each([
    ['15ff4a07c2e1', /answers as Si7021.*use the driver si7021/],
    ['0123456789ab', /unknown chip \(id 0x01\).*check address and driver/],
  ])('refuses a chip with the id %s by name', async (id, message) => {
    const { open } = i2cRig(htu21d, simulation, { intercept: answering({ 252: id }) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('takes a chip that does not know the question for its like, but tells a scan nothing', async () => {
    const { bus, open } = i2cRig(htu21d, simulation, {
      async intercept(_address, tx, _rxLength, pass) {
        if (tx[0] === 0xfc) throw new SedgeError('bus.nack', 'unknown command');
        return pass();
      },
    });
    expect((await (await open()).read(signal)).temperature).toBeCloseTo(21.5, 1);
    expect(await htu21d.identify?.(i2cDevice(bus, 0x40))).toBeUndefined();
  });

  it('asks a chip that is slow a few times more, and no more than that', async () => {
    const slow = i2cRig(htu21d, simulation, { intercept: nackingReads(4) });
    expect((await (await slow.open()).read(signal)).temperature).toBeCloseTo(21.5, 1);
    const { open } = i2cRig(htu21d, simulation, { intercept: nackingReads(5) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'bus.nack' });
  });

  it.each([
    ['a wrong checksum of the temperature', '68ecdf', 'sensor.crc'],
    ['nothing but ones', 'ffffff', 'sensor.crc'],
    ['nothing but zeros, though their checksum is right', '000000', 'sensor.no-data'],
  ])('refuses %s', async (_what, reply, code) => {
    const { open } = i2cRig(htu21d, simulation, { intercept: replacing(1, reply) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code });
  });

  it.each(['72b23e', 'ffffff', '000000'])('leaves out a humidity that reads %s', async (reply) => {
    const { open } = i2cRig(htu21d, simulation, { intercept: replacing(2, reply) });
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature']);
  });
});

describe('the simulated htu21d', () => {
  it('acknowledges no read until it has measured, gives each reply once, and is deaf during a reset', async () => {
    const { clock, world } = i2cRig(htu21d, simulation, { surroundings: { temperature: 25.17 } });
    const chip = simulation.create(world);
    const write = (...bytes: number[]) => chip.write(Uint8Array.from(bytes));
    expect(chip.read(3)).toBeNull();
    expect(write(0xf3)).toBe(true);
    await clock.sleep(49.9);
    expect(chip.read(3)).toBeNull();
    await clock.sleep(0.1);
    expect(chip.read(3)).toEqual(Uint8Array.of(0x68, 0xec, 0xde));
    expect(chip.read(3)).toBeNull();
    expect(write(0xe3)).toBe(false);
    expect(write(0xe6, 0x83)).toBe(true);
    expect(write(0xfe)).toBe(true);
    expect(write(0xe7)).toBe(false);
    await clock.sleep(15);
    expect([write(0xe7), chip.read(1)]).toEqual([true, Uint8Array.of(0x02)]);
  });
});
