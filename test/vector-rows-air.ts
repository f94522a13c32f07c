/** The part of the vector rows that is about air: pressure, temperature, humidity, gases; see vector-rows.ts. */
import { isDeepStrictEqual } from 'node:util';
import aht20 from '../drivers/aht20.ts';
import { heaterCode, heaterTimeCode, parseCalibration } from '../drivers/bme680.maths.ts';
import bme680 from '../drivers/bme680.ts';
import bmp280 from '../drivers/bmp280.ts';
import bmp388 from '../drivers/bmp388.ts';
import scd4x, { isDataReady } from '../drivers/scd4x.ts';
import sht3x, { statusBits } from '../drivers/sht3x.ts';
import type { SimulatedChip } from '../src/bus/sim.ts';
import { type Clock, checkedWords, crc8, type PollDriver } from '../src/driver.ts';
import { judge, type Members, type VectorFile, type VectorRow } from './vector-judge.ts';
import { commandChip, exchangesOf, type RegisterChip, readOnce, registerChip } from './vector-wire.ts';

export const AIR: Members = {
  temperature: { channel: 'temperature', scale: 1 },
  humidity: { channel: 'humidity', scale: 1 },
  // The files have Pa, Sedge has hPa.
  pressure: { channel: 'pressure', scale: 0.01 },
  co2: { channel: 'co2', scale: 1 },
  gasResistance: { channel: 'gas_resistance', scale: 1 },
};

type Verdict = Promise<string | undefined>;

/**
 * A chip of registers. Where the row says that it is busy, its registers hold old values: as long as it stays so the read
 * must be refused, and once `ready` has been done to it the values count.
 */
async function runRegisters(
  driver: PollDriver<'i2c'>,
  row: VectorRow,
  file: VectorFile,
  ready: (chip: RegisterChip) => void,
): Verdict {
  const chip = registerChip(row.wire);
  if (row.statusBusy) {
    const busy = await readOnce(driver, () => chip);
    if (!('code' in busy) || busy.code !== 'sensor.not-ready') return 'reported what a busy chip still held';
    ready(chip);
  }
  return judge(row, file, await readOnce(driver, () => chip), AIR);
}

const BMP280_STATUS = 0xf3;

export const runBmp280 = (row: VectorRow, file: VectorFile): Verdict =>
  runRegisters(bmp280, row, file, ({ registers }) => {
    registers[BMP280_STATUS] = 0;
  });

const BMP388_STATUS = 0x03;
const BMP388_READY = 0x60;

export const runBmp388 = (row: VectorRow, file: VectorFile): Verdict =>
  runRegisters(bmp388, row, file, ({ registers }) => {
    registers[BMP388_STATUS]! |= BMP388_READY;
  });

const SHT3X_PRECISION: Readonly<Record<string, string>> = { '2400': 'high', '240b': 'medium', '2416': 'low' };
/** The driver does without clock stretching where the files also stretch: the reply means the same. */
const SHT3X_SAME = { '2400': '2c06', '240b': '2c0d', '2416': '2c10' };
const SHT3X_STATUS = 'f32d';
/** The status after a reset: what the driver asks for at open. */
const SHT3X_ANSWERS = { [SHT3X_STATUS]: '8010e1' };

export async function runSht3x(row: VectorRow, file: VectorFile): Verdict {
  const exchange = exchangesOf(row).at(-1);
  if (exchange?.write === SHT3X_STATUS) {
    const [status] = checkedWords(Buffer.from(exchange.read ?? '', 'hex'), 1, crc8) ?? [];
    const got = status === undefined ? undefined : statusBits(status);
    return isDeepStrictEqual(got, row.expect) ? undefined : `read the status as ${JSON.stringify(got)}`;
  }
  const [command] = Object.entries(SHT3X_SAME).find((pair) => pair.includes(exchange?.write ?? '')) ?? [];
  const precision = SHT3X_PRECISION[command ?? ''];
  if (!precision) return `no precision has the command ${exchange?.write}`;
  const dialect = { same: SHT3X_SAME, answers: SHT3X_ANSWERS };
  return judge(row, file, await readOnce(sht3x, (clock) => commandChip(row, clock, dialect), { precision }), AIR);
}

const AHT20_STATUS = '71';
const AHT20_MEASURE = 'ac3300';
const AHT20_CALIBRATED = '18';

/** Answers what the row holds: each status once, and the replies to one measurement one after the other; the last again. */
function aht20Chip(row: VectorRow, clock: Clock): SimulatedChip {
  const exchanges = exchangesOf(row);
  const statuses = exchanges.filter(({ write }) => write === AHT20_STATUS).map(({ read }) => read ?? '');
  const measurement = exchanges.slice(exchanges.findIndex(({ write }) => write === AHT20_MEASURE));
  const initialise = exchanges.find(({ write }) => write === 'be0800')?.write;
  let isInitialised = false;
  let left = [...measurement];
  let readyMs = Number.POSITIVE_INFINITY;
  return {
    write(bytes) {
      const hex = Buffer.from(bytes).toString('hex');
      if (hex === initialise) isInitialised = true;
      if (hex !== AHT20_MEASURE) return true;
      left = [...measurement];
      readyMs = clock.monotonic() + (left[0]?.delayMs ?? 0);
      return true;
    },
    read(length) {
      if (length === 1) return Buffer.from(statuses.at(isInitialised ? -1 : 0) ?? AHT20_CALIBRATED, 'hex');
      if (clock.monotonic() < readyMs) return null;
      const reply = left[0]?.read ?? '';
      if (left.length > 1) left.shift();
      return Buffer.from(reply, 'hex');
    },
  };
}

export async function runAht20(row: VectorRow, file: VectorFile): Verdict {
  const model = row.config?.variant === 'AHT10' ? 'aht10' : 'aht20';
  return judge(row, file, await readOnce(aht20, (clock) => aht20Chip(row, clock), { model }), AIR);
}

const SCD4X_READY = 'e4b8';
/** Always something new, and a serial number: what the driver asks for besides the row's measurement. */
const SCD4X_ANSWERS = { [SCD4X_READY]: '800604', '3682': 'f896319f07c23bbe89' };

export async function runScd4x(row: VectorRow, file: VectorFile): Verdict {
  const exchange = exchangesOf(row).at(-1);
  if (exchange?.write === SCD4X_READY) {
    const [status] = checkedWords(Buffer.from(exchange.read ?? '', 'hex'), 1, crc8) ?? [];
    const dataReady = status === undefined ? undefined : isDataReady(status);
    return dataReady === row.expect?.dataReady ? undefined : `read the readiness as ${dataReady}`;
  }
  return judge(row, file, await readOnce(scd4x, (clock) => commandChip(row, clock, { answers: SCD4X_ANSWERS })), AIR);
}

const BME680_CALIBRATION = ['0x8A', '0xE1', '0x00'] as const;

export async function runBme680(row: VectorRow, file: VectorFile): Verdict {
  if (row.kind !== 'heater') return judge(row, file, await readOnce(bme680, () => registerChip(row.wire)), AIR);
  const { heaterTemp, heaterMs, ambient } = row.config ?? {};
  const bytes = Buffer.concat(BME680_CALIBRATION.map((block) => Buffer.from(String(row.wire?.[block]), 'hex')));
  const got = {
    'res_heat_0 (0x5A)': heaterCode(Number(heaterTemp), Number(ambient), parseCalibration(bytes)),
    'gas_wait_0 (0x64)': heaterTimeCode(Number(heaterMs)),
  };
  return isDeepStrictEqual(got, row.expect) ? undefined : `would set the heater to ${JSON.stringify(got)}`;
}
