/**
 * What HTU21D and Si7021 owe alike: both speak the commands of the SHT21, of which each maker has times, ids and reserved bits
 * of its own. Called inside `describe`.
 */
import { describe, expect, it } from 'vitest';
import { celsius, cropped, rawHumidity } from '../../drivers/sht21.maths.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import type { I2cSimulation } from '../../src/bus/sim.ts';
import type { Intercept } from '../../src/bus/simulated-i2c.ts';
import { checkedWords, crc8, type Options, type PollDriver, SedgeError } from '../../src/driver.ts';
import { answering, i2cRig, nackingReads } from '../rig.ts';
import { believesNoWrongBit } from './specifications.ts';

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

export interface Member {
  readonly driver: PollDriver<'i2c'>;
  readonly simulation: I2cSimulation;
  /** Its electronic id, and the user register at power-on and with the resolution 12/8, in hex. */
  readonly id: string;
  readonly user: string;
  readonly user12And8: string;
  /** Options, the user register written, the replies of temperature and humidity at 25.17 Cel and 50 %RH, the promise. */
  readonly wire: readonly (readonly [Options, string | undefined, string, string, worstCaseMs: number])[];
  /** Ids of others, and what is said of them. */
  readonly refused: readonly (readonly [id: string, message: RegExp])[];
  readonly maxRetries: number;
  /** How long the simulation measures a temperature, in whole tenths. */
  readonly temperatureMs: number;
}

export function sht21Family(member: Member): void {
  const { driver, simulation, id, user, user12And8, maxRetries, temperatureMs } = member;

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

  for (const [reply, word] of [
    [[0x68, 0x3a, 0x7c], 0x683a],
    [[0x4e, 0x85, 0x6b], 0x4e85],
  ] as const) {
    believesNoWrongBit(Uint8Array.from(reply), [word], (bytes) =>
      checkedWords(bytes, 1, (checked) => crc8(checked, 0x00)),
    );
  }

  it.each(member.wire)(
    'says on the wire what the datasheet asks for with %j',
    async (options, written, temperature, humidity, worstCaseMs) => {
      const rig = i2cRig(driver, simulation, { options, surroundings: { temperature: 25.17, humidity: 50 } });
      const sensor = await rig.open();
      await sensor.read(signal);
      await sensor.close();
      expect(rig.bus.transcript).toEqual([
        '0x40 w fe',
        `0x40 w fcc9 r ${id}`,
        `0x40 w e7 r ${user}`,
        ...(written === undefined ? [] : [`0x40 w e6${written}`]),
        '0x40 w f3',
        `0x40 r ${temperature}`,
        '0x40 w f5',
        `0x40 r ${humidity}`,
      ]);
      expect(driver.variant?.(rig.options).worstCaseMs).toBeCloseTo(worstCaseMs, 6);
    },
  );

  it('writes its resolution again after a brown-out, and leaves the other bits alone', async () => {
    const { bus, open, powerCycle } = i2cRig(driver, simulation, { options: { resolution: '12/8' } });
    const sensor = await open();
    const writes = async () => {
      const before = bus.transcript.length;
      await sensor.read(signal);
      return bus.transcript.slice(before).filter((line) => line.startsWith('0x40 w e6'));
    };
    expect([await writes(), await writes()]).toEqual([[`0x40 w e6${user12And8}`], []]);
    powerCycle();
    expect(await writes()).toEqual([`0x40 w e6${user12And8}`]);
  });

  it.each(member.refused)('refuses a chip with the id %s by name', async (other, message) => {
    const { open } = i2cRig(driver, simulation, { intercept: answering({ 252: other }) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('takes a chip that does not know the question for its like, but tells a scan nothing', async () => {
    const { bus, open } = i2cRig(driver, simulation, {
      async intercept(_address, tx, _rxLength, pass) {
        if (tx[0] === 0xfc) throw new SedgeError('bus.nack', 'unknown command');
        return pass();
      },
    });
    expect((await (await open()).read(signal)).temperature).toBeCloseTo(21.5, 1);
    expect(await driver.identify?.(i2cDevice(bus, 0x40))).toBeUndefined();
  });

  it('asks a chip that is slow a few times more, and no more than that', async () => {
    const slow = i2cRig(driver, simulation, { intercept: nackingReads(maxRetries) });
    expect((await (await slow.open()).read(signal)).temperature).toBeCloseTo(21.5, 1);
    const { open } = i2cRig(driver, simulation, { intercept: nackingReads(maxRetries + 1) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'bus.nack' });
  });

  it.each([
    ['a wrong checksum of the temperature', '68ecdf', 'sensor.crc'],
    ['nothing but ones', 'ffffff', 'sensor.crc'],
    ['nothing but zeros, though their checksum is right', '000000', 'sensor.no-data'],
  ])('refuses %s', async (_what, reply, code) => {
    const { open } = i2cRig(driver, simulation, { intercept: replacing(1, reply) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code });
  });

  it.each(['72b23e', 'ffffff', '000000'])('leaves out a humidity that reads %s', async (reply) => {
    const { open } = i2cRig(driver, simulation, { intercept: replacing(2, reply) });
    expect(Object.keys(await (await open()).read(signal))).toEqual(['temperature']);
  });

  describe('as a simulation', () => {
    it('acknowledges no read until it has measured, gives each reply once, and is deaf during a reset', async () => {
      const { clock, world } = i2cRig(driver, simulation, { surroundings: { temperature: 25.17 } });
      const chip = simulation.create(world);
      const write = (...bytes: number[]) => chip.write(Uint8Array.from(bytes));
      expect(chip.read(3)).toBeNull();
      expect(write(0xf3)).toBe(true);
      await clock.sleep(temperatureMs - 0.1);
      expect(chip.read(3)).toBeNull();
      await clock.sleep(0.1);
      expect(chip.read(3)).toEqual(Uint8Array.of(0x68, 0xec, 0xde));
      expect(chip.read(3)).toBeNull();
      expect(write(0xe3)).toBe(false);
      expect(write(0xe6, 0x83)).toBe(true);
      expect(write(0xfe)).toBe(true);
      expect(write(0xe7)).toBe(false);
      await clock.sleep(15);
      expect([write(0xe7), chip.read(1)]).toEqual([true, Uint8Array.from(Buffer.from(user, 'hex'))]);
    });
  });
}
