/**
 * Bosch BMP388 and BMP390: temperature and pressure.
 *
 * Digest of the datasheets ("BMP388", "BMP390", by section title):
 * - "Power modes": in forced mode the chip measures once and goes back to sleep; it sleeps between reads here.
 * - "Measurement time": 0.234 ms, then 0.392 ms and 2.02 ms for each pressure sample, 0.163 ms and 2.02 ms for each
 *   temperature sample; the maker's own driver counts 0.313 ms for the latter, so the larger is waited for.
 * - "Register 0x03 STATUS": bit 4 a command may be given, bits 5 and 6 pressure and temperature are there; reading them
 *   clears these two. "Register 0x02 ERR_REG": bit 0 fatal, 1 command refused, 2 settings refused.
 * - "Register 0x04-0x09 DATA": three bytes each, least significant first, unlike older parts. 0x800000 is not measured.
 * - "IIR filter": works from one forced measurement to the next; the register is read first and written only when a
 *   brown-out has cleared it, so that nothing starts the filter anew.
 * - "Appendix: Computation formulae, floating point": used here.
 *
 * The id is at 0x00, not at 0xD0 as in the BMx280 family at the same addresses; where 0xD0 holds an id of that family it
 * decides, because at 0x00 a BME680 has a calibration value, which may be anything.
 */
import {
  type Channels,
  type DriverContext,
  type I2cDevice,
  isStuck,
  lookUntil,
  type Options,
  type PollDriver,
  type Values,
} from '../src/driver.ts';
import { CHIPS_AT_00, CHIPS_AT_D0, NEWER_FILTER, refusal, within } from './bosch-air.maths.ts';

const ID = 0x00;
const ERRORS = 0x02;
const STATUS = 0x03;
const DATA = { register: 0x04, length: 6 } as const;
const PWR_CTRL = 0x1b;
const OSR = 0x1c;
const CONFIG = 0x1f;
const CALIBRATION = { register: 0x31, length: 21 } as const;
const COMMAND = 0x7e;
const OTHER_ID = 0xd0;

const RESET_WORD = 0xb6;
const COMMAND_READY = 0b001_0000;
const PRESSURE_READY = 0b010_0000;
const TEMPERATURE_READY = 0b100_0000;
const COMMAND_REFUSED = 0b010;
const FATAL = 0b001;
const SETTINGS_REFUSED = 0b100;
const PRESSURE_ON = 0b01;
const TEMPERATURE_ON = 0b10;
const FORCED_MODE = 0b01_0000;
const FILTER_BITS = 0b1110;
const SKIPPED = 0x800000;

const START_UP_MS = 2;
const STATUS_POLL_MS = 2;
const MAX_STATUS_POLLS = 10;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 5;

/** Samples of one measurement to the register's code. */
const OVERSAMPLING = { 0: 0, 1: 0, 2: 1, 4: 2, 8: 3, 16: 4, 32: 5 } as const;

/** Samples of each; 0 is switched off. */
export interface Samples {
  readonly t: number;
  readonly p: number;
}

/** "Measurement time": how long a forced measurement takes, in microseconds. */
export const measurementUs = ({ t, p }: Samples): number => 234 + (p > 0 ? 392 + 2020 * p : 0) + 313 + 2020 * t;

/** "Trimming coefficients", scaled as the floating point formulas want them. */
export interface Calibration {
  readonly t: readonly [number, number, number];
  /** P1 to P11. */
  readonly p: readonly [...Six, ...Five];
}
type Five = readonly [number, number, number, number, number];
type Six = readonly [...Five, number];

/** From the 21 bytes at 0x31: T1, T2, P5 and P6 are unsigned words, P1, P2 and P9 signed words, the rest signed bytes. */
export function parseCalibration(bytes: Uint8Array): Calibration {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    t: [view.getUint16(0, true) * 2 ** 8, view.getUint16(2, true) / 2 ** 30, view.getInt8(4) / 2 ** 48],
    p: [
      (view.getInt16(5, true) - 2 ** 14) / 2 ** 20,
      (view.getInt16(7, true) - 2 ** 14) / 2 ** 29,
      view.getInt8(9) / 2 ** 32,
      view.getInt8(10) / 2 ** 37,
      view.getUint16(11, true) * 2 ** 3,
      view.getUint16(13, true) / 2 ** 6,
      view.getInt8(15) / 2 ** 8,
      view.getInt8(16) / 2 ** 15,
      view.getInt16(17, true) / 2 ** 48,
      view.getInt8(19) / 2 ** 48,
      view.getInt8(20) / 2 ** 65,
    ],
  };
}

/** Cel. */
export function temperature(raw: number, { t: [t1, t2, t3] }: Calibration): number {
  const above = raw - t1;
  return above * t2 + above * above * t3;
}

/** Pa, at a temperature in Cel. */
export function pressurePa(
  raw: number,
  celsius: number,
  { p: [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11] }: Calibration,
): number {
  const offset = p5 + celsius * (p6 + celsius * (p7 + celsius * p8));
  const slope = p1 + celsius * (p2 + celsius * (p3 + celsius * p4));
  return offset + raw * (slope + raw * (p9 + p10 * celsius + raw * p11));
}

function settings(options: Options) {
  const samples: Samples = {
    t: options.oversampling_temperature as number,
    p: options.oversampling_pressure as number,
  };
  const code = (count: number) => OVERSAMPLING[count as keyof typeof OVERSAMPLING];
  return {
    samples,
    osr: (code(samples.t) << 3) | code(samples.p),
    filter: NEWER_FILTER[options.filter as keyof typeof NEWER_FILTER],
  };
}

function channels(options: Options): Channels {
  const { samples } = settings(options);
  // "Noise and resolution": one sample gives 2.64 Pa, each doubling halves it.
  const pressureStep = 0.0264 / Math.max(1, samples.p);
  return {
    temperature: { quantity: 'temperature', min: -40, max: 85, resolution: 0.005, decimals: 2 },
    ...(samples.p > 0 && {
      pressure: {
        quantity: 'pressure',
        min: 300,
        max: 1250,
        resolution: pressureStep,
        decimals: pressureStep < 0.001 ? 3 : 2,
      },
    }),
  };
}

const worstCaseMs = (options: Options): number =>
  measurementUs(settings(options).samples) / 1000 + MAX_STATUS_POLLS * STATUS_POLL_MS + BUS_MS;

async function identify(device: I2cDevice): Promise<string | undefined> {
  const [other] = await device.writeRead([OTHER_ID], 1);
  const [id] = await device.writeRead([ID], 1);
  return CHIPS_AT_D0[other!] ?? CHIPS_AT_00[id!];
}

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const { samples, osr, filter } = settings(options);
  const declared = channels(options);
  const place = `0x${device.address.toString(16)}`;
  const stuck = () =>
    fail('sensor.identity', `bmp388: ${place} answers with nothing but zeros or ones: check wiring and supply`);

  /** Waits until all of the status bits are set. */
  const untilSet = async (bits: number, what: string, signal?: AbortSignal) => {
    const areSet = async () => {
      const [status] = await device.writeRead([STATUS], 1);
      return (status! & bits) === bits;
    };
    if (!(await lookUntil(areSet, { times: MAX_STATUS_POLLS, lookAgainMs: STATUS_POLL_MS, wait, signal })))
      throw fail(
        'sensor.not-ready',
        `bmp388: the chip at ${place} has not ended ${what} in its time: check its supply`,
      );
  };
  const refuseIf = async (bits: number) => {
    const [errors] = await device.writeRead([ERRORS], 1);
    if ((errors! & bits) === 0) return;
    throw fail(
      'sensor.no-data',
      `bmp388: the chip at ${place} reports an error (0x${errors!.toString(16)}) and does not measure: cut its supply for a moment`,
    );
  };

  const name = await identify(device);
  if (name === undefined || !Object.values(CHIPS_AT_00).includes(name)) {
    const id = await device.writeRead([ID], 1);
    if (name === undefined && isStuck(id)) throw stuck();
    const { who, advice } = refusal(name, id[0]!);
    throw fail('sensor.identity', `bmp388: ${place} answers as ${who}, not as a BMP388 or BMP390: ${advice}`);
  }
  await untilSet(COMMAND_READY, 'its start');
  await device.write(COMMAND, RESET_WORD);
  await wait(START_UP_MS);
  await refuseIf(COMMAND_REFUSED);
  const trimming = await device.writeRead([CALIBRATION.register], CALIBRATION.length);
  if (isStuck(trimming)) throw stuck();
  const calibration = parseCalibration(trimming);

  let isUnread = false;

  const measure = async (signal: AbortSignal): Promise<Uint8Array> => {
    // The ready bits of a measurement that was called off would pass for those of the next: reading clears them.
    if (isUnread) await device.writeRead([DATA.register], DATA.length);
    if (filter > 0) {
      const [config] = await device.writeRead([CONFIG], 1);
      if ((config! & FILTER_BITS) >> 1 !== filter) await device.write(CONFIG, filter << 1);
    }
    const isOn = TEMPERATURE_ON | (samples.p > 0 ? PRESSURE_ON : 0);
    await device.write(OSR, osr);
    isUnread = true;
    await device.write(PWR_CTRL, FORCED_MODE | isOn);
    await wait(measurementUs(samples) / 1000, signal);
    await untilSet(TEMPERATURE_READY | (samples.p > 0 ? PRESSURE_READY : 0), 'measuring', signal);
    await refuseIf(FATAL | SETTINGS_REFUSED);
    const data = await device.writeRead([DATA.register], DATA.length);
    isUnread = false;
    return data;
  };

  return {
    async read(signal: AbortSignal): Promise<Values> {
      const data = await measure(signal);
      const word = (at: number) => data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
      const raw = { pressure: word(0), temperature: word(3) };
      if (raw.temperature === SKIPPED) {
        throw fail(
          'sensor.no-data',
          `bmp388: the chip at ${place} has not measured: its supply may have failed meanwhile`,
        );
      }
      const exact = temperature(raw.temperature, calibration);
      const celsius = within(declared.temperature, exact);
      // Pressure is computed from it.
      if (celsius === undefined) {
        throw fail(
          'sensor.range',
          `bmp388: ${exact.toFixed(1)} Cel is outside of what the chip can measure: check it and its wiring`,
        );
      }
      const pascals = raw.pressure === SKIPPED ? undefined : pressurePa(raw.pressure, exact, calibration);
      const hectopascals = within(declared.pressure, pascals === undefined ? undefined : pascals / 100);
      return { temperature: celsius, ...(hectopascals !== undefined && { pressure: hectopascals }) };
    },
    async close() {},
  };
}

const DEFAULTS = { oversampling_temperature: 1, oversampling_pressure: 4, filter: 0 } as const;

const bmp388: PollDriver<'i2c'> = {
  api: 1,
  id: 'bmp388',
  title: 'Bosch BMP388 or BMP390 temperature and pressure sensor',
  datasheet: 'https://www.bosch-sensortec.com/products/environmental-sensors/pressure-sensors/bmp390/',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x76, 0x77],
  channels: channels(DEFAULTS),
  options: {
    oversampling_temperature: {
      kind: 'choice',
      choices: [1, 2, 4, 8, 16, 32],
      default: DEFAULTS.oversampling_temperature,
      doc: 'Samples of temperature in one measurement, 2 ms each: 2 or more where pressure has 16 or more, which depends on it.',
    },
    oversampling_pressure: {
      kind: 'choice',
      choices: [0, 1, 2, 4, 8, 16, 32],
      default: DEFAULTS.oversampling_pressure,
      doc: 'Samples of pressure in one measurement: more have less noise; 0 leaves the channel out.',
    },
    filter: {
      kind: 'choice',
      choices: [0, 1, 3, 7, 15, 31, 63, 127],
      default: DEFAULTS.filter,
      doc: 'Smooths temperature and pressure in the chip, from one reading to the next: the coefficient, or 0 for none.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  identify,
  open,
};

export default bmp388;
