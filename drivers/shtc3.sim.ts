/**
 * A simulated SHTC3, transcribed from the datasheet.
 * Models: sleep (nothing but the wake-up is acknowledged), the longest wake-up time, measurement commands of both power
 * modes and both orders with the longest time each takes (reads and commands before its end are not acknowledged), soft
 * reset, id register, checksums, a reply that can be fetched once. Idle at power-on.
 * Does not model: the stretched clock itself (such a reply is there after the longest time), noise, the lower
 * repeatability at low power.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const NORMAL_MS = 12.1;
const LOW_POWER_MS = 0.8;
const SHORT_MS = 0.24;
/** Command -> time and whether temperature comes first. */
const MEASUREMENTS: ReadonlyMap<number, readonly [ms: number, temperatureFirst: boolean]> = new Map([
  [0x7866, [NORMAL_MS, true]],
  [0x7ca2, [NORMAL_MS, true]],
  [0x58e0, [NORMAL_MS, false]],
  [0x5c24, [NORMAL_MS, false]],
  [0x609c, [LOW_POWER_MS, true]],
  [0x6458, [LOW_POWER_MS, true]],
  [0x401a, [LOW_POWER_MS, false]],
  [0x44de, [LOW_POWER_MS, false]],
]);
const SLEEP = 0xb098;
const WAKE_UP = 0x3517;
const SOFT_RESET = 0x805d;
const READ_ID = 0xefc8;
/** xxxx'1xxx'xx00'0111; the other bits are the part's own. */
const ID = 0x0887;

/** Most significant byte first, then the remainder of dividing by x8+x5+x4+1 with the first eight bits inverted. */
function framed(word: number): readonly number[] {
  let value = (word ^ 0xff00) * 256;
  for (let bit = 23; bit >= 8; bit--) if ((value >> bit) & 1) value ^= 0x131 << (bit - 8);
  return [word >> 8, word & 0xff, value];
}

const clip = (ticks: number): number => Math.min(0xffff, Math.max(0, Math.round(ticks)));

function create(world: World) {
  let asleep = false;
  let busyUntilMs = Number.NEGATIVE_INFINITY;
  let reply: (() => readonly number[]) | undefined;

  return {
    write(bytes: Uint8Array): boolean {
      const nowMs = world.clock.monotonic();
      if (nowMs < busyUntilMs) return false;
      const command = bytes.length === 2 ? (bytes[0]! << 8) | bytes[1]! : undefined;
      if (asleep && command !== WAKE_UP) return false;
      // An empty write asks whether somebody is there.
      if (bytes.length === 0) return true;
      reply = undefined;
      const measurement = MEASUREMENTS.get(command ?? -1);
      if (measurement) {
        const [ms, temperatureFirst] = measurement;
        const endMs = nowMs + ms;
        busyUntilMs = endMs;
        reply = () => {
          const both = [
            clip(((world.value('temperature', endMs) + 45) / 175) * 65536),
            clip((world.value('humidity', endMs) / 100) * 65536),
          ];
          return temperatureFirst ? both : both.reverse();
        };
        return true;
      }
      if (command === SLEEP) asleep = true;
      else if (command === WAKE_UP) {
        if (asleep) busyUntilMs = nowMs + SHORT_MS;
        asleep = false;
      } else if (command === SOFT_RESET) busyUntilMs = nowMs + SHORT_MS;
      else if (command === READ_ID) reply = () => [ID];
      else return false;
      return true;
    },
    read(length: number): Uint8Array | null {
      if (asleep || !reply || world.clock.monotonic() < busyUntilMs) return null;
      const bytes = Uint8Array.from(reply().flatMap(framed));
      reply = undefined;
      return bytes.subarray(0, length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
