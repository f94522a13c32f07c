/**
 * A simulated HDC2080, transcribed from the datasheet (the first revision's formula).
 * Models: ids, measurements on demand and at a rate with the typical time of each resolution, the data-ready flag and what
 * clears it, results that are 0 after power-on, the soft reset.
 * Does not model: heater, thresholds, interrupts, the maximum registers, offset registers, noise.
 */
import { simulatedConverter } from '../src/bus/converter.ts';
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const BITS = [14, 11, 9, 9] as const;
const TEMPERATURE_MS = [0.61, 0.35, 0.225, 0.225] as const;
const HUMIDITY_MS = [0.66, 0.4, 0.275, 0.275] as const;
/** By bits 6:4: not at all, then 1/120, 1/60, 0.1, 0.2, 1, 2 and 5 Hz. */
const PERIOD_MS = [0, 120_000, 60_000, 10_000, 5_000, 1_000, 500, 200] as const;
const IDS = [0x49, 0x54, 0xd0, 0x07] as const;

const STATUS = 0x04;
const CONFIG = 0x0e;
const MEASUREMENT = 0x0f;
const READY = 0x80;

/** Fraction of the range as a left-justified word of so many bits. */
function word(fraction: number, bits: number): number {
  const steps = Math.floor(Math.min(1, Math.max(0, fraction)) * 2 ** bits);
  return Math.min(2 ** bits - 1, steps) << (16 - bits);
}

function create(world: World) {
  const registers = new Uint8Array(256);
  let pointer = 0;
  const converter = simulatedConverter(world.clock);
  const powerOn = () => {
    registers.fill(0);
    registers.set(IDS, 0xfc);
    converter.stop();
  };

  const settle = () => {
    const endMs = converter.ended();
    if (endMs === undefined) return;
    const [t, h] = [registers[MEASUREMENT]! >> 6, (registers[MEASUREMENT]! >> 4) & 0b11];
    const temperature = word((world.value('temperature', endMs) + 40) / 165, BITS[t]!);
    registers.set([temperature & 0xff, temperature >> 8], 0x00);
    // "MEAS_CONF": 01 is temperature alone.
    if (((registers[MEASUREMENT]! >> 1) & 0b11) === 0) {
      const humidity = word(world.value('humidity', endMs) / 100, BITS[h]!);
      registers.set([humidity & 0xff, humidity >> 8], 0x02);
    }
    registers[STATUS]! |= READY;
    if (!converter.busy) registers[MEASUREMENT]! &= ~1;
  };
  const writeRegister = (register: number, value: number) => {
    if (register === CONFIG && value & 0x80) powerOn();
    else if (register >= 0x07 && register <= MEASUREMENT) registers[register] = value;
    if (register !== MEASUREMENT || !(value & 1)) return;
    const both = ((value >> 1) & 0b11) === 0;
    const durationMs = TEMPERATURE_MS[value >> 6]! + (both ? HUMIDITY_MS[(value >> 4) & 0b11]! : 0);
    const periodMs = PERIOD_MS[(registers[CONFIG]! >> 4) & 0b111]!;
    converter.start(periodMs > 0 ? 'always' : 'once', Math.max(durationMs, periodMs));
  };

  powerOn();
  return {
    write([register, ...values]: Uint8Array): boolean {
      settle();
      if (register === undefined) return true;
      pointer = register;
      for (const [at, value] of values.entries()) writeRegister(register + at, value);
      return true;
    },
    read(length: number): Uint8Array {
      settle();
      const bytes = registers.slice(pointer, pointer + length);
      if (pointer <= STATUS && pointer + length > STATUS) registers[STATUS] = 0;
      return bytes;
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
