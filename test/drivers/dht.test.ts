import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/dht.sim.ts';
import dht from '../../drivers/dht.ts';
import { fileTree } from '../../src/bus/files.ts';
import type { SimulatedFile } from '../../src/bus/sim.ts';
import { simulatedFileTree } from '../../src/bus/simulated-files.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Options } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { optionsOf } from '../rig.ts';

conformance(dht, simulation, {
  optionSets: [{ model: 'dht22' }, { model: 'dht11' }, { model: 'dht22', address: 'dht11@17' }],
});

const SIGNAL = new AbortController().signal;
type Reply = string | { readonly errno: string };

/** A device of the kernel that gives these replies to reads of the temperature, one after the other, each after 20 ms. */
async function openOn(replies: readonly Reply[], given: Options = {}, humidity: Reply = '45300\n') {
  const clock = virtualClock({ automatic: true });
  const left = [...replies];
  const asked: number[] = [];
  const files: Readonly<Record<string, SimulatedFile>> = {
    '/sys/bus/iio/devices/iio:device1/name': 'dht11@4\n',
    '/sys/bus/iio/devices/iio:device1/in_temp_input': {
      readMs: 20,
      read(endMs) {
        asked.push(endMs);
        return left.shift() ?? { errno: 'EIO' };
      },
    },
    '/sys/bus/iio/devices/iio:device1/in_humidityrelative_input': { readMs: 0, read: () => humidity },
    '/sys/bus/iio/devices/iio:device0/name': 'bme280\n',
  };
  const device = simulatedFileTree({ files: () => files, clock, real: fileTree() });
  const sensor = await dht.open(driverContext<'files'>(device, clock, optionsOf(dht, given)));
  return { sensor, clock, asked, left };
}

describe('dht', () => {
  it('finds the only one by its name', async () => {
    const { sensor } = await openOn(['-10100\n']);
    expect(await sensor.read(SIGNAL)).toEqual({ temperature: -10.1, humidity: 45.3 });
  });

  it('says that the kernel has none', async () => {
    await expect(openOn(['20000\n'], { address: 'dht11@9' })).rejects.toMatchObject({
      code: 'bus.missing',
      message: expect.stringContaining('no dht11 device at dht11@9 is in /sys/bus/iio/devices'),
    });
  });

  it.each(['EIO', 'ETIMEDOUT'])('measures again after %s, when the chip is ready again', async (errno) => {
    const { sensor, asked } = await openOn([{ errno }, { errno }, '21500\n']);
    expect(await sensor.read(SIGNAL)).toEqual({ temperature: 21.5, humidity: 45.3 });
    expect(asked[1]! - asked[0]!).toBeGreaterThanOrEqual(2_000);
    expect(asked[2]! - asked[1]!).toBeGreaterThanOrEqual(2_000);
  });

  it('gives up after three times, and says what to look at', async () => {
    const { sensor, asked } = await openOn([]);
    await expect(sensor.read(SIGNAL)).rejects.toMatchObject({
      code: 'bus.io',
      message: expect.stringMatching(/pull-up/),
    });
    expect(asked).toHaveLength(3);
  });

  it('does not take what the kernel still holds for a new measurement', async () => {
    const { sensor, asked, clock } = await openOn(['21500\n', '21600\n', '21700\n']);
    await sensor.read(SIGNAL);
    expect(await sensor.read(SIGNAL)).toMatchObject({ temperature: 21.6 });
    expect(asked[1]! - asked[0]!).toBeGreaterThan(2_000);
    await clock.sleep(10_000);
    const beganMs = clock.monotonic();
    await sensor.read(SIGNAL);
    expect(asked[2]! - beganMs).toBe(20);
  });

  it('gives up at once when it is called off', async () => {
    const { sensor, clock, asked } = await openOn(['21500\n', '21600\n']);
    await sensor.read(SIGNAL);
    const beganMs = clock.monotonic();
    await expect(sensor.read(AbortSignal.abort())).rejects.toMatchObject({ code: 'sensor.deadline' });
    expect(asked).toHaveLength(1);
    expect(clock.monotonic() - beganMs).toBeLessThanOrEqual(2_100);
  });

  it.each([
    ['a temperature that a clone wrote in another form', ['-3276700\n'], '45000\n', 'sensor.range'],
    ['a humidity above 100', ['20000\n'], '110000\n', 'sensor.range'],
    ['an empty file', [''], '45000\n', 'sensor.no-data'],
    ['half a measurement', ['20000\n'], '\n', 'sensor.no-data'],
  ])('refuses %s', async (_, replies, humidity, code) => {
    const { sensor } = await openOn(replies, {}, humidity);
    await expect(sensor.read(SIGNAL)).rejects.toMatchObject({ code });
  });

  it('knows that a DHT11 is no DHT22', async () => {
    await expect((await openOn(['70000\n'], { model: 'dht11' })).sensor.read(SIGNAL)).rejects.toMatchObject({
      code: 'sensor.range',
    });
    expect(dht.variant?.({ model: 'dht11' }).channels?.temperature).toMatchObject({ resolution: 1, max: 60 });
  });
});
