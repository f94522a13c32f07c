/**
 * The command set that simulated chips inherited from the SHT21: HTU21D, Si7021. Commands of one byte: 0xF3 and 0xF5 measure
 * temperature and humidity, 0xE6 and 0xE7 write and read the user register, 0xFE resets; two bytes ask for the electronic id.
 *
 * - A read before the end of a measurement is not acknowledged; nor is anything during a reset.
 * - A result is left-justified, its two lowest bits are status (bit 1: humidity), and a CRC-8 (x8+x5+x4+1, from 0) ends it.
 * - Hold-master commands (0xE3, 0xE5) stretch the clock, which this bus cannot: they are not acknowledged.
 */
import type { SimulatedChip, World } from './sim.ts';

/** What differs from part to part. Arrays are by the resolution: bit 7 of the user register, then bit 0. */
export interface Sht21Like {
  readonly temperatureBits: readonly number[];
  readonly humidityBits: readonly number[];
  readonly temperatureMs: readonly number[];
  /** As a whole, with the temperature that some parts take along. */
  readonly humidityMs: readonly number[];
  readonly userRegister: number;
  readonly resetMs: number;
  /** Two-byte questions and their answers, in hex. */
  readonly ids: Readonly<Record<string, string>>;
  /** Whether 0xE0 gives the temperature that was taken with the last humidity, without a checksum. */
  readonly keepsTemperature: boolean;
}

const STATUS_HUMIDITY = 0b10;

/** Two bytes and their remainder by long division, from a register of zeros. */
function frame(word: number): Uint8Array {
  let remainder = word << 8;
  for (let bit = 23; bit >= 8; bit--) if ((remainder >> bit) & 1) remainder ^= 0x131 << (bit - 8);
  return Uint8Array.of(word >> 8, word & 0xff, remainder & 0xff);
}

function leftJustified(fraction: number, bits: number): number {
  const steps = Math.round(Math.min(1, Math.max(0, fraction)) * 2 ** bits);
  return Math.min(2 ** bits - 1, steps) << (16 - bits);
}

export function sht21LikeChip(world: World, part: Sht21Like): SimulatedChip {
  let user = part.userRegister;
  let deafUntilMs = Number.NEGATIVE_INFINITY;
  let pending: { readonly readyMs: number; readonly reply: (atMs: number) => Uint8Array } | undefined;
  let kept = 0x0000;

  const resolution = () => (user & 0x80 ? 2 : 0) + (user & 1);
  const temperature = (atMs: number): number =>
    leftJustified((world.value('temperature', atMs) + 46.85) / 175.72, part.temperatureBits[resolution()]!);
  const humidity = (atMs: number): number => {
    kept = temperature(atMs);
    const bits = part.humidityBits[resolution()]!;
    return leftJustified((world.value('humidity', atMs) + 6) / 125, bits) | STATUS_HUMIDITY;
  };
  const after = (ms: number, reply: (atMs: number) => Uint8Array) => {
    pending = { readyMs: world.clock.monotonic() + ms, reply };
  };

  const obey = ([command, value]: Uint8Array): boolean => {
    if (command === 0xf3) after(part.temperatureMs[resolution()]!, (atMs) => frame(temperature(atMs)));
    else if (command === 0xf5) after(part.humidityMs[resolution()]!, (atMs) => frame(humidity(atMs)));
    else if (command === 0xe7) after(0, () => Uint8Array.of(user));
    else if (command === 0xe6 && value !== undefined) user = value;
    else if (command === 0xe0 && part.keepsTemperature) after(0, () => Uint8Array.of(kept >> 8, kept & 0xff));
    else if (command === 0xfe) {
      user = part.userRegister;
      deafUntilMs = world.clock.monotonic() + part.resetMs;
    } else return false;
    return true;
  };

  return {
    write(bytes) {
      const nowMs = world.clock.monotonic();
      if (nowMs < deafUntilMs) return false;
      if (bytes.length === 0) return true;
      pending = undefined;
      const id = part.ids[Buffer.from(bytes).toString('hex')];
      if (id === undefined) return obey(bytes);
      after(0, () => Buffer.from(id, 'hex'));
      return true;
    },
    read(length) {
      const nowMs = world.clock.monotonic();
      if (!pending || nowMs < pending.readyMs || nowMs < deafUntilMs) return null;
      const { reply, readyMs } = pending;
      pending = undefined;
      const bytes = reply(readyMs);
      return Uint8Array.from({ length }, (_, at) => bytes[at] ?? 0xff);
    },
  };
}
