/**
 * ROHM BH1750FVI: ambient light.
 *
 * Digest of the datasheet ("BH1750FVI", by section title):
 * - "Instruction Set Architecture": one-byte commands, no registers, no id. 0x00 powers down; 0x20, 0x21, 0x23 measure
 *   once at high, high 2, low resolution and power down again; 01000 and 011 carry the upper 3 and the lower 5 bits of
 *   the measurement time register (MTreg, 31 to 254, 69 at power-on). A power-on command may be left out.
 * - "Electrical Characteristics": a measurement takes at most 180 ms (high, high 2) or 24 ms (low) at MTreg 69, and in
 *   proportion to MTreg. A read before its end gives the old value, or 0 after power-on, and nothing tells.
 * - "Measurement Sequence Example": lx = raw / 1.2 * 69 / MTreg, and half of that at high resolution 2.
 *
 * Two things follow for a chip that cannot be asked how it is. A brown-out silently sets MTreg back, so it is written
 * before each measurement. And a 0 may be what a chip says that has just lost its supply, and after it the first answer
 * since power-on, which often is 0: so a 0 counts only when three measurements in a row say it.
 */
import type { Channels, DriverContext, Options, PollDriver } from '../src/driver.ts';

const POWER_DOWN = 0x00;
const MT_HIGH = 0b01000_000;
const MT_LOW = 0b011_00000;
const DEFAULT_MT = 69;
const MODES = {
  high: { command: 0x20, maxMs: 180, countsPerLux: 1.2, stepLux: 1 },
  high2: { command: 0x21, maxMs: 180, countsPerLux: 2.4, stepLux: 0.5 },
  low: { command: 0x23, maxMs: 24, countsPerLux: 1.2, stepLux: 4 },
} as const;
type Mode = (typeof MODES)[keyof typeof MODES];

/** All ones: the counter has overflown. */
const SATURATED = 0xffff;
/** One measurement, and two more to confirm a 0. */
const MAX_MEASUREMENTS = 3;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 3;

/** "Measurement Sequence Example": what a raw count means, in lx. `countsPerLux` is at MTreg 69. */
export const lux = (raw: number, countsPerLux: number, measurementTime: number): number =>
  (raw * DEFAULT_MT) / (countsPerLux * measurementTime);

/** The longest time that one measurement takes, in ms. */
export const measurementMs = (mode: Mode, measurementTime: number): number =>
  Math.ceil((mode.maxMs * measurementTime) / DEFAULT_MT);

function settings(options: Options) {
  const mode = MODES[options.resolution as keyof typeof MODES];
  const measurementTime = options.measurement_time as number;
  const factor = options.factor as number;
  return { mode, measurementTime, factor, maxMs: measurementMs(mode, measurementTime) };
}

function channels(options: Options): Channels {
  const { mode, measurementTime, factor } = settings(options);
  const resolution = (mode.stepLux * factor * DEFAULT_MT) / measurementTime;
  return {
    illuminance: {
      quantity: 'illuminance',
      min: 0,
      max: lux(SATURATED - 1, mode.countsPerLux, measurementTime) * factor,
      resolution,
      decimals: resolution < 0.5 ? 2 : 1,
    },
  };
}

const worstCaseMs = (options: Options): number => MAX_MEASUREMENTS * (settings(options).maxMs + BUS_MS);

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const { mode, measurementTime, factor, maxMs } = settings(options);
  const measure = async (signal: AbortSignal): Promise<number> => {
    await device.write(MT_HIGH | (measurementTime >> 5));
    await device.write(MT_LOW | (measurementTime & 0b11111));
    await device.write(mode.command);
    await wait(maxMs, signal);
    const [high, low] = await device.read(2);
    return (high! << 8) | low!;
  };

  // Whatever ran before may have left it measuring; and this is how a missing chip is found.
  await device.write(POWER_DOWN);

  return {
    async read(signal: AbortSignal) {
      let raw = 0;
      for (let count = 0; raw === 0 && count < MAX_MEASUREMENTS; count++) raw = await measure(signal);
      if (raw === SATURATED) {
        throw fail(
          'sensor.saturated',
          `bh1750: more light than ${Math.round(lux(SATURATED, mode.countsPerLux, measurementTime))} lx, the most that can be ` +
            'measured like this: lower measurement_time, down to 31',
        );
      }
      return { illuminance: lux(raw, mode.countsPerLux, measurementTime) * factor };
    },
    async close() {},
  };
}

const DEFAULTS = { resolution: 'high', measurement_time: DEFAULT_MT, factor: 1 } as const;

const bh1750: PollDriver<'i2c'> = {
  api: 1,
  id: 'bh1750',
  title: 'ROHM BH1750FVI ambient light sensor',
  datasheet: 'https://www.mouser.com/datasheet/2/348/bh1750fvi-e-186247.pdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x23, 0x5c],
  channels: channels(DEFAULTS),
  options: {
    resolution: {
      kind: 'choice',
      choices: ['high', 'high2', 'low'],
      default: DEFAULTS.resolution,
      doc: 'Step of the measurement: high 1 lx in 180 ms, high2 0.5 lx in 180 ms, low 4 lx in 24 ms.',
    },
    measurement_time: {
      kind: 'integer',
      min: 31,
      max: 254,
      default: DEFAULTS.measurement_time,
      doc: 'The register MTreg: 31 measures up to 121,000 lx, 254 has the finest step; time and sensitivity follow it.',
    },
    factor: {
      kind: 'number',
      min: 0.1,
      max: 10,
      default: DEFAULTS.factor,
      doc: 'Multiplies the result: for a window or dome in front of the sensor, and its tolerance of 20 %.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  open,
};

export default bh1750;
