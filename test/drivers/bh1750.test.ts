import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/bh1750.sim.ts';
import bh1750, { lux, measurementMs } from '../../drivers/bh1750.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';

conformance(bh1750, simulation, {
  // Its reply is the count alone, and 0 is darkness, which it measures a second time.
  believes: [0x00],
  surroundings: (_channel, value, { factor }) => ({ illuminance: value / (factor as number) }),
});

const signal = new AbortController().signal;

describe('bh1750', () => {
  it('converts as the datasheet does in its example: 0x8390 is 28067 lx', () => {
    expect(lux(0x8390, 1.2, 69)).toBeCloseTo(28066.67, 2);
  });

  it.each([
    [0, 1.2, 69, 0],
    [0xfffe, 1.2, 69, 54611.67],
    [0xfffe, 1.2, 31, 121555],
    [1, 2.4, 254, 0.11],
  ])('converts %i at %d counts per lx and MTreg %i to %d lx', (raw, countsPerLux, measurementTime, expected) => {
    expect(lux(raw, countsPerLux, measurementTime)).toBeCloseTo(expected, expected > 1e5 ? 0 : 2);
  });

  it('waits for the longest conversion, in proportion to MTreg', () => {
    const high = { command: 0x20, maxMs: 180, countsPerLux: 1.2, stepLux: 1 } as const;
    expect([31, 69, 254].map((time) => measurementMs(high, time))).toEqual([81, 180, 663]);
  });

  it.each([
    [{}, ['42', '65', '20'], '0168'],
    [{ resolution: 'high2' }, ['42', '65', '21'], '02d0'],
    [{ resolution: 'low' }, ['42', '65', '23'], '0168'],
    [{ measurement_time: 31 }, ['40', '7f', '20'], '00a2'],
    [{ measurement_time: 254 }, ['47', '7e', '20'], '052d'],
    [{ factor: 2 }, ['42', '65', '20'], '0168'],
  ])('says on the wire what the datasheet asks for with %j', async (options, commands, reply) => {
    const { bus, open } = i2cRig(bh1750, simulation, { options, surroundings: { illuminance: 300 } });
    const sensor = await open();
    await sensor.read(signal);
    const first = bus.transcript.length;
    await sensor.read(signal);
    await sensor.close();
    const measurement = (raw: string) => [...commands.map((command) => `0x23 w ${command}`), `0x23 r ${raw}`];
    // The first measurement after power-on says 0 and is taken again.
    expect(bus.transcript.slice(0, first)).toEqual(['0x23 w 00', ...measurement('0000'), ...measurement(reply)]);
    expect(bus.transcript.slice(first)).toEqual(measurement(reply));
  });

  it('believes in darkness when three measurements in a row say so', async () => {
    const { bus, open, clock } = i2cRig(bh1750, simulation, { surroundings: { illuminance: 0 } });
    const sensor = await open();
    const beganMs = clock.monotonic();
    expect(await sensor.read(signal)).toEqual({ illuminance: 0 });
    expect(clock.monotonic() - beganMs).toBe(540);
    expect(bus.transcript.filter((line) => line === '0x23 r 0000')).toHaveLength(3);
  });

  it('refuses a saturated count and says what to do', async () => {
    const { open } = i2cRig(bh1750, simulation, { surroundings: { illuminance: 60_000 } });
    const sensor = await open();
    await expect(sensor.read(signal)).rejects.toMatchObject({
      code: 'sensor.saturated',
      message: expect.stringMatching(/54613 lx.*lower measurement_time/),
    });
    const wide = i2cRig(bh1750, simulation, {
      options: { measurement_time: 31 },
      surroundings: { illuminance: 60_000 },
    });
    expect((await (await wide.open()).read(signal)).illuminance).toBeCloseTo(60_000, -1);
  });

  it('measures with its own MTreg even when another program left one', async () => {
    const { bus, open, address } = i2cRig(bh1750, simulation, { surroundings: { illuminance: 300 } });
    for (const command of [0x01, 0x47, 0x7e, 0x10]) await bus.transfer(address, Uint8Array.of(command), 0);
    expect((await (await open()).read(signal)).illuminance).toBeCloseTo(300, 0);
  });
});

describe('the simulated bh1750', () => {
  const chipOf = () => {
    const { clock, world } = i2cRig(bh1750, simulation, { surroundings: { illuminance: 300 } });
    const chip = simulation.create(world);
    const raw = () => Buffer.from(chip.read(2) ?? []).toString('hex');
    return { chip, raw, pass: (ms: number) => clock.sleep(ms), world };
  };

  it('answers a read that is too early with the old value', async () => {
    const { chip, raw, pass, world } = chipOf();
    for (const expected of ['0000', '0168']) {
      chip.write(Uint8Array.of(0x20));
      await pass(180);
      expect(raw()).toBe(expected);
    }
    world.set({ illuminance: 600 });
    chip.write(Uint8Array.of(0x20));
    await pass(179);
    expect(raw()).toBe('0168');
    await pass(1);
    expect(raw()).toBe('02d0');
  });

  it('goes on measuring in a continuous mode, and forgets its data only while powered', async () => {
    const { chip, raw, pass, world } = chipOf();
    chip.write(Uint8Array.of(0x13));
    await pass(24 * 2);
    expect(raw()).toBe('0168');
    world.set({ illuminance: 600 });
    await pass(24);
    expect(raw()).toBe('02d0');
    chip.write(Uint8Array.of(0x00));
    chip.write(Uint8Array.of(0x07));
    expect(raw()).toBe('02d0');
    chip.write(Uint8Array.of(0x01));
    chip.write(Uint8Array.of(0x07));
    expect(raw()).toBe('0000');
  });
});
