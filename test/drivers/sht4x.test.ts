import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/sht4x.sim.ts';
import sht4x, { celsius, relativeHumidity, serialNumber } from '../../drivers/sht4x.ts';
import { checkedWords, crc8 } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { believesNoWrongBit } from './specifications.ts';

conformance(sht4x, simulation);

const signal = new AbortController().signal;
/** 0x6666 is 0.4 of full scale: 25 Cel and 44 %RH. */
const REPLY = Uint8Array.of(0x66, 0x66, 0x93, 0x66, 0x66, 0x93);

describe('sht4x', () => {
  // Fifths of full scale come out as whole numbers, so no expected value needs a calculator.
  it.each([
    [0x0000, -45, 0],
    [0x3333, -10, 19],
    [0x6666, 25, 44],
    [0x9999, 60, 69],
    [0xffff, 130, 100],
  ])('converts %i ticks to %d Cel and %d %RH', (ticks, temperature, humidity) => {
    expect(celsius(ticks)).toBeCloseTo(temperature, 9);
    expect(relativeHumidity(ticks)).toBeCloseTo(humidity, 9);
  });

  it('crops humidity exactly where the formula leaves 0..100', () => {
    expect(relativeHumidity(0x0c49)).toBe(0);
    expect(relativeHumidity(0x0c4a)).toBeGreaterThan(0);
    expect(relativeHumidity(0xd916)).toBe(100);
    expect(relativeHumidity(0xd915)).toBeLessThan(100);
  });

  believesNoWrongBit(REPLY, [0x6666, 0x6666], (reply) => checkedWords(reply, 2, crc8));

  it('keeps the leading zeros of a serial number', () => {
    expect(serialNumber(Uint8Array.of(0x00, 0x00, 0x81, 0x66, 0x66, 0x93), crc8)).toBe('00006666');
  });

  it.each([
    ['high', 'fd'],
    ['medium', 'f6'],
    ['low', 'e0'],
  ])('says on the wire what the datasheet asks for at %s precision', async (precision, command) => {
    const { bus, open } = i2cRig(sht4x, simulation, {
      options: { precision },
      surroundings: { temperature: 25, humidity: 44 },
    });
    const sensor = await open();
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript).toEqual([
      '0x44 w 94',
      '0x44 w 89',
      '0x44 r 0f4c585ed6a9',
      `0x44 w ${command}`,
      '0x44 r 666693666693',
    ]);
  });

  it('names a wrong checksum, at open and in a read', async () => {
    const spoil = { nth: 0 };
    let replies = 0;
    const { open } = i2cRig(sht4x, simulation, {
      intercept: async (_address, _tx, rxLength, pass) => {
        const reply = await pass();
        if (rxLength > 0 && ++replies === spoil.nth) reply[4] = reply[4]! ^ 1;
        return reply;
      },
    });
    spoil.nth = 1;
    await expect(open()).rejects.toMatchObject({ code: 'sensor.crc' });
    const sensor = await open();
    spoil.nth = replies + 1;
    await expect(sensor.read(signal)).rejects.toMatchObject({ code: 'sensor.crc' });
    await expect(sensor.read(signal)).resolves.toBeDefined();
  });
});

describe('the simulated sht4x', () => {
  it('acknowledges neither reads nor commands while it measures, and gives each reply once', () => {
    const { clock, world } = i2cRig(sht4x, simulation);
    const chip = simulation.create(world);
    expect(chip.read(6)).toBeNull();
    expect(chip.write(Uint8Array.of(0xfd))).toBe(true);
    clock.sleep(8.2);
    expect(chip.read(6)).toBeNull();
    expect(chip.write(Uint8Array.of(0xe0))).toBe(false);
    clock.sleep(0.1);
    expect(chip.read(6)).toHaveLength(6);
    expect(chip.read(6)).toBeNull();
    expect(chip.write(Uint8Array.of(0x94))).toBe(true);
    expect(chip.write(Uint8Array.of(0xfd))).toBe(false);
  });
});
