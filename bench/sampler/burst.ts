/** Processor time of a burst: reading its samples from a simulated FIFO, and making features of them. */

import { simulation } from '../../drivers/adxl345.sim.ts';
import adxl345 from '../../drivers/adxl345.ts';
import { environment } from '../../src/bus/environment.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext } from '../../src/driver.ts';
import { fourierPlan } from '../../src/fft.ts';
import { axisVibration } from '../../src/vibration.ts';
import { optionsOf } from '../../test/rig.ts';
import { round } from '../process-stat.ts';

const RATE_HZ = 800;
const WINDOW_MS = 1_000;
const FFT_LENGTHS = [256, 1_024, 4_096];
const REPEATS = 20;

async function msPer(repeats: number, work: () => unknown): Promise<number> {
  for (let nth = 0; nth < repeats / 4; nth++) await work();
  const before = process.cpuUsage();
  for (let nth = 0; nth < repeats; nth++) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / repeats;
}

export async function measureBurst() {
  const clock = virtualClock({ automatic: true });
  const bus = simulatedI2cBus();
  bus.attach(0x53, simulation.create(environment({ seed: 1, speed: 1, clock }).world('motor')));
  const options = optionsOf(adxl345, { mode: 'burst', rate: RATE_HZ, window: WINDOW_MS });
  const sensor = await adxl345.open(driverContext<'i2c'>(i2cDevice(bus, 0x53), clock, options));
  const { signal } = new AbortController();
  const length = (RATE_HZ * WINDOW_MS) / 1_000;
  const samples = Array.from({ length }, (_, at) => Math.sin(at / 5) + Math.sin(at / 50));
  const plan = await fourierPlan(length);
  const fftMs: Record<string, number> = {};
  for (const points of FFT_LENGTHS) {
    const transform = await fourierPlan(points);
    const wave = Float64Array.from({ length: points }, (_, at) => Math.sin(at / 7));
    fftMs[points] = round(await msPer(REPEATS, () => transform(wave)), 3);
  }
  return {
    rate_hz: RATE_HZ,
    window_ms: WINDOW_MS,
    burst_cpu_ms: round(await msPer(REPEATS, () => sensor.read(signal)), 2),
    axis_cpu_ms: round(await msPer(REPEATS, () => axisVibration(samples, RATE_HZ, plan)), 2),
    fft_cpu_ms: fftMs,
  };
}
