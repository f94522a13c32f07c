/** The drivers, by the name that the configuration uses. A literal table: no scanning, no side effects. */
import type { AnyDriver } from '../src/driver.ts';
import ads1115 from './ads1115.ts';
import adxl345 from './adxl345.ts';
import bh1750 from './bh1750.ts';
import bme280 from './bme280.ts';
import gpioInput from './gpio-input.ts';
import hdc1080 from './hdc1080.ts';
import hdc2080 from './hdc2080.ts';
import host from './host.ts';
import htu21d from './htu21d.ts';
import ina219 from './ina219.ts';
import lm75 from './lm75.ts';
import mcp9808 from './mcp9808.ts';
import mock from './mock.ts';
import sht4x from './sht4x.ts';
import si7021 from './si7021.ts';
import sw420 from './sw420.ts';
import tmp102 from './tmp102.ts';
import tmp117 from './tmp117.ts';

export const drivers: Readonly<Record<string, AnyDriver>> = {
  ads1115,
  adxl345,
  bh1750,
  bme280,
  'gpio-input': gpioInput,
  hdc1080,
  hdc2080,
  host,
  htu21d,
  ina219,
  lm75,
  mcp9808,
  mock,
  sht4x,
  si7021,
  sw420,
  tmp102,
  tmp117,
};
