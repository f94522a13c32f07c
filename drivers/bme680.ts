/**
 * Bosch BME680 and BME688: temperature, relative humidity, pressure, and the resistance of a heated gas sensor.
 *
 * Digest of the datasheets ("BME680", "BME688") and the maker's reference driver:
 * - Forced mode measures once, in the order temperature, pressure, humidity, gas, and goes back to sleep. ctrl_hum (0x72) and
 *   the gas settings are written before ctrl_meas (0x74), which takes them over and starts.
 * - It takes 1.963 ms for each sample, 4.293 ms for switching, 1 ms to wake, and the time that the heater is on.
 * - The heater's target is a code (0x5A) that depends on calibration and on the temperature around, its time a code (0x64)
 *   of six bits and a factor of 1, 4, 16 or 64 ms. ctrl_gas_1 (0x71) runs it: bit 4 on a BME680, bit 5 on a BME688.
 * - Results at 0x1D: bit 7 new data, 6 and 5 measuring; then pressure, temperature, humidity, and the gas in one place for a
 *   BME680 (variant 0 at 0xF0) and in another for a BME688 (variant 1). 0x80000 and 0x8000 stand for not measured. The
 *   resistance counts only with its bits "valid" and "heater stable".
 * - The filter works on temperature and pressure from one forced measurement to the next; its register (0x75) is written
 *   only when a brown-out has cleared it.
 *
 * The resistance is no air quality: that takes the maker's closed library. It means little in the minutes after power-on, and
 * drifts for two days in a new part. It falls when there are more reducing gases about.
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
import {
  fineTemperature,
  gasResistanceHigh,
  gasResistanceLow,
  heaterCode,
  heaterTimeCode,
  humidity,
  measurementUs,
  type Oversampling,
  parseCalibration,
  pressurePa,
  temperature,
} from './bme680.maths.ts';
import { SKIPPED_20_BIT, word20 } from './bosch-20-bits.maths.ts';
import { CHIPS_AT_D0, NEWER_FILTER, OVERSAMPLING, pressureResolution, refusal, within } from './bosch-air.maths.ts';

const CALIBRATION = [
  { register: 0x8a, length: 23 },
  { register: 0xe1, length: 14 },
  { register: 0x00, length: 5 },
] as const;
const FIELD = { register: 0x1d, length: 17 } as const;
const RES_HEAT_0 = 0x5a;
const GAS_WAIT_0 = 0x64;
const CTRL_GAS_0 = 0x70;
const CTRL_GAS_1 = 0x71;
const CTRL_HUM = 0x72;
const CTRL_MEAS = 0x74;
const CONFIG = 0x75;
const ID = 0xd0;
const RESET = 0xe0;
const VARIANT = 0xf0;

const OUR_CHIP = 'BME680';
const RESET_WORD = 0xb6;
const FORCED_MODE = 0b01;
const FILTER_BITS = 0b11100;
const NEW_DATA = 0x80;
const MEASURING = 0x60;
const GAS_COUNTS = 0x30;
const SKIPPED_16_BIT = 0x8000;
/** By variant: the bit that runs the gas measurement, and where its result is in the field. */
const GAS = [
  { run: 0x10, at: 13 },
  { run: 0x20, at: 15 },
] as const;
/** What the heater's code is computed with until a temperature is known, in Cel. */
const USUAL_AMBIENT = 25;

const START_UP_MS = 10;
const POLL_MS = 5;
const MIN_POLLS = 10;
/** The chip's clock may be so much slower than its nominal rate, which a long heating shows. */
const SLOWNESS = 0.1;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 7;

function settings(options: Options) {
  const code = (name: string) => OVERSAMPLING[options[name] as keyof typeof OVERSAMPLING];
  const oversampling: Oversampling = {
    t: code('oversampling_temperature'),
    p: code('oversampling_pressure'),
    h: code('oversampling_humidity'),
  };
  const heater = { isOn: options.gas === true, target: Number(options.heater_temperature) };
  const heaterMs = heater.isOn ? Number(options.heater_duration) : 0;
  const measureMs = measurementUs(oversampling) / 1000 + heaterMs;
  const maxPolls = MIN_POLLS + Math.ceil((SLOWNESS * heaterMs) / POLL_MS);
  const filter = NEWER_FILTER[options.filter as keyof typeof NEWER_FILTER];
  return { oversampling, filter, heater, heaterMs, measureMs, maxPolls };
}

function channels(options: Options): Channels {
  const { oversampling, filter, heater } = settings(options);
  const resolution = pressureResolution(oversampling.p, filter);
  return {
    temperature: { quantity: 'temperature', min: -40, max: 85, resolution: 0.01, decimals: 2 },
    ...(oversampling.h > 0 && { humidity: { quantity: 'humidity', min: 0, max: 100, resolution: 0.008, decimals: 2 } }),
    ...(oversampling.p > 0 && { pressure: { quantity: 'pressure', min: 300, max: 1100, resolution, decimals: 2 } }),
    // The ends of the lowest and the highest range of both variants.
    ...(heater.isOn && {
      gas_resistance: { quantity: 'resistance', min: 170, max: 102_400_000, resolution: 1, decimals: 0 },
    }),
  };
}

function worstCaseMs(options: Options): number {
  const { measureMs, maxPolls } = settings(options);
  return measureMs + maxPolls * (POLL_MS + 2) + BUS_MS;
}

async function identify(device: I2cDevice): Promise<string | undefined> {
  const [id] = await device.writeRead([ID], 1);
  return CHIPS_AT_D0[id!];
}

async function open({ device, options, wait, fail }: DriverContext<'i2c'>) {
  const { oversampling, filter, heater, heaterMs, measureMs, maxPolls } = settings(options);
  const declared = channels(options);
  const place = `0x${device.address.toString(16)}`;
  const stuck = () =>
    fail('sensor.identity', `bme680: ${place} answers with nothing but zeros or ones: check wiring and supply`);

  const name = await identify(device);
  if (name !== OUR_CHIP) {
    const id = await device.writeRead([ID], 1);
    if (isStuck(id)) throw stuck();
    const { who, advice } = refusal(name, id[0]!);
    throw fail('sensor.identity', `bme680: ${place} answers as ${who}, not as a BME680 or BME688: ${advice}`);
  }
  await device.write(RESET, RESET_WORD);
  await wait(START_UP_MS);
  const [variant] = await device.writeRead([VARIANT], 1);
  const trimming: number[] = [];
  for (const { register, length } of CALIBRATION) trimming.push(...(await device.writeRead([register], length)));
  if (isStuck(Uint8Array.from(trimming))) throw stuck();
  const calibration = parseCalibration(Uint8Array.from(trimming));
  const gas = variant === 1 ? GAS[1] : GAS[0];
  let ambient = USUAL_AMBIENT;

  const measure = async (signal: AbortSignal): Promise<Uint8Array> => {
    if (filter > 0) {
      const [config] = await device.writeRead([CONFIG], 1);
      if ((config! & FILTER_BITS) >> 2 !== filter) await device.write(CONFIG, filter << 2);
    }
    await device.write(CTRL_HUM, oversampling.h);
    if (heater.isOn) {
      await device.write(RES_HEAT_0, heaterCode(heater.target, ambient, calibration));
      await device.write(GAS_WAIT_0, heaterTimeCode(heaterMs));
      await device.write(CTRL_GAS_0, 0);
    }
    await device.write(CTRL_GAS_1, heater.isOn ? gas.run : 0);
    await device.write(CTRL_MEAS, (oversampling.t << 5) | (oversampling.p << 2) | FORCED_MODE);
    await wait(measureMs, signal);
    const newData = async () => {
      const field = await device.writeRead([FIELD.register], FIELD.length);
      return (field[0]! & (NEW_DATA | MEASURING)) === NEW_DATA && field;
    };
    const field = await lookUntil(newData, { times: maxPolls, lookAgainMs: POLL_MS, wait, signal });
    if (field) return field;
    throw fail(
      'sensor.not-ready',
      `bme680: the chip at ${place} has not ended measuring in its time: check its supply`,
    );
  };

  const gasResistance = (field: Uint8Array): number | undefined => {
    const [high, low] = field.subarray(gas.at, gas.at + 2);
    if (!heater.isOn || (low! & GAS_COUNTS) !== GAS_COUNTS) return undefined;
    const [raw, range] = [(high! << 2) | (low! >> 6), low! & 0x0f];
    return gas === GAS[1] ? gasResistanceHigh(raw, range) : gasResistanceLow(raw, range, calibration);
  };

  return {
    async read(signal: AbortSignal): Promise<Values> {
      const field = await measure(signal);
      const raw = { pressure: word20(field, 2), temperature: word20(field, 5), humidity: (field[8]! << 8) | field[9]! };
      if (raw.temperature === SKIPPED_20_BIT) {
        throw fail(
          'sensor.no-data',
          `bme680: the chip at ${place} has not measured: its supply may have failed meanwhile`,
        );
      }
      const fine = fineTemperature(raw.temperature, calibration);
      const celsius = within(declared.temperature, temperature(fine));
      // Everything else is computed from it.
      if (celsius === undefined) {
        throw fail(
          'sensor.range',
          `bme680: ${temperature(fine).toFixed(1)} Cel is outside of what the chip can measure: check it and its wiring`,
        );
      }
      ambient = celsius;
      const pascals = raw.pressure === SKIPPED_20_BIT ? undefined : pressurePa(raw.pressure, fine, calibration);
      const hectopascals = within(declared.pressure, pascals === undefined ? undefined : pascals / 100);
      const hasHumidity = declared.humidity && raw.humidity !== SKIPPED_16_BIT;
      const ohms = within(declared.gas_resistance, gasResistance(field));
      return {
        temperature: celsius,
        ...(hasHumidity && { humidity: humidity(raw.humidity, fine, calibration) }),
        ...(hectopascals !== undefined && { pressure: hectopascals }),
        ...(ohms !== undefined && { gas_resistance: ohms }),
      };
    },
    async close() {},
  };
}

const DEFAULTS = {
  oversampling_temperature: 1,
  oversampling_pressure: 1,
  oversampling_humidity: 1,
  filter: 0,
  gas: true,
  heater_temperature: 320,
  heater_duration: 150,
} as const;

const bme680: PollDriver<'i2c'> = {
  api: 1,
  id: 'bme680',
  title: 'Bosch BME680 or BME688 temperature, humidity, pressure and gas sensor',
  datasheet: 'https://www.bosch-sensortec.com/products/environmental-sensors/gas-sensors/bme680/',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x76, 0x77],
  channels: channels(DEFAULTS),
  options: {
    oversampling_temperature: {
      kind: 'choice',
      choices: [1, 2, 4, 8, 16],
      default: DEFAULTS.oversampling_temperature,
      doc: 'Samples of temperature in one measurement: more have less noise and take 2 ms each.',
    },
    oversampling_pressure: {
      kind: 'choice',
      choices: [0, 1, 2, 4, 8, 16],
      default: DEFAULTS.oversampling_pressure,
      doc: 'Samples of pressure in one measurement: more have less noise; 0 leaves the channel out.',
    },
    oversampling_humidity: {
      kind: 'choice',
      choices: [0, 1, 2, 4, 8, 16],
      default: DEFAULTS.oversampling_humidity,
      doc: 'Samples of humidity in one measurement: more have less noise; 0 leaves the channel out.',
    },
    filter: {
      kind: 'choice',
      choices: [0, 1, 3, 7, 15, 31, 63, 127],
      default: DEFAULTS.filter,
      doc: 'Smooths temperature and pressure in the chip, from one reading to the next: the coefficient, or 0 for none.',
    },
    gas: {
      kind: 'boolean',
      default: DEFAULTS.gas,
      doc: 'Whether to heat and measure the gas sensor: false leaves the channel out and saves most of the energy.',
    },
    heater_temperature: {
      kind: 'integer',
      min: 200,
      max: 400,
      unit: 'Cel',
      default: DEFAULTS.heater_temperature,
      doc: 'How hot the gas sensor is made, in Cel: other gases count at other temperatures.',
    },
    heater_duration: {
      kind: 'duration',
      min: 20,
      max: 4032,
      default: DEFAULTS.heater_duration,
      doc: 'How long it is heated before it is measured: a heater that has not become stable leaves the channel out.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ channels: channels(options), worstCaseMs: worstCaseMs(options) }),
  identify,
  open,
};

export default bme680;
