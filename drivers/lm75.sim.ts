/**
 * A simulated part of the LM75 family, transcribed from the datasheets. One stands for all: 11 bits in 100 ms as an LM75A
 * or PCT2075; with the TMP75's resolution bits set, 12 bits in 220 ms.
 * Models: continuous conversion and shutdown, the old temperature until a conversion has ended (0 after power-on), unused
 * bits that read 1, a pointer of two bits.
 * Does not model: the O.S. output, one-shot mode, noise, self-heating.
 */
import { simulatedConverter } from '../src/bus/converter.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';
import { wordRegisterChip } from '../src/bus/word-registers.ts';

const SHUTDOWN = 0x01;
const TWELVE_BITS = 0x60;
const CONFIG_BITS = 0x7f;

function create(world: World) {
  let config = 0x00;
  let temperature = 0x0000;
  const limits = [0x4b00, 0x5000];
  const converter = simulatedConverter(world.clock);
  const bits = () => ((config & TWELVE_BITS) === TWELVE_BITS ? 12 : 11);
  const run = () => converter.start('always', bits() === 12 ? 220 : 100);

  const settle = () => {
    const endMs = converter.ended();
    if (endMs === undefined) return;
    const unused = 16 - bits();
    const most = 2 ** (bits() - 1);
    const steps = Math.floor((world.value('temperature', endMs) * 256) / 2 ** unused);
    const held = Math.max(-most, Math.min(most - 1, steps));
    temperature = ((held << unused) & 0xffff) | (2 ** unused - 1);
  };

  run();
  const chip = wordRegisterChip({
    oneByte: [0x01],
    read(register) {
      settle();
      if (register === 0x00) return temperature;
      return register === 0x01 ? config : limits[register - 2]!;
    },
    write(register, value) {
      settle();
      if (register >= 0x02) limits[register - 2] = value;
      if (register !== 0x01) return;
      const was = config;
      config = value & CONFIG_BITS;
      if (config & SHUTDOWN) converter.stop();
      else if (was & SHUTDOWN || (was ^ config) & TWELVE_BITS) run();
    },
  });
  return {
    // "Pointer register": bits 1:0 select the register.
    write: ([pointer, ...rest]: Uint8Array): boolean =>
      chip.write(pointer === undefined ? new Uint8Array(0) : Uint8Array.of(pointer & 0b11, ...rest)),
    read: (length: number) => chip.read(length),
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
