/**
 * ams TSL2591: ambient light over a very wide range, from two photodiodes, one of them for infrared light alone.
 *
 * Digest of the datasheet:
 * - Every access begins with a command byte: 0xa0 and the register; the address counts up.
 * - ENABLE 0x00: 0x03 switches oscillator and converter on. CONTROL 0x01: integration of 100 to 600 ms in bits 2:0, gain 1,
 *   25, 428 or 9876 in bits 5:4. ID 0x12 is 0x50. STATUS 0x13, bit 0: a measurement has ended since it was switched on.
 *   Data 0x14 to 0x17, low byte first: visible and infrared light, then infrared alone.
 * - An integration takes at most 108 ms for each 100 ms. Full scale is 36863 counts at 100 ms (37888 in newer sheets),
 *   65535 otherwise.
 * - There is no formula of the maker's; (C0 - C1) * (1 - C1/C0) * 408 / (ms * gain) is what Linux and others use. The real
 *   gains differ from chip to chip by 10 %, and so does the result.
 *
 * It is switched off and on for each measurement, so that no count is of another setting or of before. With gain `auto` a
 * first look at gain 25 finds the most sensitive setting that will not saturate.
 */
import {
  type Channels,
  type DriverContext,
  leavingIdle,
  lookUntil,
  type Options,
  type PollDriver,
} from '../src/driver.ts';

const COMMAND = 0xa0;
const ENABLE = 0x00;
const CONTROL = 0x01;
const ID = 0x12;
const STATUS = 0x13;

const TSL2591 = 0x50;
const ON = 0x03;
const OFF = 0x00;
const VALID = 0x01;

/** Gain to its code in CONTROL. */
const GAINS = { 1: 0, 25: 1, 428: 2, 9876: 3 } as const;
export type Gain = 1 | 25 | 428 | 9876;
export interface Setting {
  readonly gain: Gain;
  /** A multiple of 100, up to 600. */
  readonly integrationMs: number;
}
const LUX_FACTOR = 408;

const sensitivity = ({ gain, integrationMs }: Setting): number => gain * integrationMs;
/** Counts from here on are at the end of the converter. */
const fullScale = ({ integrationMs }: Setting): number => (integrationMs === 100 ? 36_863 : 65_535);

/** Two counts as lx. Darkness is 0, and so is light that is all infrared. */
export function lux(channel0: number, channel1: number, setting: Setting): number {
  if (channel0 === 0 || channel1 >= channel0) return 0;
  return ((channel0 - channel1) * (1 - channel1 / channel0) * LUX_FACTOR) / sensitivity(setting);
}

export const isSaturated = (counts: readonly number[], setting: Setting): boolean =>
  counts.some((count) => count >= fullScale(setting));

const LOOK: Setting = { gain: 25, integrationMs: 100 };
/** A setting is chosen when it would be filled to this share: light changes and the look is coarse. */
const FILL = 0.8;

/** The settings that the options allow, most sensitive first. In the sun only 100 ms reach to 150,000 lx. */
export function settingsOf({ gain, integration }: Options): readonly Setting[] {
  const integrationMs = Number.parseInt(String(integration), 10);
  if (gain !== 'auto') return [{ gain: gain as Gain, integrationMs }];
  const all = ([9876, 428, 25, 1] as const).map((each): Setting => ({ gain: each, integrationMs }));
  return integrationMs === 100 ? all : [...all, { gain: 1, integrationMs: 100 }];
}

/** The settings to try after a look saw so many counts: the best first, then what is left if the light has grown. */
export function fitting(settings: readonly Setting[], looked: number): readonly Setting[] {
  const first = settings.findIndex(
    (setting) => (looked * sensitivity(setting)) / sensitivity(LOOK) <= FILL * fullScale(setting),
  );
  return settings.slice(first);
}

function channels(options: Options): Channels {
  const settings = settingsOf(options);
  const stepOf = (setting: Setting) => LUX_FACTOR / sensitivity(setting);
  const resolution = stepOf(settings[0]!);
  const max = Math.max(...settings.map((setting) => (fullScale(setting) - 1) * stepOf(setting)));
  const decimals = Math.max(1, Math.floor(-Math.log10(resolution)));
  return { illuminance: { quantity: 'illuminance', min: 0, max, resolution, decimals } };
}

/** The longest that an integration takes, and what is looked for again afterwards. */
const longestMs = ({ integrationMs }: Setting): number => integrationMs * 1.08;
const LOOKS = 3;
const lookAgainMs = ({ integrationMs }: Setting): number => integrationMs * 0.06;
/** What the transfers of one measurement take on a bus of 100 kHz, rounded up. */
const BUS_MS = 5;
function worstCaseMs(options: Options): number {
  const settings = settingsOf(options);
  const tried = settings.length > 1 ? [LOOK, ...settings] : settings;
  return tried.reduce((sum, setting) => sum + longestMs(setting) + LOOKS * lookAgainMs(setting) + BUS_MS, 0);
}

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const place = `0x${device.address.toString(16)}`;
  const switchTo = (power: number) => device.write(COMMAND | ENABLE, power);

  const [id = 0] = await device.writeRead([COMMAND | ID], 1);
  if (id === 0x00 || id === 0xff)
    throw fail('sensor.identity', `tsl2591: ${place} answers with nothing but zeros or ones: check wiring and supply`);
  if (id !== TSL2591) {
    const [other = 0] = await device.writeRead([0x8a], 1);
    throw fail(
      'sensor.identity',
      other >> 4 === 1 || other >> 4 === 5
        ? `tsl2591: ${place} answers as a TSL2561: use the driver tsl2561`
        : `tsl2591: ${place} has id 0x${id.toString(16)} and not 0x50, so it is no TSL2591: check address and driver`,
    );
  }
  await switchTo(OFF);

  const notMeasured = () =>
    fail('sensor.not-ready', `tsl2591: the chip at ${place} has not ended measuring in its time: check its supply`);
  const measure = async (setting: Setting, signal: AbortSignal): Promise<readonly [number, number]> => {
    const control = (GAINS[setting.gain] << 4) | (setting.integrationMs / 100 - 1);
    await switchTo(OFF);
    await device.write(COMMAND | CONTROL, control);
    await switchTo(ON);
    await wait(longestMs(setting), signal);
    const valid = async () => {
      // Status and data in one transfer: a brown-out cannot come between them.
      const block = await device.writeRead([COMMAND | STATUS], 5);
      return (block[0]! & VALID) !== 0 && block;
    };
    const block = await lookUntil(valid, { times: LOOKS, lookAgainMs: lookAgainMs(setting), wait, signal });
    if (!block) throw notMeasured();
    // A brown-out that came before has cleared the setting, and then the counts are of another.
    const held = await device.writeRead([COMMAND | ENABLE], 2);
    if (held[0] !== ON || held[1] !== control) throw notMeasured();
    return [block[1]! | (block[2]! << 8), block[3]! | (block[4]! << 8)];
  };

  const read = async (signal: AbortSignal): Promise<number> => {
    const settings = settingsOf(options);
    const tried = settings.length > 1 ? fitting(settings, Math.max(...(await measure(LOOK, signal)))) : settings;
    for (const setting of tried) {
      const counts = await measure(setting, signal);
      if (!isSaturated(counts, setting)) return lux(...counts, setting);
    }
    throw fail(
      'sensor.saturated',
      `tsl2591: more light than can be measured like this: ${settings.length > 1 ? 'shade it, it is at its end' : 'set gain: auto, or a shorter integration'}`,
    );
  };

  return {
    async read(signal: AbortSignal) {
      return {
        illuminance: await leavingIdle(
          () => read(signal),
          () => switchTo(OFF),
        ),
      };
    },
    close: () => switchTo(OFF).catch(() => {}),
  };
}

const DEFAULTS = { gain: 'auto', integration: '100ms' } as const;

const tsl2591: PollDriver<'i2c'> = {
  api: 1,
  id: 'tsl2591',
  title: 'ams TSL2591 ambient light sensor',
  datasheet: 'https://cdn-learn.adafruit.com/assets/assets/000/078/658/original/TSL2591_DS000338_6-00.pdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x29],
  channels: channels(DEFAULTS),
  options: {
    gain: {
      kind: 'choice',
      choices: ['auto', 1, 25, 428, 9876],
      default: DEFAULTS.gain,
      doc: 'How much each count is amplified; auto finds it anew for each reading, from 0.0004 lx to the sun.',
    },
    integration: {
      kind: 'choice',
      choices: ['100ms', '200ms', '300ms', '400ms', '500ms', '600ms'],
      default: DEFAULTS.integration,
      doc: 'How long light is gathered: longer is finer and saturates sooner; gain auto takes 100ms in the sun.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  async identify(device) {
    const [id] = await device.writeRead([COMMAND | ID], 1);
    return id === TSL2591 ? 'TSL2591' : undefined;
  },
  open,
};

export default tsl2591;
