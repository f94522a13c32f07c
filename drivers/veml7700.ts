/**
 * Vishay VEML7700: ambient light.
 *
 * Digest of the datasheet and of application note 84323:
 * - Registers are words, low byte first. ALS_CONF 0x00: gain in bits 12:11, integration in bits 9:6, bit 0 shuts down (set at
 *   power-on). Power saving 0x03, light 0x04, id 0x07 with 0x81 in its low byte; early dies have no id.
 * - Light is there 2.5 ms and one integration after it is switched on or set anew, and before that the old one. Nothing
 *   tells, so twice the integration is waited for.
 * - A count is 0.0042 lx at gain 2 and 800 ms (0.0036 before revision 1.7 was a mistake), in proportion at others. 0xffff
 *   is saturated.
 * - Above 1000 lx, at the gains 1/8 and 1/4, a polynomial corrects what is not linear. It means something up to 140 klx.
 * - Gains 1 and 2 are for less than 100 lx; more than 10,000 counts ask for a shorter integration.
 *
 * With gain `auto` a first look at gain 1/8 and 100 ms, where the note's own search begins, finds the most sensitive setting.
 */
import {
  type Channels,
  type DriverContext,
  type I2cDevice,
  leavingIdle,
  type Options,
  type PollDriver,
} from '../src/driver.ts';

const ALS_CONF = 0x00;
const POWER_SAVING = 0x03;
const LIGHT = 0x04;
const ID = 0x07;

const VEML7700 = 0x81;
const SHUT_DOWN = 0x0001;
const SATURATED = 0xffff;

const GAIN_CODES = { 0.125: 2, 0.25: 3, 1: 0, 2: 1 } as const;
const INTEGRATION_CODES = { 25: 12, 50: 8, 100: 0, 200: 1, 400: 2, 800: 3 } as const;
const CONFIG_BITS = 0b0001_1011_1100_0001;
export interface Setting {
  readonly gain: keyof typeof GAIN_CODES;
  readonly integrationMs: keyof typeof INTEGRATION_CODES;
}
export const configOf = ({ gain, integrationMs }: Setting): number =>
  (GAIN_CODES[gain] << 11) | (INTEGRATION_CODES[integrationMs] << 6);

/** lx of one count. */
export const stepOf = ({ gain, integrationMs }: Setting): number => 0.0042 * (2 / gain) * (800 / integrationMs);

/** The note's polynomial, from what the counts say to lx. */
export const corrected = (linear: number): number =>
  (((6.0135e-13 * linear - 9.3924e-9) * linear + 8.1488e-5) * linear + 1.0023) * linear;

const LINEAR_UP_TO = 1_000;
/** The polynomial soon leaves the earth beyond it. */
const MOST_LUX = 140_000;
/** What one count is there, at the most: no more than this beyond the end is the end. */
const LAST_STEP_LUX = 50;

/** Counts as lx. */
export function lux(counts: number, setting: Setting): number {
  const linear = counts * stepOf(setting);
  return setting.gain < 1 && linear > LINEAR_UP_TO ? corrected(linear) : linear;
}

const LOOK: Setting = { gain: 0.125, integrationMs: 100 };
const MOST_COUNTS = 10_000;
/** Gains from 1 up are for no more light than this. */
const DIM_LUX = 100;
const SHORTER = [400, 200, 100, 50, 25] as const;

/** The settings that the options allow, most sensitive first. */
export function settingsOf({ gain, integration }: Options): readonly Setting[] {
  const integrationMs = Number.parseInt(String(integration), 10) as Setting['integrationMs'];
  if (gain !== 'auto') return [{ gain: gain as Setting['gain'], integrationMs }];
  return [
    ...([2, 1, 0.25, 0.125] as const).map((each): Setting => ({ gain: each, integrationMs })),
    ...SHORTER.filter((ms) => ms < integrationMs).map((ms): Setting => ({ gain: 0.125, integrationMs: ms })),
  ];
}

/** The settings to try after a look saw so many counts: the best first, then what is left if the light has grown. */
export function fitting(settings: readonly Setting[], looked: number): readonly Setting[] {
  const seen = looked * stepOf(LOOK);
  const first = settings.findIndex(
    (setting) => seen / stepOf(setting) <= MOST_COUNTS && (setting.gain < 1 || seen <= DIM_LUX),
  );
  return settings.slice(first);
}

function channels(options: Options): Channels {
  const settings = settingsOf(options);
  const resolution = stepOf(settings[0]!);
  const max = Math.min(MOST_LUX, Math.max(...settings.map((setting) => lux(SATURATED - 1, setting))));
  const decimals = Math.max(1, Math.ceil(-Math.log10(resolution)));
  return { illuminance: { quantity: 'illuminance', min: 0, max, resolution, decimals } };
}

/** Twice an integration, and the time to wake up. */
const waitMs = ({ integrationMs }: Setting): number => 5 + 2 * integrationMs;
/** What the transfers of one measurement take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;
function worstCaseMs(options: Options): number {
  const settings = settingsOf(options);
  const tried = settings.length > 1 ? [LOOK, ...settings] : settings;
  return tried.reduce((sum, setting) => sum + waitMs(setting) + BUS_MS, 0);
}

async function readWord(device: I2cDevice, register: number): Promise<number> {
  const [low = 0, high = 0] = await device.writeRead([register], 2);
  return low | (high << 8);
}

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const place = `0x${device.address.toString(16)}`;
  const write = (register: number, word: number) => device.write(register, word & 0xff, word >> 8);
  const shutDown = () => write(ALS_CONF, SHUT_DOWN);

  if (options.check_id) {
    const id = await readWord(device, ID);
    if (id === 0x0000 || id === 0xffff)
      throw fail(
        'sensor.identity',
        `veml7700: ${place} has nothing but zeros or ones for an id: check wiring and supply, or set check_id: false if it is an early VEML7700, which has no id`,
      );
    if ((id & 0xff) !== VEML7700)
      throw fail(
        'sensor.identity',
        `veml7700: ${place} has id 0x${(id & 0xff).toString(16)} and not 0x81, so it is no VEML7700: check address and driver`,
      );
  }
  await shutDown();
  await write(POWER_SAVING, 0);

  const measure = async (setting: Setting, signal: AbortSignal): Promise<number> => {
    const config = configOf(setting);
    await write(ALS_CONF, config | SHUT_DOWN);
    await write(ALS_CONF, config);
    await wait(waitMs(setting), signal);
    const counts = await readWord(device, LIGHT);
    // A brown-out shuts it down; then the count is nobody's.
    if (((await readWord(device, ALS_CONF)) & CONFIG_BITS) !== config)
      throw fail('sensor.not-ready', `veml7700: ${place} was shut down while it measured: check its supply`);
    return counts;
  };

  const read = async (signal: AbortSignal): Promise<number> => {
    const settings = settingsOf(options);
    const tried = settings.length > 1 ? fitting(settings, await measure(LOOK, signal)) : settings;
    for (const setting of tried) {
      const counts = await measure(setting, signal);
      if (counts === SATURATED) continue;
      const found = lux(counts, setting);
      if (found > MOST_LUX + LAST_STEP_LUX)
        throw fail('sensor.range', `veml7700: more than ${MOST_LUX} lx, the most that it can measure: shade it`);
      return Math.min(found, MOST_LUX);
    }
    throw fail(
      'sensor.saturated',
      `veml7700: more light than can be measured like this: ${settings.length > 1 ? 'shade it, it is at its end' : 'set gain: auto, or a shorter integration'}`,
    );
  };

  return {
    async read(signal: AbortSignal) {
      return { illuminance: await leavingIdle(() => read(signal), shutDown) };
    },
    close: () => shutDown().catch(() => {}),
  };
}

const DEFAULTS = { gain: 'auto', integration: '100ms', check_id: true } as const;

const veml7700: PollDriver<'i2c'> = {
  api: 1,
  id: 'veml7700',
  title: 'Vishay VEML7700 ambient light sensor',
  datasheet: 'https://www.vishay.com/docs/84286/veml7700.pdf',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x10],
  channels: channels(DEFAULTS),
  options: {
    gain: {
      kind: 'choice',
      choices: ['auto', 0.125, 0.25, 1, 2],
      default: DEFAULTS.gain,
      doc: 'How much each count is amplified; auto finds it anew for each reading, from 0.03 lx to 140,000 lx.',
    },
    integration: {
      kind: 'choice',
      choices: ['25ms', '50ms', '100ms', '200ms', '400ms', '800ms'],
      default: DEFAULTS.integration,
      doc: 'How long light is gathered: longer is finer and saturates sooner; gain auto shortens it in the sun.',
    },
    check_id: {
      kind: 'boolean',
      default: DEFAULTS.check_id,
      doc: 'Refuses a chip without the id of a VEML7700; set it to false for an early one, which has none.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  async identify(device) {
    const [low] = await device.writeRead([ID], 2);
    return low === VEML7700 ? 'VEML7700' : undefined;
  },
  open,
};

export default veml7700;
