/**
 * A simulated HDC1080, transcribed from the datasheet.
 * Models: ids and serial number, measurements of both or of one with the time of each resolution, reads before the end (not
 * acknowledged), a pointer elsewhere that loses the measurement, data registers that are 0 until one has ended, the reset.
 * Does not model: the 15 ms after power-on in which the chip is deaf (after a reset they are there), heater, low supply, drift.
 */
import { simulatedConverter } from '../src/bus/converter.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const POWER_ON = 0x1000;
const RESET = 0x8000;
const BOTH = 0x1000;
const START_MS = 15;
const FIXED: Readonly<Record<number, number>> = { 251: 0x0123, 252: 0x4567, 253: 0x8900, 254: 0x5449, 255: 0x1050 };

/** Fraction of the range as a left-justified word of so many bits. */
function word(fraction: number, bits: number): number {
  const steps = Math.floor(Math.min(1, Math.max(0, fraction)) * 2 ** bits);
  return Math.min(2 ** bits - 1, steps) << (16 - bits);
}

function create(world: World) {
  let config = POWER_ON;
  let pointer = 0x00;
  let measured: 'both' | 'temperature' | 'humidity' = 'both';
  let deafUntilMs = Number.NEGATIVE_INFINITY;
  const data = [0x0000, 0x0000];
  const converter = simulatedConverter(world.clock);
  const temperatureBits = () => (config & 0x0400 ? 11 : 14);
  const humidityBits = () => [14, 11, 8, 8][(config >> 8) & 0b11]!;
  const durationMs = () =>
    (measured === 'humidity' ? 0 : { 14: 6.35, 11: 3.65 }[temperatureBits()]!) +
    (measured === 'temperature' ? 0 : { 14: 6.5, 11: 3.85, 8: 2.5 }[humidityBits()]!);

  const settle = () => {
    const endMs = converter.ended();
    if (endMs === undefined) return;
    if (measured !== 'humidity') data[0] = word((world.value('temperature', endMs) + 40) / 165, temperatureBits());
    if (measured !== 'temperature') data[1] = word(world.value('humidity', endMs) / 100, humidityBits());
  };
  const isDeaf = () => world.clock.monotonic() < deafUntilMs;

  return {
    write([register, high, low]: Uint8Array): boolean {
      if (isDeaf()) return false;
      settle();
      if (register === undefined) return true;
      pointer = register;
      converter.stop();
      if (register <= 0x01) {
        measured = config & BOTH ? 'both' : register === 0x00 ? 'temperature' : 'humidity';
        converter.start('once', durationMs());
      } else if (register === 0x02 && high !== undefined && low !== undefined) {
        const value = (high << 8) | low;
        config = value & RESET ? POWER_ON : value & 0x3700;
        if (value & RESET) deafUntilMs = world.clock.monotonic() + START_MS;
      }
      return true;
    },
    read(length: number): Uint8Array | null {
      if (isDeaf()) return null;
      settle();
      if (converter.busy) return null;
      const words = pointer <= 0x01 ? data.slice(pointer) : [pointer === 0x02 ? config : (FIXED[pointer] ?? 0)];
      const bytes = words.flatMap((each) => [each >> 8, each & 0xff]);
      return Uint8Array.from({ length }, (_, at) => bytes[at] ?? 0xff);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
