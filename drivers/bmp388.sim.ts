/**
 * A simulated BMP388, transcribed from the datasheet. The chip measures raw numbers and leaves the maths to the host, so
 * the simulation looks for the raw number that the maker's INTEGER formulas turn into what is the case, with one plausible
 * calibration. (The driver uses the floating point formulas: the two check each other.)
 *
 * Models: id, reset command and the flag that must be set before it, error register, forced mode with its duration, ready
 * bits that appear with the data and go only when they are read, reads that are too early (the old data), resolution by
 * oversampling, the IIR filter, switched-off channels, settings that do not fit in normal mode.
 * Does not model: measurements in normal mode, the FIFO, the watchdog, interrupts, noise, self-heating.
 */
import { lowestRaw } from '../src/bus/lowest-raw.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const T = [27_772, 18_974, -7] as const;
const P = [-1_200n, -1_900n, 35n, 0n, 25_032n, 30_308n, -7n, -10n, 16_187n, 20n, -60n] as const;

/** T1, T2, T3 and P1 to P11, as they stand in the memory: words and bytes. */
const TRIMMING = ((): readonly number[] => {
  const [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11] = P.map(Number);
  const word = (value = 0) => [value & 0xff, (value >> 8) & 0xff];
  const byte = (value = 0) => [value & 0xff];
  return [
    ...[...word(T[0]), ...word(T[1]), ...byte(T[2])],
    ...[...word(p1), ...word(p2), ...byte(p3), ...byte(p4), ...word(p5), ...word(p6)],
    ...[...byte(p7), ...byte(p8), ...word(p9), ...byte(p10), ...byte(p11)],
  ];
})();

/** Integer formula: temperature in Cel x 65536 ("t_lin"). BigInt division cuts off towards zero, as C does. */
function tLin(adc: number): bigint {
  const above = BigInt(adc - 256 * T[0]);
  return (BigInt(T[1]) * above * 262144n + above * above * BigInt(T[2])) / 4294967296n;
}

/** Integer formula: pressure in Pa / 100, at one t_lin. */
function pressureAt(lin: bigint): (adc: number) => number {
  const [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11] = P;
  const square = lin * lin;
  const cube = ((square / 64n) * lin) / 256n;
  const offset = p5 * 140737488355328n + (p8 * cube) / 32n + p7 * square * 16n + p6 * lin * 4194304n;
  const sensitivity =
    (p1 - 16384n) * 70368744177664n + (p4 * cube) / 32n + p3 * square * 4n + (p2 - 16384n) * lin * 2097152n;
  return (adc) => {
    const raw = BigInt(adc);
    const linear = (sensitivity / 16777216n) * raw;
    const bend = ((p10 * lin + 65536n * p9) * raw) / 8192n;
    const second = ((raw * (bend / 10n)) / 512n) * 10n;
    const third = (((p11 * raw * raw) / 65536n) * raw) / 128n;
    return Number(((offset / 4n + linear + second + third) * 25n) / 1099511627776n);
  };
}

const TOP = 0xffffff;

const NOT_MEASURED = 0x800000;
const RESET_MS = 2;
const COEFFICIENTS = [0, 1, 3, 7, 15, 31, 63, 127] as const;
/** "Output data rate": the period of code 0; each code doubles it. */
const SHORTEST_PERIOD_MS = 5;

interface Conversion {
  readonly endMs: number;
  readonly hasPressure: boolean;
  readonly hasTemperature: boolean;
}

function create(world: World) {
  const memory = new Uint8Array(256);
  let address = 0;
  let startedMs = Number.NEGATIVE_INFINITY;
  let conversion: Conversion | undefined;
  let smooth: { t?: number; p?: number } = {};

  const powerUp = () => {
    memory.fill(0);
    memory[0x00] = 0x50;
    memory[0x03] = 0x10;
    memory[0x1c] = 0x02;
    memory.set([0, 0, 0x80, 0, 0, 0x80], 0x04);
    memory.set(TRIMMING, 0x31);
    conversion = undefined;
    smooth = {};
  };

  /** 16 bits with one sample and one more for each doubling; the filter mixes old and new. */
  const digitise = (ideal: number, osr: number, channel: 't' | 'p'): number => {
    const coefficient = COEFFICIENTS[(memory[0x1f]! >> 1) & 7]!;
    const step = coefficient > 0 ? 1 : 2 ** (8 - Math.min(5, osr));
    const sample = Math.round(ideal / step) * step;
    const before = smooth[channel] ?? sample;
    const mixed = (before * coefficient + sample) / (coefficient + 1);
    smooth[channel] = mixed;
    const adc = Math.min(TOP, Math.round(mixed));
    return adc === NOT_MEASURED ? adc + step : adc;
  };

  const finish = ({ endMs, hasPressure, hasTemperature }: Conversion) => {
    const warmth = BigInt(Math.round(world.value('temperature', endMs) * 65536));
    const osr = memory[0x1c]!;
    let [adcP, adcT] = [NOT_MEASURED, NOT_MEASURED];
    if (hasTemperature)
      adcT = digitise(
        lowestRaw(TOP, (adc) => tLin(adc) >= warmth),
        osr >> 3,
        't',
      );
    if (hasPressure) {
      const pressure = pressureAt(warmth);
      const target = world.value('pressure', endMs) * 10_000;
      // A higher number is a lower pressure.
      adcP = digitise(
        lowestRaw(TOP, (adc) => pressure(adc) <= target),
        osr & 7,
        'p',
      );
    }
    memory.set(
      [adcP, adcT].flatMap((adc) => [adc & 0xff, (adc >> 8) & 0xff, adc >> 16]),
      0x04,
    );
    memory[0x03]! |= (hasPressure ? 0x20 : 0) | (hasTemperature ? 0x40 : 0);
  };

  const settle = () => {
    const nowMs = world.clock.monotonic();
    if (nowMs >= startedMs) memory[0x03]! |= 0x10;
    if (conversion && nowMs >= conversion.endMs) {
      finish(conversion);
      conversion = undefined;
      memory[0x1b]! &= ~0x30;
    }
  };

  const durationMs = (hasPressure: boolean, hasTemperature: boolean): number => {
    const part = (isOn: boolean, osr: number, settleMs: number) => (isOn ? settleMs + 2.02 * 2 ** Math.min(5, osr) : 0);
    const osr = memory[0x1c]!;
    return 0.234 + part(hasPressure, osr & 7, 0.392) + part(hasTemperature, osr >> 3, 0.163);
  };

  const store = (register: number, value: number) => {
    if (register === 0x7e) {
      if (!(memory[0x03]! & 0x10)) memory[0x02]! |= 0b010;
      else if (value === 0xb6) {
        powerUp();
        memory[0x03] = 0;
        startedMs = world.clock.monotonic() + RESET_MS;
      }
    } else if (register === 0x1f) {
      memory[0x1f] = value;
      smooth = {};
    } else if (register === 0x1c || register === 0x1d) {
      memory[register] = value;
    } else if (register === 0x1b) {
      memory[0x1b] = value & 0x33;
      const [hasPressure, hasTemperature] = [(value & 1) !== 0, (value & 2) !== 0];
      const mode = (value >> 4) & 3;
      const takesMs = durationMs(hasPressure, hasTemperature);
      if (mode === 0b11) {
        if (takesMs >= SHORTEST_PERIOD_MS * 2 ** memory[0x1d]!) memory[0x02]! |= 0b100;
      } else if (mode !== 0) {
        conversion = { endMs: world.clock.monotonic() + takesMs, hasPressure, hasTemperature };
      }
    }
  };

  powerUp();
  return {
    write(bytes: Uint8Array): boolean {
      settle();
      address = bytes[0] ?? address;
      // "I2C write": pairs of register and value.
      for (let at = 0; at + 1 < bytes.length; at += 2) store(bytes[at]!, bytes[at + 1]!);
      return true;
    },
    read(length: number): Uint8Array {
      settle();
      const bytes = memory.slice(address, address + length);
      const touches = (first: number) => address <= first + 2 && address + length > first;
      if (touches(0x04)) memory[0x03]! &= ~0x20;
      if (touches(0x07)) memory[0x03]! &= ~0x40;
      return bytes;
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
