/** The drivers, by the name that the configuration uses. A literal table: no scanning, no side effects. */
import type { AnyDriver } from '../src/driver.ts';
import bh1750 from './bh1750.ts';
import bme280 from './bme280.ts';
import sht4x from './sht4x.ts';

export const drivers: Readonly<Record<string, AnyDriver>> = {
  bh1750,
  bme280,
  sht4x,
};
