/**
 * Bosch BMP280: temperature and pressure.
 *
 * Digest of the datasheet ("BMP280", by section title):
 * - "Power modes": in forced mode the chip measures once and goes back to sleep; it sleeps between reads here.
 * - "Measurement time": at most 1.25 ms, 2.3 ms for each temperature sample, and 0.575 ms plus 2.3 ms for each pressure
 *   sample: 6.4 ms with one of each. Skipping pressure is not credited its 0.575 ms.
 * - "Register 0xF3 status": bit 3 is set while it measures, bit 0 while calibration is being copied after a reset.
 * - "Data readout": one burst of 0xF7..0xFC is coherent. 0x80000 stands for not measured.
 * - "IIR filter": works from one forced measurement to the next. Any write to config (0xF5) starts it anew, so config is
 *   read first and written only when a brown-out has cleared it.
 * - "Compensation formula in double precision floating point": used here.
 *
 * The map is that of a BME280 without humidity, and the two are sold as each other: the id tells them apart.
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
import { fineTemperature, parseCalibration, pressurePa, samplesOf, temperature } from './bmx280.maths.ts';
import { SKIPPED_20_BIT, word20 } from './bosch-20-bits.maths.ts';
import {
  CHIPS_AT_00,
  CHIPS_AT_D0,
  FILTER,
  OVERSAMPLING,
  pressureResolution,
  refusal,
  within,
} from './bosch-air.maths.ts';

const ID = 0xd0;
/** Of the newer parts at the same addresses. */
const NEWER_ID = 0x00;
const RESET = 0xe0;
const CALIBRATION = { register: 0x88, length: 24 } as const;
const STATUS = 0xf3;
const CTRL_MEAS = 0xf4;
const CONFIG = 0xf5;
const DATA = { register: 0xf7, length: 6 } as const;

const OUR_CHIP = 'BMP280';
const RESET_WORD = 0xb6;
const FORCED_MODE = 0b01;
const MEASURING = 0b1000;
const COPYING = 0b0001;
const FILTER_BITS = 0b11100;

const START_UP_MS = 2;
const STATUS_POLL_MS = 2;
const MAX_STATUS_POLLS = 10;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 4;

/** Register codes: 0 is skipped, 1 to 5 are 1, 2, 4, 8, 16 samples. */
export interface Oversampling {
  readonly t: number;
  readonly p: number;
}

/** "Measurement time": the longest that a forced measurement takes, in microseconds. */
export function measurementUs({ t, p }: Oversampling): number {
  return 1250 + 2300 * samplesOf(t) + 2300 * samplesOf(p) + 575;
}

function settings(options: Options) {
  const code = (name: string) => OVERSAMPLING[options[name] as keyof typeof OVERSAMPLING];
  const oversampling: Oversampling = { t: code('oversampling_temperature'), p: code('oversampling_pressure') };
  return { oversampling, filter: FILTER[options.filter as keyof typeof FILTER] };
}

function channels(options: Options): Channels {
  const { oversampling, filter } = settings(options);
  return {
    temperature: { quantity: 'temperature', min: -40, max: 85, resolution: 0.01, decimals: 2 },
    ...(oversampling.p > 0 && {
      pressure: {
        quantity: 'pressure',
        min: 300,
        max: 1100,
        resolution: pressureResolution(oversampling.p, filter),
        decimals: 2,
      },
    }),
  };
}

const worstCaseMs = (options: Options): number =>
  measurementUs(settings(options).oversampling) / 1000 + MAX_STATUS_POLLS * STATUS_POLL_MS + BUS_MS;

async function identify(device: I2cDevice): Promise<string | undefined> {
  const [id] = await device.writeRead([ID], 1);
  if (CHIPS_AT_D0[id!] !== undefined) return CHIPS_AT_D0[id!];
  const [newerId] = await device.writeRead([NEWER_ID], 1);
  return CHIPS_AT_00[newerId!];
}

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const { oversampling, filter } = settings(options);
  const declared = channels(options);
  const place = `0x${device.address.toString(16)}`;
  const stuck = () =>
    fail('sensor.identity', `bmp280: ${place} answers with nothing but zeros or ones: check wiring and supply`);

  /** Waits until a status bit is clear. */
  const untilClear = async (bit: number, what: string, signal?: AbortSignal) => {
    const isClear = async () => {
      const [status] = await device.writeRead([STATUS], 1);
      return (status! & bit) === 0;
    };
    if (!(await lookUntil(isClear, { times: MAX_STATUS_POLLS, lookAgainMs: STATUS_POLL_MS, wait, signal })))
      throw fail(
        'sensor.not-ready',
        `bmp280: the chip at ${place} has not ended ${what} in its time: check its supply`,
      );
  };

  const name = await identify(device);
  if (name !== OUR_CHIP) {
    const id = await device.writeRead([ID], 1);
    if (name === undefined && isStuck(id)) throw stuck();
    const { who, advice } = refusal(name, id[0]!);
    throw fail('sensor.identity', `bmp280: ${place} answers as ${who}, not as a BMP280: ${advice}`);
  }
  await device.write(RESET, RESET_WORD);
  await wait(START_UP_MS);
  await untilClear(COPYING, 'its start');
  const trimming = await device.writeRead([CALIBRATION.register], CALIBRATION.length);
  if (isStuck(trimming)) throw stuck();
  const calibration = parseCalibration(trimming);

  const measure = async (signal: AbortSignal): Promise<Uint8Array> => {
    if (filter > 0) {
      const [config] = await device.writeRead([CONFIG], 1);
      if ((config! & FILTER_BITS) >> 2 !== filter) await device.write(CONFIG, filter << 2);
    }
    await device.write(CTRL_MEAS, (oversampling.t << 5) | (oversampling.p << 2) | FORCED_MODE);
    await wait(measurementUs(oversampling) / 1000, signal);
    await untilClear(MEASURING, 'measuring', signal);
    return device.writeRead([DATA.register], DATA.length);
  };

  return {
    async read(signal: AbortSignal): Promise<Values> {
      const data = await measure(signal);
      const raw = { pressure: word20(data, 0), temperature: word20(data, 3) };
      if (raw.temperature === SKIPPED_20_BIT) {
        throw fail(
          'sensor.no-data',
          `bmp280: the chip at ${place} has not measured: its supply may have failed meanwhile`,
        );
      }
      const fine = fineTemperature(raw.temperature, calibration);
      const celsius = within(declared.temperature, temperature(fine));
      // Pressure is computed from it.
      if (celsius === undefined) {
        throw fail(
          'sensor.range',
          `bmp280: ${temperature(fine).toFixed(1)} Cel is outside of what the chip can measure: check it and its wiring`,
        );
      }
      const pascals = raw.pressure === SKIPPED_20_BIT ? undefined : pressurePa(raw.pressure, fine, calibration);
      const hectopascals = within(declared.pressure, pascals === undefined ? undefined : pascals / 100);
      return { temperature: celsius, ...(hectopascals !== undefined && { pressure: hectopascals }) };
    },
    async close() {},
  };
}

const DEFAULTS = { oversampling_temperature: 1, oversampling_pressure: 1, filter: 0 } as const;

const bmp280: PollDriver<'i2c'> = {
  api: 1,
  id: 'bmp280',
  title: 'Bosch BMP280 temperature and pressure sensor',
  datasheet: 'https://www.bosch-sensortec.com/products/environmental-sensors/pressure-sensors/bmp280/',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x76, 0x77],
  channels: channels(DEFAULTS),
  options: {
    oversampling_temperature: {
      kind: 'choice',
      choices: [1, 2, 4, 8, 16],
      default: DEFAULTS.oversampling_temperature,
      doc: 'Samples of temperature in one measurement: more have less noise and take 2.3 ms each.',
    },
    oversampling_pressure: {
      kind: 'choice',
      choices: [0, 1, 2, 4, 8, 16],
      default: DEFAULTS.oversampling_pressure,
      doc: 'Samples of pressure in one measurement: more have less noise; 0 leaves the channel out.',
    },
    filter: {
      kind: 'choice',
      choices: [0, 2, 4, 8, 16],
      default: DEFAULTS.filter,
      doc: 'Smooths temperature and pressure in the chip, from one reading to the next: the coefficient, or 0 for none.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  identify,
  open,
};

export default bmp280;
