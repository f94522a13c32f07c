/**
 * ADXL345 (Analog Devices), 3-axis accelerometer to +/-16 g.
 *
 * `sample`: one reading of the three axes. `burst`: a window of samples through the FIFO, told as vibration features.
 * - Data: 16 bits per axis, two's complement, low byte first; 256 LSB/g in full resolution, else 512 LSB for the whole
 *   range; read as one 6-byte burst, which takes one sample out of the FIFO (section "FIFO").
 * - Configured in standby. Turn-on 1.1 ms plus one period of the output rate (section "Power Sequencing").
 * - FIFO: 32 samples and the one in the output registers. INT_SOURCE bit 0 says that samples were lost, until data are
 *   read. At least 5 us between two FIFO reads: the address byte alone takes 22 us on a 400 kHz bus.
 * - The output rate that a bus carries is 800 Hz at 400 kHz and 200 Hz at 100 kHz (table of recommended rates).
 * - The bandwidth is half of the output rate (table of current against data rate).
 * The chip's own clock is off by several percent, and so is a frequency.
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
  type DriverContext,
  fillWindow,
  type I2cDevice,
  leavingIdle,
  type Options,
  type OptionTable,
  type PollDriver,
  SAMPLES_LOST,
  SedgeError,
  type Values,
  vibrationChannels,
} from '../src/driver.ts';
import { convert, DATA_BYTES, FULL_RESOLUTION, G, stepOf } from './adxl345.maths.ts';

const DEVID = 0x00;
const BW_RATE = 0x2c;
const POWER_CTL = 0x2d;
const INT_SOURCE = 0x30;
const DATA_FORMAT = 0x31;
const DATA_X0 = 0x32;
const FIFO_CTL = 0x38;
const FIFO_STATUS = 0x39;

const ADXL345 = 0xe5;
const STANDBY = 0x00;
const MEASURE = 0x08;
const DATA_READY = 0x80;
/** Self-test and SPI are bits of DATA_FORMAT that are never set here. */
const RELEASED = 'adxl345: answers with nothing but ones: check wiring and supply';
const OVERRUN = 0x01;
const BYPASS = 0x00;
const STREAM = 0x80;
const ENTRIES = 0x3f;

const FIFO_LENGTH = 32;
/** Drained when a quarter full: the rest is the time that a busy board may be late, 30 ms at 800 Hz. */
const DRAIN_AT = FIFO_LENGTH / 4;
const TURN_ON_MS = 1.1;
/** Above this output rate the lowest bit is always 0 (section "Data formatting at 3200 Hz and 1600 Hz"). */
const FINEST_RATE_HZ = 800;
/** The fastest bus that the chip takes, and the output rate per clock of a bus: 800 Hz at 400 kHz. */
const FASTEST_BUS_HZ = 400_000;
const RATE_PER_CLOCK = 800 / FASTEST_BUS_HZ;
/** BW_RATE codes 0x06 to 0x0f, each twice the rate of the one before. */
const RATES_HZ: readonly number[] = [6.25, 12.5, 25, 50, 100, 200, 400, 800, 1_600, 3_200];
const RANGES_G = [2, 4, 8, 16] as const;
const rateCode = (rateHz: number): number => 0x06 + RATES_HZ.indexOf(rateHz);

/** Looks at the data-ready bit after turn-on, a quarter of a period apart: two periods in all. */
const READY_LOOKS = 8;
/** How far the chip's clock may be off. */
const CLOCK_ERROR = 0.1;
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
    default: 200,
    doc: 'Output rate; the band ends at 0.45 of it. A burst needs a bus of at least 500 times the rate (800Hz: 400 kHz).',
  },
  range: { kind: 'choice', choices: RANGES_G, default: 16, doc: 'Largest acceleration, in g.' },
  full_resolution: {
    kind: 'boolean',
    default: true,
    doc: '3.9 mg steps in every range; without it a range has 1024 steps.',
  },
  ...BURST_OPTIONS,
};

interface Settings {
  readonly rateHz: number;
  readonly rangeG: number;
  readonly fullResolution: boolean;
}
const settingsOf = (chosen: Options): Settings => ({
  rateHz: chosen.rate as number,
  rangeG: chosen.range as number,
  fullResolution: chosen.full_resolution as boolean,
});

const finestStep = ({ rangeG, fullResolution, rateHz }: Settings): number =>
  stepOf(rangeG, fullResolution) * (rateHz > FINEST_RATE_HZ ? 2 : 1);
/** The steps at both ends are refused as saturated. */
const limitOf = (settings: Settings): number => settings.rangeG * G - 2 * finestStep(settings);

function sampleChannels(settings: Settings): Channels {
  const limit = limitOf(settings);
  const resolution = finestStep(settings);
  const channel: Channel = { quantity: 'acceleration', min: -limit, max: limit, resolution, decimals: 3 };
  return { acceleration_x: channel, acceleration_y: channel, acceleration_z: channel };
}

const invalid = (problem: string) => new SedgeError('config.invalid', `adxl345: ${problem}`);

/** What the options make of a burst; a rate that no bus carries is refused before there is one. */
function planOf(chosen: Options): BurstPlan {
  const settings = settingsOf(chosen);
  const { rateHz } = settings;
  const problem = busProblem(rateHz, FASTEST_BUS_HZ * RATE_PER_CLOCK, FASTEST_BUS_HZ);
  if (problem) throw invalid(problem);
  const [step, limit] = [finestStep(settings), limitOf(settings)];
  return burstPlan(chosen, { id: 'adxl345', rateHz, bandwidthHz: rateHz / 2, step, limit });
}

const periodMs = (rateHz: number): number => 1_000 / rateHz;
const turnOnMs = (rateHz: number): number => TURN_ON_MS + periodMs(rateHz);
const sampleWorstCaseMs = (rateHz: number): number => turnOnMs(rateHz) + 2 * periodMs(rateHz) + OVERHEAD_MS;

/**
 * Takes what the FIFO holds, oldest first. Rejects with `sensor.overrun` when samples were lost, or may have been: the
 * chip forgets its overrun bit at the first read, so `filling` says how many may have come since it was seen clear.
 */
export async function drain(
  device: I2cDevice,
  fail: DriverContext['fail'],
  filling: () => number = () => 0,
  lowBitZero = false,
): Promise<readonly BurstSample[]> {
  const lost = () => fail('sensor.overrun', `adxl345: ${SAMPLES_LOST}`);
  const entries = (await device.writeRead([FIFO_STATUS], 1))[0]! & ENTRIES;
  const [source = 0, dataFormat = 0] = await device.writeRead([INT_SOURCE], 2);
  if (source & OVERRUN) throw lost();
  const samples: BurstSample[] = [];
  for (let taken = 0; taken < entries; taken++) {
    const bytes = await device.writeRead([DATA_X0], DATA_BYTES);
    if (entries - taken + filling() > FIFO_LENGTH + 1) throw lost();
    samples.push(convert(bytes, dataFormat, lowBitZero));
  }
  return samples;
}

const driver: PollDriver<'i2c'> = {
  api: 1,
  id: 'adxl345',
  title: 'ADXL345 accelerometer',
  datasheet: 'https://www.analog.com/media/en/technical-documentation/data-sheets/adxl345.pdf',
  bus: 'i2c',
  kind: 'poll',
  addresses: [0x53, 0x1d],
  channels: sampleChannels({ rateHz: 200, rangeG: 16, fullResolution: true }),
  options,
  worstCaseMs: sampleWorstCaseMs(200),
  variant(chosen) {
    const settings = settingsOf(chosen);
    const { rateHz } = settings;
    if (chosen.mode !== 'burst') return { channels: sampleChannels(settings), worstCaseMs: sampleWorstCaseMs(rateHz) };
    const plan = planOf(chosen);
    const { windowMs } = plan;
    return {
      channels: vibrationChannels(plan),
      worstCaseMs: sampleWorstCaseMs(rateHz) + burstMs(windowMs, rateHz, DRAIN_AT),
      windowMs,
    };
  },
  async identify(device) {
    const [id] = await device.writeRead([DEVID], 1);
    return id === ADXL345 ? 'ADXL345' : undefined;
  },

  async open({ device, clock, options: chosen, wait, fail }) {
    const { rateHz, rangeG, fullResolution } = settingsOf(chosen);
    const report = chosen.mode === 'burst' ? burstReport(planOf(chosen)) : undefined;
    const lowBitZero = rateHz > FINEST_RATE_HZ && (fullResolution || rangeG === 2);
    const dataFormat = (fullResolution ? FULL_RESOLUTION : 0) | Math.log2(rangeG / 2);
    const problem = report && busProblem(rateHz, device.clockHz * RATE_PER_CLOCK, device.clockHz);
    if (problem) throw invalid(problem);
    const [id = 0] = await device.writeRead([DEVID], 1);
    if (id !== ADXL345)
      throw fail(
        'sensor.identity',
        `adxl345: the chip at 0x${device.address.toString(16)} has id 0x${id.toString(16).padStart(2, '0')} and not 0xe5: this is no ADXL345, or its wiring is broken; check wiring and address`,
      );

    const standby = () => device.write(POWER_CTL, STANDBY);
    /**
     * Configures the chip in standby, forgets old data, and starts it. Each time anew: after a brown-out the chip is at
     * +/-2 g and does not say so.
     */
    const start = async (fifo: number): Promise<void> => {
      await standby();
      await device.write(FIFO_CTL, BYPASS);
      await device.write(DATA_FORMAT, dataFormat);
      await device.writeRead([DATA_X0], DATA_BYTES);
      await device.write(FIFO_CTL, fifo);
      await device.write(BW_RATE, rateCode(rateHz), MEASURE);
    };
    const notReady = () =>
      fail('sensor.not-ready', `adxl345: no fresh sample in the time that ${rateHz} Hz takes: check the supply`);
    const saturated = () =>
      fail('sensor.saturated', `adxl345: more than +/-${rangeG} g: choose a larger range or mount it elsewhere`);

    const sample = async (signal: AbortSignal): Promise<Values> => {
      await start(BYPASS);
      await wait(turnOnMs(rateHz), signal);
      for (let look = 0; look <= READY_LOOKS; look++) {
        // Status, format and data in one transfer: a brown-out cannot come between them.
        const block = await device.writeRead([INT_SOURCE], 2 + DATA_BYTES);
        const [source = 0, format = 0] = block;
        if (block.every((byte) => byte === 0xff)) throw fail('sensor.no-data', RELEASED);
        if (source & DATA_READY) {
          const found = convert(block.subarray(2), format, lowBitZero);
          if (found.saturated) throw saturated();
          const [x, y, z] = found.axes;
          return { acceleration_x: x, acceleration_y: y, acceleration_z: z };
        }
        await wait(periodMs(rateHz) / 4, signal);
      }
      throw notReady();
    };

    const window = async ({ plan: { windowMs }, values }: BurstReport, signal: AbortSignal): Promise<Values> => {
      await start(STREAM);
      const fifo = (filledMs: () => number) =>
        drain(device, fail, () => (filledMs() / periodMs(rateHz)) * (1 + CLOCK_ERROR), lowBitZero);
      const axes = await fillWindow(
        { id: 'adxl345', rangeG, rateHz, windowMs, drainAt: DRAIN_AT, drain: fifo },
        { clock, wait, fail },
        signal,
      );
      // After a brown-out the FIFO reads as zeros; then the chip is in standby.
      const [power = 0] = await device.writeRead([POWER_CTL], 1);
      if (power !== MEASURE) throw notReady();
      return values(axes);
    };

    return {
      read: (signal) => leavingIdle(() => (report ? window(report, signal) : sample(signal)), standby),
      close: () => standby().catch(() => {}),
      ...(report && { takeWindow: report.takeWindow }),
    };
  },
};

export default driver;
