/**
 * A simulated TSL2591, transcribed from the datasheet: command byte, enable, control, id, status with its valid bit, two
 * channels that are integrated as long as it is switched on, full scales, reset. `infrared` of the world is the ratio of
 * the two channels.
 * Does not model: interrupts and thresholds, gains that differ from chip to chip, sleep after an interrupt.
 */
import type { I2cSimulation, World } from '../src/bus/sim.ts';

const [ENABLE, CONTROL, ID, STATUS, DATA, END] = [0x00, 0x01, 0x12, 0x13, 0x14, 0x18];
const GAINS = [1, 25, 428, 9876];
const LONGEST_STEP_MS = 108;

function create({ clock, value }: World) {
  const registers = new Uint8Array(END);
  registers[ID] = 0x50;
  let pointer = 0;
  /** When the integration began that is running; undefined when off. */
  let beganMs: number | undefined;

  const steps = () => (registers[CONTROL]! & 0x07) + 1;
  const settle = () => {
    if (beganMs === undefined || steps() > 6) return;
    const longestMs = steps() * LONGEST_STEP_MS;
    const ended = Math.floor((clock.monotonic() - beganMs) / longestMs + 1e-9);
    if (ended < 1) return;
    beganMs += ended * longestMs;
    const infrared = value('infrared', beganMs);
    const gain = GAINS[(registers[CONTROL]! >> 4) & 3]!;
    const full = (value('illuminance', beganMs) * steps() * 100 * gain) / 408 / (1 - infrared) ** 2;
    const fullScale = steps() === 1 ? 36_863 : 65_535;
    const counts = (light: number) => Math.min(fullScale, Math.max(0, Math.round(light)));
    const view = new DataView(registers.buffer);
    view.setUint16(DATA, counts(full), true);
    view.setUint16(DATA + 2, counts(full * infrared), true);
    registers[STATUS] = 0x01;
  };
  const set = (register: number, byte: number): void => {
    if (register >= ID) return;
    const wasOn = beganMs !== undefined;
    registers[register] = byte;
    if (register === CONTROL && byte & 0x80) registers.fill(0, 0, ID);
    if (register !== ENABLE && register !== CONTROL) return;
    const isOn = (registers[ENABLE]! & 0x03) === 0x03;
    beganMs = isOn ? clock.monotonic() : undefined;
    // "Valid" counts from the moment that the converter is switched on.
    if (isOn && !wasOn) registers[STATUS] = 0;
  };

  return {
    write([command, ...bytes]: Uint8Array): boolean {
      settle();
      if (command === undefined || (command & 0xe0) !== 0xa0) return true;
      pointer = command & 0x1f;
      for (const byte of bytes) set(pointer++, byte);
      return true;
    },
    read(length: number): Uint8Array {
      settle();
      return Uint8Array.from({ length }, () => registers[pointer++] ?? 0);
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
