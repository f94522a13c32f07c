/** The part of the vector rows that is about acceleration and vibration; see vector-rows.ts. */
import adxl345, { drain } from '../drivers/adxl345.ts';
import type { Resolution } from '../drivers/lis3dh.maths.ts';
import lis3dh, { drain as drainLis3dh } from '../drivers/lis3dh.ts';
import { accelerationStep, angularStep, convertAxes, convertTemperature, MODELS } from '../drivers/mpu6050.maths.ts';
import mpu6050, { drain as drainMpu6050 } from '../drivers/mpu6050.ts';
import { i2cDevice } from '../src/bus/i2c.ts';
import type { SimulatedChip } from '../src/bus/sim.ts';
import { simulatedI2cBus } from '../src/bus/simulated-i2c.ts';
import { type BurstSample, type Options, SedgeError } from '../src/driver.ts';
import { fourierPlan } from '../src/fft.ts';
import { axisVibration, bandRms, velocityRms } from '../src/vibration.ts';
import { outcomeOf } from './rig.ts';
import { judge, type Members, type VectorFile, type VectorRow } from './vector-judge.ts';
import { readOnce, registerChip } from './vector-wire.ts';

const AXES = ['x', 'y', 'z'] as const;
const ACCELERATION: Members = Object.fromEntries(
  AXES.map((axis) => [`acceleration.${axis}`, { channel: `acceleration_${axis}`, scale: 1 }]),
);

/** The same for an MPU-6050, which also turns. */
const MOTION: Members = {
  ...ACCELERATION,
  ...Object.fromEntries(
    AXES.map((axis) => [`angularVelocity.${axis}`, { channel: `angular_velocity_${axis}`, scale: 1 }]),
  ),
  temperature: { channel: 'temperature', scale: 1 },
};

const ADXL345_INT_SOURCE = 0x30;
const ADXL345_DATA = 0x32;
const ADXL345_DATA_READY = 0x80;

/**
 * A chip that holds what the row says, whatever is written: so that a data format which the driver never asks for
 * (left-justified) is decoded too. Reads of the data registers go through the row's `fifo`, if it has one.
 */
function heldChip(row: VectorRow): SimulatedChip & { readonly registers: Uint8Array; readonly fifo: string[] } {
  const { registers, read, write } = registerChip(row.wire);
  const fifo = [...((row.wire?.fifo as readonly string[] | undefined) ?? [])];
  let pointer = 0;
  return {
    registers,
    fifo,
    write(bytes) {
      pointer = bytes[0] ?? pointer;
      return write(bytes.subarray(0, 1));
    },
    read(length) {
      const entry = pointer === ADXL345_DATA ? fifo.shift() : undefined;
      return entry === undefined ? read(length) : Buffer.from(entry, 'hex');
    },
  };
}

/** What a drained FIFO came to, against the row's samples or its overrun. */
function judgeFifo(
  row: VectorRow,
  file: VectorFile,
  outcome: Awaited<ReturnType<typeof outcomeOf<readonly BurstSample[]>>>,
): string | undefined {
  if (row.expect?.overrun) {
    return 'code' in outcome && outcome.code === 'sensor.overrun' ? undefined : 'did not notice the overrun';
  }
  if ('code' in outcome) return `refused with ${outcome.code}`;
  const expected = row.expect?.samples as readonly (readonly number[])[];
  if (outcome.value.length !== expected.length) return `took ${outcome.value.length} of ${expected.length} samples`;
  const verdicts = outcome.value.map(({ axes: [x, y, z] }, at) => {
    const [expectX, expectY, expectZ] = expected[at]!;
    const values = { acceleration_x: x, acceleration_y: y, acceleration_z: z };
    const expect = { acceleration: { x: expectX, y: expectY, z: expectZ } };
    return judge({ id: row.id, expect }, file, { values }, ACCELERATION);
  });
  return verdicts.find((verdict) => verdict !== undefined);
}

const isFifo = (row: VectorRow): boolean => !!row.expect && ('samples' in row.expect || 'overrun' in row.expect);
const deviceOf = (chip: SimulatedChip) => {
  const bus = simulatedI2cBus();
  bus.attach(0x53, chip);
  return i2cDevice(bus, 0x53);
};
const fail = (code: string, message: string) => new SedgeError(code, message);

/** Drains the row's FIFO as a burst does. */
async function runFifo(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  const chip = heldChip(row);
  const verdict = judgeFifo(row, file, await outcomeOf(drain(deviceOf(chip), fail)));
  return verdict ?? (chip.fifo.length > 0 && !row.expect?.overrun ? 'left samples in the FIFO' : undefined);
}

export async function runAdxl345(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  if (isFifo(row)) return runFifo(row, file);
  const { rangeG, fullResolution } = row.config ?? {};
  const options = (row.config ? { range: rangeG, full_resolution: fullResolution } : {}) as Options;
  const chip = heldChip(row);
  if (row.statusBusy) {
    // Data that are not ready must be refused; once they are, they count.
    const busy = await readOnce(adxl345, () => chip, options);
    if (!('code' in busy) || busy.code !== 'sensor.not-ready') return 'reported data that were not ready';
    chip.registers[ADXL345_INT_SOURCE]! |= ADXL345_DATA_READY;
  }
  return judge(row, file, await readOnce(adxl345, () => chip, options), ACCELERATION);
}

/**
 * A chip that holds what the row says, whatever is written. The row's FIFO, if it has one, is read at one address in
 * reads of any length. `registerOf` takes the register out of the address byte.
 */
function heldRegisters(row: VectorRow, fifoAt: number, registerOf = (address: number) => address) {
  const { fifo: held, ...wire } = row.wire ?? {};
  const { registers } = registerChip(wire);
  let fifo: Buffer = Buffer.from(String(held ?? ''), 'hex');
  let pointer = 0;
  return {
    registers,
    write([address]: Uint8Array) {
      pointer = address === undefined ? pointer : registerOf(address);
      return true;
    },
    read(length: number) {
      if (held === undefined || pointer !== fifoAt) return registers.slice(pointer, pointer + length);
      const bytes = Buffer.alloc(length);
      fifo.copy(bytes);
      fifo = fifo.subarray(length);
      return bytes;
    },
  };
}

const LIS3DH_RESOLUTIONS: Readonly<Record<string, Resolution>> = {
  'high-resolution 12 bit': 'high',
  'normal 10 bit': 'normal',
  'low-power 8 bit': 'low',
};
const LIS3DH_STATUS = 0x27;
const LIS3DH_DATA = 0x28;
const LIS3DH_DATA_READY = 0x08;

export async function runLis3dh(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  const rangeG = Number(row.config?.rangeG ?? 2);
  const resolution = LIS3DH_RESOLUTIONS[String(row.config?.mode ?? 'normal 10 bit')];
  if (!resolution) return 'no resolution of ours is this mode';
  const chip = heldRegisters(row, LIS3DH_DATA, (address) => address & 0x7f);
  if (isFifo(row)) {
    const outcome = await outcomeOf(drainLis3dh(deviceOf(chip), rangeG, resolution));
    if ('code' in outcome) return `refused with ${outcome.code}`;
    // Full means that samples may be lost: the row has both what is there and that it is an overrun.
    const { overrun = false, ...expect } = row.expect ?? {};
    if (outcome.value.full !== overrun) return overrun ? 'did not notice the overrun' : 'saw an overrun that is none';
    return judgeFifo({ ...row, expect }, file, { value: outcome.value.samples });
  }
  const temperature = !!row.expect && 'temperature' in row.expect;
  const options = { range: rangeG, resolution, temperature };
  if (row.statusBusy) {
    // Data that are not ready must be refused; once they are, they count.
    const busy = await readOnce(lis3dh, () => chip, options);
    if (!('code' in busy) || busy.code !== 'sensor.not-ready') return 'reported data that were not ready';
  }
  // The rows of the temperature say nothing of the accelerations that are read with it: they are ready.
  if (row.statusBusy || temperature) chip.registers[LIS3DH_STATUS]! |= LIS3DH_DATA_READY;
  return judge(row, file, await readOnce(lis3dh, () => chip, options), MOTION);
}

const MPU6050_FIFO = 0x74;

export async function runMpu6050(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  const { accelRangeG, gyroRangeDps } = row.config ?? {};
  const chip = heldRegisters(row, MPU6050_FIFO);
  if (isFifo(row)) {
    return judgeFifo(row, file, await outcomeOf(drainMpu6050(deviceOf(chip), fail, Number(accelRangeG))));
  }
  const options = (row.config ? { range: accelRangeG, gyro_range: gyroRangeDps } : {}) as Options;
  const outcome = await readOnce(mpu6050, () => chip, options);
  const model = MODELS[Number.parseInt(String(row.wire?.['0x75']), 16)];
  if (!row.expect || !model) return judge(row, file, outcome, MOTION);

  // The file also decodes both ends of the range. There the driver refuses, and the row is about the arithmetic.
  const data = Buffer.from(String(row.wire?.['0x3B']), 'hex');
  const acceleration = convertAxes(data, accelerationStep(Number(accelRangeG)));
  const velocity = convertAxes(data.subarray(8), angularStep(Number(gyroRangeDps)));
  if (!acceleration.saturated && !velocity.saturated) return judge(row, file, outcome, MOTION);
  if (!('code' in outcome) || outcome.code !== 'sensor.saturated')
    return 'reported a value at the rail as a measurement';
  const values = Object.fromEntries(
    AXES.flatMap((axis, at) => [
      [`acceleration_${axis}`, acceleration.axes[at]!] as const,
      [`angular_velocity_${axis}`, velocity.axes[at]!] as const,
    ]),
  );
  const temperature = convertTemperature(data[6]!, data[7]!, model);
  return judge(row, file, { values: { ...values, temperature } }, MOTION);
}

/** What rounding leaves of nothing: for a signal at rest the file has relative tolerances only. */
const NOTHING = 1e-9;

/** `dominantHzInterpolated` is nobody's: the driver reports the line itself. */
const VIBRATION: readonly string[] = [
  'mean',
  'rms',
  'peak',
  'peakToPeak',
  'crestFactor',
  'kurtosis',
  'dominantHz',
  'rmsBand10_1000',
  'velocityRms_mm_s',
  'velocityRmsHann_mm_s',
];

export async function runVibration(row: VectorRow, file: VectorFile): Promise<string | undefined> {
  const rateHz = Number(row.config?.sampleRateHz);
  const samples = row.samples as readonly number[];
  const axis = axisVibration(samples, rateHz, await fourierPlan(samples.length));
  const { spectrum } = axis;
  const [fromHz, toHz] = [10, Math.min(1_000, rateHz / 2)];
  const found: Readonly<Record<string, number | undefined>> = {
    mean: axis.mean,
    rms: axis.rms,
    peak: axis.peak,
    peakToPeak: axis.peakToPeak,
    crestFactor: axis.crest,
    kurtosis: axis.kurtosis,
    dominantHz: axis.frequencyHz,
    rmsBand10_1000: bandRms(spectrum, fromHz, toHz),
    velocityRms_mm_s: velocityRms(spectrum, fromHz, toHz),
    velocityRmsHann_mm_s: velocityRms(spectrum, fromHz, toHz, 'hann'),
  };
  const values: Record<string, number> = {};
  for (const [name, value] of Object.entries(found)) if (value !== undefined) values[name] = value;
  const tolerance = {
    rmsBand10_1000: NOTHING,
    velocityRms_mm_s: NOTHING,
    velocityRmsHann_mm_s: NOTHING,
    dominantHz: rateHz / samples.length,
    ...file.tolerance,
  };
  const expect = Object.fromEntries(VIBRATION.map((name) => [name, row.expect?.[name]]));
  const members = Object.fromEntries(VIBRATION.map((name) => [name, { channel: name, scale: 1 }]));
  // That clipped samples are refused is the driver's business, and shown by the rows of its chip.
  return judge({ id: row.id, expect }, { ...file, tolerance }, { values }, members);
}
