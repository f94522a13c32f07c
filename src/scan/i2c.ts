/**
 * One I2C bus, address by address. Whoever acknowledges its bare address is there, so that parts which refuse a bare read
 * (SHT3x, SHT4x) are found; where EEPROMs live it is a read, since a bare write address can lock some of them. Reserved
 * addresses are left out, and so are those that a kernel driver or a running service uses.
 */

import type { I2cBus } from '../bus/i2c.ts';
import type { Clock } from '../clock.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { MuxScan } from './behind-mux.ts';
import type { DriverTable } from './chips.ts';
import { type Recognised, recognise } from './recognise.ts';
import type { BoundChip } from './sysfs.ts';

/** Below and above, addresses have other meanings (I2C specification, section "Reserved addresses"). */
export const FIRST_ADDRESS = 0x08;
export const LAST_ADDRESS = 0x77;
/** A bus on which this many transfers do not end is stuck. */
const MAX_TIMEOUTS = 2;
const NOTHING = new Uint8Array(0);

export type Found =
  | ({ readonly address: number; readonly state: 'found' } & Recognised)
  | { readonly address: number; readonly state: 'kernel'; readonly kernelDriver: string }
  | { readonly address: number; readonly state: 'service'; readonly sensor: string };

export interface BusScan {
  readonly bus: number;
  /** What the kernel calls the adapter. */
  readonly name?: string;
  readonly clockHz: number;
  readonly found: readonly Found[];
  /** Behind the multiplexers that were to be looked behind. */
  readonly muxes: readonly MuxScan[];
  /** Why it could not be looked at, or not to its end. */
  readonly error?: { readonly code: string; readonly message: string };
}

export interface ScanOptions {
  readonly drivers: DriverTable;
  readonly clock: Clock;
  readonly bound: readonly BoundChip[];
  /** Addresses that a running service talks to, with its sensors. */
  readonly inUse: ReadonlyMap<number, string>;
}

const isWhereEepromsLive = (address: number): boolean =>
  (address >= 0x30 && address <= 0x37) || (address >= 0x50 && address <= 0x5f);

async function answers(bus: I2cBus, address: number): Promise<boolean> {
  const ask = (rxLength: number) => bus.transfer(address, NOTHING, rxLength);
  try {
    await ask(isWhereEepromsLive(address) ? 1 : 0);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'bus.nack' || code === 'bus.io') return false;
    if (code !== 'bus.unsupported') throw error;
    // An adapter that cannot send a bare address.
    return ask(1).then(
      () => true,
      () => false,
    );
  }
}

export async function scanBus(
  number: number,
  bus: I2cBus,
  { drivers, clock, bound, inUse }: ScanOptions,
): Promise<Pick<BusScan, 'found' | 'error'>> {
  const found: Found[] = [];
  let timeouts = 0;
  for (let address = FIRST_ADDRESS; address <= LAST_ADDRESS; address++) {
    const holder = bound.find((chip) => chip.address === address);
    const sensor = inUse.get(address);
    if (holder) found.push({ address, state: 'kernel', kernelDriver: holder.driver });
    else if (sensor !== undefined) found.push({ address, state: 'service', sensor });
    else {
      try {
        if (!(await answers(bus, address))) continue;
        found.push({ address, state: 'found', ...(await recognise(bus, address, { drivers, clock })) });
      } catch (error) {
        const code = codeOf(error) ?? 'bus.io';
        if (code === 'bus.busy') {
          found.push({ address, state: 'kernel', kernelDriver: 'unknown' });
          continue;
        }
        timeouts += 1;
        if (code === 'bus.timeout' && timeouts < MAX_TIMEOUTS) continue;
        const stuck = `I2C bus ${number} is stuck (${messageOf(error)})`;
        return { found, error: { code, message: code === 'bus.timeout' ? stuck : messageOf(error) } };
      }
    }
  }
  return { found };
}
