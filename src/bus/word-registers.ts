/**
 * The wire side that simulated chips with 16-bit registers have in common: the first byte of a write sets the pointer, the
 * rest is the register's new value, most significant byte first; a read gives the register that the pointer stands at.
 * The pointer does not count up: a read that goes on past a register is answered with ones, a released line.
 */
import type { SimulatedChip } from './sim.ts';

export interface WordRegisterModel {
  read(register: number): number;
  /** A whole value was written; what is read-only ignores it. */
  write(register: number, value: number): void;
  /** Registers of one byte; all others have two. */
  readonly oneByte?: readonly number[];
}

export function wordRegisterChip({ read, write, oneByte = [] }: WordRegisterModel): SimulatedChip {
  let pointer = 0;
  const widthOf = (register: number) => (oneByte.includes(register) ? 1 : 2);
  return {
    write([register, ...bytes]) {
      if (register === undefined) return true;
      pointer = register;
      const width = widthOf(register);
      // A value that the host breaks off is not taken over.
      if (bytes.length >= width) write(register, width === 1 ? bytes[0]! : (bytes[0]! << 8) | bytes[1]!);
      return true;
    },
    read(length) {
      const value = read(pointer);
      const bytes = widthOf(pointer) === 1 ? [value & 0xff] : [(value >> 8) & 0xff, value & 0xff];
      return Uint8Array.from({ length }, (_, at) => bytes[at] ?? 0xff);
    },
  };
}
