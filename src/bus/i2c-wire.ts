/**
 * One transfer, said in the calls that i2c-bus has. Plain I2C where the adapter can; the same bytes through SMBus calls
 * where it cannot. Neither retries nor locks: linux-i2c.ts does.
 *
 * - One byte, then up to 32 read: `readI2cBlock`, the only call with a repeated start.
 * - Anything else: a write, a stop, a read.
 * - Fewer bytes than asked is an error, never a short reply.
 */
import { SedgeError } from '../errors.ts';
import { hexAddress } from './i2c.ts';
import type { I2cFunctions, PackageBus } from './i2c-package.ts';

/** The kernel's limit for one message (i2c-dev). */
export const MAX_MESSAGE_BYTES = 8192;
/** SMBus 2.0 section 5.5.7 as Linux has it: I2C_SMBUS_BLOCK_MAX. */
const MAX_BLOCK_BYTES = 32;
const NOTHING = new Uint8Array(0);

type Callback<T> = (error: unknown, value: T) => void;
const called = <T>(start: (done: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));

export const functionsOf = (bus: PackageBus): Promise<I2cFunctions> => called((done) => bus.i2cFuncs(done));

export async function wireTransfer(
  bus: PackageBus,
  functions: I2cFunctions,
  address: number,
  tx: Uint8Array,
  rxLength: number,
): Promise<Uint8Array> {
  const all = (asked: number, moved: number) => {
    if (moved === asked) return;
    throw new SedgeError(
      'bus.io',
      `${moved} of ${asked} bytes went through at ${hexAddress(address)}: check wiring and supply`,
    );
  };
  const unsupported = () =>
    new SedgeError(
      'bus.unsupported',
      `the adapter can neither write ${tx.length} and read ${rxLength} bytes at ${hexAddress(address)} by I2C nor by SMBus: use another adapter`,
    );
  const [first = 0, second = 0] = tx;
  const rx = Buffer.alloc(rxLength);

  if (tx.length === 1 && rxLength >= 1 && rxLength <= MAX_BLOCK_BYTES && functions.smbusReadI2cBlock) {
    all(rxLength, await called((done) => bus.readI2cBlock(address, first, rxLength, rx, done)));
    return rx;
  }
  const write = async () => {
    if (functions.i2c && tx.length > 0) {
      all(tx.length, await called((done) => bus.i2cWrite(address, tx.length, Buffer.from(tx), done)));
    } else if (tx.length === 0 && functions.smbusQuick) {
      await called<void>((done) => bus.writeQuick(address, 0, done as (error: unknown) => void));
    } else if (tx.length === 1 && functions.smbusSendByte) {
      await called<void>((done) => bus.sendByte(address, first, done as (error: unknown) => void));
    } else if (tx.length === 2 && functions.smbusWriteByte) {
      await called<void>((done) => bus.writeByte(address, first, second, done as (error: unknown) => void));
    } else if (tx.length >= 2 && tx.length <= MAX_BLOCK_BYTES + 1 && functions.smbusWriteI2cBlock) {
      const block = Buffer.from(tx.subarray(1));
      await called<number>((done) => bus.writeI2cBlock(address, first, block.length, block, done));
    } else throw unsupported();
  };
  const read = async () => {
    if (functions.i2c) all(rxLength, await called((done) => bus.i2cRead(address, rxLength, rx, done)));
    else if (rxLength === 1 && functions.smbusReceiveByte) {
      rx[0] = await called<number>((done) => bus.receiveByte(address, done));
    } else throw unsupported();
  };
  if (tx.length > 0 || rxLength === 0) await write();
  if (rxLength === 0) return NOTHING;
  await read();
  return rx;
}
