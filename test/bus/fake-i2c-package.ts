/**
 * Stands where the package i2c-bus stands, with the faults of its version 5.2.3 as they were measured:
 * - a descriptor is kept for an address before the address is set on it, also when setting it fails, so that the next call
 *   "succeeds" on address 0, and so do overlapping first calls;
 * - it neither queues nor cancels;
 * - errors of SMBus calls have a positive errno and an empty code, those of raw calls a negative errno.
 * The chip behind every address answers reads with 0xa0 + the address that the kernel really talked to.
 */
import type { I2cFunctions, I2cPackage, PackageBus } from '../../src/bus/i2c-package.ts';

export interface FakeKernel {
  /** errno per address for setting it (16: a kernel driver owns it). */
  readonly owned: Map<number, number>;
  /** errno per address for transfers. */
  readonly failing: Map<number, number>;
  /** errno of open(), 0 while the device node is there. */
  openErrno: number;
  /** Reads give this many bytes fewer than asked. */
  short: number;
  functions: I2cFunctions;
  /** Holds back the end of transfers until released. */
  held: (() => void)[] | undefined;
  /** Calls in order: `w44 2400`, `rb44 d0+6`, `r44 6`. */
  readonly calls: string[];
  readonly descriptors: Map<number, number | undefined>;
  inFlight: number;
  mostInFlight: number;
}

export const PI_FUNCTIONS: I2cFunctions = {
  i2c: true,
  smbusQuick: true,
  smbusReceiveByte: true,
  smbusSendByte: true,
  smbusWriteByte: true,
  smbusReadI2cBlock: true,
  smbusWriteI2cBlock: true,
};

const failure = (syscall: string, errno: number, raw = false): Error =>
  Object.assign(new Error(raw ? `${syscall}: i/o error` : ', Remote I/O error'), {
    errno: raw ? -errno : errno,
    code: raw ? `E${errno}` : '',
    syscall,
  });

export function fakeI2cPackage(): { readonly kernel: FakeKernel; readonly load: () => Promise<unknown> } {
  const kernel: FakeKernel = {
    owned: new Map(),
    failing: new Map(),
    openErrno: 0,
    short: 0,
    functions: PI_FUNCTIONS,
    held: undefined,
    calls: [],
    descriptors: new Map(),
    inFlight: 0,
    mostInFlight: 0,
  };
  let nextDescriptor = 20;
  const openSync = (): PackageBus => {
    let peripherals: (number | undefined)[] = [];
    const peripheral = (address: number, done: (error: unknown, descriptor: number) => void) => {
      const known = peripherals[address];
      if (known !== undefined) return void setImmediate(done, null, known);
      setImmediate(() => {
        if (kernel.openErrno) return done(failure('open', kernel.openErrno, true), 0);
        const descriptor = nextDescriptor++;
        kernel.descriptors.set(descriptor, undefined);
        peripherals[address] = descriptor;
        setImmediate(() => {
          const errno = kernel.owned.get(address);
          if (errno) return done(failure('setAddr', errno), 0);
          kernel.descriptors.set(descriptor, address);
          done(null, descriptor);
        });
      });
    };
    const call = <T>(
      text: string,
      address: number,
      raw: boolean,
      done: (error: unknown, value: T, buffer: Buffer) => void,
      result: (chip: number) => [T, Buffer?],
    ) => {
      kernel.calls.push(text);
      kernel.inFlight += 1;
      kernel.mostInFlight = Math.max(kernel.mostInFlight, kernel.inFlight);
      const end = (error: unknown, value?: T, buffer?: Buffer) => {
        kernel.inFlight -= 1;
        done(error, value as T, buffer as Buffer);
      };
      peripheral(address, (error, descriptor) => {
        if (error) return end(error);
        const finish = () => {
          if (!kernel.descriptors.has(descriptor)) return end(failure('read', 9, true));
          const errno = kernel.failing.get(address);
          if (errno) return end(failure('read', errno, raw));
          end(null, ...result(kernel.descriptors.get(descriptor) ?? 0));
        };
        if (kernel.held) kernel.held.push(finish);
        else setImmediate(finish);
      });
    };
    const hex = (number: number) => number.toString(16);
    return {
      i2cFuncs: (done) =>
        peripheral(0, (error) => (error ? done(error, kernel.functions) : done(null, kernel.functions))),
      i2cRead: (address, length, buffer, done) =>
        call(`r${hex(address)} ${length}`, address, true, done, (chip) => [
          length - kernel.short,
          buffer.fill(0xa0 + chip),
        ]),
      i2cWrite: (address, length, buffer, done) =>
        call(`w${hex(address)} ${buffer.toString('hex')}`, address, true, done, () => [length, buffer]),
      readI2cBlock: (address, command, length, buffer, done) =>
        call(`rb${hex(address)} ${hex(command)}+${length}`, address, false, done, (chip) => [
          length - kernel.short,
          buffer.fill(0xa0 + chip),
        ]),
      writeI2cBlock: (address, command, length, buffer, done) =>
        call(`wb${hex(address)} ${hex(command)} ${buffer.toString('hex')}`, address, false, done, () => [
          length,
          buffer,
        ]),
      writeByte: (address, command, byte, done) =>
        call<void>(`wy${hex(address)} ${hex(command)} ${hex(byte)}`, address, false, done, () => [undefined]),
      sendByte: (address, byte, done) =>
        call<void>(`s${hex(address)} ${hex(byte)}`, address, false, done, () => [undefined]),
      receiveByte: (address, done) => call(`g${hex(address)}`, address, false, done, (chip) => [0xa0 + chip]),
      writeQuick: (address, bit, done) =>
        call<void>(`q${hex(address)} ${bit}`, address, false, done, () => [undefined]),
      closeSync() {
        for (const descriptor of peripherals) if (descriptor !== undefined) kernel.descriptors.delete(descriptor);
        peripherals = [];
      },
    };
  };
  const i2cPackage: I2cPackage = { openSync };
  return { kernel, load: async () => ({ default: i2cPackage }) };
}
