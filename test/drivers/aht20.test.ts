import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/aht20.sim.ts';
import aht20, { celsius, isSound, parse, relativeHumidity } from '../../drivers/aht20.ts';
import { crc8 } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { believesNoWrongBit } from './specifications.ts';

conformance(aht20, simulation);

const signal = new AbortController().signal;
/** Half of full scale: 50 %RH and 50 Cel. */
const SURROUNDINGS = { temperature: 50, humidity: 50 };
const REPLY = [0x18, 0x80, 0x00, 0x08, 0x00, 0x00] as const;
const checked = (...bytes: number[]) => [...bytes, crc8(Uint8Array.from(bytes))];

describe('the maths of aht20', () => {
  it.each([
    [0x00000, 0, -50],
    [0x40000, 25, 0],
    [0x80000, 50, 50],
    [0xc0000, 75, 100],
  ])('converts the raw number %i to %d %RH and %d Cel', (raw, humidity, temperature) => {
    expect(relativeHumidity(raw)).toBe(humidity);
    expect(celsius(raw)).toBe(temperature);
  });

  it('gives each number its half of the byte that they share', () => {
    expect(parse(Uint8Array.of(0x18, 0x12, 0x34, 0x5a, 0xbc, 0xde))).toEqual({
      isBusy: false,
      isCalibrated: true,
      humidity: 0x12345,
      temperature: 0xabcde,
    });
    expect(parse(Uint8Array.of(0x90, 0, 0, 0, 0, 0))).toMatchObject({ isBusy: true, isCalibrated: false });
  });

  believesNoWrongBit(Uint8Array.from(checked(...REPLY)), true, (reply) => isSound(reply, crc8) || undefined);
});

describe('aht20', () => {
  it('waits for the chip to start, calibrates it, and then measures with each read', async () => {
    const { bus, open } = i2cRig(aht20, simulation, { surroundings: SURROUNDINGS });
    const sensor = await open();
    const opened = bus.transcript.slice(0);
    expect(opened.slice(0, 2)).toEqual(['0x38 w 71', '0x38 r 00']);
    expect(opened.slice(-8)).toEqual([
      '0x38 w 71',
      '0x38 r 10',
      '0x38 w ba',
      '0x38 w 71',
      '0x38 r 10',
      '0x38 w be0800',
      '0x38 w 71',
      '0x38 r 18',
    ]);
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript.slice(opened.length)).toEqual([
      '0x38 w ac3300',
      expect.stringMatching(/^0x38 r 188000080000[0-9a-f]{2}$/),
    ]);
  });

  it('speaks to an AHT10 as its datasheet asks for: a plain read of the status, 0xE1, no checksum', async () => {
    const { bus, open } = i2cRig(aht20, simulation, { options: { model: 'aht10' }, surroundings: SURROUNDINGS });
    await (await open()).read(signal);
    expect(bus.transcript.slice(-7)).toEqual([
      '0x38 r 10',
      '0x38 w ba',
      '0x38 r 10',
      '0x38 w e10800',
      '0x38 r 18',
      '0x38 w ac3300',
      '0x38 r 188000080000',
    ]);
  });

  /** Answers what is given instead of the status, or of a reply to a measurement; the last again and again. */
  const answering = ({ status = [0x18], replies = [] as (readonly number[])[] }, model = 'aht20') => {
    const left = [...replies];
    const leftStatus = [...status];
    return i2cRig(aht20, simulation, {
      options: { model },
      surroundings: SURROUNDINGS,
      intercept: async (_address, _tx, rxLength, pass) => {
        if (rxLength === 1) return Uint8Array.of(leftStatus.length > 1 ? leftStatus.shift()! : leftStatus[0]!);
        return rxLength > 1 ? Uint8Array.from(left.length > 1 ? left.shift()! : left[0]!) : pass();
      },
    });
  };

  it.each([0x00, 0xff])('takes a bus on which everything reads %i for a fault, not for a chip', async (level) => {
    await expect(answering({ status: [level] }).open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringMatching(/wiring/),
    });
  });

  it('refuses a chip that does not become calibrated', async () => {
    await expect(answering({ status: [0x10] }).open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringMatching(/calibrated \(status 0x10\)/),
    });
  });

  it('leaves a calibrated chip as it is', async () => {
    const { open, bus } = answering({});
    await open();
    expect(bus.transcript).not.toContain('0x38 w be0800');
  });

  const busy = checked(0x98, 0x12, 0x34, 0x56, 0x78, 0x9a);
  it('waits for a chip that is still busy, and does not report its old numbers', async () => {
    const { open } = answering({ replies: [busy, busy, checked(...REPLY)] });
    expect(await (await open()).read(signal)).toEqual({ temperature: 50, humidity: 50 });
  });

  it('gives up on a chip that stays busy, in the time that it promises', async () => {
    const { open, clock } = answering({ replies: [busy] });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await expect(sensor.read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
    expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(aht20.worstCaseMs);
  });

  it('has no data from a chip that has lost its calibration', async () => {
    const { open } = answering({ replies: [checked(0x10, 0x80, 0x00, 0x08, 0x00, 0x00)] });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it('names a wrong checksum, and what an AHT10 needs, which sends ones in its place', async () => {
    const { open } = answering({ replies: [[...REPLY, 0xff]] });
    await expect((await open()).read(signal)).rejects.toMatchObject({
      code: 'sensor.crc',
      message: expect.stringMatching(/`model: aht10`/),
    });
  });

  it.each([
    [0x00, 'sensor.no-data'],
    [0xff, 'sensor.not-ready'],
  ])('refuses a reply of nothing but %i of an AHT10 too, which has no checksum', async (level, code) => {
    const { open } = answering({ replies: [Array<number>(6).fill(level)] }, 'aht10');
    await expect((await open()).read(signal)).rejects.toMatchObject({ code });
  });
});

describe('the simulated aht20', () => {
  const bare = () => {
    const { clock, world } = i2cRig(aht20, simulation, { surroundings: SURROUNDINGS });
    const chip = simulation.create(world);
    const say = (...bytes: number[]) => chip.write(Uint8Array.from(bytes));
    const hear = (length: number) => {
      const bytes = chip.read(length);
      return bytes && Buffer.from(bytes).toString('hex');
    };
    return { say, hear, pass: (ms: number) => clock.sleep(ms) };
  };

  it('answers zeros until it has started, and then says that it is not calibrated', async () => {
    const { say, hear, pass } = bare();
    say(0xbe, 0x08, 0x00);
    expect(hear(2)).toBe('0000');
    await pass(101);
    expect(hear(1)).toBe('10');
    say(0xbe, 0x08, 0x00);
    expect(hear(1)).toBe('90');
    await pass(11);
    expect(hear(1)).toBe('18');
  });

  it('is busy for 80 ms, with its old numbers and a right checksum', async () => {
    const { say, hear, pass } = bare();
    await pass(101);
    say(0xe1, 0x08, 0x00);
    await pass(11);
    say(0xac, 0x33, 0x00);
    await pass(79);
    const early = Buffer.from(hear(7) ?? '', 'hex');
    expect(early.toString('hex', 0, 6)).toBe('980000000000');
    expect(crc8(early.subarray(0, 6))).toBe(early[6]);
    await pass(2);
    expect(hear(6)).toBe('188000080000');
  });
});
