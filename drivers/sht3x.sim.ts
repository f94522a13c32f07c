/**
 * A simulated SHT3x, transcribed from the datasheet.
 * Models: single shots with and without clock stretching and the longest time each takes, periodic measuring (single shots
 * are refused until it is stopped, a fetch that finds nothing new is not acknowledged), refusal of reads and commands while
 * it measures, soft reset, status register with its clear command, heater bit, serial number, checksums.
 * Does not model: the stretched clock itself (such a reply is there after the longest time), what the heater warms, alert
 * limits, noise, the lower repeatability of the faster measurements, the deaf millisecond after power-on.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const SINGLE_SHOT_MS: Readonly<Record<number, number>> = {
  9216: 15.5, // 0x2400
  9227: 6.5, // 0x240b
  9238: 4.5, // 0x2416
  11270: 15.5, // 0x2c06
  11277: 6.5, // 0x2c0d
  11280: 4.5, // 0x2c10
};
/** Upper byte of a periodic command: time between measurements. */
const PERIOD_MS: Readonly<Record<number, number>> = { 32: 2_000, 33: 1_000, 34: 500, 35: 250, 39: 100 };
const STOP = 0x3093;
const FETCH = 0xe000;
const SOFT_RESET = 0x30a2;
const HEATER_ON = 0x306d;
const HEATER_OFF = 0x3066;
const READ_STATUS = 0xf32d;
const CLEAR_STATUS = 0x3041;
const READ_SERIAL = 0x3780;
const SERIAL = [0x0b7a, 0x13c2] as const;

const RESET_MS = 1.5;
const STOP_MS = 1;
const AFTER_RESET = 0x8010;
const HEATER_BIT = 0x2000;
/** What "clear status" clears: alert pending, both alerts, reset detected. */
const CLEARED_BITS = 0x8c10;

/** A word with its CRC-8 (x8+x5+x4+1, preset to ones): division of word and eight zeros, bit by bit. */
function checked(word: number): readonly number[] {
  let rest = (word ^ 0xff00) << 8;
  for (let bit = 23; bit >= 8; bit--) if (rest & (1 << bit)) rest ^= 0x131 << (bit - 8);
  return [word >> 8, word & 0xff, rest];
}

const toTicks = (share: number): number => Math.round(0xffff * Math.min(1, Math.max(0, share)));

function create(world: World) {
  let status = AFTER_RESET;
  let deafUntilMs = Number.NEGATIVE_INFINITY;
  let busyUntilMs = Number.NEGATIVE_INFINITY;
  let reply: (() => readonly number[]) | undefined;
  let periodic: { readonly everyMs: number; readonly beganMs: number; fetched: number } | undefined;

  const measuredAt = (atMs: number) => [
    toTicks((world.value('temperature', atMs) + 45) / 175),
    toTicks(world.value('humidity', atMs) / 100),
  ];

  const whilePeriodic = (command: number, running: NonNullable<typeof periodic>, nowMs: number): boolean => {
    const count = Math.floor((nowMs - running.beganMs) / running.everyMs);
    if (command === STOP) {
      periodic = undefined;
      deafUntilMs = nowMs + STOP_MS;
      reply = undefined;
    } else if (command === FETCH) {
      const isNew = count > running.fetched;
      running.fetched = count;
      reply = isNew ? () => measuredAt(running.beganMs + count * running.everyMs) : undefined;
    } else if (command === READ_STATUS) {
      reply = () => [status];
    } else {
      return false;
    }
    return true;
  };

  const obey = (command: number, nowMs: number): boolean => {
    reply = undefined;
    const shotMs = SINGLE_SHOT_MS[command];
    const everyMs = PERIOD_MS[command >> 8];
    if (shotMs !== undefined) {
      const endMs = nowMs + shotMs;
      busyUntilMs = endMs;
      reply = () => measuredAt(endMs);
    } else if (everyMs !== undefined) {
      periodic = { everyMs, beganMs: nowMs, fetched: 0 };
    } else if (command === SOFT_RESET) {
      status = AFTER_RESET;
      deafUntilMs = nowMs + RESET_MS;
    } else if (command === STOP) {
      deafUntilMs = nowMs + STOP_MS;
    } else if (command === READ_STATUS) {
      reply = () => [status];
    } else if (command === CLEAR_STATUS) {
      status &= ~CLEARED_BITS;
    } else if (command === HEATER_ON) {
      status |= HEATER_BIT;
    } else if (command === HEATER_OFF) {
      status &= ~HEATER_BIT;
    } else if (command === READ_SERIAL) {
      reply = () => SERIAL;
    } else {
      return false;
    }
    return true;
  };

  return {
    write(bytes: Uint8Array): boolean {
      const nowMs = world.clock.monotonic();
      if (nowMs < deafUntilMs || nowMs < busyUntilMs) return false;
      // An empty write asks whether somebody is there.
      if (bytes.length === 0) return true;
      if (bytes.length !== 2) return false;
      const command = (bytes[0]! << 8) | bytes[1]!;
      return periodic ? whilePeriodic(command, periodic, nowMs) : obey(command, nowMs);
    },
    read(length: number): Uint8Array | null {
      const nowMs = world.clock.monotonic();
      if (!reply || nowMs < deafUntilMs || nowMs < busyUntilMs) return null;
      const bytes = Uint8Array.from(reply().flatMap(checked));
      reply = undefined;
      return bytes.subarray(0, length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
