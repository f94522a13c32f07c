/** A burst does not disturb the others on its bus: their transfers come between the reads of its FIFO. */
import { describe, expect, it } from 'vitest';
import { simulation as adxl345Simulation } from '../drivers/adxl345.sim.ts';
import adxl345 from '../drivers/adxl345.ts';
import { simulation as lis3dhSimulation } from '../drivers/lis3dh.sim.ts';
import lis3dh from '../drivers/lis3dh.ts';
import { simulation as mpu6050Simulation } from '../drivers/mpu6050.sim.ts';
import mpu6050 from '../drivers/mpu6050.ts';
import { shareBus, wireMs } from './bus-share.ts';

const CHIPS = [
  [adxl345, adxl345Simulation, 800, 400_000],
  [adxl345, adxl345Simulation, 200, 100_000],
  [mpu6050, mpu6050Simulation, 1_000, 400_000],
  [mpu6050, mpu6050Simulation, 500, 100_000],
  [lis3dh, lis3dhSimulation, 1_344, 400_000],
  [lis3dh, lis3dhSimulation, 400, 100_000],
] as const;

describe.each(CHIPS.map(([driver, simulation, rate, clockHz]) => ({ driver, simulation, rate, clockHz })))(
  'a burst of the $driver.id at $rate Hz on a bus of $clockHz Hz',
  ({ driver, simulation, rate, clockHz }) => {
    it('lets every other transfer in after one read of eight samples at most, and loses no sample by it', async () => {
      const options = { mode: 'burst', rate, window: 500 };
      const { outcome, neighbourMs, ownMs, longestMs, busyShare } = await shareBus(
        driver,
        simulation,
        options,
        clockHz,
      );
      expect(outcome).toHaveProperty('rms');
      expect(longestMs).toBeLessThanOrEqual(wireMs(1, 48, clockHz) + 1e-9);
      expect(Math.max(...neighbourMs)).toBeLessThanOrEqual(longestMs + ownMs + 1e-6);
      // It was there all the time: 100 times a second.
      expect(neighbourMs.length).toBeGreaterThanOrEqual(49);
      expect(busyShare).toBeLessThan(0.6);
    });
  },
);
