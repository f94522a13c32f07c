/**
 * A simulated SCD41, transcribed from the datasheet.
 * Models: periodic measuring at both rates, in which only data, their readiness, pressure and stop are heard; the 500 ms
 * after a stop in which nothing is; single shots and the 5 s or 50 ms in which nothing is heard; a measurement that can be
 * read once; the millisecond before a reply; power down, in which only the wake-up has an effect, which is never
 * acknowledged; temperature offset, altitude and self-calibration as settings with checksums; serial number.
 * Does not model: the effect of altitude and pressure on CO2 and of the offset on humidity, recalibration, the EEPROM, the
 * second after power-on, the lesser warmth of the slower modes, noise.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const PERIODS_MS: ReadonlyMap<number, number> = new Map([
  [0x21b1, 5_000],
  [0x21ac, 30_000],
]);
const SHOTS_MS: ReadonlyMap<number, number> = new Map([
  [0x219d, 5_000],
  [0x2196, 50],
]);
/** Set command -> the command that reads the same setting. */
const SETTINGS: ReadonlyMap<number, number> = new Map([
  [0x241d, 0x2318],
  [0x2427, 0x2322],
  [0x2416, 0x2313],
]);
const DATA = 0xec05;
const READY = 0xe4b8;
const STOP = 0x3f86;
const PRESSURE = 0xe000;
const SERIAL = 0x3682;
const POWER_DOWN = 0x36e0;
const WAKE_UP = 0x36f6;
const SERIAL_WORDS = [0xf896, 0x9f07, 0x3bbe] as const;

const STOP_MS = 500;
const WAKE_UP_MS = 30;
const REPLY_MS = 1;
/** What the chip is warmer than the air, and the offset that it has as delivered: 4 Cel. */
const OWN_WARMTH = 4;
const DELIVERED_OFFSET = 1498;

/** A word and its CRC-8: polynomial x8+x5+x4+1, preset to ones. */
function withChecksum(word: number): readonly number[] {
  let value = word ^ 0xff00;
  for (let bit = 0; bit < 16; bit++) value = value & 0x8000 ? (value << 1) ^ 0x13100 : value << 1;
  return [word >> 8, word & 0xff, (value >> 8) & 0xff];
}

const toTicks = (share: number): number => Math.round(65535 * Math.min(1, Math.max(0, share)));

function create(world: World) {
  const settings = new Map([
    [0x2318, DELIVERED_OFFSET],
    [0x2322, 0],
    [0x2313, 1],
  ]);
  let isDown = false;
  let deafUntilMs = Number.NEGATIVE_INFINITY;
  let periodic: { readonly everyMs: number; nextMs: number } | undefined;
  let shot: { readonly endMs: number; readonly hasCo2: boolean } | undefined;
  let measured: readonly number[] | undefined;
  let reply: { readonly words: readonly number[]; readonly fromMs: number } | undefined;

  const measure = (atMs: number, hasCo2 = true): readonly number[] => {
    const offset = ((settings.get(0x2318) ?? 0) * 175) / 65535;
    return [
      hasCo2 ? Math.round(Math.min(0xffff, Math.max(0, world.value('co2', atMs)))) : 0,
      toTicks((world.value('temperature', atMs) + OWN_WARMTH - offset + 45) / 175),
      toTicks(world.value('humidity', atMs) / 100),
    ];
  };
  const settle = (nowMs: number) => {
    if (shot && nowMs >= shot.endMs) {
      measured = measure(shot.endMs, shot.hasCo2);
      shot = undefined;
    }
    if (periodic && nowMs >= periodic.nextMs) {
      const missed = Math.floor((nowMs - periodic.nextMs) / periodic.everyMs);
      const lastMs = periodic.nextMs + missed * periodic.everyMs;
      measured = measure(lastMs);
      periodic.nextMs = lastMs + periodic.everyMs;
    }
  };
  const answer = (words: readonly number[], nowMs: number): true => {
    reply = { words, fromMs: nowMs + REPLY_MS };
    return true;
  };

  const obey = (command: number, argument: readonly number[], nowMs: number): boolean => {
    reply = undefined;
    if (command === READY) return answer([measured ? 0x8006 : 0x8000], nowMs);
    if (command === DATA) {
      if (!measured) return false;
      const words = measured;
      measured = undefined;
      return answer(words, nowMs);
    }
    if (command === STOP) {
      periodic = undefined;
      measured = undefined;
      deafUntilMs = nowMs + STOP_MS;
      return true;
    }
    if (command === PRESSURE) return true;
    if (periodic) return false;

    const everyMs = PERIODS_MS.get(command);
    const shotMs = SHOTS_MS.get(command);
    const setting = SETTINGS.get(command);
    if (everyMs !== undefined) periodic = { everyMs, nextMs: nowMs + everyMs };
    else if (shotMs !== undefined) {
      shot = { endMs: nowMs + shotMs, hasCo2: command === 0x219d };
      deafUntilMs = nowMs + shotMs;
    } else if (setting !== undefined) {
      const [high, low, crc] = argument;
      const word = ((high ?? 0) << 8) | (low ?? 0);
      if (withChecksum(word)[2] === crc) settings.set(setting, word);
      deafUntilMs = nowMs + REPLY_MS;
    } else if (settings.has(command)) return answer([settings.get(command) ?? 0], nowMs);
    else if (command === SERIAL) return answer(SERIAL_WORDS, nowMs);
    else if (command === POWER_DOWN) isDown = true;
    else return false;
    return true;
  };

  return {
    write(bytes: Uint8Array): boolean {
      const nowMs = world.clock.monotonic();
      settle(nowMs);
      if (nowMs < deafUntilMs) return false;
      const command = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
      if (isDown || command === WAKE_UP) {
        if (isDown && command === WAKE_UP) {
          isDown = false;
          deafUntilMs = nowMs + WAKE_UP_MS;
        }
        return false;
      }
      // An empty write asks whether somebody is there.
      return bytes.length === 0 || obey(command, [...bytes.subarray(2)], nowMs);
    },
    read(length: number): Uint8Array | null {
      const nowMs = world.clock.monotonic();
      if (!reply || nowMs < reply.fromMs) return null;
      const bytes = Uint8Array.from(reply.words.flatMap(withChecksum));
      reply = undefined;
      return bytes.subarray(0, length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
