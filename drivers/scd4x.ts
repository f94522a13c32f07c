/**
 * Sensirion SCD40 and SCD41: carbon dioxide, temperature and relative humidity.
 *
 * Digest of the datasheet ("SCD4x", by section title):
 * - "Basic Commands": 0x21B1 measures every 5 s until 0x3F86 stops it, which takes 500 ms. 0xE4B8 asks whether there are
 *   new data (any of the lower 11 bits), 0xEC05 reads them, and is not acknowledged if there are none.
 * - "Low power operation": 0x21AC measures every 30 s and takes a fifth of the current.
 * - "Single shot measurement" (SCD41): 0x219D measures once in 5 s; the chip idles afterwards.
 * - While it measures periodically it takes no settings and no start: whatever ran before is stopped first.
 * - "On-chip output signal compensation": 0x241D temperature offset (4 Cel as delivered: what it warms itself while it
 *   measures every 5 s), 0x2427 altitude in m; "Field calibration": 0x2416 automatic self-calibration. Each argument and
 *   each word of a reply is followed by its CRC.
 * - T = -45 + 175 S / 65535; RH = 100 S / 65535; CO2 in ppm as it is.
 *
 * Which mode: `periodic`, the default, is what the chip's offset and calibration are made for, on both models. `low_power`
 * suits readings every minute or so. `single_shot` is for an SCD41 read seldom: nothing runs in between. Whatever the mode, a
 * read gives a measurement that ended after the read began: what was measured before is thrown away, so a read takes up to
 * one interval. Settings go to the chip's memory that a power cut clears, never to its EEPROM; those that are not given are
 * left as they are in the chip. After a brown-out a periodic chip stands still, which is refused, and the sensor is opened
 * anew; for single shots the settings are written before each.
 */
import { checkedWords, type DriverContext, lookUntil, type Options, type PollDriver } from '../src/driver.ts';

const MODES = {
  periodic: { start: [0x21, 0xb1], isPeriodic: true, intervalMs: 5_000 },
  low_power: { start: [0x21, 0xac], isPeriodic: true, intervalMs: 30_000 },
  single_shot: { start: [0x21, 0x9d], isPeriodic: false, intervalMs: 5_000 },
} as const;
const WAKE_UP = { command: [0x36, 0xf6], maxMs: 30 } as const;
const STOP = { command: [0x3f, 0x86], maxMs: 500 } as const;
const READ_SERIAL = [0x36, 0x82] as const;
const IS_DATA_READY = [0xe4, 0xb8] as const;
const READ_MEASUREMENT = [0xec, 0x05] as const;
const SET_TEMPERATURE_OFFSET = [0x24, 0x1d] as const;
const SET_ALTITUDE = [0x24, 0x27] as const;
const SET_SELF_CALIBRATION = [0x24, 0x16] as const;
const SHORT_MS = 1;
const READY_BITS = 0x07ff;
const BYTES_PER_WORD = 3;
/** The largest word. The chip specifies no more than 40,000 ppm, but says of no number that it is none. */
const MAX_CO2 = 0xffff;

/** How often a measurement is asked for, and how much later than by its nominal interval it may come. */
const POLL_MS = 250;
const LATENESS = 1.2;
/** What one question and its answer take on a bus of 100 kHz, rounded up, besides the wait. */
const BUS_MS = 2;

type Crc = (bytes: Uint8Array) => number;

/** Cel. */
export const celsius = (ticks: number): number => -45 + (175 * ticks) / 65535;

/** %RH. */
export const relativeHumidity = (ticks: number): number => (100 * ticks) / 65535;

/** The argument that sets an offset in Cel. */
export const offsetTicks = (offset: number): number => Math.round((offset * 65535) / 175);

export const isDataReady = (status: number): boolean => (status & READY_BITS) !== 0;

/** A word as it is sent: most significant byte first, then its checksum. */
export function framed(word: number, crc8: Crc): readonly number[] {
  const bytes = [word >> 8, word & 0xff];
  return [...bytes, crc8(Uint8Array.from(bytes))];
}

const modeOf = (options: Options) => MODES[options.mode as keyof typeof MODES];
const maxPolls = (intervalMs: number): number => Math.ceil((intervalMs * LATENESS) / POLL_MS);
/** Each poll waits for its turn, and then a moment for the answer. */
const worstCaseMs = (options: Options): number =>
  (maxPolls(modeOf(options).intervalMs) + 3) * (POLL_MS + SHORT_MS + BUS_MS);

async function open({ device, options, wait, fail, crc8 }: DriverContext<'i2c'>) {
  const { start, isPeriodic, intervalMs } = modeOf(options);
  const place = `0x${device.address.toString(16)}`;

  const ask = async (command: readonly number[], count: number, signal?: AbortSignal): Promise<readonly number[]> => {
    await device.write(...command);
    await wait(SHORT_MS, signal);
    const reply = checkedWords(await device.read(count * BYTES_PER_WORD), count, crc8);
    if (reply) return reply;
    throw fail(
      'sensor.crc',
      `scd4x: the checksum of a reply at ${place} is wrong: shorten the wires or slow the bus, unless it is another chip`,
    );
  };
  const set = async (command: readonly number[], value: number | undefined, signal?: AbortSignal) => {
    if (value === undefined) return;
    await device.write(...command, ...framed(value, crc8));
    await wait(SHORT_MS, signal);
  };
  const configure = async (signal?: AbortSignal) => {
    const { temperature_offset: offset, altitude, self_calibration: calibrates } = options;
    await set(SET_TEMPERATURE_OFFSET, offset === undefined ? undefined : offsetTicks(Number(offset)), signal);
    await set(SET_ALTITUDE, altitude === undefined ? undefined : Number(altitude), signal);
    await set(SET_SELF_CALIBRATION, calibrates === undefined ? undefined : Number(calibrates), signal);
  };
  const isReady = async (signal: AbortSignal) => isDataReady((await ask(IS_DATA_READY, 1, signal))[0]!);
  const untilReady = async (signal: AbortSignal) => {
    const looks = { times: maxPolls(intervalMs), lookAgainMs: POLL_MS, wait, signal };
    if (await lookUntil(() => isReady(signal), looks)) return;
    throw fail(
      'sensor.not-ready',
      `scd4x: the chip at ${place} has not measured in its time: its supply may have failed meanwhile`,
    );
  };

  // A chip that has been powered down acknowledges only what comes after this; no chip acknowledges this itself.
  await device.write(...WAKE_UP.command).catch(() => {});
  await wait(WAKE_UP.maxMs);
  await device.write(...STOP.command);
  await wait(STOP.maxMs);
  await ask(READ_SERIAL, 3);
  await configure();
  if (isPeriodic) await device.write(...start);
  let isClosed = false;

  return {
    async read(signal: AbortSignal) {
      if (isPeriodic) {
        // Measured before this read began, nobody knows when.
        if (await isReady(signal)) await ask(READ_MEASUREMENT, 3, signal);
      } else {
        await configure(signal);
        await device.write(...start);
        await wait(intervalMs, signal);
      }
      await untilReady(signal);
      const [co2, temperature, humidity] = await ask(READ_MEASUREMENT, 3, signal);
      return { co2: co2!, temperature: celsius(temperature!), humidity: relativeHumidity(humidity!) };
    },
    async close() {
      if (isClosed || !isPeriodic) return;
      isClosed = true;
      // A chip that is gone needs no stop; one that is there takes no command until it has stopped.
      await device.write(...STOP.command).then(
        () => wait(STOP.maxMs),
        () => {},
      );
    },
  };
}

const DEFAULTS = { mode: 'periodic' } as const;

const scd4x: PollDriver<'i2c'> = {
  api: 1,
  id: 'scd4x',
  title: 'Sensirion SCD40 or SCD41 carbon dioxide, temperature and humidity sensor',
  datasheet: 'https://sensirion.com/resource/datasheet/scd4x',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x62],
  channels: {
    co2: { quantity: 'co2', min: 0, max: MAX_CO2, resolution: 1, decimals: 0 },
    temperature: { quantity: 'temperature', min: -45, max: 130, resolution: 0.01, decimals: 2 },
    humidity: { quantity: 'humidity', min: 0, max: 100, resolution: 0.01, decimals: 2 },
  },
  options: {
    mode: {
      kind: 'choice',
      choices: ['periodic', 'low_power', 'single_shot'],
      default: DEFAULTS.mode,
      doc: 'Measures every 5 s (periodic), every 30 s at a fifth of the current (low_power), or only when read, which takes 5 s (single_shot, SCD41 only).',
    },
    altitude: {
      kind: 'integer',
      min: 0,
      max: 3000,
      unit: 'm',
      doc: 'Height above sea level, in m: thinner air reads as less CO2; the chip keeps its own setting unless given.',
    },
    temperature_offset: {
      kind: 'number',
      min: 0,
      max: 20,
      unit: 'Cel',
      doc: 'By how much the chip is warmer than the air, in Cel: temperature and humidity follow it; the chip keeps its own setting, 4 as delivered, unless given.',
    },
    self_calibration: {
      kind: 'boolean',
      doc: 'Whether the chip takes the lowest CO2 of a week for fresh air: switch it off where there is never any; the chip keeps its own setting unless given.',
    },
  },
  worstCaseMs: worstCaseMs(DEFAULTS),
  variant: (options) => ({ worstCaseMs: worstCaseMs(options) }),
  open,
};

export default scd4x;
