/**
 * A simulated BMP280, transcribed from the datasheet. The chip measures raw numbers and leaves the maths to the host, so
 * the simulation looks for the raw number that the datasheet's INTEGER formulas turn into what is the case, with the
 * calibration of the datasheet's worked example. (The driver uses the floating point formulas: the two check each other.)
 *
 * Models: id, soft reset with the time that the copy of the calibration takes, forced mode with its longest duration,
 * status bits, reads that are too early (the old data), resolution by oversampling, the IIR filter, skipped channels.
 * Does not model: measurements in normal mode (it only ignores config there), noise, self-heating.
 */
import { lowestRaw } from '../src/bus/lowest-raw.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const DIG_T = [27504, 26435, -1000] as const;
const DIG_P = [36477n, -10685n, 3024n, 2855n, 140n, -7n, 15500n, -14600n, 6000n] as const;

/** "Compensation formula", 32 bit: t_fine. */
function tFine(adc: number): number {
  const [t1, t2, t3] = DIG_T;
  const fromT1 = (adc >> 4) - t1;
  return ((((adc >> 3) - (t1 << 1)) * t2) >> 11) + ((((fromT1 * fromT1) >> 12) * t3) >> 14);
}

/** "Compensation formula", 64 bit: pressure in Pa, Q24.8. */
function pressureQ8(adc: number, fine: number): number {
  const [p1, p2, p3, p4, p5, p6, p7, p8, p9] = DIG_P;
  const centred = BigInt(fine) - 128000n;
  let offset = centred * centred * p6;
  offset += (centred * p5) << 17n;
  offset += p4 << 35n;
  let slope = ((centred * centred * p3) >> 8n) + ((centred * p2) << 12n);
  slope = (((1n << 47n) + slope) * p1) >> 33n;
  let p = ((((1048576n - BigInt(adc)) << 31n) - offset) * 3125n) / slope;
  const square = (p9 * (p >> 13n) * (p >> 13n)) >> 25n;
  const linear = (p8 * p) >> 19n;
  p = ((p + square + linear) >> 8n) + (p7 << 4n);
  return Number(p);
}

const TOP = 0xfffff;

const NOT_MEASURED = 0x80000;
const NVM_COPY_MS = 2;
const SAMPLES = [0, 1, 2, 4, 8, 16, 16, 16] as const;
const COEFFICIENTS = [1, 2, 4, 8, 16, 16, 16, 16] as const;
const TRIMMING = [...DIG_T, ...DIG_P.map(Number)].flatMap((word) => [word & 0xff, (word >> 8) & 0xff]);

interface Conversion {
  readonly endMs: number;
  readonly osrsT: number;
  readonly osrsP: number;
}

function create(world: World) {
  const memory = new Uint8Array(256);
  let address = 0;
  let nvmReadyMs = Number.NEGATIVE_INFINITY;
  let conversion: Conversion | undefined;
  let smooth: { t?: number; p?: number } = {};

  const powerUp = () => {
    memory.fill(0);
    memory[0xd0] = 0x58;
    memory.set([0x80, 0, 0, 0x80, 0, 0], 0xf7);
    conversion = undefined;
    smooth = {};
  };

  /** Table "resolution": 16 bits and one more for each doubling; 20 with the filter on, which mixes old and new. */
  const digitise = (ideal: number, osrs: number, channel: 't' | 'p'): number => {
    const weight = COEFFICIENTS[(memory[0xf5]! >> 2) & 7]!;
    const step = weight === 1 ? 2 ** (5 - Math.min(5, osrs)) : 1;
    const sample = Math.round(ideal / step) * step;
    const before = smooth[channel] ?? sample;
    const mixed = before + (sample - before) / weight;
    smooth[channel] = mixed;
    const adc = Math.min(TOP, Math.round(mixed));
    return adc === NOT_MEASURED ? adc + step : adc;
  };

  const finish = ({ endMs, osrsT, osrsP }: Conversion) => {
    const fine = Math.round(world.value('temperature', endMs) * 5120);
    const pascals = world.value('pressure', endMs) * 100;
    const adcT =
      osrsT === 0
        ? NOT_MEASURED
        : digitise(
            lowestRaw(TOP, (adc) => tFine(adc) >= fine),
            osrsT,
            't',
          );
    const adcP =
      osrsP === 0
        ? NOT_MEASURED
        : digitise(
            lowestRaw(TOP, (adc) => pressureQ8(adc, fine) <= pascals * 256),
            osrsP,
            'p',
          );
    memory.set(
      [adcP, adcT].flatMap((adc) => [adc >> 12, (adc >> 4) & 0xff, (adc & 0x0f) << 4]),
      0xf7,
    );
  };

  const catchUp = () => {
    const nowMs = world.clock.monotonic();
    if (memory[0xf3]! & 0b0001 && nowMs >= nvmReadyMs) {
      memory[0xf3]! &= ~0b0001;
      memory.set(TRIMMING, 0x88);
    }
    if (conversion && nowMs >= conversion.endMs) {
      finish(conversion);
      conversion = undefined;
      memory[0xf3]! &= ~0b1000;
      memory[0xf4]! &= ~0b11;
    }
  };

  const store = (register: number, value: number) => {
    if (register === 0xe0) {
      if (value !== 0xb6) return;
      powerUp();
      memory[0xf3] = 0b0001;
      nvmReadyMs = world.clock.monotonic() + NVM_COPY_MS;
    } else if (register === 0xf5) {
      if ((memory[0xf4]! & 0b11) === 0b11) return;
      memory[0xf5] = value;
      smooth = {};
    } else if (register === 0xf4) {
      memory[0xf4] = value;
      const forced = (value & 0b11) === 0b01 || (value & 0b11) === 0b10;
      if (!forced) return;
      const [osrsT, osrsP] = [value >> 5, (value >> 2) & 0b111];
      // "Measurement time", maximum.
      const durationMs = 1.25 + 2.3 * SAMPLES[osrsT]! + (osrsP === 0 ? 0 : 2.3 * SAMPLES[osrsP]! + 0.575);
      conversion = { endMs: world.clock.monotonic() + durationMs, osrsT, osrsP };
      memory[0xf3]! |= 0b1000;
    }
  };

  powerUp();
  memory.set(TRIMMING, 0x88);
  return {
    write(bytes: Uint8Array): boolean {
      catchUp();
      address = bytes[0] ?? address;
      // "I2C write": pairs of register and value.
      for (let at = 0; at + 1 < bytes.length; at += 2) store(bytes[at]!, bytes[at + 1]!);
      return true;
    },
    read(length: number): Uint8Array {
      catchUp();
      return memory.slice(address, address + length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
