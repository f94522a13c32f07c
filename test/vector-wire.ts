/**
 * Chips made of what a vector holds: a file of registers, or one conversation. They stand on the simulated bus, so that
 * the real driver reads them; what a driver must say besides (its reset, its settings) they acknowledge.
 */
import { i2cDevice } from '../src/bus/i2c.ts';
import type { SimulatedChip } from '../src/bus/sim.ts';
import { simulatedI2cBus } from '../src/bus/simulated-i2c.ts';
import { virtualClock } from '../src/clock.ts';
import { type Clock, driverContext, type Options, type PollDriver } from '../src/driver.ts';
import { optionsOf, outcomeOf } from './rig.ts';
import type { Outcome, VectorRow } from './vector-judge.ts';

export interface RegisterChip extends SimulatedChip {
  readonly registers: Uint8Array;
}

/** `{"0xF7": "hex"}`: registers of one byte whose address counts up. Writes are kept; nothing else happens. */
export function registerChip(wire: VectorRow['wire'] = {}): RegisterChip {
  const registers = new Uint8Array(256);
  for (const [address, hex] of Object.entries(wire)) {
    if (typeof hex === 'string') registers.set(Buffer.from(hex, 'hex'), Number(address));
  }
  let pointer = 0;
  return {
    registers,
    write(bytes) {
      pointer = bytes[0] ?? pointer;
      registers.set(bytes.subarray(1), pointer);
      return true;
    },
    read: (length) => registers.slice(pointer, pointer + length),
  };
}

interface Exchange {
  readonly write: string;
  readonly delayMs?: number;
  readonly read?: string;
}

export const exchangesOf = (row: VectorRow): readonly Exchange[] =>
  (row.wire?.commands as readonly Exchange[] | undefined) ?? [];

export interface Dialect {
  /** The driver's own measurement command -> the one that the vectors may name for the same measurement. */
  readonly same?: Readonly<Record<string, string>>;
  /** Questions outside the vector's conversation that the driver asks, with their answers. */
  readonly answers?: Readonly<Record<string, string>>;
}

/**
 * `{"commands": [...]}`: answers one read after the last command, no sooner than its delay, provided that the commands
 * before it came just before it. Every other command is acknowledged and gives nothing to read.
 */
export function commandChip(row: VectorRow, clock: Clock, { same = {}, answers = {} }: Dialect = {}): SimulatedChip {
  const exchanges = exchangesOf(row);
  const last = exchanges.at(-1);
  const before = exchanges.slice(0, -1).map(({ write }) => write);
  let written: string[] = [];
  let reply: { readonly bytes: Uint8Array; readonly readyMs: number } | undefined;
  return {
    write(bytes) {
      const hex = Buffer.from(bytes).toString('hex');
      reply = undefined;
      const isMeasurement = hex === last?.write || same[hex] === last?.write;
      if (isMeasurement && before.every((command, at) => written.at(at - before.length) === command)) {
        reply = { bytes: Buffer.from(last?.read ?? '', 'hex'), readyMs: clock.monotonic() + (last?.delayMs ?? 0) };
        written = [];
      } else if (answers[hex] !== undefined) {
        reply = { bytes: Buffer.from(answers[hex], 'hex'), readyMs: clock.monotonic() };
      } else {
        written.push(hex);
      }
      return true;
    },
    read: () => (reply && clock.monotonic() >= reply.readyMs ? reply.bytes : null),
  };
}

/** Opens the driver on a chip and reads once. An error without a code is a fault of the driver and is thrown. */
export async function readOnce(
  driver: PollDriver<'i2c'>,
  chipOn: (clock: Clock) => SimulatedChip,
  options: Options = {},
): Promise<Outcome> {
  const clock = virtualClock({ automatic: true });
  const bus = simulatedI2cBus();
  const address = driver.addresses?.[0] ?? 0;
  bus.attach(address, chipOn(clock));
  const read = async () => {
    const sensor = await driver.open(driverContext<'i2c'>(i2cDevice(bus, address), clock, optionsOf(driver, options)));
    return sensor.read(new AbortController().signal);
  };
  const outcome = await outcomeOf(read());
  return 'value' in outcome ? { values: outcome.value } : outcome;
}
