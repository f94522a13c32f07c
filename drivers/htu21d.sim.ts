/**
 * A simulated HTU21D, transcribed from the datasheet.
 * Models: what sht21-commands.ts says, with the longest time of each resolution, and the electronic id.
 * Does not model: hold-master commands, heater, low supply, noise.
 */
import { sht21LikeChip } from '../src/bus/sht21-commands.ts';
import type { I2cSimulation } from '../src/bus/sim.ts';

export const simulation: I2cSimulation = {
  bus: 'i2c',
  create: (world) =>
    sht21LikeChip(world, {
      temperatureBits: [14, 12, 13, 11],
      humidityBits: [12, 8, 10, 11],
      temperatureMs: [50, 13, 25, 7],
      humidityMs: [16, 3, 5, 8],
      userRegister: 0x02,
      resetMs: 15,
      ids: { fcc9: '32ff4a07c2e1' },
      keepsTemperature: false,
    }),
};
