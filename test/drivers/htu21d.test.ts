import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/htu21d.sim.ts';
import htu21d, { compensated } from '../../drivers/htu21d.ts';
import { conformance } from '../conformance.ts';
import { i2cRig } from '../rig.ts';
import { sht21Family } from './sht21-family.ts';

conformance(htu21d, simulation, {
  // With the compensation, the humidity depends on the temperature as well.
  surroundings: (channel, value, { compensation }) =>
    compensation && channel === 'humidity' ? undefined : { [channel]: value },
});

describe('htu21d', () => {
  sht21Family({
    driver: htu21d,
    simulation,
    id: '32ff4a07c2e1',
    user: '02',
    user12And8: '03',
    wire: [
      [{}, undefined, '68ecde', '72b23f', 70 + 40],
      [{ resolution: '13/10' }, '82', '68f0e0', '72c2c7', 34 + 40],
      [{ resolution: '12/8' }, '03', '68f0e0', '730274', 20 + 40],
      [{ resolution: '11/11' }, '83', '68e0a3', '72c2c7', 19 + 40],
      [{ compensation: true }, undefined, '68ecde', '72b23f', 70 + 40],
    ],
    refused: [
      ['15ff4a07c2e1', /answers as Si7021.*use the driver si7021/],
      ['0123456789ab', /unknown chip \(id 0x01\).*check address and driver/],
    ],
    maxRetries: 4,
    temperatureMs: 50,
  });

  it('compensates for 0.15 %RH a Cel away from 25 Cel', () => {
    expect([15, 25, 35].map((temperature) => compensated(50, temperature))).toEqual([48.5, 50, 51.5]);
  });

  it('compensates the humidity when it is told to', async () => {
    const { open } = i2cRig(htu21d, simulation, {
      options: { compensation: true },
      surroundings: { temperature: 35, humidity: 50 },
    });
    expect((await (await open()).read(new AbortController().signal)).humidity).toBeCloseTo(51.5, 1);
  });
});
