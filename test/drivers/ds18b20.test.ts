import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/ds18b20.sim.ts';
import ds18b20, { verdictOf } from '../../drivers/ds18b20.ts';
import { fileTree } from '../../src/bus/files.ts';
import type { SimulatedFile } from '../../src/bus/sim.ts';
import { simulatedFileTree } from '../../src/bus/simulated-files.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type FileTree, type PolledSensor } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { filesRig } from '../conformance-files.ts';

conformance(ds18b20, simulation, { options: { address: '28-00000a1b2c3d' } });

const SIGNAL = new AbortController().signal;
const AT_23 = '72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n';
const probe = (id: string, text: string = AT_23) => ({ [`/sys/bus/w1/devices/${id}/w1_slave`]: text });
const MASTER = { '/sys/bus/w1/devices/w1_bus_master1/w1_master_slave_count': '1\n' };

describe('ds18b20', () => {
  const openOn = (files: Readonly<Record<string, SimulatedFile>>, address?: string): Promise<PolledSensor> => {
    const clock = virtualClock({ automatic: true });
    const device = simulatedFileTree({ files: () => files, clock, real: fileTree() });
    return ds18b20.open(driverContext<'files'>(device, clock, address === undefined ? {} : { address }));
  };

  it('reads the chip with the given number, however its letters are written', async () => {
    const sensor = await openOn({ ...probe('28-00000a1b2c3d'), ...probe('28-000000000001') }, '28-00000A1B2C3D');
    expect(await sensor.read(SIGNAL)).toEqual({ temperature: 23.125 });
  });

  it('needs no number for the only thermometer on the wire', async () => {
    const sensor = await openOn({ ...MASTER, ...probe('22-0000000000aa') });
    expect(await sensor.read(SIGNAL)).toEqual({ temperature: 23.125 });
  });

  it('says which there are when several could be meant', async () => {
    const opening = openOn({ ...MASTER, ...probe('28-000000000001'), ...probe('10-000000000002') });
    await expect(opening).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringContaining('there are 10-000000000002, 28-000000000001'),
    });
  });

  it('says which there are when the one that is wanted is not', async () => {
    await expect(openOn({ ...MASTER, ...probe('28-000000000001') }, '28-000000000002')).rejects.toMatchObject({
      code: 'bus.missing',
      message: expect.stringContaining('there are 28-000000000001'),
    });
    await expect(openOn(MASTER, '28-000000000002')).rejects.toMatchObject({
      code: 'bus.missing',
      message: expect.stringContaining('dtoverlay=w1-gpio'),
    });
  });

  it('says that the kernel driver is not loaded', async () => {
    await expect(openOn({ '/sys/bus/w1/devices/28-000000000001/rw': '' })).rejects.toMatchObject({
      code: 'sensor.identity',
      message: expect.stringContaining('w1_therm'),
    });
  });

  it.each([
    ['an empty file', '', 'sensor.no-data'],
    ['a wrong checksum, with an older measurement below', AT_23.replace('YES', 'NO'), 'sensor.crc'],
    [
      'the power-on value',
      '50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000\n',
      'sensor.not-ready',
    ],
    [
      'a line shorted to ground',
      '00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0\n',
      'sensor.no-data',
    ],
    [
      'too little power',
      'ff 07 4b 46 7f ff 0c 10 a6 : crc=a6 YES\nff 07 4b 46 7f ff 0c 10 a6 t=127937\n',
      'sensor.range',
    ],
    ['half a text', '50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n', 'sensor.no-data'],
  ])('refuses %s', (_, text, code) => {
    expect(verdictOf(text)).toMatchObject({ code });
  });

  it('believes 85 Cel that were measured', () => {
    const text = '50 05 4b 46 7f ff 10 10 bd : crc=bd YES\n50 05 4b 46 7f ff 10 10 bd t=85000\n';
    expect(verdictOf(text)).toEqual({ celsius: 85 });
  });

  it('reads one chip at a time, since they share their wire and a waiting read would hold a thread', async () => {
    const clock = virtualClock({ automatic: true });
    let reading = 0;
    const tree: FileTree = {
      ...fileTree(),
      list: async (path) => (path.endsWith('devices') ? ['28-000000000001', '28-000000000002'] : ['w1_slave']),
      async readText() {
        reading += 1;
        expect(reading).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        reading -= 1;
        return AT_23;
      },
    };
    const open = (address: string) => ds18b20.open(driverContext<'files'>(tree, clock, { address }));
    const sensors = await Promise.all(['28-000000000001', '28-000000000002'].map(open));
    const values = await Promise.all(sensors.map((sensor) => sensor.read(SIGNAL)));
    expect(values).toEqual([{ temperature: 23.125 }, { temperature: 23.125 }]);
    // Called off while it waited: it does not start a measurement that nobody wants.
    await expect(sensors[0]!.read(AbortSignal.abort())).rejects.toMatchObject({ code: 'sensor.deadline' });
  });
});

describe('the simulated DS18B20', () => {
  it('writes what the kernel writes, after 750 ms', async () => {
    const { world, device, clock } = filesRig(ds18b20, simulation, { address: '28-00000a1b2c3d' });
    for (const [celsius, text] of [
      [23.125, AT_23],
      [-10.125, '5e ff 4b 46 7f ff 02 10 b6 : crc=b6 YES\n5e ff 4b 46 7f ff 02 10 b6 t=-10125\n'],
      [25.0625, '91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n'],
    ] as const) {
      world.set({ temperature: celsius });
      const beganMs = clock.monotonic();
      expect(await device.readText('/sys/bus/w1/devices/28-00000a1b2c3d/w1_slave')).toBe(text);
      expect(clock.monotonic() - beganMs).toBe(750);
    }
  });
});
