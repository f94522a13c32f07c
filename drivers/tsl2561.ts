/**
 * TAOS/ams TSL2561: ambient light from two photodiodes, one for visible and infrared light, one for infrared alone.
 *
 * Digest of the datasheet:
 * - Every access begins with a command byte: 0x80 and the register, and 0x20 for a word. A word is read low byte first,
 *   which holds its high byte.
 * - CONTROL 0x00: 0x03 switches it on and reads back as 0x03, 0x00 switches it off. TIMING 0x01: integration of 13.7, 101
 *   or 402 ms in bits 1:0, gain 16 in bit 4. ID 0x0a: the upper half is 5 for the T, FN and CL packages, 1 for CS.
 * - The first data are there one integration after it is switched on. Nothing tells; 15, 120 and 450 ms are enough.
 * - Counts above 4900, 37000 and 65000 are saturated. Lux is a straight line in both counts, one for each of seven
 *   ranges of their ratio, with other coefficients for the CS package.
 *
 * It is switched off and on for each measurement, so that no count is of another setting or of before. With gain `auto` a
 * first look of 13.7 ms at gain 1 finds the most sensitive setting that will not saturate.
 */
import {
  type Channels,
  type DriverContext,
  type I2cDevice,
  leavingIdle,
  type Options,
  type PollDriver,
} from '../src/driver.ts';

const COMMAND = 0x80;
const WORD = 0x20;
const CONTROL = 0x00;
const TIMING = 0x01;
const ID = 0x0a;
const CHANNEL_0 = 0x0c;
const CHANNEL_1 = 0x0e;

const POWER_ON = 0x03;
const POWER_OFF = 0x00;
const HIGH_GAIN = 0x10;
const TIMING_BITS = 0x13;

/** `share` of the longest integration, in periods of the chip's clock; counts above `clip` are saturated. */
const INTEGRATIONS = {
  '13.7ms': { code: 0, waitMs: 15, share: 11 / 322, clip: 4_900 },
  '101ms': { code: 1, waitMs: 120, share: 81 / 322, clip: 37_000 },
  '402ms': { code: 2, waitMs: 450, share: 1, clip: 65_000 },
} as const;
export type Integration = keyof typeof INTEGRATIONS;
export interface Setting {
  readonly gain: 1 | 16;
  readonly integration: Integration;
}

const PACKAGES = { 1: 'CS', 5: 'T' } as const;
export type Package = (typeof PACKAGES)[keyof typeof PACKAGES];
/** Up to a ratio of the counts: lx for one count of channel 0, and what one of channel 1 takes away. At 402 ms and gain 16. */
const LINES: Readonly<Record<Package, readonly (readonly [ratio: number, plus: number, minus: number])[]>> = {
  T: [
    [0.125, 0.0304, 0.0272],
    [0.25, 0.0325, 0.044],
    [0.375, 0.0351, 0.0544],
    [0.5, 0.0381, 0.0624],
    [0.61, 0.0224, 0.031],
    [0.8, 0.0128, 0.0153],
    [1.3, 0.00146, 0.00112],
  ],
  CS: [
    [0.13, 0.0315, 0.0262],
    [0.26, 0.0337, 0.043],
    [0.39, 0.0363, 0.0529],
    [0.52, 0.0392, 0.0605],
    [0.65, 0.0229, 0.0291],
    [0.8, 0.0157, 0.018],
    [1.3, 0.00338, 0.0026],
  ],
};
/** Most lx that a count stands for: light without infrared, in the CS package. */
const LUX_PER_COUNT = 0.0315;

/** How sensitive a setting is, as a share of the most sensitive one. */
const sensitivity = ({ gain, integration }: Setting): number => (gain / 16) * INTEGRATIONS[integration].share;

/** Two counts as lx. Light that is nearly all infrared is 0. */
export function lux(channel0: number, channel1: number, setting: Setting, packaging: Package): number {
  const ratio = channel1 / channel0;
  const line = LINES[packaging].find(([limit]) => ratio <= limit);
  if (!line) return 0;
  const [, plus, minus] = line;
  return Math.max(0, plus * channel0 - minus * channel1) / sensitivity(setting);
}

export const isSaturated = (counts: readonly number[], { integration }: Setting): boolean =>
  counts.some((count) => count > INTEGRATIONS[integration].clip);

const LOOK: Setting = { gain: 1, integration: '13.7ms' };
/** A setting is chosen when it would be filled to this share: light changes and the look is coarse. */
const FILL = 0.8;

/** The settings that the options allow, most sensitive first. In the sun 101 ms reach twice as far as 402 ms. */
export function settingsOf({ gain, integration }: Options): readonly Setting[] {
  const chosen = integration as Integration;
  if (gain !== 'auto') return [{ gain: gain as 1 | 16, integration: chosen }];
  const both: readonly Setting[] = [
    { gain: 16, integration: chosen },
    { gain: 1, integration: chosen },
  ];
  return chosen === '402ms' ? [...both, { gain: 1, integration: '101ms' }] : both;
}

/** The settings to try after a look saw so many counts: the best first, then what is left if the light has grown. */
export function fitting(settings: readonly Setting[], looked: number): readonly Setting[] {
  const first = settings.findIndex((setting) => {
    const expected = (looked * sensitivity(setting)) / sensitivity(LOOK);
    return expected <= FILL * INTEGRATIONS[setting.integration].clip;
  });
  return settings.slice(first);
}

function channels(options: Options): Channels {
  const settings = settingsOf(options);
  const most = Math.max(
    ...settings.map((setting) => (INTEGRATIONS[setting.integration].clip * LUX_PER_COUNT) / sensitivity(setting)),
  );
  const resolution = LINES.T[0]![1] / sensitivity(settings[0]!);
  return {
    illuminance: { quantity: 'illuminance', min: 0, max: most, resolution, decimals: resolution < 0.1 ? 2 : 1 },
  };
}

/** What the transfers of one measurement take on a bus of 100 kHz, rounded up. */
const BUS_MS = 5;
function worstCaseMs(options: Options): number {
  const settings = settingsOf(options);
  const tried = settings.length > 1 ? [LOOK, ...settings] : settings;
  return tried.reduce((sum, { integration }) => sum + INTEGRATIONS[integration].waitMs + BUS_MS, 0);
}

async function readByte(device: I2cDevice, register: number): Promise<number> {
  const [byte = 0] = await device.writeRead([COMMAND | register], 1);
  return byte;
}
async function readWord(device: I2cDevice, register: number): Promise<number> {
  const [low = 0, high = 0] = await device.writeRead([COMMAND | WORD | register], 2);
  return low | (high << 8);
}
const packageOf = (id: number): Package | undefined => PACKAGES[(id >> 4) as keyof typeof PACKAGES];

/** What is known to answer at these addresses instead: its register, its id, its name. */
const OTHERS = [
  [0xb2, 0x50, 'a TSL2591: use the driver tsl2591'],
  [0x92, 0xab, 'an APDS-9960'],
] as const;

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const place = `0x${device.address.toString(16)}`;
  const switchTo = (power: number) => device.write(COMMAND | CONTROL, power);

  const id = await readByte(device, ID);
  const packaging = packageOf(id);
  if (id === 0x00 || id === 0xff)
    throw fail('sensor.identity', `tsl2561: ${place} answers with nothing but zeros or ones: check wiring and supply`);
  if (!packaging) {
    for (const [register, answer, name] of OTHERS) {
      const [byte] = await device.writeRead([register], 1);
      if (byte === answer) throw fail('sensor.identity', `tsl2561: ${place} answers as ${name}`);
    }
    throw fail(
      'sensor.identity',
      `tsl2561: ${place} has id 0x${id.toString(16)}, which is no TSL2561: check address and driver`,
    );
  }
  await switchTo(POWER_ON);
  if (((await readByte(device, CONTROL)) & POWER_ON) !== POWER_ON)
    throw fail(
      'sensor.identity',
      `tsl2561: ${place} does not switch on as a TSL2561 does: check address, wiring and supply`,
    );
  await switchTo(POWER_OFF);

  const measure = async (setting: Setting, signal: AbortSignal): Promise<readonly [number, number]> => {
    const { code, waitMs } = INTEGRATIONS[setting.integration];
    const timing = code | (setting.gain === 16 ? HIGH_GAIN : 0);
    await switchTo(POWER_OFF);
    await device.write(COMMAND | TIMING, timing);
    await switchTo(POWER_ON);
    await wait(waitMs, signal);
    const counts = [await readWord(device, CHANNEL_0), await readWord(device, CHANNEL_1)] as const;
    // A brown-out switches it off and forgets the setting; then the counts are nobody's.
    const power = await readByte(device, CONTROL);
    const held = await readByte(device, TIMING);
    if ((power & POWER_ON) !== POWER_ON || (held & TIMING_BITS) !== timing)
      throw fail('sensor.not-ready', `tsl2561: ${place} was switched off while it measured: check its supply`);
    return counts;
  };

  const read = async (signal: AbortSignal): Promise<number> => {
    const settings = settingsOf(options);
    const tried = settings.length > 1 ? fitting(settings, Math.max(...(await measure(LOOK, signal)))) : settings;
    for (const setting of tried) {
      const counts = await measure(setting, signal);
      if (!isSaturated(counts, setting)) return lux(...counts, setting, packaging);
    }
    throw fail(
      'sensor.saturated',
      `tsl2561: more light than can be measured like this: ${settings.length > 1 ? 'shade it, it is at its end' : 'set gain: auto, or a shorter integration'}`,
    );
  };

  return {
    async read(signal: AbortSignal) {
      return {
        illuminance: await leavingIdle(
          () => read(signal),
          () => switchTo(POWER_OFF),
        ),
      };
    },
    close: () => switchTo(POWER_OFF).catch(() => {}),
  };
}

const DEFAULTS = { gain: 'auto', integration: '402ms' } as const;

const tsl2561: PollDriver<'i2c'> = {
  api: 1,
  id: 'tsl2561',
  title: 'TAOS TSL2561 ambient light sensor',
  datasheet: 'https://cdn-shop.adafruit.com/datasheets/TSL2561.pdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x39, 0x29, 0x49],
  channels: channels(DEFAULTS),
  options: {
    gain: {
      kind: 'choice',
      choices: ['auto', 1, 16],
      default: DEFAULTS.gain,
      doc: 'How much each count is amplified; auto finds it anew for each reading, from 0.03 lx in the dark to the sun.',
    },
    integration: {
      kind: 'choice',
      choices: ['13.7ms', '101ms', '402ms'],
      default: DEFAULTS.integration,
      doc: 'How long light is gathered: longer is finer and saturates sooner; auto shortens 402ms in the sun.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  async identify(device) {
    const packaging = packageOf(await readByte(device, ID));
    // A thermometer at the same address may hold a limit with this id; its temperature is more than these two bits.
    if (!packaging || ((await readByte(device, CONTROL)) & ~POWER_ON) !== 0) return undefined;
    return packaging === 'CS' ? 'TSL2561CS' : 'TSL2561';
  },
  open,
};

export default tsl2561;
