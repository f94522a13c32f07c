/**
 * ST LIS3DH and LIS2DH12: 3-axis accelerometers to +/-16 g.
 *
 * `sample`: one reading of the three axes. `burst`: a window of samples through the FIFO, told as vibration features.
 * - The address counts up when its bit 7 is set. Data: left-aligned, two's complement, low byte first; 12 bits (`high`), 10
 *   (`normal`) or 8 (`low`), of 1, 4 or 16 mg at 2 g. Steps double with the range, but for 16 g, where they are 12-fold.
 * - Powered down while the rate in CTRL_REG1 is 0; then data and status stay as they are, so both are read away first. Turn-on
 *   takes 7 periods in `high`, 1.6 ms in `normal`, 1 ms in `low`. The band ends at half of the rate, in `high` at a ninth.
 * - Rate, range and FIFO are written in one transfer, so that no brown-out can leave one of them behind.
 * - FIFO: 32 samples in reads of any length, whose address goes round the six data registers. FIFO_SRC says full and not whether
 *   samples were lost since: full counts as lost. 1344 Hz leave a busy board 18 ms, 400 Hz 60 ms.
 * The chip's own clock is off by several percent, and so is a frequency. Of its temperature only changes mean something.
 */
import {
  BURST_OPTIONS,
  type BurstPlan,
  type BurstReport,
  type BurstSample,
  burstMs,
  burstPlan,
  burstReport,
  busProblem,
  type Channel,
  type Channels,
  fifoRateHz,
  fillWindow,
  type I2cDevice,
  leavingIdle,
  type Options,
  type OptionTable,
  type PollDriver,
  SAMPLES_LOST,
  SedgeError,
  takeSamples,
  type Values,
  vibrationChannels,
} from '../src/driver.ts';
import { BITS, convert, convertTemperature, type Resolution, stepOf } from './lis3dh.maths.ts';

/** Makes the address count up. */
const ONWARD = 0x80;
const STATUS_AUX = 0x07;
const WHO_AM_I = 0x0f;
const TEMP_CFG = 0x1f;
const CTRL_REG1 = 0x20;
const STATUS = 0x27;
const OUT_X = 0x28;
const FIFO_CTRL = 0x2e;
const FIFO_SRC = 0x2f;

const LIS3DH = 0x33;
const POWER_DOWN = 0x07;
const ALL_AXES = 0x07;
const LOW_POWER = 0x08;
const WHOLE_SAMPLES = 0x80;
const HIGH_RESOLUTION = 0x08;
const FIFO_ENABLED = 0x40;
const BYPASS = 0x00;
const STREAM = 0x80;
const FULL = 0x40;
const EMPTY = 0x20;
const UNREAD = 0x1f;
const DATA_READY = 0x08;
const TEMPERATURE_READY = 0x04;
/** Samples are left-justified: their lowest bits are zero on a chip that answers. */
const RELEASED = 'lis3dh: answers with nothing but ones: check wiring and supply';
const TEMPERATURE_ON = 0xc0;

/** STATUS or STATUS_AUX, and six bytes of data. */
const BLOCK_BYTES = 7;
const FIFO_LENGTH = 32;
/** Drained when a quarter full: the rest is the time that a busy board may be late. */
const DRAIN_AT = FIFO_LENGTH / 4;
/** Rate to its code in CTRL_REG1. */
const RATE_CODES: Readonly<Record<number, number>> = { 1: 1, 10: 2, 25: 3, 50: 4, 100: 5, 200: 6, 400: 7, 1344: 9 };
const RATES_HZ = Object.keys(RATE_CODES).map(Number);
/** The one that 8 bits do not have. */
const FASTEST_HZ = 1_344;
const RANGES_G = [2, 4, 8, 16] as const;
/** How far the chip's clock may be off. */
const CLOCK_ERROR = 0.1;
const READY_LOOKS = 8;
/** Transfers and wake-ups of one read, on a busy board. */
const OVERHEAD_MS = 20;

const options: OptionTable = {
  mode: {
    kind: 'choice',
    choices: ['sample', 'burst'],
    default: 'sample',
    doc: 'One acceleration per axis, or the vibration features of a window.',
  },
  rate: {
    kind: 'rate',
    choices: RATES_HZ,
    default: 400,
    doc: 'Output rate; the band ends at 0.45 of it, at a ninth with resolution high. Bursts at 1344Hz need a bus of 400 kHz.',
  },
  range: { kind: 'choice', choices: RANGES_G, default: 4, doc: 'Largest acceleration, in g.' },
  resolution: {
    kind: 'choice',
    choices: ['high', 'normal', 'low'],
    default: 'normal',
    doc: 'Bits of a sample, 12, 10 or 8: high has the finest steps and the narrowest band.',
  },
  temperature: {
    kind: 'boolean',
    default: false,
    doc: 'Reports the chip too, in whole degrees of which only changes mean something; not in a burst.',
  },
  ...BURST_OPTIONS,
};

const settingsOf = (chosen: Options) => ({
  burst: chosen.mode === 'burst',
  rateHz: chosen.rate as number,
  rangeG: chosen.range as number,
  resolution: chosen.resolution as Resolution,
  hasTemperature: chosen.temperature === true && chosen.mode !== 'burst',
});
type Settings = ReturnType<typeof settingsOf>;

/** The steps at both ends are refused as saturated. */
const limitOf = ({ rangeG, resolution }: Settings): number =>
  (2 ** (BITS[resolution] - 1) - 2) * stepOf(rangeG, resolution);

function sampleChannels(settings: Settings): Channels {
  const limit = limitOf(settings);
  const resolution = stepOf(settings.rangeG, settings.resolution);
  const axis: Channel = { quantity: 'acceleration', min: -limit, max: limit, resolution, decimals: 3 };
  const temperature: Channel = { quantity: 'temperature', min: -103, max: 152, resolution: 1, decimals: 0 };
  return {
    ...{ acceleration_x: axis, acceleration_y: axis, acceleration_z: axis },
    ...(settings.hasTemperature && { temperature }),
  };
}

const invalid = (problem: string) => new SedgeError('config.invalid', `lis3dh: ${problem}`);

/** What the options make of a burst; undefined when they ask for single samples. */
function planOf(chosen: Options): BurstPlan | undefined {
  const settings = settingsOf(chosen);
  const { burst, rateHz, rangeG, resolution } = settings;
  if (resolution === 'low' && rateHz === FASTEST_HZ)
    throw invalid(`there is no ${FASTEST_HZ} Hz with resolution low: choose resolution normal, or 400Hz`);
  if (!burst) return undefined;
  const bandwidthHz = rateHz / (resolution === 'high' ? 9 : 2);
  const [step, limit] = [stepOf(rangeG, resolution), limitOf(settings)];
  return burstPlan(chosen, { id: 'lis3dh', rateHz, bandwidthHz, step, limit });
}

const periodMs = (rateHz: number): number => (1_000 / rateHz) * (1 + CLOCK_ERROR);
const turnOnMs = ({ rateHz, resolution }: Settings): number =>
  resolution === 'high' ? 7 * periodMs(rateHz) : resolution === 'normal' ? 1.6 : 1;
const sampleWorstCaseMs = (settings: Settings): number =>
  turnOnMs(settings) + 4 * periodMs(settings.rateHz) + OVERHEAD_MS;

/** How many samples wait in the FIFO. When it is full, some may have been lost before them. */
async function unread(device: I2cDevice): Promise<{ readonly count: number; readonly full: boolean }> {
  const [source = 0] = await device.writeRead([FIFO_SRC], 1);
  const full = (source & FULL) !== 0;
  return { count: full ? FIFO_LENGTH : source & EMPTY ? 0 : source & UNREAD, full };
}

/** Takes what the FIFO holds, oldest first. */
export async function drain(device: I2cDevice, rangeG: number, resolution: Resolution) {
  const { count, full } = await unread(device);
  const read = (bytes: number) => device.writeRead([ONWARD | OUT_X], bytes);
  const samples = await takeSamples(count, read, (sample) => convert(sample, rangeG, resolution));
  return { samples, full };
}

const DEFAULTS = settingsOf({ mode: 'sample', rate: 400, range: 4, resolution: 'normal' });

const driver: PollDriver<'i2c'> = {
  api: 1,
  id: 'lis3dh',
  title: 'ST LIS3DH and LIS2DH12 accelerometers',
  datasheet: 'https://www.st.com/resource/en/datasheet/lis3dh.pdf',
  bus: 'i2c',
  kind: 'poll',
  addresses: [0x18, 0x19],
  channels: sampleChannels(DEFAULTS),
  options,
  worstCaseMs: sampleWorstCaseMs(DEFAULTS),
  variant(chosen) {
    const settings = settingsOf(chosen);
    const plan = planOf(chosen);
    if (!plan) return { channels: sampleChannels(settings), worstCaseMs: sampleWorstCaseMs(settings) };
    const { windowMs, rateHz } = plan;
    return {
      channels: vibrationChannels(plan),
      worstCaseMs: sampleWorstCaseMs(settings) + burstMs(windowMs, rateHz, DRAIN_AT),
      windowMs,
    };
  },
  async identify(device) {
    const [id] = await device.writeRead([WHO_AM_I], 1);
    return id === LIS3DH ? 'LIS3DH or LIS2DH12' : undefined;
  },

  async open({ device, clock, options: chosen, wait, fail }) {
    const settings = settingsOf(chosen);
    const { rateHz, rangeG, resolution, hasTemperature } = settings;
    const plan = planOf(chosen);
    const report = plan && burstReport(plan);
    const problem = plan && busProblem(rateHz, fifoRateHz(device.clockHz), device.clockHz);
    if (problem) throw invalid(problem);
    const [id = 0] = await device.writeRead([WHO_AM_I], 1);
    if (id !== LIS3DH) {
      const [high, low] = await device.writeRead([0x06], 2);
      const name = high === 0x00 && low === 0x54 ? 'an MCP9808 thermometer' : 'no LIS3DH, or its wiring is broken';
      throw fail(
        'sensor.identity',
        `lis3dh: the chip at 0x${device.address.toString(16)} has id 0x${id.toString(16).padStart(2, '0')} and not 0x33: this is ${name}; check wiring and address`,
      );
    }

    const powerDown = () => device.write(CTRL_REG1, POWER_DOWN);
    const control = (RATE_CODES[rateHz]! << 4) | (resolution === 'low' ? LOW_POWER : 0) | ALL_AXES;
    const scale = WHOLE_SAMPLES | (Math.log2(rangeG / 2) << 4) | (resolution === 'high' ? HIGH_RESOLUTION : 0);
    /** Configures the chip while it is powered down, forgets old data, and starts it: each time anew. */
    const start = async (fifo: number, signal: AbortSignal): Promise<void> => {
      await powerDown();
      await device.write(FIFO_CTRL, BYPASS);
      if (hasTemperature) {
        await device.write(TEMP_CFG, TEMPERATURE_ON);
        await device.writeRead([ONWARD | STATUS_AUX], BLOCK_BYTES);
      }
      await device.writeRead([ONWARD | STATUS], BLOCK_BYTES);
      await device.write(ONWARD | CTRL_REG1, control, 0, 0, scale, fifo);
      await wait(turnOnMs(settings), signal);
    };
    const notReady = () =>
      fail('sensor.not-ready', `lis3dh: no fresh sample in the time that ${rateHz} Hz takes: check the supply`);

    const sample = async (signal: AbortSignal): Promise<Values> => {
      await start(0, signal);
      await wait(periodMs(rateHz), signal);
      for (let look = 0; look <= READY_LOOKS; look++) {
        // Status and data in one transfer, and last: after a brown-out the status says that there are none.
        const chip = hasTemperature ? await device.writeRead([ONWARD | STATUS_AUX], BLOCK_BYTES) : undefined;
        const block = await device.writeRead([ONWARD | STATUS], BLOCK_BYTES);
        if (block.every((byte) => byte === 0xff)) throw fail('sensor.no-data', RELEASED);
        if (block[0]! & DATA_READY && (!chip || chip[0]! & TEMPERATURE_READY)) {
          const found = convert(block.subarray(1), rangeG, resolution);
          if (found.saturated)
            throw fail(
              'sensor.saturated',
              `lis3dh: more than +/-${rangeG} g: choose a larger range or mount it elsewhere`,
            );
          const [x, y, z] = found.axes;
          const axes = { acceleration_x: x, acceleration_y: y, acceleration_z: z };
          return chip ? { ...axes, temperature: convertTemperature(chip[5]!, chip[6]!) } : axes;
        }
        await wait(periodMs(rateHz) / 4, signal);
      }
      throw notReady();
    };

    const window = async ({ plan: { windowMs }, values }: BurstReport, signal: AbortSignal): Promise<Values> => {
      await start(FIFO_ENABLED, signal);
      await device.write(FIFO_CTRL, STREAM);
      const fifo = async (): Promise<readonly BurstSample[]> => {
        const { samples, full } = await drain(device, rangeG, resolution);
        // It went on filling until it was read: had it filled up, this much would be left.
        const { count } = await unread(device);
        if (!full && samples.length + count < FIFO_LENGTH) return samples;
        throw fail('sensor.overrun', `lis3dh: ${SAMPLES_LOST}`);
      };
      const axes = await fillWindow(
        { id: 'lis3dh', rangeG, rateHz, windowMs, drainAt: DRAIN_AT, drain: fifo },
        { clock, wait, fail },
        signal,
      );
      // After a brown-out data read as zeros; then the chip is powered down.
      if ((await device.writeRead([CTRL_REG1], 1))[0] !== control) throw notReady();
      return values(axes);
    };

    return {
      read: (signal) => leavingIdle(() => (report ? window(report, signal) : sample(signal)), powerDown),
      close: () => powerDown().catch(() => {}),
      ...(report && { takeWindow: report.takeWindow }),
    };
  },
};

export default driver;
