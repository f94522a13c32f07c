/**
 * A simulated BME680, transcribed from the datasheet. The chip measures raw numbers and leaves the maths to the host, so the
 * simulation looks for the raw number that the maker's INTEGER formulas turn into what is the case, with one plausible
 * calibration and without the overflow of 32 bits. (The driver uses the floating point formulas: the two check each other.)
 *
 * Models: id, variant, soft reset with its time, forced mode with its duration and that of the heater, ctrl_hum and the gas
 * settings taken over by ctrl_meas, measuring and new-data bits, reads that are too early (the old data), resolution by
 * oversampling, the IIR filter, skipped channels, a heater that is off or on too shortly to become stable.
 * Does not model: how hot the heater becomes by its code, further heater profiles, what the heater warms, noise.
 */
import { lowestRaw } from '../src/bus/lowest-raw.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const T = [26041n, 26469n, 3n] as const;
const P = [36377n, -10380n, 88n, 6872n, -95n, 30n, 36n, -2133n, -2521n, 30n] as const;
const H = [777n, 1023n, 0n, 45n, 20n, 120n, -100n] as const;
const GAS = { g1: -30, g2: -9_100, g3: 18, heatValue: 45, heatRange: 1, rangeError: 2 } as const;
/** By range of the gas measurement. */
const CONSTANTS_1 = [
  ...[2147483647n, 2147483647n, 2147483647n, 2147483647n, 2147483647n, 2126008810n, 2147483647n, 2130303777n],
  ...[2147483647n, 2147483647n, 2143188679n, 2136746228n, 2147483647n, 2126008810n, 2147483647n, 2147483647n],
] as const;
const CONSTANTS_2 = [
  ...[4096000000n, 2048000000n, 1024000000n, 512000000n, 255744255n, 127110228n, 64000000n, 32258064n],
  ...[16016016n, 8000000n, 4000000n, 2000000n, 1000000n, 500000n, 250000n, 125000n],
] as const;

/** The three blocks of trimming, each with the address of its first byte. */
const TRIMMING = ((): readonly (readonly [number, readonly number[]])[] => {
  const [t1, t2, t3] = T.map(Number);
  const [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10] = P.map(Number);
  const [h1 = 0, h2 = 0, h3, h4, h5, h6, h7] = H.map(Number);
  const b = (value = 0) => [value & 0xff];
  const w = (value = 0) => [value & 0xff, (value >> 8) & 0xff];
  const gap = [0, 0];
  return [
    [0x8a, [w(t2), b(t3), b(), w(p1), w(p2), b(p3), b(), w(p4), w(p5), b(p7), b(p6), gap, w(p8), w(p9), b(p10)].flat()],
    [0xe1, [b(h2 >> 4), b(((h2 & 0x0f) << 4) | (h1 & 0x0f)), b(h1 >> 4), b(h3), b(h4), b(h5), b(h6), b(h7)].flat()],
    [0xe9, [w(t1), w(GAS.g2), b(GAS.g1), b(GAS.g3)].flat()],
    [0x00, [b(GAS.heatValue), b(), b(GAS.heatRange << 4), b(), b(GAS.rangeError << 4)].flat()],
  ];
})();

/** t_fine. */
function fineOf(adc: number): bigint {
  const linear = (BigInt(adc) >> 3n) - (T[0] << 1n);
  const square = ((linear >> 1n) * (linear >> 1n)) >> 12n;
  return ((linear * T[1]) >> 11n) + ((square * (T[2] << 4n)) >> 14n);
}

/** Pa, at one t_fine. */
function pressureAt(fine: bigint): (adc: number) => number {
  const [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10] = P;
  const warmth = (fine >> 1n) - 64000n;
  const square = (warmth >> 2n) * (warmth >> 2n);
  const offset = (((((square >> 11n) * p6) >> 2n) + ((warmth * p5) << 1n)) >> 2n) + (p4 << 16n);
  const bend = ((((square >> 13n) * (p3 << 5n)) >> 3n) + ((p2 * warmth) >> 1n)) >> 18n;
  const slope = ((32768n + bend) * p1) >> 15n;
  return (adc) => {
    const first = (((1048576n - BigInt(adc) - (offset >> 12n)) * 3125n) << 1n) / slope;
    const second = (p9 * (((first >> 3n) * (first >> 3n)) >> 13n)) >> 12n;
    const linear = ((first >> 2n) * p8) >> 13n;
    const cube = ((first >> 8n) * (first >> 8n) * (first >> 8n) * p10) >> 17n;
    return Number(first + ((second + linear + cube + (p7 << 7n)) >> 4n));
  };
}

/** %RH / 1000, at one t_fine. */
function humidityAt(fine: bigint): (adc: number) => number {
  const [h1, h2, h3, h4, h5, h6, h7] = H;
  const hundredths = (fine * 5n + 128n) >> 8n;
  const slope =
    (h2 * ((hundredths * h4) / 100n + ((hundredths * ((hundredths * h5) / 100n)) >> 6n) / 100n + (1n << 14n))) >> 10n;
  const curve = ((h6 << 7n) + (hundredths * h7) / 100n) >> 4n;
  return (adc) => {
    const first = (BigInt(adc) - h1 * 16n - (((hundredths * h3) / 100n) >> 1n)) * slope;
    const square = ((first >> 14n) * (first >> 14n)) >> 10n;
    return Number((((first + ((curve * square) >> 1n)) >> 10n) * 1000n) >> 12n);
  };
}

/** Ohm. */
function resistanceAt(range: number): (adc: number) => number {
  const scale = (BigInt(1340 + 5 * GAS.rangeError) * CONSTANTS_1[range]!) >> 16n;
  return (adc) => {
    const divisor = (BigInt(adc) << 15n) - 16777216n + scale;
    return Number((((CONSTANTS_2[range]! * scale) >> 9n) + (divisor >> 1n)) / divisor);
  };
}

const MIDDLES = CONSTANTS_2.map((_, range) => resistanceAt(range)(512));

/** The range whose middle is nearest, as the chip's own ranging finds it, and the number in it. */
function gasNumbers(ohms: number): { readonly range: number; readonly adc: number } {
  const distance = (middle: number) => Math.abs(Math.log(middle / Math.max(1, ohms)));
  const range = MIDDLES.reduce((best, middle, at) => (distance(middle) < distance(MIDDLES[best]!) ? at : best), 0);
  const resistance = resistanceAt(range);
  return { range, adc: lowestRaw(0x3ff, (adc) => resistance(adc) <= ohms) };
}

const NOT_MEASURED = 0x80000;
const NOT_MEASURED_HUMIDITY = 0x8000;
const TOP = 0xfffff;
const RESET_MS = 10;
const HEATER_STABLE_MS = 20;
const SAMPLES = [0, 1, 2, 4, 8, 16, 16, 16] as const;
const COEFFICIENTS = [0, 1, 3, 7, 15, 31, 63, 127] as const;

function create(world: World) {
  const memory = new Uint8Array(256);
  let address = 0;
  let startedMs = Number.NEGATIVE_INFINITY;
  let running: { readonly endMs: number; readonly heaterMs: number | undefined } | undefined;
  let taken = { t: 0, p: 0, h: 0 };
  let smooth: { t?: number; p?: number } = {};

  const powerUp = () => {
    memory.fill(0);
    memory[0xd0] = 0x61;
    memory.set([0, 0, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0], 0x1d);
    running = undefined;
    smooth = {};
  };
  const loadTrimming = () => {
    for (const [at, bytes] of TRIMMING) memory.set(bytes, at);
  };

  /** 16 bits and one more for each doubling of the samples; 20 with the filter, which mixes old and new. */
  const digitise = (ideal: number, osrs: number, channel: 't' | 'p'): number => {
    const coefficient = COEFFICIENTS[(memory[0x75]! >> 2) & 7]!;
    const step = coefficient > 0 ? 1 : 2 ** (5 - Math.min(5, osrs));
    const sample = Math.round(ideal / step) * step;
    const mixed = ((smooth[channel] ?? sample) * coefficient + sample) / (coefficient + 1);
    smooth[channel] = mixed;
    const adc = Math.min(TOP, Math.round(mixed));
    return adc === NOT_MEASURED ? adc + step : adc;
  };

  const finish = (endMs: number, heaterMs: number | undefined) => {
    const fine = BigInt(Math.round(world.value('temperature', endMs) * 5120));
    let [adcT, adcP, adcH] = [NOT_MEASURED, NOT_MEASURED, NOT_MEASURED_HUMIDITY];
    if (taken.t > 0)
      adcT = digitise(
        lowestRaw(TOP, (adc) => fineOf(adc) >= fine),
        taken.t,
        't',
      );
    if (taken.p > 0) {
      const pressure = pressureAt(fine);
      const pascals = world.value('pressure', endMs) * 100;
      adcP = digitise(
        lowestRaw(TOP, (adc) => pressure(adc) <= pascals),
        taken.p,
        'p',
      );
    }
    if (taken.h > 0) {
      const humidity = humidityAt(fine);
      const thousandths = world.value('humidity', endMs) * 1000;
      const adc = lowestRaw(0xffff, (raw) => humidity(raw) >= thousandths);
      adcH = adc === NOT_MEASURED_HUMIDITY ? adc + 1 : adc;
    }
    const three = (adc: number) => [adc >> 12, (adc >> 4) & 0xff, (adc & 0x0f) << 4];
    memory.set([...three(adcP), ...three(adcT), adcH >> 8, adcH & 0xff], 0x1f);
    if (heaterMs === undefined) {
      memory[0x2b] = 0;
    } else {
      const { adc, range } = gasNumbers(world.value('gas_resistance', endMs));
      const isStable = heaterMs >= HEATER_STABLE_MS && (memory[0x70]! & 0x08) === 0 && memory[0x5a]! > 0;
      memory.set([adc >> 2, ((adc & 3) << 6) | 0x20 | (isStable ? 0x10 : 0) | range], 0x2a);
    }
    memory[0x1d] = 0x80;
  };

  const settle = () => {
    const nowMs = world.clock.monotonic();
    if (nowMs >= startedMs) {
      loadTrimming();
      startedMs = Number.POSITIVE_INFINITY;
    }
    if (running && nowMs >= running.endMs) {
      finish(running.endMs, running.heaterMs);
      running = undefined;
      memory[0x74]! &= ~0b11;
    }
  };

  const store = (register: number, value: number) => {
    if (register === 0xe0 && value === 0xb6) {
      powerUp();
      startedMs = world.clock.monotonic() + RESET_MS;
    } else if (register === 0x75) {
      memory[0x75] = value;
      smooth = {};
    } else if (register === 0x74) {
      memory[0x74] = value;
      if ((value & 0b11) !== 0b01) return;
      taken = { t: value >> 5, p: (value >> 2) & 0b111, h: memory[0x72]! & 0b111 };
      const heaterMs = memory[0x71]! & 0x10 ? (memory[0x64]! & 0x3f) * 4 ** (memory[0x64]! >> 6) : undefined;
      const samples = SAMPLES[taken.t]! + SAMPLES[taken.p]! + SAMPLES[taken.h]!;
      const durationMs = 1 + 1.963 * samples + 0.477 * (4 + 5) + (heaterMs ?? 0);
      running = { endMs: world.clock.monotonic() + durationMs, heaterMs };
      memory[0x1d] = heaterMs === undefined ? 0x20 : 0x60;
    } else if ((register >= 0x5a && register <= 0x6d) || (register >= 0x70 && register <= 0x72)) {
      memory[register] = value;
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
      return memory.slice(address, address + length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
