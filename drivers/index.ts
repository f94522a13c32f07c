/** The drivers, by the name that the configuration uses. A literal table: no scanning, no side effects. */
import type { AnyDriver } from '../src/driver.ts';
import sht4x from './sht4x.ts';

export const drivers: Readonly<Record<string, AnyDriver>> = {
  sht4x,
};
