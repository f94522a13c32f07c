import { describe, expect, it } from 'vitest';
import adxl345 from '../../drivers/adxl345.ts';
import sht4x from '../../drivers/sht4x.ts';
import { simulations } from '../../drivers/sim.ts';
import { environment } from '../../src/bus/environment.ts';
import type { SimulatedFault } from '../../src/bus/faults.ts';
import { i2cDevice } from '../../src/bus/i2c.ts';
import { type Placement, simulatedBuses } from '../../src/bus/simulated-buses.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type PolledSensor } from '../../src/driver.ts';

const SIGNAL = new AbortController().signal;
const MUX = { address: 0x70, channel: 3 };
const PLACEMENTS: readonly Placement[] = [
  { id: 'air', driver: 'sht4x', place: { bus: 'i2c', on: 1, address: 0x44 } },
  { id: 'deep', driver: 'sht4x', place: { bus: 'i2c', on: 1, address: 0x44, mux: MUX } },
  { id: 'deeper', driver: 'sht4x', place: { bus: 'i2c', on: 1, address: 0x44, mux: { ...MUX, channel: 5 } } },
  { id: 'motor', driver: 'adxl345', place: { bus: 'i2c', on: 2, address: 0x53 } },
  { id: 'door', driver: 'gpio-input', place: { bus: 'gpio', place: { line: 17 } } },
  { id: 'own', driver: './my-chip.js', place: { bus: 'i2c', on: 1, address: 0x10 } },
  { id: 'board', driver: 'host', place: { bus: 'files' } },
  { id: 'probe', driver: 'ds18b20', place: { bus: 'files' }, options: { address: '28-1' } },
];

function setUp(faults: Readonly<Record<string, readonly SimulatedFault[]>> = {}) {
  const clock = virtualClock({ automatic: true });
  const surroundings = environment({ seed: 1, speed: 1, clock });
  const buses = simulatedBuses({
    placements: PLACEMENTS,
    simulations,
    world: surroundings.world,
    faults,
    seed: 1,
    clock,
  });
  const openSht4x = (mux?: { address: number; channel: number }): Promise<PolledSensor> =>
    sht4x.open(driverContext(i2cDevice(buses.i2c(1, mux), 0x44), clock, { precision: 'high', heater: 'off' }));
  return { clock, buses, surroundings, openSht4x };
}

describe('the simulated buses', () => {
  it('have each sensor at its place, in its own world, also behind a multiplexer', async () => {
    const { openSht4x, surroundings } = setUp();
    const readings: unknown[] = [];
    for (const [id, mux] of [['air'], ['deep', MUX], ['deeper', { ...MUX, channel: 5 }]] as const) {
      const values = await (await openSht4x(mux)).read(SIGNAL);
      expect(values.temperature).toBeCloseTo(surroundings.world(id).value('temperature'), 1);
      readings.push(values.temperature);
    }
    expect(new Set(readings).size).toBe(3);
  });

  it('give the same bus for the same place, with several kinds of chip', async () => {
    const { buses, clock } = setUp();
    expect(buses.i2c(1)).toBe(buses.i2c(1));
    expect(buses.i2c(1, MUX)).toBe(buses.i2c(1, { ...MUX }));
    const device = i2cDevice(buses.i2c(2), 0x53);
    expect(await adxl345.identify?.(device)).toBe('ADXL345');
    expect(clock.sleepers).toBe(0);
  });

  it('fail a sensor as its faults say, and no other one, not even at the same address', async () => {
    const { openSht4x } = setUp({ deep: [{ kind: 'nack', rate: 1 }] });
    await expect(openSht4x(MUX).then((sensor) => sensor.read(SIGNAL))).rejects.toMatchObject({ code: 'bus.nack' });
    await (await openSht4x()).read(SIGNAL);
    await (await openSht4x({ ...MUX, channel: 5 })).read(SIGNAL);
  });

  it('do not let a chip that hangs delay another one on its bus', async () => {
    const clock = virtualClock();
    const { world } = environment({ seed: 1, speed: 1, clock });
    const faults = { deep: [{ kind: 'hang', rate: 1 }] } as const;
    const buses = simulatedBuses({ placements: PLACEMENTS, simulations, world, faults, seed: 1, clock });
    const hung = i2cDevice(buses.i2c(1, MUX), 0x44).write(0x94);
    hung.catch(() => {});
    await i2cDevice(buses.i2c(1), 0x44).write(0x94);
    await clock.advance(1_000);
    await expect(hung).rejects.toMatchObject({ code: 'bus.timeout' });
  });

  it('power a chip on anew after it was unplugged', async () => {
    const { buses, clock } = setUp({ motor: [{ kind: 'unplug', times: 1, rate: 0.2 }] });
    const device = i2cDevice(buses.i2c(2), 0x53);
    const POWER_CTL = 0x2d;
    const MEASURE = 0x08;
    let failures = 0;
    const powerCtl = async (): Promise<number | undefined> =>
      (
        await device.writeRead([POWER_CTL], 1).catch(() => {
          failures += 1;
        })
      )?.[0];
    while (failures === 0) {
      await device.write(POWER_CTL, MEASURE).catch(() => {
        failures += 1;
      });
      if (failures === 0) expect((await powerCtl()) ?? MEASURE).toBe(MEASURE);
    }
    await clock.sleep(5_000);
    expect(await powerCtl()).toBe(0);
  });

  it('have nothing at the place of a driver without a simulation', async () => {
    const { buses } = setUp();
    await expect(i2cDevice(buses.i2c(1), 0x10).read(1)).rejects.toMatchObject({ code: 'bus.nack' });
    expect(await (await buses.gpio({ line: 99 })).read()).toBe(0);
  });

  it('take a sensor that is configured while running', async () => {
    const { buses } = setUp();
    buses.put({ id: 'new', driver: 'adxl345', place: { bus: 'i2c', on: 3, address: 0x53 } });
    expect(await adxl345.identify?.(i2cDevice(buses.i2c(3), 0x53))).toBe('ADXL345');
  });

  it('have the files of a sensor that is simulated on files, for that sensor alone', async () => {
    const { buses, clock } = setUp({ probe: [{ kind: 'nack', times: 1 }] });
    const read = () => buses.files('probe').readText('/sys/bus/w1/devices/28-1/w1_slave');
    await expect(read()).rejects.toMatchObject({ code: 'bus.nack' });
    expect(await read()).toMatch(/YES/);
    expect(clock.monotonic()).toBeCloseTo(1_750);
    await expect(buses.files('board').list('/sys/bus/w1/devices/28-1')).rejects.toMatchObject({ code: 'bus.missing' });
  });

  it('have the wires that are configured, and the real files', async () => {
    const { buses, clock, surroundings } = setUp();
    const door = await buses.gpio({ line: 17 });
    const stop = new AbortController();
    for await (const edge of door.edges(stop.signal)) {
      expect(surroundings.world('door').value('contact', edge.monoMs)).toBe(edge.level);
      stop.abort();
    }
    expect(clock.monotonic()).toBeLessThan(200_000);
    expect(buses.files('board').machine().totalBytes).toBeGreaterThan(0);
    await buses.close();
  });
});
