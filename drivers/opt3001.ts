/**
 * Texas Instruments OPT3001: ambient light, seen as the eye sees it.
 *
 * Digest of the datasheet:
 * - Registers are words, high byte first. Result 0x00, configuration 0x01 (0xc810 at power-on), maker 0x7e ("TI"), chip
 *   0x7f (0x3001).
 * - Configuration: range in bits 15:12, 12 for automatic; bit 11 for 800 ms instead of 100 ms; 01 in bits 10:9 measures once
 *   and shuts down again; overflow in bit 8; ready in bit 7, which reading it clears; bit 4 as it is at power-on.
 * - lx = 0.01 * mantissa * 2^exponent: 12 bits, and 0 to 11, for full scales of 40.95 to 83865.6 lx.
 * - A measurement takes at most 110 or 880 ms. The automatic range may need a second one.
 *
 * The power-on value of the result is 0, and after a measurement the configuration is nearly that of power-on: so a 0 counts
 * only when two measurements in a row say it.
 */
import type { Channels, DriverContext, I2cDevice, Options, PollDriver } from '../src/driver.ts';

const RESULT = 0x00;
const CONFIGURATION = 0x01;
const MAKER = 0x7e;
const CHIP = 0x7f;

const TEXAS_INSTRUMENTS = 0x5449;
const OPT3001 = 0x3001;
const AUTOMATIC = 12;
const LONG = 0x0800;
const ONCE = 0x0200;
const LATCHED = 0x0010;
const OVERFLOW = 0x0100;
const READY = 0x0080;

const HIGHEST_EXPONENT = 11;
const MOST_MANTISSA = 0xfff;
/** lx of one step of the mantissa. */
const stepOf = (exponent: number): number => 0.01 * 2 ** exponent;
/** 40.95, 81.9, ... 83865.6: as the option names them. */
const fullScaleOf = (exponent: number): number => (MOST_MANTISSA * 2 ** exponent) / 100;
const FULL_SCALES = Array.from({ length: HIGHEST_EXPONENT + 1 }, (_, exponent) => fullScaleOf(exponent));

/** The result register as lx; undefined for the exponents that do not exist. */
export function lux(word: number): number | undefined {
  const exponent = word >> 12;
  return exponent > HIGHEST_EXPONENT ? undefined : ((word & MOST_MANTISSA) * 2 ** exponent) / 100;
}

interface Settings {
  /** The range's exponent, or 12 for automatic. */
  readonly range: number;
  readonly isLong: boolean;
}
const settingsOf = ({ range, integration }: Options): Settings => ({
  range: range === 'auto' ? AUTOMATIC : FULL_SCALES.indexOf(range as number),
  isLong: integration === '800ms',
});
/** What starts one measurement. */
export const startWord = ({ range, isLong }: Settings): number => (range << 12) | (isLong ? LONG : 0) | ONCE | LATCHED;

/** The longest that a measurement takes; the range may be looked for in another one. */
const longestMs = ({ isLong }: Settings): number => (isLong ? 880 : 110);
const LOOKS = 11;
const lookAgainMs = (settings: Settings): number => longestMs(settings) / (LOOKS - 1);
/** One measurement, and another to confirm a 0. */
const MAX_MEASUREMENTS = 2;
/** What the transfers of one measurement take on a bus of 100 kHz, rounded up. */
const BUS_MS = 8;
function worstCaseMs(options: Options): number {
  const settings = settingsOf(options);
  return MAX_MEASUREMENTS * (2 * longestMs(settings) + BUS_MS);
}

function channels(options: Options): Channels {
  const { range } = settingsOf(options);
  const isAutomatic = range === AUTOMATIC;
  return {
    illuminance: {
      quantity: 'illuminance',
      min: 0,
      max: fullScaleOf(isAutomatic ? HIGHEST_EXPONENT : range),
      resolution: stepOf(isAutomatic ? 0 : range),
      decimals: 2,
    },
  };
}

async function readWord(device: I2cDevice, register: number): Promise<number> {
  const [high = 0, low = 0] = await device.writeRead([register], 2);
  return (high << 8) | low;
}
const hex = (word: number): string => `0x${word.toString(16).padStart(4, '0')}`;

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const settings = settingsOf(options);
  const place = `0x${device.address.toString(16)}`;

  const maker = await readWord(device, MAKER);
  const chip = await readWord(device, CHIP);
  if ([maker, chip].every((word) => word === 0x0000) || [maker, chip].every((word) => word === 0xffff))
    throw fail('sensor.identity', `opt3001: ${place} answers with nothing but zeros or ones: check wiring and supply`);
  if (maker !== TEXAS_INSTRUMENTS || chip !== OPT3001)
    throw fail(
      'sensor.identity',
      maker === TEXAS_INSTRUMENTS
        ? `opt3001: ${place} answers as another chip of Texas Instruments, ${hex(chip)}: check address and driver`
        : `opt3001: ${place} answers as maker ${hex(maker)}, chip ${hex(chip)}, which is no OPT3001: check address and driver`,
    );

  const measure = async (signal: AbortSignal): Promise<number> => {
    const word = startWord(settings);
    await device.write(CONFIGURATION, word >> 8, word & 0xff);
    await wait(longestMs(settings), signal);
    for (let look = 1; look <= LOOKS; look++) {
      const configuration = await readWord(device, CONFIGURATION);
      if (configuration & READY) {
        const result = await readWord(device, RESULT);
        if (configuration & OVERFLOW)
          throw fail(
            'sensor.saturated',
            `opt3001: more light than ${channels(options).illuminance!.max} lx: ${settings.range === AUTOMATIC ? 'shade it, it is at its end' : 'set range: auto, or a larger one'}`,
          );
        return result;
      }
      if (look < LOOKS) await wait(lookAgainMs(settings), signal);
    }
    throw fail(
      'sensor.not-ready',
      `opt3001: the chip at ${place} has not ended measuring in its time: check its supply`,
    );
  };

  return {
    async read(signal: AbortSignal) {
      let result = 0;
      for (let count = 0; result === 0 && count < MAX_MEASUREMENTS; count++) result = await measure(signal);
      const illuminance = lux(result);
      if (illuminance === undefined)
        throw fail(
          'sensor.range',
          `opt3001: ${place} says ${hex(result)}, which is no result: check wiring and supply`,
        );
      return { illuminance };
    },
    // It shuts down by itself after a measurement.
    async close() {},
  };
}

const DEFAULTS = { range: 'auto', integration: '800ms' } as const;

const opt3001: PollDriver<'i2c'> = {
  api: 1,
  id: 'opt3001',
  title: 'Texas Instruments OPT3001 ambient light sensor',
  datasheet: 'https://www.ti.com/lit/ds/symlink/opt3001.pdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x44, 0x45, 0x46, 0x47],
  channels: channels(DEFAULTS),
  options: {
    range: {
      kind: 'choice',
      choices: ['auto', ...FULL_SCALES],
      default: DEFAULTS.range,
      doc: 'The most light that is measured, in lx; auto finds it for each reading, in steps of 0.01 to 20 lx.',
    },
    integration: {
      kind: 'choice',
      choices: ['100ms', '800ms'],
      default: DEFAULTS.integration,
      doc: 'How long light is gathered: 800ms has less noise, and lamps do not flicker in it.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  async identify(device) {
    const maker = await readWord(device, MAKER);
    return maker === TEXAS_INSTRUMENTS && (await readWord(device, CHIP)) === OPT3001 ? 'OPT3001' : undefined;
  },
  open,
};

export default opt3001;
