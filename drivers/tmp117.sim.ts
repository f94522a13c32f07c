/**
 * A simulated TMP117, transcribed from the datasheet.
 * Models: the id, continuous conversion, shutdown and one-shot mode with their typical times and averages, 0x8000 until
 * the first conversion has ended, the data-ready flag and what clears it, the soft reset.
 * Does not model: the alert output and its limits, the EEPROM, the offset, noise, self-heating.
 */
import { simulatedConverter } from '../src/bus/converter.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';
import { wordRegisterChip } from '../src/bus/word-registers.ts';

const CONVERSION_MS = 15.5;
const AVERAGES = [1, 8, 32, 64] as const;
/** "Conversion Cycle Time": by CONV, unless the conversions themselves take longer. */
const CYCLE_MS = [15.5, 125, 250, 500, 1_000, 4_000, 8_000, 16_000] as const;
const POWER_ON = 0x0220;
const READY = 0x2000;
const SOFT_RESET = 0x0002;
const WRITABLE = 0x0ffc;
const RESET_MS = 2;

function create(world: World) {
  let config = POWER_ON;
  let temperature = 0x8000;
  let ready = false;
  let deafUntilMs = Number.NEGATIVE_INFINITY;
  const converter = simulatedConverter(world.clock);
  const mode = () => (config >> 10) & 0b11;
  const activeMs = () => CONVERSION_MS * AVERAGES[(config >> 5) & 0b11]!;

  const settle = () => {
    const endMs = converter.ended();
    if (endMs === undefined) return;
    const steps = Math.floor(world.value('temperature', endMs) * 128);
    temperature = Math.max(-32768, Math.min(32767, steps)) & 0xffff;
    ready = true;
    if (mode() === 0b11) config = (config & ~0x0c00) | 0x0400;
    else if (!converter.busy) converter.start('always', Math.max(activeMs(), CYCLE_MS[(config >> 7) & 0b111]!));
  };
  const begin = () => {
    if (mode() === 0b01) converter.stop();
    else converter.start('once', activeMs());
  };

  begin();
  const chip = wordRegisterChip({
    read(register) {
      settle();
      if (register === 0x0f) return 0x0117;
      if (register > 0x01) return 0;
      const flag = ready ? READY : 0;
      ready = false;
      return register === 0x00 ? temperature : config | flag;
    },
    write(register, value) {
      settle();
      if (register !== 0x01) return;
      if (value & SOFT_RESET) {
        config = POWER_ON;
        temperature = 0x8000;
        ready = false;
        deafUntilMs = world.clock.monotonic() + RESET_MS;
      } else {
        config = value & WRITABLE;
      }
      begin();
    },
  });
  const isDeaf = () => world.clock.monotonic() < deafUntilMs;
  return {
    write: (bytes: Uint8Array): boolean => !isDeaf() && chip.write(bytes),
    read: (length: number): Uint8Array | null => (isDeaf() ? null : chip.read(length)),
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
