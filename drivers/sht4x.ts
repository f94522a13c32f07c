/**
 * Sensirion SHT40, SHT41 and SHT45: temperature and relative humidity.
 *
 * Digest of the datasheet ("SHT4x", by section title):
 * - "Command Overview": one-byte commands. 0xFD, 0xF6, 0xE0 measure at high, medium, low precision; 0x89 asks for the
 *   serial number; 0x94 resets. Every reply is two words, each followed by its CRC.
 * - "Timings": a measurement takes at most 8.3, 4.5 or 1.6 ms; a reset 1 ms. The chip idles by itself afterwards.
 * - A read during the measurement is not acknowledged; there is neither a status register nor clock stretching.
 * - "Conversion of Signal Output": T = -45 + 175 S / 65535; RH = -6 + 125 S / 65535, cropped to 0..100 %RH.
 *
 * The heater is not offered: what it warms is not what is to be measured.
 */
import { checkedWords, type DriverContext, type PollDriver } from '../src/driver.ts';

const MEASURE = {
  high: { command: 0xfd, maxMs: 8.3 },
  medium: { command: 0xf6, maxMs: 4.5 },
  low: { command: 0xe0, maxMs: 1.6 },
} as const;
const SERIAL_NUMBER = { command: 0x89, maxMs: 1 } as const;
const SOFT_RESET = { command: 0x94, maxMs: 1 } as const;
const REPLY_BYTES = 6;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 2;

type Crc = (bytes: Uint8Array) => number;

/** "Conversion of Signal Output", temperature in Cel. */
export const celsius = (ticks: number): number => -45 + (175 * ticks) / 65535;

/** "Conversion of Signal Output", %RH. The ticks reach from -6 to 119; what is not physical is cropped. */
export const relativeHumidity = (ticks: number): number => Math.min(100, Math.max(0, -6 + (125 * ticks) / 65535));

/** The serial number, 8 hex digits; undefined if a checksum is wrong. */
export function serialNumber(reply: Uint8Array, crc8: Crc): string | undefined {
  return checkedWords(reply, 2, crc8)
    ?.map((word) => word.toString(16).padStart(4, '0'))
    .join('');
}

async function open({ device, options, wait, fail, crc8 }: DriverContext<'i2c'>) {
  const { command, maxMs } = MEASURE[options.precision as keyof typeof MEASURE];
  const ask = async (what: { readonly command: number; readonly maxMs: number }, signal?: AbortSignal) => {
    await device.write(what.command);
    await wait(what.maxMs, signal);
    return device.read(REPLY_BYTES);
  };

  await device.write(SOFT_RESET.command);
  await wait(SOFT_RESET.maxMs);
  if (serialNumber(await ask(SERIAL_NUMBER), crc8) === undefined) {
    throw fail(
      'sensor.crc',
      'sht4x: the checksum of the serial number is wrong: this may be another chip, else shorten the wires',
    );
  }

  return {
    async read(signal: AbortSignal) {
      const [temperature, humidity] = checkedWords(await ask({ command, maxMs }, signal), 2, crc8) ?? [];
      if (temperature === undefined || humidity === undefined) {
        throw fail('sensor.crc', 'sht4x: the checksum of a reply is wrong: shorten the wires or slow the bus');
      }
      return { temperature: celsius(temperature), humidity: relativeHumidity(humidity) };
    },
    async close() {},
  };
}

const sht4x: PollDriver<'i2c'> = {
  api: 1,
  id: 'sht4x',
  title: 'Sensirion SHT40, SHT41 or SHT45 temperature and humidity sensor',
  datasheet: 'https://sensirion.com/resource/datasheet/sht4x',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x44, 0x45, 0x46],
  channels: {
    temperature: { quantity: 'temperature', min: -45, max: 130, resolution: 0.01, decimals: 2 },
    humidity: { quantity: 'humidity', min: 0, max: 100, resolution: 0.01, decimals: 2 },
  },
  options: {
    precision: {
      kind: 'choice',
      choices: ['high', 'medium', 'low'],
      default: 'high',
      doc: 'Repeatability of a measurement: high takes 8.3 ms, medium 4.5 ms, low 1.6 ms.',
    },
  },
  worstCaseMs: MEASURE.high.maxMs + BUS_MS,
  variant: (options) => ({ worstCaseMs: MEASURE[options.precision as keyof typeof MEASURE].maxMs + BUS_MS }),
  open,
};

export default sht4x;
