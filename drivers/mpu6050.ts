/**
 * InvenSense MPU-6050: 3-axis accelerometer and gyroscope. The MPU-6500 and MPU-9250 on boards of that name are taken too.
 *
 * `sample`: acceleration, angular velocity and the chip's temperature once. `burst`: a window of accelerations through the
 * FIFO, told as vibration features.
 * - Asleep at power-on (PWR_MGMT_1 0x40). A reset takes 100 ms; awake, registers need 10 ms, the accelerometer 20 ms, the
 *   gyroscope, whose clock drives it all, 60 ms, the thermometer 100 ms. Between reads it sleeps.
 * - Samples at 1 kHz / (1 + SMPLRT_DIV) while a filter is on; the filter is the widest below half of the rate, 184 Hz at
 *   most, so that nothing from beyond the band is seen in it. The MPU-6500 has one for each of its two parts.
 * - Data: 16 bits, two's complement, high byte first; 32768 is the full range.
 * - FIFO of 1024 bytes (512 in the others), 6 a sample. On overflow it loses its alignment: the burst is refused.
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
import {
  accelerationStep,
  angularStep,
  convertAxes,
  convertTemperature,
  HALF_SCALE,
  MODELS,
  MPU6050,
  NEWER,
  SAMPLE_BYTES,
} from './mpu6050.maths.ts';

const SMPLRT_DIV = 0x19;
const ACCEL_CONFIG_2 = 0x1d;
const FIFO_EN = 0x23;
const INT_STATUS = 0x3a;
const USER_CTRL = 0x6a;
const PWR_MGMT_1 = 0x6b;
const FIFO_COUNT = 0x72;
const FIFO_DATA = 0x74;
const WHO_AM_I = 0x75;

const RESET = 0x80;
const ASLEEP = 0x40;
/** Awake, on the clock of the gyroscope. */
const AWAKE = 0x01;
const DATA_READY = 0x01;
const FIFO_OVERFLOW = 0x10;
const FIFO_OFF = 0x00;
const FIFO_RESET = 0x04;
const FIFO_ON = 0x40;
const FIFO_ACCELERATION = 0x08;

/** INT_STATUS, three accelerations, temperature, three angular velocities. */
const BLOCK_BYTES = 15;

const RESET_MS = 100;
const REGISTERS_MS = 10;
const GYROSCOPE_MS = 60;
const THERMOMETER_MS = 100;
const BASE_RATE_HZ = 1_000;
const RATES_HZ: readonly number[] = [10, 25, 50, 100, 125, 200, 250, 500, 1_000];
const RANGES_G = [2, 4, 8, 16] as const;
const RANGES_DPS = [250, 500, 1_000, 2_000] as const;
/** Bandwidths by their code in CONFIG; 0 would change the base rate. */
const BANDWIDTHS_HZ: readonly number[] = [Number.POSITIVE_INFINITY, 184, 94, 44, 21, 10, 5];

/** A quarter of a small FIFO and more: the rest is the time that a busy board may be late. */
const DRAIN_AT = 32;
const READY_LOOKS = 8;
/** Transfers and wake-ups of one read, on a busy board. */
const OVERHEAD_MS = 20;

const options: OptionTable = {
  mode: {
    kind: 'choice',
    choices: ['sample', 'burst'],
    default: 'sample',
    doc: 'Acceleration, angular velocity and temperature once, or the vibration features of a window.',
  },
  rate: {
    kind: 'rate',
    choices: RATES_HZ,
    default: 500,
    doc: 'Output rate of a burst; the band ends below 0.45 of it and at 184Hz. 1kHz needs a bus of 400 kHz.',
  },
  range: { kind: 'choice', choices: RANGES_G, default: 16, doc: 'Largest acceleration, in g.' },
  gyro_range: { kind: 'choice', choices: RANGES_DPS, default: 2_000, doc: 'Fastest turn, in degrees a second.' },
  ...BURST_OPTIONS,
};

const settingsOf = (chosen: Options) => ({
  burst: chosen.mode === 'burst',
  rateHz: chosen.rate as number,
  rangeG: chosen.range as number,
  rangeDps: chosen.gyro_range as number,
});

/** Code of the widest filter below half of the rate. */
export const filterOf = (rateHz: number): number => BANDWIDTHS_HZ.findIndex((bandwidthHz) => bandwidthHz <= rateHz / 2);
const named = (name: string, { axes: [x, y, z] }: BurstSample): Values => {
  return { [`${name}_x`]: x, [`${name}_y`]: y, [`${name}_z`]: z };
};

/** The steps at both ends are refused as saturated. */
const limitOf = (step: number): number => (HALF_SCALE - 2) * step;

function sampleChannels(rangeG: number, rangeDps: number): Channels {
  const each = (name: string, step: number): Channels => {
    const channel: Channel = { quantity: name, min: -limitOf(step), max: limitOf(step), resolution: step, decimals: 4 };
    return { [`${name}_x`]: channel, [`${name}_y`]: channel, [`${name}_z`]: channel };
  };
  return {
    ...each('acceleration', accelerationStep(rangeG)),
    ...each('angular_velocity', angularStep(rangeDps)),
    temperature: {
      quantity: 'temperature',
      min: convertTemperature(0x80, 0x00, MPU6050),
      max: convertTemperature(0x7f, 0xff, MPU6050),
      resolution: 1 / NEWER.perCelsius,
      decimals: 2,
    },
  };
}

const invalid = (problem: string) => new SedgeError('config.invalid', `mpu6050: ${problem}`);

/** What the options make of a burst; undefined when they ask for single samples. */
function planOf(chosen: Options): BurstPlan | undefined {
  const { burst, rateHz, rangeG } = settingsOf(chosen);
  if (!burst) return undefined;
  const step = accelerationStep(rangeG);
  const bandwidthHz = BANDWIDTHS_HZ[filterOf(rateHz)]!;
  return burstPlan(chosen, { id: 'mpu6050', rateHz, bandwidthHz, step, limit: limitOf(step) });
}

const periodMs = (rateHz: number): number => 1_000 / rateHz;
/** A filter has forgotten what was before after about one period of its bandwidth. */
const settleMs = (rateHz: number): number => 1_000 / BANDWIDTHS_HZ[filterOf(rateHz)]!;
const sampleWorstCaseMs = (rateHz: number): number =>
  REGISTERS_MS + THERMOMETER_MS + settleMs(rateHz) + 3 * periodMs(rateHz) + OVERHEAD_MS;

/**
 * Takes the whole samples that the FIFO holds, oldest first. Rejects with `sensor.overrun` when it has overflown, before
 * or meanwhile: what is in it is then out of step.
 */
export async function drain(
  device: I2cDevice,
  fail: DriverContext['fail'],
  rangeG: number,
  fifoBytes = MPU6050.fifoBytes,
): Promise<readonly BurstSample[]> {
  const lost = () => fail('sensor.overrun', `mpu6050: ${SAMPLES_LOST}`);
  const [high = 0, low = 0] = await device.writeRead([FIFO_COUNT], 2);
  const held = Math.floor(((high << 8) | low) / SAMPLE_BYTES);
  if (((high << 8) | low) > fifoBytes - (fifoBytes % SAMPLE_BYTES)) throw lost();
  const read = (bytes: number) => device.writeRead([FIFO_DATA], bytes);
  const samples = await takeSamples(held, read, (sample) => convertAxes(sample, accelerationStep(rangeG)));
  // Asked last, so that it also tells of an overflow that came while the data were read.
  const [status = 0] = await device.writeRead([INT_STATUS], 1);
  if (status & FIFO_OVERFLOW) throw lost();
  return samples;
}

const driver: PollDriver<'i2c'> = {
  api: 1,
  id: 'mpu6050',
  title: 'MPU-6050, MPU-6500, MPU-9250 accelerometer and gyroscope',
  datasheet: 'https://invensense.tdk.com/products/motion-tracking/6-axis/mpu-6050/',
  bus: 'i2c',
  kind: 'poll',
  addresses: [0x68, 0x69],
  channels: sampleChannels(16, 2_000),
  options,
  worstCaseMs: sampleWorstCaseMs(500),
  variant(chosen) {
    const { rateHz, rangeG, rangeDps } = settingsOf(chosen);
    const plan = planOf(chosen);
    if (!plan) return { channels: sampleChannels(rangeG, rangeDps), worstCaseMs: sampleWorstCaseMs(rateHz) };
    const { windowMs } = plan;
    return {
      channels: vibrationChannels(plan),
      worstCaseMs: sampleWorstCaseMs(rateHz) + burstMs(windowMs, rateHz, DRAIN_AT),
      windowMs,
    };
  },
  async identify(device) {
    const [id = 0] = await device.writeRead([WHO_AM_I], 1);
    return MODELS[id]?.name;
  },

  async open({ device, clock, options: chosen, wait, fail }) {
    const { rateHz, rangeG, rangeDps } = settingsOf(chosen);
    const plan = planOf(chosen);
    const report = plan && burstReport(plan);
    const problem = plan && busProblem(rateHz, fifoRateHz(device.clockHz), device.clockHz);
    if (problem) throw invalid(problem);
    const [id = 0] = await device.writeRead([WHO_AM_I], 1);
    const model = MODELS[id];
    // Before anything is written: a clock at the same address would be set by it.
    if (!model)
      throw fail(
        'sensor.identity',
        `mpu6050: the chip at 0x${device.address.toString(16)} has id 0x${id.toString(16).padStart(2, '0')} and not 0x68, 0x70 or 0x71: this is no MPU-6050 (a DS3231 clock has the same address), or its wiring is broken; check wiring and address`,
      );
    await device.write(PWR_MGMT_1, RESET);
    await wait(RESET_MS);

    const sleep = () => device.write(PWR_MGMT_1, ASLEEP);
    /** Wakes and configures the chip, each time anew: after a brown-out it is asleep and at its smallest ranges. */
    const start = async (startUpMs: number, signal: AbortSignal): Promise<void> => {
      await device.write(PWR_MGMT_1, AWAKE);
      await wait(REGISTERS_MS, signal);
      const rangeCodes = [Math.log2(rangeDps / 250) << 3, Math.log2(rangeG / 2) << 3];
      await device.write(SMPLRT_DIV, BASE_RATE_HZ / rateHz - 1, filterOf(rateHz), ...rangeCodes);
      if (model.hasOwnFilter) await device.write(ACCEL_CONFIG_2, filterOf(rateHz));
      await wait(startUpMs + settleMs(rateHz), signal);
    };
    const notReady = () =>
      fail('sensor.not-ready', 'mpu6050: the chip fell asleep or has no fresh sample in its time: check the supply');
    const saturated = (most: string, option: string) =>
      fail('sensor.saturated', `mpu6050: more than +/-${most}: choose a larger ${option} or mount it elsewhere`);
    const expectAwake = async () => {
      if ((await device.writeRead([PWR_MGMT_1], 1))[0] !== AWAKE) throw notReady();
    };

    const sample = async (signal: AbortSignal): Promise<Values> => {
      await start(THERMOMETER_MS, signal);
      for (let look = 0; look <= READY_LOOKS; look++) {
        // Status and data in one transfer: a brown-out cannot come between them.
        const block = await device.writeRead([INT_STATUS], BLOCK_BYTES);
        if (block[0]! & DATA_READY) {
          await expectAwake();
          const acceleration = convertAxes(block.subarray(1), accelerationStep(rangeG));
          const velocity = convertAxes(block.subarray(9), angularStep(rangeDps));
          if (acceleration.saturated) throw saturated(`${rangeG} g`, 'range');
          if (velocity.saturated) throw saturated(`${rangeDps} degrees a second`, 'gyro_range');
          return {
            ...named('acceleration', acceleration),
            ...named('angular_velocity', velocity),
            temperature: convertTemperature(block[7]!, block[8]!, model),
          };
        }
        await wait(periodMs(rateHz) / 4, signal);
      }
      throw notReady();
    };

    const window = async ({ plan: { windowMs }, values }: BurstReport, signal: AbortSignal): Promise<Values> => {
      await start(GYROSCOPE_MS, signal);
      await device.write(FIFO_EN, FIFO_OFF);
      await device.write(USER_CTRL, FIFO_RESET);
      // Reading clears what is left of an overflow before.
      await device.writeRead([INT_STATUS], 1);
      await device.write(USER_CTRL, FIFO_ON);
      await device.write(FIFO_EN, FIFO_ACCELERATION);
      const fifo = () => drain(device, fail, rangeG, model.fifoBytes);
      const axes = await fillWindow(
        { id: 'mpu6050', rangeG, rateHz, windowMs, drainAt: DRAIN_AT, drain: fifo },
        { clock, wait, fail },
        signal,
      );
      // An empty FIFO reads as zeros: that of a chip that fell asleep.
      await expectAwake();
      return values(axes);
    };

    return {
      read: (signal) => leavingIdle(() => (report ? window(report, signal) : sample(signal)), sleep),
      close: () => sleep().catch(() => {}),
      ...(report && { takeWindow: report.takeWindow }),
    };
  },
};

export default driver;
