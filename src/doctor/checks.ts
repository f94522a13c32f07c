/** All checks, in the order in which they are told: from the machine to the wires to the broker. */
import { apiCheck } from './api.ts';
import { clockCheck } from './clock.ts';
import { configurationCheck } from './configuration.ts';
import { gpioCheck } from './gpio.ts';
import { i2cCheck } from './i2c.ts';
import { kernelCheck } from './kernel.ts';
import { powerCheck } from './power.ts';
import { nodeCheck, packagesCheck } from './program.ts';
import { sensorsCheck } from './sensors.ts';
import { serviceCheck } from './service.ts';
import { journalCheck, storageCheck } from './storage.ts';
import type { Check } from './types.ts';
import { uplinksCheck } from './uplinks.ts';

export const CHECKS: readonly Check[] = [
  nodeCheck,
  packagesCheck,
  configurationCheck,
  powerCheck,
  clockCheck,
  storageCheck,
  journalCheck,
  i2cCheck,
  kernelCheck,
  gpioCheck,
  sensorsCheck,
  uplinksCheck,
  apiCheck,
  serviceCheck,
];
