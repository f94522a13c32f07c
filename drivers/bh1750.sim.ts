/**
 * A simulated BH1750FVI, transcribed from the datasheet.
 * Models: power states, one-time and continuous measurements with the longest time each takes, the measurement time
 * register, reads that are too early (the old value, 0 after power-on), a first measurement after power-on that gives 0,
 * reset of the data while powered, overflow at 0xffff.
 * Does not model: the coarser step of the low resolution, the spectrum of light.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

/** Upper nibble 1: continuous, 2: once. Lower nibble: the mode. */
const MODE_MS: Readonly<Record<number, number>> = { 0: 180, 1: 180, 3: 24 };
const REFERENCE_TIME = 69;

function create(world: World) {
  let powered = false;
  let timeRegister = REFERENCE_TIME;
  let data = 0;
  let firstIsPending = true;
  let running: { once: boolean; mode: number; time: number; startMs: number; durationMs: number } | undefined;

  /** Lets the measurements come to their ends that have ended by now. */
  const settle = () => {
    if (!running) return;
    const { once, mode, time, startMs, durationMs } = running;
    const periods = Math.floor((world.clock.monotonic() - startMs) / durationMs + 1e-9);
    if (periods < 1) return;
    const endMs = startMs + (once ? 1 : periods) * durationMs;
    const countsPerLux = 1.2 * (time / REFERENCE_TIME) * (mode === 1 ? 2 : 1);
    const counts = Math.round(world.value('illuminance', endMs) * countsPerLux);
    data = firstIsPending && (once || periods === 1) ? 0 : Math.min(0xffff, Math.max(0, counts));
    firstIsPending = false;
    if (once) {
      running = undefined;
      powered = false;
    } else {
      running = { ...running, startMs: endMs };
    }
  };

  const obey = (command: number): void => {
    if (command === 0x00) {
      powered = false;
      running = undefined;
    } else if (command === 0x01) {
      powered = true;
    } else if (command === 0x07) {
      if (powered) data = 0;
    } else if (command >> 3 === 0b01000) {
      timeRegister = (timeRegister & 0b000_11111) | ((command & 0b111) << 5);
    } else if (command >> 5 === 0b011) {
      timeRegister = (timeRegister & 0b111_00000) | (command & 0b11111);
    } else {
      const longestMs = MODE_MS[command & 0x0f];
      const continuous = command >> 4 === 1;
      if (longestMs === undefined || !(continuous || command >> 4 === 2)) return;
      powered = true;
      running = {
        once: !continuous,
        mode: command & 0x0f,
        time: timeRegister,
        startMs: world.clock.monotonic(),
        durationMs: (longestMs * timeRegister) / REFERENCE_TIME,
      };
    }
  };

  return {
    write(bytes: Uint8Array): boolean {
      settle();
      for (const command of bytes) obey(command);
      return true;
    },
    read(length: number): Uint8Array {
      settle();
      return Uint8Array.of(data >> 8, data & 0xff).subarray(0, length);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
