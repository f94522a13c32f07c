/**
 * Simulates an MPU-6050 at register level, from the datasheet's register map: identity, sleep, reset, start-up times, output
 * rate, ranges, data ready, FIFO with its overflow. Feels the world's `acceleration_x|y|z`, `angular_velocity_x|y|z` and
 * `temperature` at each tick of its output rate; a part that has not started up yet says 0.
 *
 * Not modelled: the filters, gyroscopes in the FIFO, cycle mode, self-test, the auxiliary bus, interrupts pins, noise.
 */
import type { I2cSimulation, SimulatedChip, World } from '../src/bus/sim.ts';

const [SMPLRT_DIV, CONFIG, GYRO_CONFIG, ACCEL_CONFIG, FIFO_EN] = [0x19, 0x1a, 0x1b, 0x1c, 0x23];
const [INT_STATUS, DATA, DATA_END] = [0x3a, 0x3b, 0x49];
const [USER_CTRL, PWR_MGMT_1, FIFO_COUNT, FIFO_DATA, WHO_AM_I] = [0x6a, 0x6b, 0x72, 0x74, 0x75];

const G = 9.80665;
const DEGREES = 180 / Math.PI;
const AXES = ['x', 'y', 'z'] as const;
const START_MS = { accelerometer: 20, gyroscope: 60, thermometer: 100 } as const;
const RESET_MS = 100;
const FIFO_BYTES = 1_024;
const SAMPLE_BYTES = 6;

const word = (value: number): readonly [number, number] => {
  const raw = Math.max(-32_768, Math.min(32_767, Math.round(value)));
  return [(raw >> 8) & 0xff, raw & 0xff];
};

function create({ clock, value }: World): SimulatedChip {
  const registers = new Uint8Array(128);
  let pointer = 0;
  let fifo: number[] = [];
  let overflow = false;
  let ready = false;
  let awakeSinceMs = 0;
  let resetUntilMs = Number.NEGATIVE_INFINITY;
  /** When the next sample is there; undefined asleep. */
  let nextMs: number | undefined;

  const powerUp = () => {
    registers.fill(0);
    registers[PWR_MGMT_1] = 0x40;
    registers[WHO_AM_I] = 0x68;
    [fifo, overflow, ready, nextMs] = [[], false, false, undefined];
  };
  powerUp();

  const periodMs = () => {
    const filter = registers[CONFIG]! & 7;
    return (1 + registers[SMPLRT_DIV]!) / (filter === 0 || filter === 7 ? 8 : 1);
  };
  const feel = (what: string, startMs: number, atMs: number, scale: number): readonly number[] =>
    AXES.flatMap((axis) => word(atMs - awakeSinceMs < startMs ? 0 : value(`${what}_${axis}`, atMs) * scale));
  const acceleration = (atMs: number) =>
    feel('acceleration', START_MS.accelerometer, atMs, 16_384 / 2 ** ((registers[ACCEL_CONFIG]! >> 3) & 3) / G);

  /** Takes the samples that have become due. */
  function run(): void {
    if (nextMs === undefined) return;
    const due = Math.floor((clock.monotonic() - nextMs) / periodMs() + 1e-9) + 1;
    if (due <= 0) return;
    const lastMs = nextMs + (due - 1) * periodMs();
    const fills = (registers[USER_CTRL]! & 0x40) !== 0 && (registers[FIFO_EN]! & 0x08) !== 0;
    // More than it holds need not be converted: the oldest bytes go first.
    const kept = Math.min(due, Math.ceil(FIFO_BYTES / SAMPLE_BYTES) + 1);
    for (let tick = due - kept; fills && tick < due; tick++) fifo.push(...acceleration(nextMs + tick * periodMs()));
    if (fifo.length > FIFO_BYTES) {
      overflow = true;
      fifo = fifo.slice(-FIFO_BYTES);
    }
    const degrees = (32_768 / (250 * 2 ** ((registers[GYRO_CONFIG]! >> 3) & 3))) * DEGREES;
    const isWarm = lastMs - awakeSinceMs >= START_MS.thermometer;
    registers.set(acceleration(lastMs), DATA);
    registers.set(word(isWarm ? (value('temperature', lastMs) - 36.53) * 340 : 0), DATA + 6);
    registers.set(feel('angular_velocity', START_MS.gyroscope, lastMs, degrees), DATA + 8);
    ready = true;
    nextMs += due * periodMs();
  }

  function get(register: number): number {
    if (register === INT_STATUS) {
      const status = (overflow ? 0x10 : 0) | (ready ? 0x01 : 0);
      [overflow, ready] = [false, false];
      return status;
    }
    if (register === FIFO_COUNT) return fifo.length >> 8;
    if (register === FIFO_COUNT + 1) return fifo.length & 0xff;
    if (register === FIFO_DATA) return fifo.shift() ?? 0;
    if (register === PWR_MGMT_1 && clock.monotonic() < resetUntilMs) return 0x80;
    return registers[register] ?? 0;
  }

  function set(register: number, byte: number): void {
    if (clock.monotonic() < resetUntilMs || register === WHO_AM_I) return;
    if (register >= DATA && register < DATA_END) return;
    registers[register] = byte;
    if (register === USER_CTRL && byte & 0x04) {
      fifo = [];
      registers[USER_CTRL] = byte & ~0x04;
    }
    if (register === PWR_MGMT_1 && byte & 0x80) {
      powerUp();
      resetUntilMs = clock.monotonic() + RESET_MS;
    } else if (register === PWR_MGMT_1) {
      if (byte & 0x40) nextMs = undefined;
      else if (nextMs === undefined) {
        awakeSinceMs = clock.monotonic();
        nextMs = awakeSinceMs + periodMs();
      }
    } else if (register === SMPLRT_DIV && nextMs !== undefined) nextMs = clock.monotonic() + periodMs();
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
      // The FIFO's register is the only one that the address stays at.
      return Uint8Array.from({ length }, () => get(pointer === FIFO_DATA ? pointer : pointer++));
    },
  };
}

export const simulation: I2cSimulation = { bus: 'i2c', create };
