/**
 * A simulated BME280, transcribed from the datasheet. The chip measures raw numbers and leaves the maths to the host, so
 * the simulation looks for the raw number that the datasheet's INTEGER formulas turn into what is the case, with one
 * plausible calibration. (The driver uses the floating point formulas: the two check each other.)
 *
 * Models: id, soft reset with the time that the copy of the calibration takes, control registers with ctrl_hum latched by
 * ctrl_meas, forced mode with its longest duration, status bits, reads that are too early (the old data), resolution by
 * oversampling, the IIR filter, skipped channels.
 * Does not model: measurements in normal mode (it only ignores config there), noise, self-heating.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const T = [27504, 26435, -1000] as const;
const P = [36477n, -10685n, 3024n, 2855n, 140n, -7n, 15500n, -14600n, 6000n] as const;
const H = [75, 362, 0, 313, 50, 30] as const;

/** "Compensation formulas", 32 bit: t_fine. */
function fineOf(raw: number): number {
  const [t1, t2, t3] = T;
  const var1 = (((raw >> 3) - (t1 << 1)) * t2) >> 11;
  const difference = (raw >> 4) - t1;
  const var2 = (((difference * difference) >> 12) * t3) >> 14;
  return var1 + var2;
}

/** "Compensation formulas", 64 bit: pressure in Pa / 256, at one t_fine. */
function pressureAt(fine: number): (raw: number) => number {
  const [p1, p2, p3, p4, p5, p6, p7, p8, p9] = P;
  const warmth = BigInt(fine) - 128000n;
  const offset = warmth * warmth * p6 + ((warmth * p5) << 17n) + (p4 << 35n);
  const curve = ((warmth * warmth * p3) >> 8n) + ((warmth * p2) << 12n);
  const slope = (((1n << 47n) + curve) * p1) >> 33n;
  return (raw) => {
    const first = (((BigInt(1048576 - raw) << 31n) - offset) * 3125n) / slope;
    const var1 = (p9 * (first >> 13n) * (first >> 13n)) >> 25n;
    const var2 = (p8 * first) >> 19n;
    return Number(((first + var1 + var2) >> 8n) + (p7 << 4n));
  };
}

/** "Compensation formulas", 32 bit: humidity in %RH / 1024, at one t_fine. */
function humidityAt(fine: number): (raw: number) => number {
  const [h1, h2, h3, h4, h5, h6] = H;
  const warmth = fine - 76800;
  const slope = (((((((warmth * h6) >> 10) * (((warmth * h3) >> 11) + 32768)) >> 10) + 2097152) * h2 + 8192) >> 14) | 0;
  return (raw) => {
    const first = (((raw << 14) - (h4 << 20) - h5 * warmth + 16384) >> 15) * slope;
    const root = first >> 15;
    const second = first - ((((root * root) >> 7) * h1) >> 4);
    return Math.min(419430400, Math.max(0, second)) >> 12;
  };
}

const FIRST_REACH = 32;

/** The lowest number up to `top` from which on `holds`; `near` is where to look first. */
function lowest(holds: (raw: number) => boolean, near: number, top: number): number {
  let below = -1;
  let at = top;
  let reach = FIRST_REACH;
  if (holds(near)) {
    at = near;
    while (at - reach > 0 && holds(at - reach)) {
      at -= reach;
      reach *= 2;
    }
    below = Math.max(-1, at - reach);
  } else {
    below = near;
    while (below + reach < top && !holds(below + reach)) {
      below += reach;
      reach *= 2;
    }
    at = Math.min(top, below + reach);
  }
  while (at - below > 1) {
    const middle = (below + at) >> 1;
    if (holds(middle)) at = middle;
    else below = middle;
  }
  return at;
}

const SKIPPED = 0x80000;
const SKIPPED_HUMIDITY = 0x8000;
const COPY_MS = 2;
const SAMPLES = [0, 1, 2, 4, 8, 16, 16, 16] as const;
const COEFFICIENT = [1, 2, 4, 8, 16, 16, 16, 16] as const;

const CALIBRATION = ((): readonly (readonly [number, readonly number[]])[] => {
  const words = (values: readonly number[]) => values.flatMap((value) => [value & 0xff, (value >> 8) & 0xff]);
  const [h1, h2, h3, h4, h5, h6] = H;
  return [
    [0x88, [...words([...T, ...P.map(Number)]), 0, h1]],
    [0xe1, [...words([h2]), h3, (h4 >> 4) & 0xff, (h4 & 0x0f) | ((h5 & 0x0f) << 4), (h5 >> 4) & 0xff, h6 & 0xff]],
  ];
})();

function create(world: World) {
  const registers = new Uint8Array(256);
  let pointer = 0;
  let copiedMs: number | undefined;
  let measuring: { endMs: number; t: number; p: number; h: number } | undefined;
  let filtered: { t?: number; p?: number } = {};
  // Where the last raw numbers were found: the next are near.
  const found = { t: SKIPPED, p: SKIPPED, h: SKIPPED_HUMIDITY };

  const powerOn = () => {
    registers.fill(0);
    registers[0xd0] = 0x60;
    registers.set([0x80, 0, 0, 0x80, 0, 0, 0x80, 0], 0xf7);
    measuring = undefined;
    filtered = {};
  };
  const loadCalibration = () => {
    for (const [at, bytes] of CALIBRATION) registers.set(bytes, at);
  };

  /** What the converter gives: fewer bits without the filter, and never the number that stands for skipped. */
  const converted = (raw: number, code: number, channel: 't' | 'p'): number => {
    const coefficient = COEFFICIENT[(registers[0xf5]! >> 2) & 7]!;
    const step = coefficient > 1 ? 1 : 2 ** (5 - Math.min(5, code));
    const old = filtered[channel];
    const sample = Math.round(raw / step) * step;
    const value = old === undefined ? sample : (old * (coefficient - 1) + sample) / coefficient;
    filtered[channel] = value;
    const whole = Math.round(value);
    return whole === SKIPPED ? whole + step : whole;
  };

  const complete = ({ endMs, t, p, h }: NonNullable<typeof measuring>) => {
    const fine = Math.round(world.value('temperature', endMs) * 5120);
    let [rawT, rawP, rawH] = [SKIPPED, SKIPPED, SKIPPED_HUMIDITY];
    if (t > 0) {
      found.t = lowest((raw) => fineOf(raw) >= fine, found.t, 0xfffff);
      rawT = converted(found.t, t, 't');
    }
    if (p > 0) {
      const target = world.value('pressure', endMs) * 100 * 256;
      const pressure = pressureAt(fine);
      found.p = lowest((raw) => pressure(raw) <= target, found.p, 0xfffff);
      rawP = converted(found.p, p, 'p');
    }
    if (h > 0) {
      const target = world.value('humidity', endMs) * 1024;
      const humidity = humidityAt(fine);
      found.h = lowest((raw) => humidity(raw) >= target, found.h, 0xffff);
      rawH = found.h === SKIPPED_HUMIDITY ? found.h + 1 : found.h;
    }
    const three = (raw: number) => [raw >> 12, (raw >> 4) & 0xff, (raw & 0x0f) << 4];
    registers.set([...three(rawP), ...three(rawT), rawH >> 8, rawH & 0xff], 0xf7);
  };

  /** Lets what takes time come to its end, if it has. */
  const settle = () => {
    const nowMs = world.clock.monotonic();
    if (copiedMs !== undefined && nowMs >= copiedMs) {
      copiedMs = undefined;
      registers[0xf3]! &= ~0b0001;
      loadCalibration();
    }
    if (measuring && nowMs >= measuring.endMs) {
      complete(measuring);
      measuring = undefined;
      registers[0xf3]! &= ~0b1000;
      registers[0xf4]! &= ~0b11;
    }
  };

  const writeRegister = (register: number, value: number) => {
    if (register === 0xe0 && value === 0xb6) {
      powerOn();
      registers[0xf3] = 0b0001;
      copiedMs = world.clock.monotonic() + COPY_MS;
    } else if (register === 0xf2) {
      registers[0xf2] = value & 0b111;
    } else if (register === 0xf5) {
      if ((registers[0xf4]! & 0b11) === 0b11) return;
      registers[0xf5] = value;
      filtered = {};
    } else if (register === 0xf4) {
      registers[0xf4] = value;
      const mode = value & 0b11;
      if (mode !== 0b01 && mode !== 0b10) return;
      const [t, p, h] = [value >> 5, (value >> 2) & 0b111, registers[0xf2]!];
      // "Measurement time", maximum: a skipped channel takes none.
      const part = (code: number) => (code === 0 ? 0 : 2.3 * SAMPLES[code]! + 0.575);
      const durationMs = 1.25 + 2.3 * SAMPLES[t]! + part(p) + part(h);
      measuring = { endMs: world.clock.monotonic() + durationMs, t, p, h };
      registers[0xf3]! |= 0b1000;
    }
  };

  powerOn();
  loadCalibration();
  return {
    write(bytes: Uint8Array): boolean {
      settle();
      if (bytes.length > 0) pointer = bytes[0]!;
      // "I2C write": pairs of register and value.
      for (let at = 0; at + 1 < bytes.length; at += 2) writeRegister(bytes[at]!, bytes[at + 1]!);
      return true;
    },
    read(length: number): Uint8Array {
      settle();
      return registers.slice(pointer, pointer + length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
