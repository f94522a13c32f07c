import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/sht3x.sim.ts';
import sht3x, { celsius, relativeHumidity, statusBits } from '../../drivers/sht3x.ts';
import { checkedWords, crc8 } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { bareChip, believesNoWrongBit } from './specifications.ts';

conformance(sht3x, simulation);

const signal = new AbortController().signal;
/** 0x6666 is 0.4 of full scale: 25 Cel and 40 %RH. */
const REPLY = Uint8Array.of(0x66, 0x66, 0x93, 0x66, 0x66, 0x93);

describe('the maths of sht3x', () => {
  // Fifths of full scale come out as whole numbers, so no expected value needs a calculator.
  it.each([
    [0x0000, -45, 0],
    [0x3333, -10, 20],
    [0x6666, 25, 40],
    [0x9999, 60, 60],
    [0xffff, 130, 100],
  ])('converts %i ticks to %d Cel and %d %RH', (ticks, temperature, humidity) => {
    expect(celsius(ticks)).toBeCloseTo(temperature, 9);
    expect(relativeHumidity(ticks)).toBeCloseTo(humidity, 9);
  });

  believesNoWrongBit(REPLY, [0x6666, 0x6666], (reply) => checkedWords(reply, 2, crc8));

  it('knows each bit of the status', () => {
    const set = (status: number) =>
      Object.entries(statusBits(status))
        .filter(([, isSet]) => isSet)
        .map(([name]) => name);
    expect(set(0x8010)).toEqual(['alertPending', 'resetDetected']);
    expect(set(0x2c03)).toEqual(['heaterOn', 'rhAlert', 'tAlert', 'commandFailed', 'writeCrcFailed']);
    expect(set(0x0800)).toEqual(['rhAlert']);
    expect(set(0)).toEqual([]);
  });
});

describe('sht3x', () => {
  const rig = (options = {}) => i2cRig(sht3x, simulation, { options, surroundings: { temperature: 25, humidity: 40 } });

  it.each([
    ['high', '2400'],
    ['medium', '240b'],
    ['low', '2416'],
  ])('says on the wire what the datasheet asks for at %s precision', async (precision, command) => {
    const { bus, open } = rig({ precision });
    const sensor = await open();
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript).toEqual([
      '0x44 w 3093',
      '0x44 w 30a2',
      '0x44 w f32d',
      '0x44 r 8010e1',
      `0x44 w ${command}`,
      '0x44 r 666693666693',
    ]);
  });

  it('takes over a chip that somebody else has left measuring periodically', async () => {
    const { world, open, bus } = rig();
    const chip = simulation.create(world);
    bus.attach(0x44, chip);
    chip.write(Uint8Array.of(0x21, 0x30));
    expect(chip.write(Uint8Array.of(0x24, 0x00))).toBe(false);
    const values = await (await open()).read(signal);
    expect(values.temperature).toBeCloseTo(25, 2);
  });

  const answering = (command: number, ...bytes: number[]) => {
    let last = 0;
    return i2cRig(sht3x, simulation, {
      intercept: async (_address, tx, rxLength, pass) => {
        if (tx.length > 0) last = (tx[0]! << 8) | tx[1]!;
        const reply = await pass();
        return rxLength > 0 && last === command ? Uint8Array.from(bytes) : reply;
      },
    });
  };

  it.each([0x00, 0xff])('refuses a bus on which everything reads %i, and says what else it may be', async (level) => {
    const { open } = answering(0xf32d, level, level, level);
    await expect(open()).rejects.toMatchObject({ code: 'sensor.crc', message: expect.stringMatching(/another chip/) });
  });

  it('names a wrong checksum in a read, and reads on', async () => {
    const { open } = answering(0x2400, 0x66, 0x66, 0x93, 0x66, 0x66, 0x92);
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.crc' });
  });

  it('refuses a chip whose heater cannot be switched off', async () => {
    const { open } = answering(0xf32d, 0x20, 0x00, crc8(Uint8Array.of(0x20, 0x00)));
    await expect(open()).rejects.toMatchObject({ code: 'sensor.no-data', message: expect.stringMatching(/heater/) });
  });
});

describe('the simulated sht3x', () => {
  const bare = () => bareChip(sht3x, simulation, { temperature: 25, humidity: 40 });

  it('acknowledges neither reads nor commands while it measures, and gives each reply once', async () => {
    const { say, hear, pass } = bare();
    expect(hear(6)).toBeNull();
    expect(say(0x2400)).toBe(true);
    await pass(15.4);
    expect([hear(6), say(0x2400)]).toEqual([null, false]);
    await pass(0.2);
    expect([hear(6), hear(6)]).toEqual(['666693666693', null]);
  });

  it('is deaf after a reset, which switches the heater off', async () => {
    const { say, hear, pass } = bare();
    say(0x306d);
    say(0x3041);
    say(0xf32d);
    expect(hear(3)?.slice(0, 4)).toBe('2000');
    say(0x30a2);
    expect(say(0xf32d)).toBe(false);
    await pass(1.6);
    say(0xf32d);
    expect(hear(3)).toBe('8010e1');
  });

  it('measures periodically until it is stopped, and has nothing to fetch twice', async () => {
    const { say, hear, pass } = bare();
    say(0x2130);
    expect([say(0xe000), hear(6)]).toEqual([true, null]);
    await pass(1_001);
    expect([say(0xe000), hear(6), say(0xe000), hear(6)]).toEqual([true, '666693666693', true, null]);
    expect([say(0x2400), say(0x3093)]).toEqual([false, true]);
    await pass(1.1);
    expect(say(0x2400)).toBe(true);
  });
});
