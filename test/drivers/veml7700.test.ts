import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/veml7700.sim.ts';
import veml7700, { configOf, corrected, fitting, lux, settingsOf, stepOf } from '../../drivers/veml7700.ts';
import { conformance, optionSets } from '../conformance.ts';
import { i2cRig } from '../rig.ts';

const signal = new AbortController().signal;

describe('with a gain that is set', () => {
  // With gain 1 and 100 ms the configuration is 0, and so is the count in the dark: nothing else tells a chip from zeros.
  conformance(veml7700, simulation, { optionSets: [1, 2].map((gain) => ({ gain })), believes: [0x00] });
});

describe('with a gain whose counts have to be corrected', () => {
  conformance(veml7700, simulation, {
    optionSets: [
      { gain: 0.125 },
      { gain: 0.25 },
      ...['25ms', '50ms', '200ms', '400ms', '800ms'].map((integration) => ({ gain: 0.125, integration })),
    ],
    // At 140,000 lx the correction makes 22 lx of 1, and a step of 2 lx is 47 lx.
    slack: { illuminance: 24 },
  });
});

describe('with the gain that it finds', () => {
  conformance(veml7700, simulation, {
    optionSets: optionSets(veml7700, {}).filter(({ gain }) => gain === undefined),
    slack: { illuminance: 24 },
  });
});

describe('veml7700', () => {
  it.each([
    [2, 800, 0.0042],
    [1, 100, 0.0672],
    [0.25, 100, 0.2688],
    [0.125, 100, 0.5376],
    [0.125, 25, 2.1504],
  ] as const)('counts at gain %d and %i ms in steps of %d lx', (gain, integrationMs, step) => {
    expect(stepOf({ gain, integrationMs })).toBeCloseTo(step, 9);
  });

  it('corrects above 1000 lx, and at the low gains only', () => {
    expect(lux(1_860, { gain: 0.125, integrationMs: 100 })).toBeCloseTo(999.936, 6);
    expect(lux(10_000, { gain: 0.125, integrationMs: 100 })).toBeCloseTo(6_786.4486, 3);
    expect(lux(10_000, { gain: 1, integrationMs: 25 })).toBeCloseTo(2_688, 6);
    expect(corrected(1_000)).toBeCloseTo(1_075, 0);
  });

  it.each([
    [2, 100, 0x0800],
    [1, 100, 0x0000],
    [0.25, 25, 0x1b00],
    [0.125, 800, 0x10c0],
    [0.125, 50, 0x1200],
  ] as const)('writes gain %d and %i ms as %i', (gain, integrationMs, config) => {
    expect(configOf({ gain, integrationMs })).toBe(config);
  });

  it.each([
    [0, 2, 100],
    [150, 2, 100],
    [190, 0.25, 100],
    [4_000, 0.25, 100],
    [6_000, 0.125, 100],
    [15_000, 0.125, 50],
    [30_000, 0.125, 25],
    [65_535, 0.125, 25],
  ])('after a look that saw %i counts begins with gain %d and %i ms', (looked, gain, integrationMs) => {
    const found = fitting(settingsOf({ gain: 'auto', integration: '100ms' }), looked);
    expect(found[0]).toEqual({ gain, integrationMs });
    expect(found.at(-1)).toEqual({ gain: 0.125, integrationMs: 25 });
  });

  it.each([
    [{ gain: 2 }, ['0008'], 8929],
    [{ gain: 1 }, ['0000'], 4464],
    [{ gain: 0.25 }, ['0018'], 1116],
    [{ gain: 0.125 }, ['0010'], 558],
    [{ gain: 0.125, integration: '25ms' }, ['0013'], 140],
    [{ gain: 0.125, integration: '50ms' }, ['0012'], 279],
    [{ gain: 0.125, integration: '200ms' }, ['4010'], 1116],
    [{ gain: 0.125, integration: '400ms' }, ['8010'], 2232],
    [{ gain: 0.125, integration: '800ms' }, ['c010'], 4464],
    [{}, ['0010', '0018'], 1116],
    [{ integration: '800ms' }, ['0010', 'c018'], 8929],
  ])('says on the wire what the datasheet asks for with %j', async (options, configs, counts) => {
    const { bus, open } = i2cRig(veml7700, simulation, { options });
    const sensor = await open();
    expect(bus.transcript).toEqual(['0x10 w 07 r 81c4', '0x10 w 000100', '0x10 w 030000']);
    await sensor.read(signal);
    const said = bus.transcript.slice(3);
    expect(
      said.filter((line) => / w 00..../.test(line) && !line.includes(' r ')).filter((_, at) => at % 2 === 1),
    ).toEqual(configs.map((config) => `0x10 w 00${config}`));
    const config = configs.at(-1)!;
    const shut = (Number.parseInt(config.slice(0, 2), 16) | 1).toString(16).padStart(2, '0') + config.slice(2);
    const word = Buffer.from(Uint16Array.of(counts).buffer).toString('hex');
    expect(said.slice(-5)).toEqual([
      `0x10 w 00${shut}`,
      `0x10 w 00${config}`,
      `0x10 w 04 r ${word}`,
      `0x10 w 00 r ${config}`,
      '0x10 w 000100',
    ]);
  });

  it.each([0, 0.1, 1, 10, 100, 990, 1_100, 10_000, 50_000, 100_000, 139_000])(
    'finds its setting for %d lx',
    async (illuminance) => {
      const { open } = i2cRig(veml7700, simulation, { surroundings: { illuminance } });
      const values = await (await open()).read(signal);
      expect(Math.abs(values.illuminance! - illuminance)).toBeLessThanOrEqual(0.017 + illuminance / 500);
    },
  );

  it('waits for twice the integration, after the look', async () => {
    const { clock, open } = i2cRig(veml7700, simulation, { options: { integration: '400ms' } });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await sensor.read(signal);
    expect(clock.monotonic() - beganMs).toBe(205 + 805);
  });

  it('goes on to a less sensitive setting when the light has grown since the look', async () => {
    const { open } = i2cRig(veml7700, simulation, {
      surroundings: { illuminance: (monoMs) => (monoMs < 1_210 ? 5 : 50_000) },
    });
    const values = await (await open()).read(signal);
    expect(Math.abs(values.illuminance! - 50_000)).toBeLessThan(20);
  });

  it.each([
    [{}, 145_000, 'sensor.range', /140000 lx.*shade it/],
    [{ gain: 2 }, 3_000, 'sensor.saturated', /gain: auto/],
    [{ gain: 0.25, integration: '800ms' }, 3_000, 'sensor.saturated', /gain: auto/],
  ])('refuses too much light with %j', async (options, illuminance, code, advice) => {
    const { bus, open } = i2cRig(veml7700, simulation, { options, surroundings: { illuminance } });
    await expect((await open()).read(signal)).rejects.toMatchObject({ code, message: expect.stringMatching(advice) });
    expect(bus.transcript.at(-1)).toBe('0x10 w 000100');
  });

  it('takes an early die without an id when it is told to, and says how', async () => {
    const intercept = async (_address: number, tx: Uint8Array, rxLength: number, pass: () => Promise<Uint8Array>) =>
      tx[0] === 0x07 ? new Uint8Array(rxLength) : pass();
    await expect(i2cRig(veml7700, simulation, { intercept }).open()).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringContaining('check_id: false'),
    });
    const sensor = await i2cRig(veml7700, simulation, { intercept, options: { check_id: false } }).open();
    expect((await sensor.read(signal)).illuminance).toBeCloseTo(300, 0);
  });
});

describe('the simulated veml7700', () => {
  const chipOf = () => {
    const { clock, world } = i2cRig(veml7700, simulation, { surroundings: { illuminance: 100 } });
    const chip = simulation.create(world);
    const hex = (register: number) => {
      chip.write(Uint8Array.of(register));
      return Buffer.from(chip.read(2) ?? []).toString('hex');
    };
    return { chip, clock, world, hex };
  };

  it('is shut down after power-on, with its reset values', async () => {
    const { clock, hex } = chipOf();
    await clock.sleep(1_000);
    expect([hex(0), hex(3), hex(4), hex(5), hex(7)]).toEqual(['0100', '0000', '0000', '0000', '81c4']);
  });

  it('says the old value until 2.5 ms and an integration have passed, also after a new setting', async () => {
    const { chip, clock, hex } = chipOf();
    chip.write(Uint8Array.of(0, 0x00, 0x00));
    await clock.sleep(102);
    expect(hex(4)).toBe('0000');
    await clock.sleep(0.5);
    expect(hex(4)).toBe('d005');
    chip.write(Uint8Array.of(0, 0x00, 0x08));
    await clock.sleep(102);
    expect(hex(4)).toBe('d005');
    await clock.sleep(0.5);
    expect(hex(4)).toBe('a00b');
  });

  it('goes on integrating until it is shut down', async () => {
    const { chip, clock, world, hex } = chipOf();
    chip.write(Uint8Array.of(0, 0x00, 0x00));
    await clock.sleep(110);
    world.set({ illuminance: 10 });
    await clock.sleep(100);
    expect(hex(4)).toBe('9500');
    chip.write(Uint8Array.of(0, 0x01, 0x00));
    world.set({ illuminance: 1_000 });
    await clock.sleep(1_000);
    expect(hex(4)).toBe('9500');
  });
});
