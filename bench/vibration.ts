/**
 * What bursts cost, and what they do to the timing of others, in one process and on simulated chips:
 *
 * - `features`: time of the maths of a burst of three axes, which nobody else can use; medians.
 * - `lateness_100hz`: how late a sensor of 100 Hz is read on the bus of three bursts at their highest rates, as percentiles in
 *   ms, beside a bare timer in the same run, with and without the bursts; a whole period late counts as missed. The
 *   simulated bus takes no time: this is the program. Machines are noisy: read the differences.
 * - `bus`: on a virtual clock with transfers that take the time of the wire, how long a neighbour's read takes at most and
 *   which share of the bus a burst has.
 */
import { drivers } from '../drivers/index.ts';
import { simulations } from '../drivers/sim.ts';
import { burstPlan } from '../src/burst-plan.ts';
import { i2cDevice } from '../src/bus/i2c.ts';
import type { I2cSimulation } from '../src/bus/sim.ts';
import { systemClock } from '../src/clock.ts';
import { parseConfig } from '../src/config/load.ts';
import type { PollDriver } from '../src/driver.ts';
import { hardware } from '../src/hardware.ts';
import { createSampler } from '../src/sampler/sampler.ts';
import { sampledSensor } from '../src/sensors.ts';
import { vibrationFeatures } from '../src/vibration-features.ts';
import { shareBus } from '../test/bus-share.ts';
import { median, round } from './process-stat.ts';

const FAST_MS = 10;
const RUN_MS = 10_000;
const REPEATS = 15;
const WINDOWS = [200, 800, 1_344, 4_096];

/** Where the 100 Hz sensor finds a chip to read two bytes from, alone and beside bursts without a pause. */
const ALONE = '  chip: { driver: lm75, address: 0x48, every: 1h }\n';
const BURSTS = `\
  a: { driver: adxl345, every: 1s, options: { mode: burst, rate: 800Hz, window: 900ms, raw: always } }
  b: { driver: mpu6050, every: 1s, options: { mode: burst, rate: 1kHz, window: 800ms, raw: always } }
  c: { driver: lis3dh, every: 1s, options: { mode: burst, rate: 1344Hz, window: 900ms, raw: always } }
`;

const percentiles = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN, 2);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
};

async function timesOf(sensors: string) {
  const text = `version: 1\nsensors:\n${sensors}`;
  const parsed = await parseConfig(text, { file: 'bench.yaml', env: {}, cwd: '/', drivers, hostname: 'bench' });
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const { makeBuses } = await hardware({ simulate: true, clock: systemClock });
  const buses = makeBuses(parsed.config);
  const fast: number[] = [];
  const originMs = systemClock.monotonic();
  const sampler = createSampler({
    clock: systemClock,
    stamp: (monoMs) => ({ wallMs: systemClock.now(), monoMs, synced: true }),
    sink({ sensor, at }) {
      if (sensor === 'fast') fast.push((at.monoMs - originMs) % FAST_MS);
    },
  });
  for (const sensor of parsed.config.sensors) {
    buses.put(sensor);
    await sampler.add(sampledSensor(sensor, buses, systemClock));
  }
  const chip = i2cDevice(buses.i2c(1), 0x48);
  await sampler.add({
    id: 'fast',
    kind: 'poll',
    deadlineMs: 1_000,
    schedule: { kind: 'every', everyMs: FAST_MS, align: false, jitterMs: 0 },
    open: async () => ({
      read: async () => ({ byte: (await chip.writeRead([0], 2))[0]! }),
      close: async () => {},
    }),
  });
  // Nothing but a timer, half a period off.
  const bare: number[] = [];
  const endMs = originMs + RUN_MS;
  for (let slotMs = originMs + FAST_MS / 2; slotMs < endMs; ) {
    await systemClock.sleep(slotMs - systemClock.monotonic());
    const lateMs = systemClock.monotonic() - slotMs;
    bare.push(lateMs % FAST_MS);
    slotMs += FAST_MS * (1 + Math.floor(lateMs / FAST_MS));
  }
  const health = sampler.health();
  await sampler.stop();
  await buses.close();
  const bursts = Object.entries(health).filter(([id]) => id !== 'fast' && id !== 'chip');
  return {
    bare_timer: percentiles(bare),
    sensor: percentiles(fast),
    p99_ratio: round(percentiles(fast).p99 / percentiles(bare).p99, 2),
    bare_missed: RUN_MS / FAST_MS - bare.length,
    missed: health.fast!.missed,
    bursts: bursts.reduce((sum, [, { reads }]) => sum + reads, 0),
    bursts_refused: bursts.reduce((sum, [, { failures }]) => sum + failures, 0),
  };
}

async function featuresMs(samples: number): Promise<number> {
  const chip = { id: 'bench', rateHz: 800, bandwidthHz: 400, step: 0.01, limit: 160 };
  const plan = burstPlan({ window: (samples * 1_000) / 800, bands: '10-60 60-360' }, chip);
  const axis = Float64Array.from({ length: samples }, (_, t) => Math.sin(t * t));
  const times: number[] = [];
  // The first one loads the library.
  await vibrationFeatures({ x: axis, y: axis, z: axis }, plan);
  for (let run = 0; run < REPEATS; run++) {
    const beganMs = systemClock.monotonic();
    await vibrationFeatures({ x: axis, y: axis, z: axis }, plan);
    times.push(systemClock.monotonic() - beganMs);
  }
  return round(median(times), 2);
}

async function busShares() {
  const rows = [
    ['adxl345', 800, 400_000],
    ['adxl345', 200, 100_000],
    ['mpu6050', 1_000, 400_000],
    ['mpu6050', 500, 100_000],
    ['lis3dh', 1_344, 400_000],
    ['lis3dh', 400, 100_000],
  ] as const;
  const shares = [];
  for (const [name, rate, clockHz] of rows) {
    const driver = drivers[name] as PollDriver<'i2c'>;
    const found = await shareBus(driver, simulations[name] as I2cSimulation, { mode: 'burst', rate }, clockHz);
    shares.push({
      ...{ driver: name, rate_hz: rate, bus_khz: clockHz / 1_000, busy_percent: round(found.busyShare * 100) },
      longest_transfer_ms: round(found.longestMs, 2),
      neighbour_ms: { alone: round(found.ownMs, 2), ...percentiles(found.neighbourMs) },
    });
  }
  return shares;
}

export async function measureVibration() {
  const features: Record<string, number> = {};
  for (const samples of WINDOWS) features[`${samples}_samples_ms`] = await featuresMs(samples);
  return {
    features,
    lateness_100hz: { alone: await timesOf(ALONE), beside_three_bursts: await timesOf(`${ALONE}${BURSTS}`) },
    bus: await busShares(),
  };
}
