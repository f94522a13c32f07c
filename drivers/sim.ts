/** The simulations, by the name of their driver; loaded only when simulating. A driver without hardware has none. */
import type { Simulation } from '../src/bus/sim.ts';
import { simulation as ads1115 } from './ads1115.sim.ts';
import { simulation as adxl345 } from './adxl345.sim.ts';
import { simulation as aht20 } from './aht20.sim.ts';
import { simulation as bh1750 } from './bh1750.sim.ts';
import { simulation as bme280 } from './bme280.sim.ts';
import { simulation as bme680 } from './bme680.sim.ts';
import { simulation as bmp280 } from './bmp280.sim.ts';
import { simulation as bmp388 } from './bmp388.sim.ts';
import { simulation as dht } from './dht.sim.ts';
import { simulation as ds18b20 } from './ds18b20.sim.ts';
import { simulation as gpioInput } from './gpio-input.sim.ts';
import { simulation as hdc1080 } from './hdc1080.sim.ts';
import { simulation as hdc2080 } from './hdc2080.sim.ts';
import { simulation as htu21d } from './htu21d.sim.ts';
import { simulation as hwmon } from './hwmon.sim.ts';
import { simulation as iio } from './iio.sim.ts';
import { simulation as ina219 } from './ina219.sim.ts';
import { simulation as lis3dh } from './lis3dh.sim.ts';
import { simulation as lm75 } from './lm75.sim.ts';
import { simulation as mcp9808 } from './mcp9808.sim.ts';
import { simulation as mpu6050 } from './mpu6050.sim.ts';
import { simulation as opt3001 } from './opt3001.sim.ts';
import { simulation as pir } from './pir.sim.ts';
import { simulation as pulseCounter } from './pulse-counter.sim.ts';
import { simulation as reed } from './reed.sim.ts';
import { simulation as scd4x } from './scd4x.sim.ts';
import { simulation as sht3x } from './sht3x.sim.ts';
import { simulation as sht4x } from './sht4x.sim.ts';
import { simulation as shtc3 } from './shtc3.sim.ts';
import { simulation as si7021 } from './si7021.sim.ts';
import { simulation as sw420 } from './sw420.sim.ts';
import { simulation as tmp102 } from './tmp102.sim.ts';
import { simulation as tmp117 } from './tmp117.sim.ts';
import { simulation as tsl2561 } from './tsl2561.sim.ts';
import { simulation as tsl2591 } from './tsl2591.sim.ts';
import { simulation as veml7700 } from './veml7700.sim.ts';

export const simulations: Readonly<Record<string, Simulation>> = {
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
  htu21d,
  hwmon,
  iio,
  ina219,
  lis3dh,
  lm75,
  mcp9808,
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
