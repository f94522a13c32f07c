import { describe, expect, it } from 'vitest';
import { realBuses } from '../../src/bus/buses.ts';
import { fakeI2cPackage } from './fake-i2c-package.ts';

const NOTHING = new Uint8Array(0);

describe('the real buses', () => {
  it('are opened when first used, each once, however many sensors are on it', async () => {
    const { kernel, load } = fakeI2cPackage();
    const buses = realBuses({ i2c: { load, platform: 'linux' } });
    const [one, two, muxed] = [buses.i2c(1), buses.i2c(1), buses.i2c(1, { address: 0x70, channel: 2 })];
    expect(one).toBe(two);
    expect(kernel.descriptors.size).toBe(0);
    await Promise.all([
      one.transfer(0x44, NOTHING, 1),
      muxed.transfer(0x44, NOTHING, 1),
      one.transfer(0x23, NOTHING, 1),
    ]);
    expect(kernel.mostInFlight).toBe(1);
    expect(kernel.calls).toEqual(['w70 00', 'r44 1', 'w70 04', 'r44 1', 'w70 00', 'r23 1']);
    await buses.close();
    expect(kernel.descriptors.size).toBe(0);
  });

  it('cost nothing more where there is no multiplexer', async () => {
    const { kernel, load } = fakeI2cPackage();
    const buses = realBuses({ i2c: { load, platform: 'linux' } });
    await buses.i2c(1).transfer(0x44, Uint8Array.of(1), 2);
    expect(kernel.calls).toEqual(['rb44 1+2']);
    await buses.close();
  });

  it('say what is missing when a line is opened, not before', async () => {
    const buses = realBuses({ gpio: { platform: 'darwin', path: '/nowhere' } });
    await expect(buses.gpio({ line: 17 })).rejects.toMatchObject({ code: 'bus.package' });
    await buses.close();
  });
});
