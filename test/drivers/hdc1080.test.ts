import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/hdc1080.sim.ts';
import hdc1080, { celsius, relativeHumidity } from '../../drivers/hdc1080.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { conformance } from '../conformance.ts';
import { answering, i2cRig, nackingReads } from '../rig.ts';

conformance(hdc1080, simulation);

const signal = new AbortController().signal;

describe('hdc1080', () => {
  it.each([
    [0x0000, -40, 0],
    [0x4000, 1.25, 25],
    [0x8000, 42.5, 50],
    [0xfffc, 124.98993, 99.9939],
  ])('converts %i to %d Cel and %d %RH', (word, temperature, humidity) => {
    expect(celsius(word)).toBeCloseTo(temperature, 5);
    expect(relativeHumidity(word)).toBeCloseTo(humidity, 4);
  });

  it.each([
    [{}, '1000', '66647ffc'],
    [{ temperature_bits: 11 }, '1400', '66607ffc'],
    [{ humidity_bits: 11 }, '1100', '66647fe0'],
    [{ humidity_bits: 8 }, '1200', '66647f00'],
  ])('says on the wire what the datasheet asks for with %j', async (options, config, reply) => {
    const { bus, open } = i2cRig(hdc1080, simulation, {
      options,
      surroundings: { temperature: 26, humidity: 49.999 },
    });
    const sensor = await open();
    await sensor.read(signal);
    await sensor.close();
    expect(bus.transcript).toEqual([
      '0x40 w ff r 1050',
      `0x40 w 02${config}`,
      '0x40 w 00',
      `0x40 r ${reply}`,
      `0x40 w 02 r ${config}`,
    ]);
  });

  it('believes in -40 Cel and 0 %RH when two measurements in a row say so', async () => {
    const { bus, open } = i2cRig(hdc1080, simulation, { surroundings: { temperature: -50, humidity: 0 } });
    expect(await (await open()).read(signal)).toEqual({ temperature: -40, humidity: 0 });
    expect(bus.transcript.filter((line) => line === '0x40 r 00000000')).toHaveLength(2);
  });

  it('asks a chip that is slow a few times more, and no more than that', async () => {
    const slow = i2cRig(hdc1080, simulation, { intercept: nackingReads(4) });
    expect((await (await slow.open()).read(signal)).temperature).toBeCloseTo(21.5, 1);
    const { open } = i2cRig(hdc1080, simulation, { intercept: nackingReads(5) });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code: 'bus.nack' });
  });

  it.each([
    ['0710', /answers as HDC2080/],
    ['399f', /unknown chip \(id 0x399f\)/],
  ])('refuses a chip with the id %s by name', async (id, message) => {
    const { open } = i2cRig(hdc1080, simulation, { intercept: answering({ 255: id }) });
    await expect(open()).rejects.toMatchObject({ code: 'sensor.identity', message: expect.stringMatching(message) });
  });

  it('takes an HDC1000 for its like, and tells a scan what it is', async () => {
    const { open, bus } = i2cRig(hdc1080, simulation, { intercept: answering({ 255: '1000' }) });
    await expect(open()).resolves.toBeDefined();
    expect(await hdc1080.identify?.(i2cDevice(bus, 0x40))).toBe('HDC1000');
  });
});

describe('a read of hdc1080', () => {
  /** What the reply to the plain read is replaced by, and the configuration. */
  const saying = async (words: string, config: string) => {
    const stage = { on: false };
    const { open } = i2cRig(hdc1080, simulation, {
      async intercept(_address, tx, rxLength, pass) {
        const reply = await pass();
        if (!stage.on || rxLength === 0) return reply;
        return Uint8Array.from(Buffer.from(tx[0] === 0x02 ? config : words, 'hex'));
      },
    });
    const sensor = await open();
    stage.on = true;
    return sensor.read(signal);
  };

  it.each([
    ['all ones', 'ffffffff', '1000'],
    ['nothing but ones', 'ffffffff', 'ffff'],
    ['nothing but zeros', '00000000', '0000'],
    ['a configuration that is not ours', '66647ffc', '0000'],
  ])('refuses %s', async (_what, words, config) => {
    await expect(saying(words, config)).rejects.toMatchObject({ code: 'sensor.no-data' });
  });

  it('does not mind that the supply is low', async () => {
    expect((await saying('66647ffc', '1800')).temperature).toBeCloseTo(26, 1);
  });
});

describe('the simulated hdc1080', () => {
  const bare = () => {
    const { clock, world } = i2cRig(hdc1080, simulation, { surroundings: { temperature: 26, humidity: 50 } });
    const chip = simulation.create(world);
    const write = (...bytes: number[]) => chip.write(Uint8Array.from(bytes));
    const read = (length: number) => {
      const reply = chip.read(length);
      return reply && Buffer.from(reply).toString('hex');
    };
    return { write, read, pass: (ms: number) => clock.sleep(ms) };
  };

  it('acknowledges no read until both have been measured', async () => {
    const { write, read, pass } = bare();
    expect(read(4)).toBe('00000000');
    write(0x00);
    await pass(12.8);
    expect(read(4)).toBeNull();
    await pass(0.1);
    expect(read(4)).toBe('66648000');
  });

  it('loses a measurement when the pointer is set elsewhere meanwhile', async () => {
    const { write, read, pass } = bare();
    write(0x00);
    write(0x02);
    expect(read(2)).toBe('1000');
    await pass(20);
    expect(read(2)).toBe('1000');
  });

  it('measures one alone when it is told to, and is deaf after a reset', async () => {
    const { write, read, pass } = bare();
    write(0x02, 0x02, 0x00);
    write(0x01);
    await pass(2.5);
    expect(read(2)).toBe('8000');
    write(0x02, 0x80, 0x00);
    expect([write(0x02), read(2)]).toEqual([false, null]);
    await pass(15);
    write(0x02);
    expect(read(2)).toBe('1000');
  });
});
