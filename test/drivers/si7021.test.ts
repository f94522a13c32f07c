import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/si7021.sim.ts';
import si7021, { partOf } from '../../drivers/si7021.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { conformance } from '../conformance.ts';
import { answering, i2cRig } from '../rig.ts';
import { sht21Family } from './sht21-family.ts';

conformance(si7021, simulation);

describe('si7021', () => {
  sht21Family({
    driver: si7021,
    simulation,
    id: '15ff4a07c2e1',
    user: '3a',
    user12And8: '3b',
    wire: [
      [{}, undefined, '68ecde', '72b23f', 37.6 + 100],
      [{ resolution: '13/10' }, 'ba', '68f0e0', '72c2c7', 20.9 + 100],
      [{ resolution: '12/8' }, '3b', '68f0e0', '730274', 14.7 + 100],
      [{ resolution: '11/11' }, 'bb', '68e0a3', '72c2c7', 15.8 + 100],
    ],
    refused: [
      ['32ff4a07c2e1', /answers as HTU21D.*use the driver htu21d/],
      ['0123456789ab', /unknown chip \(id 0x01\).*check address and driver/],
    ],
    maxRetries: 10,
    temperatureMs: 10.8,
  });

  it.each([
    [0x15, 'Si7021'],
    [0x14, 'Si7020'],
    [0x0d, 'Si7013'],
    [0x32, 'HTU21D'],
    [0x00, 'sample'],
    [0xff, 'sample'],
    [0x5a, undefined],
  ])('knows the part by the first byte %i of its id', (first, part) => {
    expect(partOf(Uint8Array.of(first, 0xff, 0x4a, 0x07, 0xc2, 0xe1))).toBe(part);
  });

  it.each(['00ff4a07c2e1', 'ff004a07c2e1'])('opens an engineering sample with the id %s', async (id) => {
    const { bus, open } = i2cRig(si7021, simulation, { intercept: answering({ 252: id }) });
    await expect(open()).resolves.toBeDefined();
    expect(await si7021.identify?.(i2cDevice(bus, 0x40))).toBe('Si7021 (sample)');
  });
});
