/**
 * What of the package i2c-bus is used, as it is: callbacks, errno in errors, one file descriptor kept per address. Its
 * types are written out so that they need no types package at build time, and so that a test can stand in its place.
 */
type Done = (error: unknown) => void;
type Moved = (error: unknown, bytes: number, buffer: Buffer) => void;

export interface I2cFunctions {
  readonly i2c: boolean;
  readonly smbusQuick: boolean;
  readonly smbusReceiveByte: boolean;
  readonly smbusSendByte: boolean;
  readonly smbusWriteByte: boolean;
  readonly smbusReadI2cBlock: boolean;
  readonly smbusWriteI2cBlock: boolean;
}

export interface PackageBus {
  i2cFuncs(done: (error: unknown, functions: I2cFunctions) => void): void;
  i2cRead(address: number, length: number, buffer: Buffer, done: Moved): void;
  i2cWrite(address: number, length: number, buffer: Buffer, done: Moved): void;
  readI2cBlock(address: number, command: number, length: number, buffer: Buffer, done: Moved): void;
  writeI2cBlock(address: number, command: number, length: number, buffer: Buffer, done: Moved): void;
  writeByte(address: number, command: number, byte: number, done: Done): void;
  sendByte(address: number, byte: number, done: Done): void;
  receiveByte(address: number, done: (error: unknown, byte: number) => void): void;
  writeQuick(address: number, bit: 0 | 1, done: Done): void;
  closeSync(): void;
}

export interface I2cPackage {
  /** Makes an object; opens nothing. */
  openSync(bus: number): PackageBus;
}

export const loadI2cPackage = (): Promise<unknown> => import('i2c-bus');
