/**
 * Which code of ours a row of a vector file checks, by the file's `sensor`. A file that is not in this table is skipped.
 * A new driver adds one entry: how its row becomes a chip and options, and which channel each expected member is.
 */
import bh1750 from '../drivers/bh1750.ts';
import bme280, { measurementUs, type Oversampling } from '../drivers/bme280.ts';
import { measurementUs as bme680Us } from '../drivers/bme680.maths.ts';
import sht4x, { serialNumber } from '../drivers/sht4x.ts';
import { crc8 } from '../src/driver.ts';
import { judge, type Members, type VectorFile, type VectorRow } from './vector-judge.ts';
import { AIR, runAht20, runBme680, runBmp280, runBmp388, runScd4x, runSht3x } from './vector-rows-air.ts';
import { runDs18b20, runIio } from './vector-rows-files.ts';
import { runOpt3001, runTsl2561, runTsl2591, runVeml7700 } from './vector-rows-light.ts';
import { runAdxl345, runLis3dh, runMpu6050, runVibration } from './vector-rows-motion.ts';
import {
  runAds1115,
  runHdc1080,
  runHdc2080,
  runHtu21d,
  runIna219,
  runLm75,
  runMcp9808,
  runSi7021,
  runTmp102,
  runTmp117,
} from './vector-rows-words.ts';
import { commandChip, exchangesOf, readOnce, registerChip } from './vector-wire.ts';

/** Nothing of ours computes what this row is about. */
export const UNOWNED = Symbol('unowned');
/** Undefined when the row passes; else a sentence, or UNOWNED. */
export type RowRunner = (row: VectorRow, file: VectorFile) => Promise<string | undefined | typeof UNOWNED>;

const LIGHT: Members = { illuminance: { channel: 'illuminance', scale: 1 } };

const BME280_STATUS = 0xf3;

const runBme280: RowRunner = async (row, file) => {
  const chip = registerChip(row.wire);
  if (row.statusBusy) {
    // The registers hold old values while a status bit is set. A bit that stays set must be refused; once it clears, the
    // values count.
    const busy = await readOnce(bme280, () => chip);
    if (!('code' in busy) || busy.code !== 'sensor.not-ready') return 'reported what a busy chip still held';
    chip.registers[BME280_STATUS] = 0;
  }
  return judge(row, file, await readOnce(bme280, () => chip), AIR);
};

const SHT4X_PRECISION: Readonly<Record<string, string>> = { fd: 'high', f6: 'medium', e0: 'low' };
/** A serial number with right checksums: what the driver asks for at open. */
const SHT4X_ANSWERS = { '89': 'e8fa991207a1' };

const runSht4x: RowRunner = async (row, file) => {
  const exchange = exchangesOf(row).at(-1);
  if (row.expect && 'serial' in row.expect) {
    const got = serialNumber(Buffer.from(exchange?.read ?? '', 'hex'), crc8);
    return got === row.expect.serial ? undefined : `read the serial number ${got} instead of ${row.expect.serial}`;
  }
  const precision = SHT4X_PRECISION[exchange?.write ?? ''];
  if (!precision) return `no precision has the command ${exchange?.write}`;
  const outcome = await readOnce(sht4x, (clock) => commandChip(row, clock, { answers: SHT4X_ANSWERS }), { precision });
  return judge(row, file, outcome, AIR);
};

const BH1750_RESOLUTION: Readonly<Record<number, string>> = { 0: 'high', 1: 'high2', 3: 'low' };
/** The driver measures once where the files also measure continuously: the count means the same. */
const BH1750_SAME = { '20': '10', '21': '11', '23': '13' };

const runBh1750: RowRunner = async (row, file) => {
  const resolution = BH1750_RESOLUTION[Number(row.config?.mode) & 0x0f];
  const time = row.config?.mtreg;
  if (!resolution || typeof time !== 'number') return 'no options of ours are this configuration';
  const outcome = await readOnce(bh1750, (clock) => commandChip(row, clock, { same: BH1750_SAME }), {
    resolution,
    measurement_time: time,
  });
  return judge(row, file, outcome, LIGHT);
};

const OUR_POLYNOMIAL = '0x31';

const runCrc8: RowRunner = async ({ poly, init, data, crc }) => {
  // The 1-Wire checksum is the kernel's business: nothing of ours computes it.
  if (poly !== OUR_POLYNOMIAL) return UNOWNED;
  const got = crc8(Buffer.from(String(data), 'hex'), Number(init))
    .toString(16)
    .padStart(2, '0');
  return got === crc ? undefined : `computed ${got} instead of ${crc}`;
};

const runBoschTiming: RowRunner = async ({ sensor, osr, maxDelayUs, measureUs }) => {
  const times: Readonly<Record<string, (oversampling: Oversampling) => number>> = {
    bme280: measurementUs,
    bme680: bme680Us,
  };
  const time = times[String(sensor)];
  if (!time) return UNOWNED;
  const [got, expected] = [time(osr as Oversampling), maxDelayUs ?? measureUs];
  return got === expected ? undefined : `waits ${got} us instead of ${expected} us`;
};

export const rowRunners: Readonly<Record<string, RowRunner>> = {
  ads1115: runAds1115,
  adxl345: runAdxl345,
  aht20: runAht20,
  bh1750: runBh1750,
  bme280: runBme280,
  bme680: runBme680,
  bmp280: runBmp280,
  bmp388: runBmp388,
  'bosch-timing': runBoschTiming,
  crc8: runCrc8,
  ds18b20: runDs18b20,
  hdc1080: runHdc1080,
  hdc2080: runHdc2080,
  htu21d: runHtu21d,
  'iio-sysfs': runIio,
  ina219: runIna219,
  lis3dh: runLis3dh,
  lm75: runLm75,
  mcp9808: runMcp9808,
  mpu6050: runMpu6050,
  opt3001: runOpt3001,
  scd4x: runScd4x,
  sht3x: runSht3x,
  sht4x: runSht4x,
  si7021: runSi7021,
  tmp102: runTmp102,
  tmp117: runTmp117,
  tsl2561: runTsl2561,
  tsl2591: runTsl2591,
  veml7700: runVeml7700,
  vibration: runVibration,
};
