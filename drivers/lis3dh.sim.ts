/**
 * Simulates a LIS3DH at register level, from the datasheet's register map: identity, power-down, rates, resolutions, ranges,
 * turn-on, status, FIFO, temperature, an address that counts up only with its bit 7 set. Feels the world's
 * `acceleration_x|y|z` at each tick of its output rate, and `temperature` as whole degrees from 25.
 *
 * Not modelled: trigger mode, filters, interrupts, self-test, the other two analogue inputs, the rate of 5376 Hz, noise.
 */
import type { I2cSimulation, SimulatedChip, World } from '../src/bus/sim.ts';

const RESET: Readonly<Record<number, number>> = { 15: 0x33, 32: 0x07, 47: 0x20 };
const [STATUS_AUX, OUT_ADC3, TEMP_CFG] = [0x07, 0x0c, 0x1f];
const [CTRL_REG1, CTRL_REG4, CTRL_REG5, STATUS, DATA, DATA_END] = [0x20, 0x23, 0x24, 0x27, 0x28, 0x2e];
const [FIFO_CTRL, FIFO_SRC] = [0x2e, 0x2f];
const isWritable = (register: number): boolean =>
  (register >= TEMP_CFG && register < STATUS) || (register >= FIFO_CTRL && register !== FIFO_SRC);

const G = 9.80665;
const AXES = ['acceleration_x', 'acceleration_y', 'acceleration_z'] as const;
/** By the code in CTRL_REG1; 8 is for low power only. */
const RATES_HZ = [0, 1, 10, 25, 50, 100, 200, 400, 1_620, 1_344];
const MG = [1, 2, 4, 12];
const FIFO_LENGTH = 32;

function create({ clock, value }: World): SimulatedChip {
  const registers = new Uint8Array(64);
  for (const [register, reset] of Object.entries(RESET)) registers[Number(register)] = reset;
  let pointer = 0;
  let counts = false;
  let fifo: Uint8Array[] = [];
  /** When the next sample is there; undefined when powered down. */
  let nextMs: number | undefined;

  const isLowPower = () => (registers[CTRL_REG1]! & 0x08) !== 0;
  const isHighResolution = () => (registers[CTRL_REG4]! & 0x08) !== 0;
  const periodMs = () => 1_000 / RATES_HZ[registers[CTRL_REG1]! >> 4]!;
  const turnOnMs = () => (isLowPower() ? 1 : isHighResolution() ? 7 * periodMs() : 1.6);
  const fifoMode = () => (registers[CTRL_REG5]! & 0x40 ? registers[FIFO_CTRL]! >> 6 : 0);

  /** What the converter says of the world at a time. */
  function convert(atMs: number): Uint8Array {
    const bits = isLowPower() ? 8 : isHighResolution() ? 12 : 10;
    const stepMg = MG[(registers[CTRL_REG4]! >> 4) & 3]! * 2 ** (12 - bits);
    const bytes = new Uint8Array(6);
    const view = new DataView(bytes.buffer);
    AXES.forEach((axis, at) => {
      const steps = Math.round(((value(axis, atMs) / G) * 1_000) / stepMg);
      view.setInt16(2 * at, Math.max(-(2 ** (bits - 1)), Math.min(2 ** (bits - 1) - 1, steps)) << (16 - bits), true);
    });
    return bytes;
  }

  /** Takes the samples that have become due. */
  function run(): void {
    if (nextMs === undefined) return;
    const due = Math.floor((clock.monotonic() - nextMs) / periodMs() + 1e-9) + 1;
    if (due <= 0) return;
    const mode = fifoMode();
    // A full FIFO keeps its oldest samples, a stream the newest: the rest need not be converted.
    const first = mode === 1 ? 0 : Math.max(0, due - FIFO_LENGTH);
    const last = mode === 1 ? Math.min(due, FIFO_LENGTH - fifo.length) : due;
    for (let tick = first; mode !== 0 && tick < last; tick++) fifo.push(convert(nextMs + tick * periodMs()));
    fifo = fifo.slice(-FIFO_LENGTH);
    const lastMs = nextMs + (due - 1) * periodMs();
    if (mode === 0) registers.set(convert(lastMs), DATA);
    const isUnread = (registers[STATUS]! & 0x08) !== 0;
    registers[STATUS] = isUnread || due > 1 ? 0xff : 0x0f;
    if (registers[TEMP_CFG] === 0xc0) {
      const degrees = Math.max(-128, Math.min(127, Math.round(value('temperature', lastMs) - 25)));
      registers.set([0, degrees & 0xff], OUT_ADC3);
      registers[STATUS_AUX] = 0x77;
    }
    nextMs += due * periodMs();
  }

  const source = (): number => {
    const held = fifo.length;
    const watermark = held > (registers[FIFO_CTRL]! & 0x1f) ? 0x80 : 0;
    return watermark | (held === FIFO_LENGTH ? 0x40 : 0) | (held === 0 ? 0x20 : 0) | Math.min(held, 0x1f);
  };

  function get(register: number): number {
    if (register === FIFO_SRC) return source();
    if (register < DATA || register >= DATA_END) return registers[register] ?? 0;
    const oldest = fifoMode() === 0 ? undefined : fifo[0];
    const byte = oldest ? oldest[register - DATA]! : registers[register]!;
    if (register === DATA_END - 1) {
      if (oldest) registers.set(oldest, DATA);
      fifo.shift();
      registers[STATUS] = 0;
    }
    return byte;
  }

  function set(register: number, byte: number): void {
    if (!isWritable(register)) return;
    const before = registers[register];
    registers[register] = byte;
    if (register === FIFO_CTRL && byte >> 6 === 0) fifo = [];
    if (register === CTRL_REG1 || (register === CTRL_REG4 && nextMs !== undefined && byte !== before)) {
      const isOn = registers[CTRL_REG1]! >> 4 !== 0;
      nextMs = isOn ? clock.monotonic() + turnOnMs() + periodMs() : undefined;
    }
  }

  const step = (): void => {
    if (!counts) return;
    const goesRound = pointer === DATA_END - 1 && fifoMode() !== 0;
    pointer = goesRound ? DATA : pointer + 1;
  };

  return {
    write([address, ...bytes]) {
      run();
      if (address === undefined) return true;
      pointer = address & 0x7f;
      counts = (address & 0x80) !== 0;
      for (const byte of bytes) {
        set(pointer, byte);
        step();
      }
      return true;
    },
    read(length) {
      run();
      return Uint8Array.from({ length }, () => {
        const byte = get(pointer);
        if (pointer === OUT_ADC3 + 1) registers[STATUS_AUX] = 0;
        step();
        return byte;
      });
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
