/**
 * Simulates an ADXL345 at register level: identity, power control, data format, output rate, FIFO and interrupt source,
 * from the datasheet's register map. Feels the world's `acceleration_x|y|z` at each tick of its output rate.
 *
 * Not modelled: trigger mode, self-test, sleep, tap, free-fall and activity interrupts, noise, the 5 us that a FIFO
 * needs between two reads, and an oscillator that is off.
 */
import type { I2cSimulation, SimulatedChip, World } from '../src/bus/sim.ts';

/** Power-on values that are not 0. */
const RESET: Readonly<Record<number, number>> = { 0: 0xe5, 44: 0x0a };
const LAST_REGISTER = 0x39;
const OFFSETS = [0x1e, 0x1f, 0x20];
const [BW_RATE, POWER_CTL, INT_SOURCE, DATA_FORMAT, DATA, FIFO_CTL, FIFO_STATUS] = [
  0x2c, 0x2d, 0x30, 0x31, 0x32, 0x38, 0x39,
];
const isWritable = (register: number): boolean =>
  (register >= 0x1d && register <= 0x2f) || register === DATA_FORMAT || register === FIFO_CTL;
const isData = (register: number): boolean => register >= DATA && register < DATA + 6;

const G = 9.80665;
const AXES = ['acceleration_x', 'acceleration_y', 'acceleration_z'] as const;
const OFFSET_STEP_G = 0.0156;
const TURN_ON_MS = 1.1;
/** 32 samples in the FIFO and one in the output registers. */
const FIFO_FULL = 33;
const MODES = ['bypass', 'fifo', 'stream', 'trigger'] as const;

function create({ clock, value }: World): SimulatedChip {
  const registers = new Uint8Array(LAST_REGISTER + 1);
  for (const [register, reset] of Object.entries(RESET)) registers[Number(register)] = reset;
  let pointer = 0;
  /** Samples not read yet, oldest first. */
  let unread: Uint8Array[] = [];
  let output: Uint8Array = new Uint8Array(6);
  let overrun = false;
  /** When the next sample is there; undefined in standby. */
  let nextMs: number | undefined;

  const rateHz = () => 3_200 / 2 ** (0x0f - (registers[BW_RATE]! & 0x0f));
  const mode = () => MODES[registers[FIFO_CTL]! >> 6]!;

  /** What the converter says of the world at a time. */
  function convert(atMs: number): Uint8Array {
    const format = registers[DATA_FORMAT]!;
    const rangeG = 2 << (format & 3);
    const full = (format & 0x08) !== 0;
    const bits = full ? 9 + Math.log2(rangeG) : 10;
    const perG = 2 ** (bits - 1) / rangeG;
    const coarse = rateHz() >= 1_600 && (full || rangeG === 2);
    const bytes = new Uint8Array(6);
    const view = new DataView(bytes.buffer);
    AXES.forEach((axis, at) => {
      const offsetG = ((registers[OFFSETS[at]!]! << 24) >> 24) * OFFSET_STEP_G;
      const steps = Math.round((value(axis, atMs) / G + offsetG) * perG);
      const raw = Math.max(-(2 ** (bits - 1)), Math.min(2 ** (bits - 1) - 1, steps)) & (coarse ? ~1 : ~0);
      view.setInt16(2 * at, format & 0x04 ? raw << (16 - bits) : raw, true);
    });
    return bytes;
  }

  /** Takes the samples that have become due. */
  function run(): void {
    if (nextMs === undefined) return;
    const periodMs = 1_000 / rateHz();
    const due = Math.floor((clock.monotonic() - nextMs) / periodMs) + 1;
    if (due <= 0) return;
    const room = mode() === 'bypass' ? 1 : FIFO_FULL;
    // A full FIFO keeps its oldest samples, the other modes the newest: the rest need not be converted.
    const first = mode() === 'fifo' ? 0 : Math.max(0, due - room);
    const last = mode() === 'fifo' ? Math.min(due, room - unread.length) : due;
    for (let tick = first; tick < last; tick++) unread.push(convert(nextMs + tick * periodMs));
    const held = unread.length + first + (due - last);
    overrun ||= mode() === 'bypass' ? held > 1 : held >= FIFO_FULL;
    unread = unread.slice(-room);
    output = unread[0] ?? output;
    nextMs += due * periodMs;
  }

  function get(register: number): number {
    if (isData(register)) return output[register - DATA]!;
    if (register === INT_SOURCE) {
      const watermark = mode() !== 'bypass' && unread.length >= (registers[FIFO_CTL]! & 0x1f);
      return (unread.length > 0 ? 0x80 : 0) | (watermark ? 0x02 : 0) | (overrun ? 0x01 : 0);
    }
    if (register === FIFO_STATUS) return mode() === 'bypass' ? 0 : unread.length;
    return registers[register] ?? 0;
  }

  function set(register: number, byte: number): void {
    if (!isWritable(register)) return;
    const wasMeasuring = nextMs !== undefined;
    registers[register] = byte;
    if (register === FIFO_CTL && mode() === 'bypass') {
      unread = [];
      overrun = false;
    }
    const measures = (registers[POWER_CTL]! & 0x08) !== 0;
    if (!measures) nextMs = undefined;
    else if (!wasMeasuring || register === BW_RATE) nextMs = clock.monotonic() + TURN_ON_MS + 1_000 / rateHz();
  }

  return {
    write([register, ...bytes]) {
      run();
      if (register === undefined) return true;
      pointer = register;
      for (const byte of bytes) set(pointer++, byte);
      return true;
    },
    read(length) {
      run();
      const bytes = Uint8Array.from({ length }, (_, at) => get(pointer + at));
      const touchedData = bytes.some((_, at) => isData(pointer + at));
      pointer += length;
      if (touchedData) {
        // However few of its bytes were read, the sample is gone; the last one stays in the registers.
        unread.shift();
        output = unread[0] ?? output;
        overrun = false;
      }
      return bytes;
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
