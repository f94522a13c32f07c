/** The drivers, by the name that the configuration uses. A literal table: no scanning, no side effects. */
import type { AnyDriver } from '../src/driver.ts';
import ads1115 from './ads1115.ts';
import adxl345 from './adxl345.ts';
import aht20 from './aht20.ts';
import bh1750 from './bh1750.ts';
import bme280 from './bme280.ts';
import bme680 from './bme680.ts';
import bmp280 from './bmp280.ts';
import bmp388 from './bmp388.ts';
import dht from './dht.ts';
import ds18b20 from './ds18b20.ts';
import gpioInput from './gpio-input.ts';
import hdc1080 from './hdc1080.ts';
import hdc2080 from './hdc2080.ts';
import host from './host.ts';
import htu21d from './htu21d.ts';
import hwmon from './hwmon.ts';
import iio from './iio.ts';
import ina219 from './ina219.ts';
import lis3dh from './lis3dh.ts';
import lm75 from './lm75.ts';
import mcp9808 from './mcp9808.ts';
import mock from './mock.ts';
import mpu6050 from './mpu6050.ts';
import opt3001 from './opt3001.ts';
import pir from './pir.ts';
import pulseCounter from './pulse-counter.ts';
import reed from './reed.ts';
import scd4x from './scd4x.ts';
import sht3x from './sht3x.ts';
import sht4x from './sht4x.ts';
import shtc3 from './shtc3.ts';
import si7021 from './si7021.ts';
import sw420 from './sw420.ts';
import tmp102 from './tmp102.ts';
import tmp117 from './tmp117.ts';
import tsl2561 from './tsl2561.ts';
import tsl2591 from './tsl2591.ts';
import veml7700 from './veml7700.ts';

export const drivers: Readonly<Record<string, AnyDriver>> = {
  ads1115,
  adxl345,
  aht20,
  bh1750,
  bme280,
  bme680,
  bmp280,
  bmp388,
  dht,
  ds18b20,
  'gpio-input': gpioInput,
  hdc1080,
  hdc2080,
  host,
  htu21d,
  hwmon,
  iio,
  ina219,
  lis3dh,
  lm75,
  mcp9808,
  mock,
  mpu6050,
  opt3001,
  pir,
  'pulse-counter': pulseCounter,
  reed,
  scd4x,
  sht3x,
  sht4x,
  shtc3,
  si7021,
  sw420,
  tmp102,
  tmp117,
  tsl2561,
  tsl2591,
  veml7700,
};
