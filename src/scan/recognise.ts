/**
 * What is at an address that answers: first by the drivers that can be there and know their chip, then by the map of
 * addresses. Rules, for chips that are nobody's yet:
 *
 * - Reading a register means writing its number; nothing else is written to what answers as a register file.
 * - A multiplexer takes the number of a register for its setting: one that is met is set back to what it was.
 */

import { type I2cBus, type I2cDevice, i2cDevice } from '../bus/i2c.ts';
import type { Clock } from '../clock.ts';
import { codeOf, SedgeError } from '../errors.ts';
import { KNOWN_CHIPS, type KnownChip } from './address-map.ts';
import { type DriverTable, driverFor, driversAt } from './chips.ts';

export interface Recognised {
  /** By an id: "BME280". */
  readonly chip?: string;
  /** The driver to configure: of the chip, or the only one that can be here. */
  readonly driver?: string;
  /** What it may be, where no id tells. */
  readonly maybe: readonly string[];
}

/** A register that no chip of the map does anything at when it is read, and that is no command of any. */
const HARMLESS_REGISTER = 0x0f;
/** Multiplexers whose addresses are those of sensors with registers. */
const MUX_AND_SENSOR = [0x76, 0x77];
const MUX = 'TCA9548A';
const RELEASED = 0xff;

/** The value, or undefined where the chip does not answer; anything else that goes wrong is the bus's. */
async function answer<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'bus.timeout' || codeOf(error) === 'bus.busy') throw error;
    return undefined;
  }
}

/** Refuses what could change a register. */
function careful(device: I2cDevice, isRegisterFile: boolean): I2cDevice {
  const check = (bytes: readonly number[]) => {
    if (isRegisterFile && bytes.length > 1)
      throw new SedgeError('bus.unsupported', 'a second byte would be written into a register of an unknown chip');
  };
  return {
    address: device.address,
    clockHz: device.clockHz,
    read: (length) => device.read(length),
    async write(...bytes) {
      check(bytes);
      return device.write(...bytes);
    },
    async writeRead(bytes, length) {
      check(bytes);
      return device.writeRead(bytes, length);
    },
  };
}

async function probed(device: I2cDevice, { probe }: KnownChip, clock: Clock): Promise<boolean> {
  if (!probe) return false;
  const { send, length, waitMs } = probe;
  if (waitMs === undefined) {
    const reply = await answer(device.writeRead(send, length));
    return reply !== undefined && probe.is(reply);
  }
  if ((await answer(device.write(...send).then(() => true))) === undefined) return false;
  await clock.sleep(waitMs);
  const reply = await answer(device.read(length));
  return reply !== undefined && probe.is(reply);
}

export async function recognise(
  bus: I2cBus,
  address: number,
  { drivers, clock }: { readonly drivers: DriverTable; readonly clock: Clock },
): Promise<Recognised> {
  const candidates = driversAt(address, drivers);
  const known = KNOWN_CHIPS.filter(({ addresses }) => addresses.includes(address));
  const silent = candidates.filter(({ identify }) => identify === undefined);
  const unnamed = known.filter(({ probe }) => probe === undefined).map(({ name }) => name);
  const nothing: Recognised = {
    // Those whose driver here has no way to tell are named by the driver.
    maybe: [
      ...new Set([...silent.map(({ id }) => id.toUpperCase()), ...unnamed.filter((name) => !driverFor(name, drivers))]),
    ],
    ...(silent.length === 1 && { driver: silent[0]!.id }),
  };
  // With nobody to ask there is no reason to write anything.
  if (silent.length === candidates.length && known.every(({ probe }) => !probe)) return nothing;

  const plain = i2cDevice(bus, address);
  const before = MUX_AND_SENSOR.includes(address) ? await answer(plain.read(1)) : undefined;
  const first = await answer(plain.writeRead([HARMLESS_REGISTER], 1));
  const device = careful(plain, first !== undefined && first[0] !== RELEASED);
  if (before && first?.[0] === HARMLESS_REGISTER && (await isMux(plain, before))) return { chip: MUX, maybe: [] };

  for (const { identify } of candidates) {
    const chip = identify && (await answer(identify(device)));
    if (chip) return named(chip, drivers);
  }
  for (const one of known) if (await probed(device, one, clock)) return named(one.name, drivers);
  return nothing;
}

/** It gives back whatever was written last; then it is set to what it was. */
async function isMux(device: I2cDevice, before: Uint8Array): Promise<boolean> {
  const again = await answer(device.writeRead([0], 1));
  if (again?.[0] !== 0) return false;
  await answer(device.write(before[0]!));
  return true;
}

function named(chip: string, drivers: DriverTable): Recognised {
  const driver = driverFor(chip, drivers);
  return { chip, maybe: [], ...(driver !== undefined && { driver }) };
}
