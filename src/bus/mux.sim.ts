/**
 * A simulated TCA9548A, from its datasheet: one control register, bit n connects channel n, all off at power-on; a read
 * gives the register back. Not modelled: the reset pin, and that a new setting takes effect at the stop condition only
 * (each transfer here ends with one).
 */
import type { SimulatedChip } from './sim.ts';

export interface SimulatedMux extends SimulatedChip {
  attach(channel: number, address: number, chip: SimulatedChip): void;
  detach(channel: number, address: number): void;
}

export function simulatedMux(): SimulatedMux {
  let register = 0;
  const channels = Array.from({ length: 8 }, () => new Map<number, SimulatedChip>());
  return {
    write(bytes) {
      register = bytes.at(-1) ?? register;
      return true;
    },
    read: (length) => new Uint8Array(length).fill(register),
    behind: (address) =>
      channels
        .filter((_, channel) => register & (1 << channel))
        .flatMap((chips) => [
          chips.get(address) ?? [],
          [...chips.values()].flatMap((chip) => chip.behind?.(address) ?? []),
        ])
        .flat(),
    attach: (channel, address, chip) => void channels[channel]?.set(address, chip),
    detach: (channel, address) => void channels[channel]?.delete(address),
  };
}
