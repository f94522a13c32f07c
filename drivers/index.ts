/** The drivers, by the name that the configuration uses. A literal table: no scanning, no side effects. */
import type { AnyDriver } from '../src/driver.ts';
import adxl345 from './adxl345.ts';
import bh1750 from './bh1750.ts';
import bme280 from './bme280.ts';
import gpioInput from './gpio-input.ts';
import host from './host.ts';
import lis3dh from './lis3dh.ts';
import mock from './mock.ts';
import mpu6050 from './mpu6050.ts';
import opt3001 from './opt3001.ts';
import sht4x from './sht4x.ts';
import sw420 from './sw420.ts';
import tsl2561 from './tsl2561.ts';
import tsl2591 from './tsl2591.ts';
import veml7700 from './veml7700.ts';

export const drivers: Readonly<Record<string, AnyDriver>> = {
  adxl345,
  bh1750,
  bme280,
  'gpio-input': gpioInput,
  host,
  lis3dh,
  mock,
  mpu6050,
  opt3001,
  sht4x,
  sw420,
  tsl2561,
  tsl2591,
  veml7700,
};
