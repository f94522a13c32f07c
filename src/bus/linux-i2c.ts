/**
 * I2C on Linux, through the optional package i2c-bus. Keeps the contract of i2c.ts on top of a package that keeps state
 * badly; each promise here fences one of its traps.
 *
 * - One operation in flight, ever: the package runs overlapping first calls to an address with no address set, and its
 *   calls cannot be cancelled. A transfer that takes too long is given up with `bus.timeout`, but the bus stays taken until
 *   the kernel is done with it; who waits too long for that is told `bus.busy`. A stuck bus holds one pool thread, not more.
 * - After any failure the package's bus object is thrown away and the next transfer opens a new one: after EBUSY at an
 *   address the package would go on without an address, and a bus that went away can come back.
 * - Closed with `closeSync`, never `close`, which keeps the numbers of closed file descriptors and uses them again.
 * - Nothing is opened before the first transfer; an absent bus is an error of a transfer.
 */
import { readFileSync } from 'node:fs';
import { type Clock, systemClock } from '../clock.ts';
import { codeOf, SedgeError } from '../errors.ts';
import { hexAddress, type I2cBus, type I2cTransfer } from './i2c.ts';
import { i2cError } from './i2c-errors.ts';
import { type I2cFunctions, type I2cPackage, loadI2cPackage, type PackageBus } from './i2c-package.ts';
import { functionsOf, MAX_MESSAGE_BYTES, wireTransfer } from './i2c-wire.ts';
import { loadNative } from './native-package.ts';
import { turns } from './turns.ts';

export interface LinuxI2cOptions {
  /** The package i2c-bus. */
  readonly load?: () => Promise<unknown>;
  readonly clock?: Clock;
  readonly platform?: NodeJS.Platform;
  /** Put before /sys, for tests on a fake tree. */
  readonly root?: string;
  /** How long one transfer may take. Adapters give up after about 1 s per message. */
  readonly transferMs?: number;
  /** How long a transfer waits for those before it. */
  readonly waitMs?: number;
}

const DEFAULT_CLOCK_HZ = 100_000;
const LATE = Symbol('late');

export function linuxI2cBus(
  number: number,
  {
    load = loadI2cPackage,
    clock = systemClock,
    platform = process.platform,
    root = '',
    transferMs = 3_000,
    waitMs = 5_000,
  }: LinuxI2cOptions = {},
): I2cBus {
  const path = `/dev/i2c-${number}`;
  const queue = turns(clock, waitMs);
  let loaded: I2cPackage | undefined;
  let open: { readonly bus: PackageBus; readonly functions: I2cFunctions } | undefined;
  let closed = false;
  let stuck = false;
  /** Settles when the kernel is done with the last operation. */
  let atRest: Promise<void> = Promise.resolve();

  const opened = async ({ openSync }: I2cPackage) => {
    if (open) return open;
    const bus = openSync(number);
    try {
      open = { bus, functions: await functionsOf(bus) };
      return open;
    } catch (error) {
      bus.closeSync();
      throw error;
    }
  };
  const discard = () => {
    open?.bus.closeSync();
    open = undefined;
  };
  const native = async (i2cPackage: I2cPackage, ...[address, tx, rxLength]: Parameters<I2cTransfer>) => {
    try {
      const { bus, functions } = await opened(i2cPackage);
      return await wireTransfer(bus, functions, address, tx, rxLength);
    } catch (error) {
      discard();
      throw codeOf(error) ? error : i2cError(error, path, address);
    }
  };
  const held: I2cTransfer = async (address, tx, rxLength) => {
    // Not in the time of the transfer: a slow card takes seconds over it, and that is no chip that holds the bus.
    loaded ??= await loadNative<I2cPackage>('i2c-bus', load, platform);
    if (closed) throw new SedgeError('bus.io', `${path} is closed: open it again`);
    if (Math.max(tx.length, rxLength) > MAX_MESSAGE_BYTES) {
      throw new SedgeError('bus.unsupported', `a transfer on ${path} has at most ${MAX_MESSAGE_BYTES} bytes: split it`);
    }
    if (stuck) {
      throw new SedgeError('bus.busy', `an earlier transfer on ${path} has not ended: cycle the power of its chip`);
    }
    await atRest;
    const operation = native(loaded, address, tx, rxLength);
    const rest = () => {
      stuck = false;
    };
    atRest = operation.then(rest, rest);
    const timer = new AbortController();
    try {
      const first = await Promise.race([operation, clock.sleep(transferMs, timer.signal).then(() => LATE)]);
      if (typeof first !== 'symbol') return first;
    } finally {
      timer.abort();
    }
    stuck = true;
    throw new SedgeError(
      'bus.timeout',
      `the transfer with ${hexAddress(address)} on ${path} did not end in ${transferMs} ms: a chip holds the bus; cycle its power or check wiring`,
    );
  };
  const exclusive = async <T>(work: (transfer: I2cTransfer) => Promise<T>): Promise<T> => {
    const release = await queue.enter(
      () =>
        new SedgeError('bus.busy', `${path} has been taken for ${waitMs} ms by an earlier transfer that does not end`),
    );
    try {
      return await work(held);
    } finally {
      void atRest.then(release);
    }
  };

  return {
    title: path,
    get clockHz() {
      return clockHzOf(number, root);
    },
    transfer: (address, tx, rxLength) => exclusive((transfer) => transfer(address, tx, rxLength)),
    exclusive,
    async close() {
      if (closed) return;
      closed = true;
      // A file descriptor must not be closed under a running transfer: its number could be somebody else's by then.
      void atRest.then(discard);
    },
  };
}

/** The device tree says it as a big-endian 32-bit number; many adapters do not say. */
function clockHzOf(number: number, root: string): number {
  for (const directory of ['/sys/bus/i2c/devices', '/sys/class/i2c-adapter']) {
    try {
      const bytes = readFileSync(`${root}${directory}/i2c-${number}/of_node/clock-frequency`);
      if (bytes.length === 4 && bytes.readUInt32BE() > 0) return bytes.readUInt32BE();
    } catch {
      // Not said here.
    }
  }
  return DEFAULT_CLOCK_HZ;
}
