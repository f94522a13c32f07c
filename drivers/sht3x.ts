/**
 * Sensirion SHT30, SHT31 and SHT35: temperature and relative humidity.
 *
 * Digest of the datasheet ("SHT3x-DIS", by section title):
 * - "Measurement Commands for Single Shot Data Acquisition Mode": 0x2400, 0x240B, 0x2416 measure once at high, medium, low
 *   repeatability without clock stretching, which a Raspberry Pi does badly. A read before the end is not acknowledged.
 * - "Timing Specification": a measurement takes at most 15.5, 6.5 or 4.5 ms; a soft reset 1.5 ms.
 * - "Break command": 0x3093 ends periodic measuring, in which single shots are refused; 1 ms later the chip listens.
 * - "Status Register": 0xF32D. Bit 15 alert, 13 heater, 11 and 10 alerts of humidity and temperature, 4 reset detected,
 *   1 last command failed, 0 checksum of the last write wrong. The reset leaves the heater off.
 * - "Conversion of Signal Output": T = -45 + 175 S / 65535; RH = 100 S / 65535. Each word is followed by its CRC.
 *
 * The chip has no id and keeps no settings that a single shot depends on: there is nothing to write again after a
 * brown-out. The heater is not offered: what it warms is not what is to be measured.
 */
import { checkedWords, type DriverContext, type PollDriver } from '../src/driver.ts';

const MEASURE = {
  high: { command: [0x24, 0x00], maxMs: 15.5 },
  medium: { command: [0x24, 0x0b], maxMs: 6.5 },
  low: { command: [0x24, 0x16], maxMs: 4.5 },
} as const;
const STOP = { command: [0x30, 0x93], maxMs: 1 } as const;
const SOFT_RESET = { command: [0x30, 0xa2], maxMs: 2 } as const;
const STATUS = [0xf3, 0x2d] as const;
const STATUS_BYTES = 3;
const REPLY_BYTES = 6;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 2;

/** "Conversion of Signal Output", temperature in Cel. */
export const celsius = (ticks: number): number => -45 + (175 * ticks) / 65535;

/** "Conversion of Signal Output", %RH. */
export const relativeHumidity = (ticks: number): number => (100 * ticks) / 65535;

/** "Status Register", by name. */
export const statusBits = (status: number) => ({
  alertPending: (status & 0x8000) !== 0,
  heaterOn: (status & 0x2000) !== 0,
  rhAlert: (status & 0x0800) !== 0,
  tAlert: (status & 0x0400) !== 0,
  resetDetected: (status & 0x0010) !== 0,
  commandFailed: (status & 0x0002) !== 0,
  writeCrcFailed: (status & 0x0001) !== 0,
});

async function open({ device, options, wait, fail, crc8 }: DriverContext<'i2c'>) {
  const { command, maxMs } = MEASURE[options.precision as keyof typeof MEASURE];
  const place = `0x${device.address.toString(16)}`;

  // Whatever ran before may have left it measuring periodically.
  await device.write(...STOP.command);
  await wait(STOP.maxMs);
  await device.write(...SOFT_RESET.command);
  await wait(SOFT_RESET.maxMs);
  await device.write(...STATUS);
  const [status] = checkedWords(await device.read(STATUS_BYTES), 1, crc8) ?? [];
  if (status === undefined) {
    throw fail(
      'sensor.crc',
      `sht3x: the checksum of the status at ${place} is wrong: this may be another chip (SHT4x, OPT3001), else shorten the wires`,
    );
  }
  if (statusBits(status).heaterOn) {
    throw fail(
      'sensor.no-data',
      `sht3x: the heater at ${place} stays on after a reset: cut the chip's supply for a moment`,
    );
  }

  return {
    async read(signal: AbortSignal) {
      await device.write(...command);
      await wait(maxMs, signal);
      const [temperature, humidity] = checkedWords(await device.read(REPLY_BYTES), 2, crc8) ?? [];
      if (temperature === undefined || humidity === undefined) {
        throw fail('sensor.crc', 'sht3x: the checksum of a reply is wrong: shorten the wires or slow the bus');
      }
      return { temperature: celsius(temperature), humidity: relativeHumidity(humidity) };
    },
    async close() {},
  };
}

const sht3x: PollDriver<'i2c'> = {
  api: 1,
  id: 'sht3x',
  title: 'Sensirion SHT30, SHT31 or SHT35 temperature and humidity sensor',
  datasheet: 'https://sensirion.com/resource/datasheet/sht3x-dis',
  kind: 'poll',
  bus: 'i2c',
  addresses: [0x44, 0x45],
  channels: {
    temperature: { quantity: 'temperature', min: -45, max: 130, resolution: 0.01, decimals: 2 },
    humidity: { quantity: 'humidity', min: 0, max: 100, resolution: 0.01, decimals: 2 },
  },
  options: {
    precision: {
      kind: 'choice',
      choices: ['high', 'medium', 'low'],
      default: 'high',
      doc: 'Repeatability of a measurement: high takes 15.5 ms, medium 6.5 ms, low 4.5 ms.',
    },
  },
  worstCaseMs: MEASURE.high.maxMs + BUS_MS,
  variant: (options) => ({ worstCaseMs: MEASURE[options.precision as keyof typeof MEASURE].maxMs + BUS_MS }),
  open,
};

export default sht3x;
