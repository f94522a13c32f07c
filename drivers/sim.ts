/** The simulations, by the name of their driver; loaded only when simulating. A driver without hardware has none. */
import type { Simulation } from '../src/bus/sim.ts';
import { simulation as bh1750 } from './bh1750.sim.ts';
import { simulation as bme280 } from './bme280.sim.ts';
import { simulation as sht4x } from './sht4x.sim.ts';

export const simulations: Readonly<Record<string, Simulation>> = {
  bh1750,
  bme280,
  sht4x,
};
