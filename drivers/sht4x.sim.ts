/**
 * A simulated SHT4x, transcribed from the datasheet.
 * Models: the measurement commands and the longest time each takes (reads before its end are not acknowledged, nor are
 * commands other than a reset), the soft reset, the serial number, checksums, a reply that can be fetched once.
 * Does not model: the millisecond after power-on in which the chip is deaf, the heater, noise, the lower repeatability
 * of the faster measurements.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const MEASUREMENT_MS: Readonly<Record<number, number>> = { 253: 8.3, 246: 4.5, 224: 1.6 };
const SERIAL_COMMAND = 0x89;
const SERIAL_WORDS = [0x0f4c, 0x5ed6] as const;
const RESET_COMMAND = 0x94;
const SHORT_MS = 1;

/** Words most significant byte first, each with its CRC-8 (x8+x5+x4+1, register preset to ones): long division on bits. */
function frame(words: readonly number[]): Uint8Array {
  const bytes = words.flatMap((word) => {
    // Presetting the register to ones is the same as inverting the first byte.
    let remainder = (word ^ 0xff00) << 8;
    for (let bit = 23; bit >= 8; bit--) if ((remainder >> bit) & 1) remainder ^= 0x131 << (bit - 8);
    return [word >> 8, word & 0xff, remainder & 0xff];
  });
  return Uint8Array.from(bytes);
}

const ticks = (fraction: number): number => Math.round(Math.min(1, Math.max(0, fraction)) * 0xffff);

function create(world: World) {
  let deafUntilMs = Number.NEGATIVE_INFINITY;
  let busyUntilMs = Number.NEGATIVE_INFINITY;
  let reply: ((atMs: number) => readonly number[]) | undefined;
  const measurement = (atMs: number) => [
    ticks((world.value('temperature', atMs) + 45) / 175),
    ticks((world.value('humidity', atMs) + 6) / 125),
  ];
  return {
    write(bytes: Uint8Array): boolean {
      const nowMs = world.clock.monotonic();
      const command = bytes[0];
      if (nowMs < deafUntilMs) return false;
      if (command === RESET_COMMAND) {
        reply = undefined;
        busyUntilMs = nowMs;
        deafUntilMs = nowMs + SHORT_MS;
        return true;
      }
      if (nowMs < busyUntilMs) return false;
      // An empty write asks whether somebody is there.
      if (command === undefined) return true;
      const measureMs = MEASUREMENT_MS[command];
      if (bytes.length > 1 || (measureMs === undefined && command !== SERIAL_COMMAND)) return false;
      reply = measureMs === undefined ? () => SERIAL_WORDS : measurement;
      busyUntilMs = nowMs + (measureMs ?? SHORT_MS);
      return true;
    },
    read(length: number): Uint8Array | null {
      const nowMs = world.clock.monotonic();
      if (!reply || nowMs < deafUntilMs || nowMs < busyUntilMs) return null;
      const bytes = frame(reply(busyUntilMs));
      reply = undefined;
      return bytes.subarray(0, length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
