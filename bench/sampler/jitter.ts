/** How late a fast sensor is read beside slow ones, and how late a bare timer is in the same process. */
import { setTimeout as pause } from 'node:timers/promises';
import { drivers } from '../../drivers/index.ts';
import { simulations } from '../../drivers/sim.ts';
import { environment } from '../../src/bus/environment.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import { systemClock } from '../../src/clock.ts';
import { driverContext, type PollDriver } from '../../src/driver.ts';
import { createSampler } from '../../src/sampler/sampler.ts';
import type { SampledSensor } from '../../src/sampler/types.ts';
import { optionsOf } from '../../test/rig.ts';
import { round } from '../process-stat.ts';

const FAST_MS = 10;
const SLOW_MS = 1_000;
const SLOW_SENSORS = 50;
const SLOW_DRIVERS = ['tmp117', 'sht4x', 'bme280', 'bh1750', 'mcp9808'];
const WARM_UP_MS = 2_000;

const clock = systemClock;

/** How far each time is after the grid that suits them best: the smallest lateness is 0. */
function lateness(timesMs: readonly number[]): readonly number[] {
  const phases = timesMs.map((timeMs) => timeMs % FAST_MS);
  // The grid is anywhere in the interval: the phase after the widest gap is its begin.
  const sorted = [...phases].sort((a, b) => a - b);
  let [begin, widest] = [sorted[0] ?? 0, 0];
  for (const [at, phase] of sorted.entries()) {
    const previous = at === 0 ? sorted.at(-1)! - FAST_MS : sorted[at - 1]!;
    if (phase - previous > widest) [begin, widest] = [phase, phase - previous];
  }
  return phases.map((phase) => (phase - begin + FAST_MS) % FAST_MS).sort((a, b) => a - b);
}
const shares = (sorted: readonly number[]) => {
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0, 3);
  return { p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
};

function slowSensors(): readonly SampledSensor[] {
  const { world } = environment({ seed: 1, speed: 1, clock });
  return Array.from({ length: SLOW_SENSORS }, (_, nth): SampledSensor => {
    const name = SLOW_DRIVERS[nth % SLOW_DRIVERS.length]!;
    const driver = drivers[name] as PollDriver<'i2c'>;
    const simulation = simulations[name];
    if (simulation?.bus !== 'i2c') throw new Error(`${name} has no simulation on I2C`);
    const bus = simulatedI2cBus();
    const address = driver.addresses![0]!;
    bus.attach(address, simulation.create(world(`${name}-${nth}`)));
    return {
      id: `${name}-${nth}`,
      kind: 'poll',
      deadlineMs: 10_000,
      schedule: { kind: 'every', everyMs: SLOW_MS, align: false, jitterMs: 0 },
      open: () => driver.open(driverContext<'i2c'>(i2cDevice(bus, address), clock, optionsOf(driver))),
    };
  });
}

export async function measureJitter(forMs: number) {
  const timesMs: number[] = [];
  const fast: SampledSensor = {
    id: 'fast',
    kind: 'poll',
    deadlineMs: 1_000,
    schedule: { kind: 'every', everyMs: FAST_MS, align: false, jitterMs: 0 },
    open: async () => ({
      async read() {
        timesMs.push(clock.monotonic());
        return { value: timesMs.length };
      },
      close: async () => {},
    }),
  };
  let taken = 0;
  const sampler = createSampler({
    clock,
    stamp: (monoMs) => ({ monoMs, wallMs: clock.now(), synced: true }),
    sink: () => {
      taken += 1;
    },
  });
  for (const sensor of [fast, ...slowSensors()]) await sampler.add(sensor);

  const bareMs: number[] = [];
  const beganMs = clock.monotonic();
  let slot = 1;
  let timer: NodeJS.Timeout;
  const tick = () => {
    const nowMs = clock.monotonic();
    bareMs.push(nowMs);
    slot = Math.floor((nowMs - beganMs) / FAST_MS) + 1;
    timer = setTimeout(tick, beganMs + slot * FAST_MS - nowMs);
  };
  timer = setTimeout(tick, FAST_MS);

  await pause(WARM_UP_MS);
  timesMs.length = 0;
  bareMs.length = 0;
  await pause(forMs);
  clearTimeout(timer);
  const health = sampler.health().fast;
  await sampler.stop();
  const [ours, bare] = [shares(lateness(timesMs)), shares(lateness(bareMs))];
  return {
    fast_reads: timesMs.length,
    missed: health?.missed ?? 0,
    all_readings: taken,
    sampler: ours,
    bare_timer: bare,
    p99_ratio: round(ours.p99_ms / bare.p99_ms, 2),
  };
}
