import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/scd4x.sim.ts';
import scd4x, { celsius, framed, isDataReady, offsetTicks, relativeHumidity } from '../../drivers/scd4x.ts';
import { checkedWords, crc8, type Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig, type Surroundings } from '../rig.ts';
import { believesNoWrongBit } from './specifications.ts';

/** What the chip is warmer than the air, as delivered. */
const OWN_WARMTH = 4;

conformance(scd4x, simulation, {
  // An offset that is not the chip's own warmth shifts what it reports.
  surroundings: (channel, value, { temperature_offset: offset = OWN_WARMTH }) =>
    channel === 'temperature' ? { temperature: value - OWN_WARMTH + Number(offset) } : { [channel]: value },
});

const signal = new AbortController().signal;
const SURROUNDINGS: Surroundings = { co2: 500, temperature: 25, humidity: 40 };

describe('the maths of scd4x', () => {
  it('gives the results of the datasheet for its example: 500 ppm, 25 Cel, 37 %RH', () => {
    const reply = Buffer.from('01f4336667a25eb93c', 'hex');
    const [co2, temperature, humidity] = checkedWords(reply, 3, crc8) ?? [];
    expect(co2).toBe(500);
    expect(celsius(temperature ?? 0)).toBeCloseTo(25, 2);
    expect(relativeHumidity(humidity ?? 0)).toBeCloseTo(37, 2);
  });

  it('sends a word with its checksum, as in the example of the CRC', () => {
    expect(framed(0xbeef, crc8)).toEqual([0xbe, 0xef, 0x92]);
  });

  const EXAMPLE = [0x01f4, 0x6667, 0x5eb9];
  believesNoWrongBit(Uint8Array.from(EXAMPLE.flatMap((word) => framed(word, crc8))), EXAMPLE, (reply) =>
    checkedWords(reply, 3, crc8),
  );

  it.each([
    [0x8000, false],
    [0x8001, true],
    [0x0400, true],
    [0x0800, false],
  ])('takes only the lower 11 bits of %i for readiness', (status, expected) => {
    expect(isDataReady(status)).toBe(expected);
  });

  it.each([
    [0, 0],
    [4, 1498],
    [17.5, 6554],
  ])('writes an offset of %d Cel as %i ticks', (offset, ticks) => {
    expect(offsetTicks(offset)).toBe(ticks);
  });
});

describe('scd4x', () => {
  const rig = (options: Options = {}) => i2cRig(scd4x, simulation, { options, surroundings: SURROUNDINGS });
  const wordOf = (value: number) => Buffer.from(framed(value, crc8)).toString('hex');
  const REPLY = /^0x62 r 01f433/;
  const OPENING = ['0x62 w 36f6 failed', '0x62 w 3f86', '0x62 w 3682', expect.stringMatching(/^0x62 r [0-9a-f]{18}$/)];

  it.each([
    ['periodic', '21b1', 20],
    ['low_power', '21ac', 120],
  ])(
    'in the mode %s starts measuring once, waits for what is new, and stops at the end',
    async (mode, start, polls) => {
      const { bus, open } = rig({ mode });
      const sensor = await open();
      expect(bus.transcript).toEqual([...OPENING, `0x62 w ${start}`]);
      const opened = bus.transcript.length;
      await sensor.read(signal);
      const read = bus.transcript.slice(opened);
      expect(read.slice(0, 2)).toEqual(['0x62 w e4b8', `0x62 r ${wordOf(0x8000)}`]);
      expect(read.slice(-4)).toEqual([
        '0x62 w e4b8',
        `0x62 r ${wordOf(0x8006)}`,
        '0x62 w ec05',
        expect.stringMatching(REPLY),
      ]);
      expect(read.length / 2).toBeLessThanOrEqual(polls + 3);
      await sensor.close();
      await sensor.close();
      expect(bus.transcript.slice(opened + read.length)).toEqual(['0x62 w 3f86']);
    },
  );

  it('in the mode single_shot lets the chip idle between reads', async () => {
    const { bus, open } = rig({ mode: 'single_shot' });
    const sensor = await open();
    expect(bus.transcript).toEqual(OPENING);
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript.slice(OPENING.length)).toEqual([
      '0x62 w 219d',
      '0x62 w e4b8',
      `0x62 r ${wordOf(0x8006)}`,
      '0x62 w ec05',
      expect.stringMatching(REPLY),
    ]);
  });

  it.each([
    [{ altitude: 0 }, `2427${wordOf(0)}`],
    [{ altitude: 1250 }, `2427${wordOf(1250)}`],
    [{ temperature_offset: 2.5 }, `241d${wordOf(936)}`],
    [{ self_calibration: true }, `2416${wordOf(1)}`],
    [{ self_calibration: false }, `2416${wordOf(0)}`],
  ])('sets what is given, %j, before it starts, and nothing else', async (options, written) => {
    const { bus, open } = rig(options);
    await open();
    expect(bus.transcript.slice(OPENING.length)).toEqual([`0x62 w ${written}`, '0x62 w 21b1']);
  });

  it('sets it again before each single shot, because a brown-out in between would go unnoticed', async () => {
    const { bus, open, powerCycle } = rig({ mode: 'single_shot', altitude: 1250 });
    const sensor = await open();
    powerCycle();
    const opened = bus.transcript.length;
    await sensor.read(signal);
    expect(bus.transcript.slice(opened, opened + 2)).toEqual([`0x62 w 2427${wordOf(1250)}`, '0x62 w 219d']);
  });

  it('never reports what was measured before the read began', async () => {
    const { open, clock, world } = rig();
    world.set({ co2: (monoMs) => monoMs / 10 });
    const sensor = await open();
    await clock.sleep(17_000);
    const beganMs = clock.monotonic();
    const { co2 } = await sensor.read(signal);
    expect(co2).toBeGreaterThan(beganMs / 10);
    expect(clock.monotonic() - beganMs).toBeLessThan(5_500);
  });

  it('takes over a chip that somebody else has left measuring', async () => {
    const { world, open, bus } = rig();
    const chip = simulation.create(world);
    bus.attach(0x62, chip);
    chip.write(Uint8Array.of(0x21, 0xac));
    expect((await (await open()).read(signal)).co2).toBe(500);
  });

  it('wakes a chip that somebody else has powered down', async () => {
    const { world, open, bus } = rig();
    const chip = simulation.create(world);
    bus.attach(0x62, chip);
    chip.write(Uint8Array.of(0x36, 0xe0));
    expect((await (await open()).read(signal)).co2).toBe(500);
  });

  it('can be opened again at once after it was closed', async () => {
    const { open } = rig();
    await (await open()).close();
    await expect(open()).resolves.toBeDefined();
  });

  it('says that a chip has stopped measuring, in the time that it promises', async () => {
    const { open, powerCycle, clock } = rig();
    const sensor = await open();
    powerCycle();
    const beganMs = clock.monotonic();
    await expect(sensor.read(signal)).rejects.toMatchObject({ code: 'sensor.not-ready' });
    expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(scd4x.worstCaseMs);
  });

  const answering = (command: number, answer: (reply: Uint8Array) => Uint8Array) => {
    let last = 0;
    return i2cRig(scd4x, simulation, {
      surroundings: SURROUNDINGS,
      intercept: async (_address, tx, rxLength, pass) => {
        if (tx.length > 0) last = (tx[0]! << 8) | tx[1]!;
        const reply = await pass();
        return rxLength > 0 && last === command ? answer(reply) : reply;
      },
    });
  };

  it.each([0x00, 0xff])('refuses a bus on which everything reads %i', async (level) => {
    const { open } = answering(0x3682, (reply) => reply.fill(level));
    await expect(open()).rejects.toMatchObject({ code: 'sensor.crc' });
  });

  it.each([0xe4b8, 0xec05])('names a wrong checksum after the command %i', async (command) => {
    const { open } = answering(command, (reply) => reply.with(2, reply[2]! ^ 1));
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'sensor.crc' });
  });
});

describe('the range of co2', () => {
  it('is that of a word', () => {
    expect(scd4x.channels.co2).toMatchObject({ min: 0, max: 65_535 });
  });
});

describe('the simulated scd4x', () => {
  const bare = () => {
    const { clock, world } = i2cRig(scd4x, simulation, { surroundings: SURROUNDINGS });
    const chip = simulation.create(world);
    const say = (command: number, ...argument: number[]) =>
      chip.write(Uint8Array.of(command >> 8, command & 0xff, ...argument));
    const hear = async (length: number) => {
      await clock.sleep(1);
      const bytes = chip.read(length);
      return bytes && Buffer.from(bytes).toString('hex');
    };
    return { chip, say, hear, pass: (ms: number) => clock.sleep(ms) };
  };

  it('has nothing to read for 5 s, and each measurement once', async () => {
    const { say, hear, pass } = bare();
    say(0x21b1);
    await pass(4_990);
    expect(say(0xec05)).toBe(false);
    await pass(20);
    say(0xe4b8);
    expect(await hear(2)).toBe('8006');
    expect(say(0xec05)).toBe(true);
    expect(await hear(2)).toBe('01f4');
    expect(say(0xec05)).toBe(false);
  });

  it('hears only a few commands while it measures, and none for 500 ms after the stop', async () => {
    const { say, pass } = bare();
    say(0x21b1);
    expect([0x3682, 0x21b1, 0x241d, 0xe4b8, 0xe000].map((command) => say(command))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    say(0x3f86);
    await pass(499);
    expect(say(0x3682)).toBe(false);
    await pass(2);
    expect(say(0x3682)).toBe(true);
  });

  it('is not there for 5 s of a single shot', async () => {
    const { chip, say, hear, pass } = bare();
    say(0x219d);
    await pass(4_900);
    expect([chip.write(Uint8Array.of()), say(0xe4b8)]).toEqual([false, false]);
    await pass(101);
    say(0xec05);
    expect(await hear(2)).toBe('01f4');
  });

  it('keeps a setting only if its checksum is right', async () => {
    const { say, hear, pass } = bare();
    say(0x2427, 0x04, 0xe2, 0x00);
    expect(say(0x2322)).toBe(false);
    await pass(1);
    say(0x2322);
    expect(await hear(2)).toBe('0000');
    say(0x2427, ...framed(1250, crc8));
    await pass(1);
    say(0x2322);
    expect(await hear(2)).toBe('04e2');
  });

  it('needs a millisecond before it answers', () => {
    const { chip, say } = bare();
    say(0x3682);
    expect(chip.read(9)).toBeNull();
  });
});
