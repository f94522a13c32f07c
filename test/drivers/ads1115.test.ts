import { describe, expect, it } from 'vitest';
import { conversionMs, interpolate, parseSensor, parseTable, steepest, volts } from '../../drivers/ads1115.maths.ts';
import { simulation } from '../../drivers/ads1115.sim.ts';
import ads1115 from '../../drivers/ads1115.ts';
import type { Options } from '../../src/driver.ts';
import { conformance, optionSets } from '../conformance.ts';
import { i2cRig, optionsOf } from '../rig.ts';
import { bareChip, refusesAtOpen, refusesInRead } from './specifications.ts';

/** An NTC under a resistor: few volts when warm. */
const NTC = { quantity: 'temperature', table: '2.75=0, 1.65=25, 1.10=40, 0.52=70' };
const GEOPHONE = { quantity: 'velocity', scale: 34.7, range: 0.256, input: 'A0-A1' };
const DIVIDER = { quantity: 'voltage', scale: 5.7 };

conformance(ads1115, simulation, {
  optionSets: [
    // A quantity alone is the volts under another name, and none of scale, offset and table goes without one.
    ...optionSets(ads1115, {}).filter(({ quantity }) => quantity === undefined),
    NTC,
    GEOPHONE,
    DIVIDER,
    { quantity: 'temperature', scale: 100, offset: -50 },
    // One voltage is at all inputs, so all of them must agree.
    { a0: 'velocity 34.7', a1: 'velocity 34.7', a3: 'velocity 34.7 0' },
  ],
  surroundings(channel, value, options) {
    if (channel.startsWith('velocity_')) return { voltage: value / 34.7 };
    if (channel.startsWith('voltage_')) return undefined;
    // What the sensor makes of the quantity decides; the voltage follows from it.
    if (options.quantity !== undefined && channel !== options.quantity) return undefined;
    if (options.table !== undefined) {
      const inverse = [...parseTable(String(options.table))!].map(([at, of]) => [of, at] as const);
      return {
        voltage: interpolate(
          inverse.sort(([one], [other]) => one - other),
          value,
        )!,
      };
    }
    return { voltage: (value - (options.offset as number)) / (options.scale as number) };
  },
});

const signal = new AbortController().signal;
const channelsOf = (options: Options) => ads1115.variant?.(optionsOf(ads1115, options)).channels;

describe('the maths of ads1115', () => {
  it.each([
    [0x0000, 6.144, 0],
    [0x0001, 6.144, 0.0001875],
    [0x7ffe, 4.096, 4.09575],
    [0xffff, 2.048, -0.0000625],
    [0x8001, 0.256, -0.2559921875],
  ])('converts %i of %d V to %d V', (word, range, expected) => {
    expect(volts(word, range)).toBeCloseTo(expected, 12);
  });

  it('waits for a tenth more than a period, and for the chip to wake up', () => {
    expect([8, 128, 860].map((rate) => Number(conversionMs(rate).toFixed(3)))).toEqual([137.525, 8.619, 1.304]);
  });

  it('reads a table in any order, with spaces, signs and exponents', () => {
    expect(parseTable('1.1=50,0.5=100 , -2e-1 = -7.5')).toEqual([
      [-0.2, -7.5],
      [0.5, 100],
      [1.1, 50],
    ]);
  });

  it.each(['', '1=2', '1=2,', '1=2, 1=3', '1=2; 3=4', 'a=b, c=d', '1=, 2=3', '1:2, 3:4', '1=2=3, 4=5'])(
    'takes "%s" for no table',
    (text) => {
      expect(parseTable(text)).toBeUndefined();
    },
  );

  it.each([
    ['voltage', { quantity: 'voltage', scale: 1, offset: 0 }],
    [' velocity  34.7 ', { quantity: 'velocity', scale: 34.7, offset: 0 }],
    ['pressure 25 -12.5', { quantity: 'pressure', scale: 25, offset: -12.5 }],
    ['temperature 0.4=80, 2.5=0', { quantity: 'temperature', scale: 1, offset: 0, table: '0.4=80, 2.5=0' }],
  ])('reads the sensor "%s"', (text, expected) => {
    expect(parseSensor(text)).toEqual(expected);
  });

  it.each(['', '5.7', 'Voltage 5.7', 'voltage 5.7 1 2', 'voltage five'])('takes "%s" for no sensor', (text) => {
    expect(parseSensor(text)).toBeUndefined();
  });

  it('knows where a table is steepest', () => {
    expect(
      steepest([
        [0, 10],
        [1, 20],
        [3, -40],
      ]),
    ).toBe(30);
  });

  it('bounds a table', () => {
    const points = (count: number) => Array.from({ length: count }, (_, at) => `${at}=${at}`).join();
    expect(parseTable(points(100))).toHaveLength(100);
    expect(parseTable(points(101))).toBeUndefined();
  });

  it('is straight between the points of a table, exact on them, and knows nothing outside', () => {
    const table = parseTable('0=10, 1=20, 3=0')!;
    expect([0, 0.5, 1, 2, 3].map((at) => interpolate(table, at))).toEqual([10, 15, 20, 10, 0]);
    expect([-0.001, 3.001].map((at) => interpolate(table, at))).toEqual([undefined, undefined]);
  });
});

describe('ads1115', () => {
  it.each([
    [{}, '43', '93', '2710'],
    [{ input: 'A1' }, '53', '93', '2710'],
    [{ input: 'A2' }, '63', '93', '2710'],
    [{ input: 'A3' }, '73', '93', '2710'],
    [{ input: 'A0-A1' }, '03', '93', '2710'],
    [{ input: 'A0-A3' }, '13', '93', '2710'],
    [{ input: 'A1-A3' }, '23', '93', '2710'],
    [{ input: 'A2-A3' }, '33', '93', '2710'],
    [{ range: 6.144 }, '41', '93', '1a0b'],
    [{ range: 2.048 }, '45', '93', '4e20'],
    [{ rate: 8 }, '43', '13', '2710'],
    [{ rate: 16 }, '43', '33', '2710'],
    [{ rate: 32 }, '43', '53', '2710'],
    [{ rate: 64 }, '43', '73', '2710'],
    [{ rate: 250 }, '43', 'b3', '2710'],
    [{ rate: 475 }, '43', 'd3', '2710'],
    [{ rate: 860 }, '43', 'f3', '2710'],
  ])('says on the wire what the datasheet asks for with %j', async (options, high, low, word) => {
    const { bus, open } = i2cRig(ads1115, simulation, { options, surroundings: { voltage: 1.25 } });
    const sensor = await open();
    await sensor.read(signal);
    await sensor.close();
    const with_ = (os: number) => (Number.parseInt(high, 16) | os).toString(16).padStart(2, '0') + low;
    expect(bus.transcript).toEqual([
      '0x48 w 0f r 0000',
      '0x48 w 02 r 8000',
      `0x48 w 01${with_(0)}`,
      `0x48 w 01 r ${with_(0x80)}`,
      `0x48 w 01${with_(0x80)}`,
      `0x48 w 01 r ${with_(0x80)}`,
      `0x48 w 00 r ${word}`,
      `0x48 w 01 r ${with_(0x80)}`,
    ]);
  });

  it.each([
    [{ range: 1.024 }, '47', 0.7, '5780'],
    [{ range: 0.512 }, '49', 0.35, '5780'],
    [{ range: 0.256 }, '4b', -0.175, 'a880'],
  ])('asks for the range %j', async (options, high, voltage, word) => {
    const { bus, open } = i2cRig(ads1115, simulation, { options, surroundings: { voltage } });
    expect((await (await open()).read(signal)).voltage).toBeCloseTo(voltage, 9);
    expect(bus.transcript).toContain(`0x48 w 01${high}93`);
    expect(bus.transcript).toContain(`0x48 w 00 r ${word}`);
  });

  it.each([
    [NTC, 1.65, { voltage: 1.65, temperature: 25 }],
    [GEOPHONE, 0.1, { voltage: 0.1, velocity: 3.47 }],
    [DIVIDER, 2, { voltage: 11.4 }],
  ])('makes of the voltage what %j says', async (options, voltage, expected) => {
    const { open } = i2cRig(ads1115, simulation, { options, surroundings: { voltage } });
    const values = await (await open()).read(signal);
    expect(Object.keys(values)).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) expect(values[name]).toBeCloseTo(value, 2);
  });

  it('knows the ends, the step and the digits of what it makes', () => {
    expect(channelsOf({})?.voltage).toMatchObject({ resolution: 0.000125, decimals: 4 });
    expect(channelsOf(NTC)?.temperature).toMatchObject({ quantity: 'temperature', min: 0, max: 70, decimals: 3 });
    expect(channelsOf({ quantity: 'illuminance', scale: -1000 })?.illuminance).toMatchObject({ decimals: 1 });
    expect(Object.keys(channelsOf(DIVIDER) ?? {})).toEqual(['voltage']);
    expect(channelsOf(DIVIDER)?.voltage?.max).toBeCloseTo(5.7 * 4.096, 2);
  });

  it.each([
    [{ scale: 2 }, /need quantity/],
    [{ offset: 2 }, /need quantity/],
    [{ table: '1=2, 2=3' }, /need quantity/],
    [{ quantity: 'temperature', scale: 0 }, /scale 0/],
    [{ quantity: 'temperature', scale: 2, table: '1=2, 2=3' }, /table excludes scale and offset/],
    [{ quantity: 'temperature', table: '1=2' }, /2 to 100 pairs of different volts/],
    [{ quantity: 'temperature', table: '1=2, 2=2' }, /all values of table are the same/],
    [{ a0: 'voltage', quantity: 'temperature' }, /a0 to a3 exclude input, quantity/],
    [{ a0: 'voltage', input: 'A1' }, /a0 to a3 exclude input, quantity/],
    [{ a1: 'voltage five' }, /a1 is not a quantity/],
    [{ a1: 'tension 5' }, /there is no quantity tension/],
    [{ a2: 'temperature 1=2' }, /2 to 100 pairs of different volts/],
  ])('finds out before it opens that %j do not go together', async (options, message) => {
    expect(() => channelsOf(options)).toThrow(message);
    await expect(i2cRig(ads1115, simulation, { options }).open()).rejects.toMatchObject({ code: 'config.invalid' });
  });

  describe('with several inputs', () => {
    const SEVERAL = { a0: 'temperature 2.75=0, 1.65=25, 0.52=70', a2: 'voltage 5.7', a3: 'illuminance 100' };

    it('measures those that are named, each for itself', async () => {
      const { bus, open, options } = i2cRig(ads1115, simulation, { options: SEVERAL, surroundings: { voltage: 1.65 } });
      const values = await (await open()).read(signal);
      expect(Object.keys(values)).toEqual(Object.keys(channelsOf(SEVERAL) ?? {}));
      expect(values.voltage_a0).toBeCloseTo(1.65, 3);
      expect(values.temperature_a0).toBeCloseTo(25, 1);
      expect(values.voltage_a2).toBeCloseTo(9.405, 3);
      expect(values.illuminance_a3).toBeCloseTo(165, 1);
      expect(bus.transcript.filter((line) => /w 01[c-f]/.test(line))).toEqual([
        '0x48 w 01c393',
        '0x48 w 01e393',
        '0x48 w 01f393',
      ]);
      expect(ads1115.variant?.(options).worstCaseMs).toBeCloseTo(3 * ads1115.worstCaseMs, 9);
    });

    it('leaves out what one of them cannot tell, and fails when none can', async () => {
      const outside = i2cRig(ads1115, simulation, { options: SEVERAL, surroundings: { voltage: 3 } });
      expect(Object.keys(await (await outside.open()).read(signal))).toEqual([
        'voltage_a0',
        'voltage_a2',
        'voltage_a3',
        'illuminance_a3',
      ]);
      const clipped = i2cRig(ads1115, simulation, { options: SEVERAL, surroundings: { voltage: 5 } });
      await expect((await clipped.open()).read(signal)).rejects.toMatchObject({ code: 'sensor.saturated' });
    });
  });

  it.each([
    [{}, 4.1, 'sensor.saturated', /A0 of 0x48 is beyond 4.096 V: widen range/],
    [{}, -4.1, 'sensor.saturated', /A0 of 0x48 is beyond 4.096 V: widen range/],
    [
      { quantity: 'voltage', table: '0=0, 3=10' },
      3.29,
      'sensor.range',
      /3.2900 V at A0 of 0x48 is outside of the table/,
    ],
    [NTC, 3.29, 'sensor.range', /3.2900 V at A0 of 0x48 is outside of the table: check the wiring/],
  ])('refuses with %j at %d V, and says what to do', async (options, voltage, code, message) => {
    const { open } = i2cRig(ads1115, simulation, { options, surroundings: { voltage } });
    const sensor = await open();
    await expect(sensor.read(signal)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  refusesAtOpen(ads1115, simulation, [
    ['a TMP117', { 15: '0117' }, /answers as a TMP117.*use the driver tmp117/],
    ['an LM75', { 15: '5000', 2: '4b00' }, /answers as an LM75 or a TMP102/],
    ['a bus stuck low', { 1: '0000', 2: '0000', 15: '0000' }, /says 0x0000.*check wiring/],
    ['a bus stuck high', { 1: 'ffff', 2: 'ffff', 15: 'ffff' }, /says 0xffff.*check wiring/],
  ]);

  refusesInRead(ads1115, simulation, [
    ['a chip that was reset', { 1: '8583' }, 'sensor.no-data'],
    ['a bus stuck low', { 0: '0000', 1: '0000' }, 'sensor.no-data'],
    ['a bus stuck high', { 0: 'ffff', 1: 'ffff' }, 'sensor.no-data'],
    ['a conversion that never ends', { 1: '4393' }, 'sensor.not-ready'],
  ]);
});

describe('the simulated ads1115', () => {
  const bare = () => bareChip(ads1115, simulation, { voltage: 1.25 });

  it('rests after power-on, and converts once when it is told to', async () => {
    const { write, word, pass } = bare();
    await pass(1_000);
    expect([0, 1, 2, 3].map(word)).toEqual(['0000', '8583', '8000', '7fff']);
    write(0x01, 0xc3, 0x83);
    await pass(8.6);
    expect([word(1), word(0)]).toEqual(['4383', '0000']);
    await pass(0.1);
    expect([word(1), word(0)]).toEqual(['c383', '2710']);
  });

  it('converts again and again without single shots', async () => {
    const { write, word, pass, world } = bare();
    write(0x01, 0x42, 0x83);
    await pass(9);
    expect(word(0)).toBe('2710');
    world.set({ voltage: 2.5 });
    await pass(9);
    expect(word(0)).toBe('4e20');
  });
});
