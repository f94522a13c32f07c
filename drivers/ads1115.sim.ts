/**
 * A simulated ADS1115, transcribed from the datasheet. The world has one voltage: it lies at whatever input is chosen.
 * Models: single shots with OS as their end and continuous conversion, each with the longest time (a tenth over 1/DR, and
 * the wake-up), ranges that clip at their ends, the registers at power-on.
 * Does not model: the comparator and its thresholds, the limits of the supply, the general call reset, noise.
 */
import { simulatedConverter } from '../src/bus/converter.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';
import { wordRegisterChip } from '../src/bus/word-registers.ts';

const FULL_SCALE_V = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256] as const;
const RATE_HZ = [8, 16, 32, 64, 128, 250, 475, 860] as const;
const OS = 0x8000;
const SINGLE_SHOT = 0x0100;
const WAKE_MS = 0.025;

function create(world: World) {
  let config = 0x0583;
  let conversion = 0x0000;
  const thresholds = new Map([
    [0x02, 0x8000],
    [0x03, 0x7fff],
  ]);
  const converter = simulatedConverter(world.clock);

  const settle = () => {
    const endMs = converter.ended();
    if (endMs === undefined) return;
    const fullScale = FULL_SCALE_V[(config >> 9) & 0b111]!;
    const counts = Math.round((world.value('voltage', endMs) / fullScale) * 32768);
    conversion = Math.max(-32768, Math.min(32767, counts)) & 0xffff;
  };

  return wordRegisterChip({
    read(register) {
      settle();
      if (register === 0x00) return conversion;
      if (register === 0x01) return config | (converter.busy ? 0 : OS);
      return thresholds.get(register) ?? 0;
    },
    write(register, value) {
      settle();
      if (thresholds.has(register)) thresholds.set(register, value);
      if (register !== 0x01) return;
      const periodMs = (1_000 / RATE_HZ[(value >> 5) & 0b111]!) * 1.1 + WAKE_MS;
      const wasOnce = (config & SINGLE_SHOT) !== 0;
      config = value & ~OS;
      if (!(config & SINGLE_SHOT)) converter.start('always', periodMs);
      else if (value & OS) converter.start('once', periodMs);
      else if (!wasOnce) converter.stop();
    },
  });
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
