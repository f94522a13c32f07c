/**
 * A simulated Si7021, transcribed from the datasheet.
 * Models: what sht21-commands.ts says, with the longest time of each resolution (humidity takes the temperature along, which
 * 0xE0 gives), the electronic id and the firmware's revision.
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
      temperatureMs: [10.8, 3.8, 6.2, 2.4],
      humidityMs: [22.8, 6.9, 10.7, 9.4],
      userRegister: 0x3a,
      resetMs: 15,
      ids: { fcc9: '15ff4a07c2e1', '84b8': '20' },
      keepsTemperature: true,
    }),
};
