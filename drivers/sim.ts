/** The simulations, by the name of their driver; loaded only when simulating. A driver without hardware has none. */
import type { Simulation } from '../src/bus/sim.ts';
import { simulation as ads1115 } from './ads1115.sim.ts';
import { simulation as adxl345 } from './adxl345.sim.ts';
import { simulation as bh1750 } from './bh1750.sim.ts';
import { simulation as bme280 } from './bme280.sim.ts';
import { simulation as gpioInput } from './gpio-input.sim.ts';
import { simulation as hdc1080 } from './hdc1080.sim.ts';
import { simulation as hdc2080 } from './hdc2080.sim.ts';
import { simulation as htu21d } from './htu21d.sim.ts';
import { simulation as ina219 } from './ina219.sim.ts';
import { simulation as lm75 } from './lm75.sim.ts';
import { simulation as mcp9808 } from './mcp9808.sim.ts';
import { simulation as sht4x } from './sht4x.sim.ts';
import { simulation as si7021 } from './si7021.sim.ts';
import { simulation as sw420 } from './sw420.sim.ts';
import { simulation as tmp102 } from './tmp102.sim.ts';
import { simulation as tmp117 } from './tmp117.sim.ts';

export const simulations: Readonly<Record<string, Simulation>> = {
  ads1115,
  adxl345,
  bh1750,
  bme280,
  'gpio-input': gpioInput,
  hdc1080,
  hdc2080,
  htu21d,
  ina219,
  lm75,
  mcp9808,
  sht4x,
  si7021,
  sw420,
  tmp102,
  tmp117,
};
