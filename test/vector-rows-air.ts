/** The part of the vector rows that is about air: pressure, temperature, humidity, gases; see vector-rows.ts. */
import bmp280 from '../drivers/bmp280.ts';
import type { PollDriver } from '../src/driver.ts';
import { judge, type Members, type VectorFile, type VectorRow } from './vector-judge.ts';
import { type RegisterChip, readOnce, registerChip } from './vector-wire.ts';

export const AIR: Members = {
  temperature: { channel: 'temperature', scale: 1 },
  humidity: { channel: 'humidity', scale: 1 },
  // The files have Pa, Sedge has hPa.
  pressure: { channel: 'pressure', scale: 0.01 },
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
