/**
 * TI INA219: voltage of a supply, current through a shunt, power.
 *
 * Digest of the datasheet ("INA219", by section title):
 * - "Register Details": 16-bit words behind a pointer, most significant byte first; no id. Configuration (0x00) is 0x399F
 *   after a reset, which bit 15 asks for. Bit 13 is the bus voltage's range, 12:11 the shunt's, 10:7 and 6:3 the samples of
 *   both; mode (2:0) 011 measures both once, 000 powers down.
 * - "Bus Voltage Register" (0x02): 4 mV a step in bits 15:3; bit 1 (CNVR) says that all conversions have ended, bit 0 (OVF)
 *   that current and power are out of their range and meaningless.
 * - "Shunt Voltage Register" (0x01): signed, 10 uV a step.
 * - "Programming the Calibration Register" (0x05): 0.04096 / (step of the current * shunt), truncated, bit 0 always 0; the
 *   step of the power is 20 times that of the current. With 0, as after a reset, current (0x04) and power (0x03) read 0.
 * - "Electrical Characteristics": a sample of 12 bits takes 532 us, at most 586 us; shunt and bus take turns.
 *
 * A sharp load can reset the chip: calibration and configuration are written with each read and read back after it.
 */
import {
  type Channels,
  type DriverContext,
  lookUntil,
  type Options,
  type PollDriver,
  readWord,
  writeWord,
} from '../src/driver.ts';

const CONFIG = 0x00;
const SHUNT = 0x01;
const BUS = 0x02;
const POWER = 0x03;
const CURRENT = 0x04;
const CALIBRATION = 0x05;
const HDC1080_ID = { register: 0xff, id: 0x1050 } as const;

const RESET = 0x8000;
const AFTER_RESET = 0x399f;
const MEASURE_ONCE = 0b011;
const CONVERTED = 0b10;
const OVERFLOW = 0b01;

const SHUNT_STEP_V = 10e-6;
const BUS_STEP_V = 4e-3;
const POWER_STEPS = 20;
const CALIBRATION_FACTOR = 0.04096;
const MAX_CALIBRATION = 0xfffe;
const MAX_SIGNED = 0x7fff;

/** Millivolts at the shunt -> bits 12:11. */
const RANGE = { 40: 0, 80: 1, 160: 2, 320: 3 } as const;
const WIDEST_RANGE = 320;
const WIDEST_BUS_RANGE = 32;
/** Samples -> the code of bus and shunt. */
const SAMPLES = {
  1: 0b0011,
  2: 0b1001,
  4: 0b1010,
  8: 0b1011,
  16: 0b1100,
  32: 0b1101,
  64: 0b1110,
  128: 0b1111,
} as const;
const SAMPLE_MS = 0.586;
const POLL_MS = 2;
const MAX_POLLS = 5;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 6;

const signed = (word: number): number => (word << 16) >> 16;

/** "Bus Voltage Register": V. */
export const busVolts = (word: number): number => (word >> 3) * BUS_STEP_V;

/** "Shunt Voltage Register": V. */
export const shuntVolts = (word: number): number => signed(word) * SHUNT_STEP_V;

/** "Programming the Calibration Register": what makes a step of the current `stepA`; the nearest that the register can hold. */
export function calibrationFor(stepA: number, shuntOhm: number): number {
  // Quotients of decimal fractions miss whole numbers by a hair.
  const wanted = Math.trunc(CALIBRATION_FACTOR / (stepA * shuntOhm) + 1e-6);
  return Math.max(2, Math.min(MAX_CALIBRATION, wanted & ~1));
}

/** The step of the current that a calibration makes, in A. */
export const currentStep = (calibration: number, shuntOhm: number): number =>
  CALIBRATION_FACTOR / (calibration * shuntOhm);

/** The longest that one measurement of both takes. */
export const measurementMs = (samples: number): number => 2 * samples * SAMPLE_MS;

function settings(options: Options) {
  const shunt = options.shunt as number;
  const range = options.range as keyof typeof RANGE;
  const busRange = options.bus_range as number;
  const samples = options.samples as keyof typeof SAMPLES;
  const calibration = calibrationFor((options.current_step as number | undefined) ?? SHUNT_STEP_V / shunt, shunt);
  const step = currentStep(calibration, shunt);
  const config =
    (busRange === WIDEST_BUS_RANGE ? 0x2000 : 0) |
    (RANGE[range] << 11) |
    (SAMPLES[samples] << 7) |
    (SAMPLES[samples] << 3);
  return { shunt, range, busRange, samples, calibration, step, config };
}

function channels(options: Options): Channels {
  const { shunt, range, busRange, step } = settings(options);
  const maxShunt = range / 1000 - (range === WIDEST_RANGE ? 0 : SHUNT_STEP_V);
  const maxBus = busRange - (busRange === WIDEST_BUS_RANGE ? 0 : BUS_STEP_V);
  const maxCurrent = Math.min(maxShunt / shunt, MAX_SIGNED * step);
  const decimals = (resolution: number) => Math.max(0, Math.ceil(-Math.log10(resolution) - 1e-9));
  const resolution = Math.max(step, SHUNT_STEP_V / shunt);
  return {
    voltage: { quantity: 'voltage', min: 0, max: maxBus, resolution: BUS_STEP_V, decimals: 3 },
    current: { quantity: 'current', min: -maxCurrent, max: maxCurrent, resolution, decimals: decimals(resolution) },
    power: {
      quantity: 'power',
      min: 0,
      max: maxBus * maxCurrent,
      resolution: POWER_STEPS * step,
      decimals: decimals(POWER_STEPS * step),
    },
    shunt_voltage: { quantity: 'voltage', min: -maxShunt, max: maxShunt, resolution: SHUNT_STEP_V, decimals: 5 },
  };
}

const worstCaseMs = (options: Options): number =>
  Math.ceil(measurementMs(settings(options).samples)) + MAX_POLLS * POLL_MS + BUS_MS;

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const { range, busRange, samples, calibration, step, config } = settings(options);
  const place = `0x${device.address.toString(16)}`;
  const saturated = (message: string) => fail('sensor.saturated', `ina219: ${message}`);

  /** The bus voltage's register, once it says that everything has been converted. */
  const converted = async (signal: AbortSignal): Promise<number> => {
    const look = async () => {
      const bus = await readWord(device, BUS);
      return (bus & CONVERTED) !== 0 && bus;
    };
    const bus = await lookUntil(look, { times: 1 + MAX_POLLS, lookAgainMs: POLL_MS, wait, signal });
    if (bus !== undefined) return bus;
    throw fail(
      'sensor.not-ready',
      `ina219: the chip at ${place} has not ended its measurement in its time: check its supply`,
    );
  };

  await writeWord(device, CONFIG, RESET);
  const fresh = await readWord(device, CONFIG);
  if (fresh !== AFTER_RESET) {
    const isHdc = (await readWord(device, HDC1080_ID.register)) === HDC1080_ID.id;
    throw fail(
      'sensor.identity',
      isHdc
        ? `ina219: ${place} answers as an HDC1080, not as an INA219: use the driver hdc1080`
        : `ina219: ${place} says 0x${fresh.toString(16).padStart(4, '0')} where an INA219 has 0x399f after a reset: check wiring, address and driver`,
    );
  }
  await writeWord(device, CONFIG, config);

  return {
    async read(signal: AbortSignal) {
      await writeWord(device, CALIBRATION, calibration);
      await writeWord(device, CONFIG, config | MEASURE_ONCE);
      await wait(measurementMs(samples), signal);
      const bus = await converted(signal);
      const shunt = await readWord(device, SHUNT);
      const current = await readWord(device, CURRENT);
      const power = await readWord(device, POWER);
      const isCalibrated = (await readWord(device, CALIBRATION)) === calibration;
      if ((await readWord(device, CONFIG)) !== (config | MEASURE_ONCE)) {
        throw fail(
          'sensor.no-data',
          `ina219: the chip at ${place} was reset while it measured: check its supply and wiring`,
        );
      }
      await writeWord(device, CONFIG, config);
      // At the end of the widest range there is nothing to widen, and the end itself is a value.
      if (range < WIDEST_RANGE && Math.abs(shuntVolts(shunt)) >= range / 1000 - SHUNT_STEP_V / 2) {
        throw saturated(`more than ${range} mV at the shunt, the most that can be measured like this: widen range`);
      }
      if (busRange < WIDEST_BUS_RANGE && busVolts(bus) >= busRange) {
        throw saturated(`more than ${busRange} V, the most that can be measured like this: set bus_range to 32`);
      }
      const isMeaningful = isCalibrated && (bus & OVERFLOW) === 0;
      return {
        voltage: busVolts(bus),
        ...(isMeaningful && { current: signed(current) * step, power: power * POWER_STEPS * step }),
        shunt_voltage: shuntVolts(shunt),
      };
    },
    async close() {
      await writeWord(device, CONFIG, config).catch(() => {});
    },
  };
}

const DEFAULTS = { shunt: 0.1, range: 320, bus_range: 32, samples: 8 } as const;

const ina219: PollDriver<'i2c'> = {
  api: 1,
  id: 'ina219',
  title: 'TI INA219 voltage, current and power monitor',
  datasheet: 'https://www.ti.com/lit/gpn/ina219',
  kind: 'poll',
  bus: 'i2c',
  addresses: Array.from({ length: 16 }, (_, at) => 0x40 + at),
  channels: channels(DEFAULTS),
  options: {
    shunt: {
      kind: 'number',
      min: 0.0005,
      max: 100,
      unit: 'Ohm',
      default: DEFAULTS.shunt,
      doc: 'Resistance of the shunt; modules have 0.1 Ohm.',
    },
    range: {
      kind: 'choice',
      choices: [40, 80, 160, 320],
      default: DEFAULTS.range,
      doc: 'Largest voltage at the shunt in mV: a narrow range has less noise.',
    },
    bus_range: {
      kind: 'choice',
      choices: [16, 32],
      default: DEFAULTS.bus_range,
      doc: 'Largest voltage of the supply in V.',
    },
    samples: {
      kind: 'choice',
      choices: [1, 2, 4, 8, 16, 32, 64, 128],
      default: DEFAULTS.samples,
      doc: 'Samples of each voltage in one measurement: more have less noise and take 1.2 ms each.',
    },
    current_step: {
      kind: 'number',
      min: 1e-6,
      max: 0.1,
      unit: 'A',
      doc: "Step of the current in the chip, which can count 32,767 of them; by default the shunt's own, 10 uV through it.",
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  open,
};

export default ina219;
