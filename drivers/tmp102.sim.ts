/**
 * A simulated TMP102, transcribed from the datasheet.
 * Models: conversions one at a time in shutdown with OS as their end, and by themselves at the chosen rate, each with the
 * longest time; 0 until the first has ended; normal and extended format; the bits that always read the same.
 * Does not model: the alert output (its bit stands at the power-on level), noise, self-heating.
 */
import { simulatedConverter } from '../src/bus/converter.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';
import { wordRegisterChip } from '../src/bus/word-registers.ts';

const CONVERSION_MS = 35;
/** By CR1 and CR0: 0.25, 1, 4 and 8 Hz. */
const PERIOD_MS = [4_000, 1_000, 250, 125] as const;
const OS = 0x8000;
const SD = 0x0100;
const EM = 0x0010;
const WRITABLE = 0x1fd0;
const FIXED = 0x6020;

function create(world: World) {
  let config = 0x60a0;
  let temperature = 0x0000;
  const limits = new Map([
    [0x02, 0x4b00],
    [0x03, 0x5000],
  ]);
  const converter = simulatedConverter(world.clock);

  const settle = () => {
    const endMs = converter.ended();
    if (endMs === undefined) return;
    const bits = config & EM ? 13 : 12;
    const most = 2 ** (bits - 1);
    const steps = Math.max(-most, Math.min(most - 1, Math.floor(world.value('temperature', endMs) / 0.0625)));
    temperature = ((steps << (16 - bits)) & 0xffff) | (config & EM ? 1 : 0);
    // "Conversion Rate": after each conversion the chip rests for what is left of the period.
    if (!(config & SD) && !converter.busy) converter.start('always', PERIOD_MS[(config >> 6) & 0b11]!);
  };

  converter.start('once', CONVERSION_MS);
  return wordRegisterChip({
    read(register) {
      settle();
      if (register === 0x00) return temperature;
      if (register === 0x01) return config | (config & SD && !converter.busy ? OS : 0);
      return limits.get(register) ?? 0;
    },
    write(register, value) {
      settle();
      if (limits.has(register)) limits.set(register, value);
      if (register !== 0x01) return;
      const slept = (config & SD) !== 0;
      config = FIXED | (value & WRITABLE);
      if (config & SD) {
        if (!slept) converter.stop();
        if (value & OS) converter.start('once', CONVERSION_MS);
      } else if (slept) {
        converter.start('once', CONVERSION_MS);
      }
    },
  });
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
