/** The simulations, by the name of their driver; loaded only when simulating. A driver without hardware has none. */
import type { Simulation } from '../src/bus/sim.ts';
import { simulation as adxl345 } from './adxl345.sim.ts';
import { simulation as bh1750 } from './bh1750.sim.ts';
import { simulation as bme280 } from './bme280.sim.ts';
import { simulation as gpioInput } from './gpio-input.sim.ts';
import { simulation as lis3dh } from './lis3dh.sim.ts';
import { simulation as mpu6050 } from './mpu6050.sim.ts';
import { simulation as opt3001 } from './opt3001.sim.ts';
import { simulation as sht4x } from './sht4x.sim.ts';
import { simulation as sw420 } from './sw420.sim.ts';
import { simulation as tsl2561 } from './tsl2561.sim.ts';
import { simulation as tsl2591 } from './tsl2591.sim.ts';
import { simulation as veml7700 } from './veml7700.sim.ts';

export const simulations: Readonly<Record<string, Simulation>> = {
  adxl345,
  bh1750,
  bme280,
  'gpio-input': gpioInput,
  lis3dh,
  mpu6050,
  opt3001,
  sht4x,
  sw420,
  tsl2561,
  tsl2591,
  veml7700,
};
