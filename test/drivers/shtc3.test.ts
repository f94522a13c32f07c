import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/shtc3.sim.ts';
import shtc3, { celsius, relativeHumidity } from '../../drivers/shtc3.ts';
import { checkedWords, crc8 } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { bareChip, believesNoWrongBit } from './specifications.ts';

conformance(shtc3, simulation);

const signal = new AbortController().signal;
const SURROUNDINGS = { temperature: 42.5, humidity: 50 };
/** 0x8000 is half of full scale: 42.5 Cel and 50 %RH. */
const REPLY = Uint8Array.of(0x80, 0x00, 0xa2, 0x80, 0x00, 0xa2);

describe('the maths of shtc3', () => {
  // Eighths of full scale come out as whole numbers, so no expected value needs a calculator.
  it.each([
    [0x0000, -45, 0],
    [0x4000, -1.25, 25],
    [0x8000, 42.5, 50],
    [0xc000, 86.25, 75],
  ])('converts %i ticks to %d Cel and %d %RH', (ticks, temperature, humidity) => {
    expect(celsius(ticks)).toBe(temperature);
    expect(relativeHumidity(ticks)).toBe(humidity);
  });

  believesNoWrongBit(REPLY, [0x8000, 0x8000], (reply) => checkedWords(reply, 2, crc8));
});

describe('shtc3', () => {
  const rig = (options = {}) => i2cRig(shtc3, simulation, { options, surroundings: SURROUNDINGS });

  it.each([
    ['high', '7866'],
    ['low', '609c'],
  ])(
    'says on the wire what the datasheet asks for at %s precision, and sleeps between reads',
    async (precision, command) => {
      const { bus, open } = rig({ precision });
      const sensor = await open();
      await sensor.read(signal);
      await sensor.close();
      expect(bus.transcript).toEqual([
        '0x70 w 3517',
        '0x70 w 805d',
        '0x70 w efc8',
        expect.stringMatching(/^0x70 r 0887[0-9a-f]{2}$/),
        '0x70 w b098',
        '0x70 w 3517',
        `0x70 w ${command}`,
        '0x70 r 8000a28000a2',
        '0x70 w b098',
      ]);
    },
  );

  const answering = (command: number, ...bytes: number[]) => {
    let last = 0;
    return i2cRig(shtc3, simulation, {
      surroundings: SURROUNDINGS,
      intercept: async (_address, tx, rxLength, pass) => {
        if (tx.length > 0) last = (tx[0]! << 8) | tx[1]!;
        const reply = await pass();
        return rxLength > 0 && last === command ? Uint8Array.from(bytes) : reply;
      },
    });
  };
  const framed = (word: number) => [word >> 8, word & 0xff, crc8(Uint8Array.of(word >> 8, word & 0xff))];

  it.each([
    [0x0007, /SHTC1/],
    [0x1234, /unknown chip \(id 0x1234\)/],
  ])('refuses a chip with the id %i by name', async (id, message) => {
    const { open } = answering(0xefc8, ...framed(id));
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('does not mind the bits of the id that are not fixed', async () => {
    await expect(answering(0xefc8, ...framed(0xf7c7 | 0x0800)).open()).resolves.toBeDefined();
  });

  it('puts the chip to sleep at the end if a read was called off before it could', async () => {
    const { open, bus, clock } = rig();
    const sensor = await open();
    await expect(sensor.read(AbortSignal.abort())).rejects.toMatchObject({ code: 'sensor.deadline' });
    await clock.sleep(20);
    await sensor.close();
    await sensor.close();
    expect(bus.transcript.slice(5)).toEqual(['0x70 w 3517', '0x70 w b098 failed', '0x70 w b098']);
  });

  it.each([
    ['nothing but zeros', [0, 0, 0]],
    ['nothing but ones', [0xff, 0xff, 0xff]],
    ['the channels of a multiplexer', [0xc8, 0xc8, 0xc8]],
  ])('refuses %s, and says what else it may be', async (_what, bytes) => {
    await expect(answering(0xefc8, ...bytes).open()).rejects.toMatchObject({
      code: 'sensor.crc',
      message: expect.stringMatching(/multiplexer/),
    });
  });

  it('names a wrong checksum in a read, and puts the chip to sleep all the same', async () => {
    const { open, bus } = answering(0x7866, 0x80, 0x00, 0xa2, 0x80, 0x00, 0xa3);
    const sensor = await open();
    await expect(sensor.read(signal)).rejects.toMatchObject({ code: 'sensor.crc' });
    expect(bus.transcript.at(-1)).toBe('0x70 w b098');
  });
});

describe('the simulated shtc3', () => {
  const bare = () => bareChip(shtc3, simulation, SURROUNDINGS);

  it('acknowledges neither reads nor commands while it measures, and gives each reply once', async () => {
    const { say, hear, pass } = bare();
    expect(hear(6)).toBeNull();
    expect(say(0x7866)).toBe(true);
    await pass(12);
    expect([hear(6), say(0x7866)]).toEqual([null, false]);
    await pass(0.2);
    expect([hear(6), hear(6)]).toEqual(['8000a28000a2', null]);
  });

  it('hears nothing but the wake-up when it sleeps, and needs a moment after it', async () => {
    const { say, pass } = bare();
    say(0xb098);
    expect([say(0x7866), say(0x805d), say(0x3517), say(0x7866)]).toEqual([false, false, true, false]);
    await pass(0.3);
    expect(say(0x7866)).toBe(true);
  });

  it('gives humidity first when asked so', async () => {
    const { say, hear, pass } = bare();
    say(0x401a);
    await pass(1);
    expect(hear(2)).toBe('8000');
  });
});
