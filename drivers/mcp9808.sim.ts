/**
 * A simulated MCP9808, transcribed from the datasheet.
 * Models: both id registers, continuous conversion and shutdown with the typical time of each resolution, the old
 * temperature until a conversion has ended (0 after power-on), truncation to the resolution, the two alert flags that the
 * limits at power-on set.
 * Does not model: the alert output, its limits other than at power-on, its locks, noise, self-heating.
 */
import { simulatedConverter } from '../src/bus/converter.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';
import { wordRegisterChip } from '../src/bus/word-registers.ts';

const CONVERSION_MS = [30, 65, 130, 250] as const;
/** Sixteenths of a Cel in a step. */
const STEP = [8, 4, 2, 1] as const;
const SHUTDOWN = 0x0100;
const CONFIG_BITS = 0x07ff;
const AT_CRITICAL = 0x8000;
const ABOVE_UPPER = 0x4000;
const BELOW_LOWER = 0x2000;

function create(world: World) {
  let config = 0x0000;
  let resolution = 3;
  // At power-on all three limits are 0, and so is the temperature.
  let ambient = 0xc000;
  const converter = simulatedConverter(world.clock);
  const run = () => converter.start('always', CONVERSION_MS[resolution]!);

  const settle = () => {
    const endMs = converter.ended();
    if (endMs === undefined) return;
    const step = STEP[resolution]!;
    const sixteenths = Math.floor((world.value('temperature', endMs) * 16) / step) * step;
    const held = Math.max(-4096, Math.min(4095, sixteenths));
    const flags = (held >= 0 ? AT_CRITICAL : BELOW_LOWER) | (held > 0 ? ABOVE_UPPER : 0);
    ambient = flags | (held & 0x1fff);
  };

  run();
  return wordRegisterChip({
    oneByte: [0x08],
    read(register) {
      settle();
      if (register === 0x01) return config;
      if (register === 0x05) return ambient;
      if (register === 0x06) return 0x0054;
      if (register === 0x07) return 0x0400;
      return register === 0x08 ? resolution : 0;
    },
    write(register, value) {
      settle();
      if (register === 0x01) {
        const was = config;
        config = value & CONFIG_BITS;
        if (config & SHUTDOWN) converter.stop();
        else if (was & SHUTDOWN) run();
      } else if (register === 0x08) {
        resolution = value & 0b11;
        if (converter.busy) run();
      }
    },
  });
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
