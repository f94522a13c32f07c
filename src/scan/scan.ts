/** The whole scan: every bus that sensors may be on, and what the kernel knows. */

import type { MuxPlace } from '../bus/buses.ts';
import type { I2cBus } from '../bus/i2c.ts';
import type { Clock } from '../clock.ts';
import type { System } from '../system.ts';
import { type MuxScan, scanBehindMux } from './behind-mux.ts';
import type { DriverTable } from './chips.ts';
import { type BusScan, scanBus } from './i2c.ts';
import {
  adapterName,
  boundChips,
  busNumbers,
  type ChipOfLines,
  gpioChips,
  hwmonDevices,
  iioDevices,
  type KernelDevice,
  oneWireDevices,
} from './sysfs.ts';

export interface Scan {
  readonly buses: readonly BusScan[];
  /** Buses that were left alone, since they are not for sensors. */
  readonly left: readonly { readonly bus: number; readonly name: string }[];
  readonly gpio: readonly ChipOfLines[];
  readonly oneWire: readonly KernelDevice[];
  readonly iio: readonly KernelDevice[];
  readonly hwmon: readonly KernelDevice[];
}

export interface Surroundings {
  readonly system: System;
  readonly drivers: DriverTable;
  readonly clock: Clock;
  i2c(on: number, mux?: MuxPlace): I2cBus;
  /** Multiplexers on a bus behind which to look. */
  muxes(on: number): readonly number[];
  /** What a running service uses on a bus: address and sensor. */
  inUse(on: number): ReadonlyMap<number, string>;
}

/** Displays, graphics and the mainboard: memory modules and monitors answer there, and some do not like to be asked. */
const NOT_FOR_SENSORS = /gmbus|ddc|aux|dpmst|hdmi|nvidia|amdgpu|radeon|smbus|designware hdmi|\bfef0\d500\.i2c/i;

export async function scanAll(only: number | undefined, around: Surroundings): Promise<Scan> {
  const { files } = around.system;
  const numbers = only === undefined ? await busNumbers(files) : [only];
  const names = new Map<number, string | undefined>();
  for (const number of numbers) names.set(number, await adapterName(number, files));
  const isLeft = (number: number) => only === undefined && NOT_FOR_SENSORS.test(names.get(number) ?? '');

  const one = async (number: number): Promise<BusScan> => {
    const bus = around.i2c(number);
    const name = names.get(number);
    const { drivers, clock } = around;
    const bound = await boundChips(number, files);
    const scanned = await scanBus(number, bus, { drivers, clock, bound, inUse: around.inUse(number) });
    const muxes: MuxScan[] = [];
    for (const address of scanned.error ? [] : around.muxes(number)) {
      const view = (channel: number) => around.i2c(number, { address, channel });
      muxes.push(await scanBehindMux(bus, address, { drivers, clock, beside: scanned.found, view }));
    }
    return { bus: number, clockHz: bus.clockHz, ...(name !== undefined && { name }), ...scanned, muxes };
  };
  const [buses, gpio, oneWire, iio, hwmon] = await Promise.all([
    Promise.all(numbers.filter((number) => !isLeft(number)).map(one)),
    gpioChips(around.system),
    oneWireDevices(files),
    iioDevices(files),
    hwmonDevices(files),
  ]);
  const left = numbers.filter(isLeft).map((bus) => ({ bus, name: names.get(bus)! }));
  return { buses, left, gpio, oneWire, iio, hwmon };
}
