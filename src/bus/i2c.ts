/**
 * The I2C contract. One primitive, `transfer`; everything else derives from it.
 *
 * - Addresses are 7-bit and right-aligned: 0x44, not 0x88.
 * - A transfer writes `tx` (if any), then reads `rxLength` bytes (if any). Nothing else of ours comes between.
 *   With one byte to write and up to 32 to read there is a repeated start between them; with more there is a stop,
 *   so no driver may need a repeated start beyond that. Neither of them is a bare address: is anyone there?
 * - One operation is in flight per bus, ever.
 * - `exclusive` holds the bus over several transfers: what a multiplexer needs.
 * - Rejects with SedgeError `bus.*`, mapped from errno.
 */
export type I2cTransfer = (address: number, tx: Uint8Array, rxLength: number) => Promise<Uint8Array>;

export interface I2cBus {
  /** For messages: "/dev/i2c-1" or "simulated I2C bus 1". */
  readonly title: string;
  /** Clock of the bus in Hz: what a rate is judged against. 100,000 where the system does not say. */
  readonly clockHz: number;
  readonly transfer: I2cTransfer;
  /**
   * Runs `work` with nothing of ours between its transfers. They go through the `transfer` it is given, which is good
   * until `work` ends; the bus's own would wait for `work` to end, and so for ever.
   */
  exclusive<T>(work: (transfer: I2cTransfer) => Promise<T>): Promise<T>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** One device on a bus: what a driver is given. */
export interface I2cDevice {
  readonly address: number;
  readonly clockHz: number;
  write(...bytes: number[]): Promise<void>;
  read(length: number): Promise<Uint8Array>;
  /** Writes, then reads: the usual register read. Up to 32 bytes, with one byte written, it uses a repeated start. */
  writeRead(bytes: readonly number[], length: number): Promise<Uint8Array>;
}

/** As people write it: 0x44. */
export const hexAddress = (address: number): string => `0x${address.toString(16).padStart(2, '0')}`;

const NOTHING = new Uint8Array(0);

export function i2cDevice(bus: I2cBus, address: number): I2cDevice {
  return {
    address,
    clockHz: bus.clockHz,
    write: async (...bytes) => void (await bus.transfer(address, Uint8Array.from(bytes), 0)),
    read: (length) => bus.transfer(address, NOTHING, length),
    writeRead: (bytes, length) => bus.transfer(address, Uint8Array.from(bytes), length),
  };
}
