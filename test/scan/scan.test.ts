/** `sedge scan` on simulated buses and a board that is a directory: what it finds, and what it must not touch. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { simulations } from '../../drivers/sim.ts';
import { i2cViews } from '../../src/bus/buses.ts';
import { environment } from '../../src/bus/environment.ts';
import { linuxI2cBus } from '../../src/bus/linux-i2c.ts';
import { simulatedMux } from '../../src/bus/mux.sim.ts';
import type { SimulatedChip } from '../../src/bus/sim.ts';
import { type SimulatedI2cBus, simulatedI2cBus } from '../../src/bus/simulated-i2c.ts';
import type { CommandIo } from '../../src/cli/command.ts';
import { type ScanMachine, scanOf } from '../../src/cli/scan.ts';
import { systemClock, virtualClock } from '../../src/clock.ts';
import { parseConfig } from '../../src/config/load.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { KNOWN_CHIPS } from '../../src/scan/address-map.ts';
import { driverFor } from '../../src/scan/chips.ts';
import { recognise } from '../../src/scan/recognise.ts';
import { type Finished, systemFiles } from '../../src/system.ts';
import { fakeI2cPackage } from '../bus/fake-i2c-package.ts';

const clock = virtualClock({ automatic: true });
const { world } = environment({ seed: 1, speed: 1, clock });

let base: string;
let bus: SimulatedI2cBus;
let programs: Record<string, Finished>;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'sedge-scan-'));
  bus = simulatedI2cBus({ title: 'simulated I2C bus 1' });
  programs = {};
  write('/dev/i2c-1');
});
afterEach(() => rmSync(base, { recursive: true }));

const full = (path: string) => join(base, 'root', path);
function write(path: string, text = ''): void {
  mkdirSync(dirname(full(path)), { recursive: true });
  writeFileSync(full(path), text);
}
function put(driver: string, address: number): void {
  const simulation = simulations[driver];
  if (simulation?.bus !== 'i2c') throw new Error(`${driver} is not on I2C`);
  bus.attach(address, simulation.create(world(driver)));
}
/** A chip of registers of one byte; those in `contents` hold something. */
function registerChip(contents: Readonly<Record<number, number>>) {
  const registers = new Map(Object.entries(contents).map(([register, byte]) => [Number(register), byte]));
  let pointer = 0;
  const chip: SimulatedChip = {
    write([register, ...bytes]) {
      if (register !== undefined) pointer = register;
      for (const byte of bytes) registers.set(pointer++, byte);
      return true;
    },
    read: (length) => Uint8Array.from({ length }, () => registers.get(pointer++) ?? 0),
  };
  return { chip, registers };
}

interface Answer {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}
async function scan(
  values: Record<string, string | boolean> = {},
  i2c: ScanMachine['buses']['i2c'] = () => bus,
): Promise<Answer> {
  const command = scanOf(() => ({
    system: {
      root: join(base, 'root'),
      files: systemFiles(join(base, 'root')),
      run: async (program) => programs[program],
      user: { uid: 0, gids: [0] },
      platform: 'linux',
      nodeVersion: '20.20.2',
      path: '',
      load: async () => ({}),
    },
    buses: { i2c, close: async () => {} },
    clock,
  }));
  const [out, err] = [new PassThrough(), new PassThrough()];
  const signal = new AbortController().signal;
  const io = { stdout: out, stderr: err, env: {}, cwd: base, version: '0', signal } as unknown as CommandIo;
  const status = await command.run(io, { values, positionals: [] });
  return { status, out: String(out.read() ?? ''), err: String(err.read() ?? '') };
}
const devices = async () => JSON.parse((await scan({ json: true })).out).buses[0].devices;
const passesCheck = async (text: string) => parseConfig(text, { env: {}, cwd: base, drivers, hostname: hostname() });

describe('what is found', () => {
  const onI2c = Object.values(drivers).filter(({ bus }) => bus === 'i2c');
  const cases = onI2c.flatMap(({ id, addresses = [] }) => addresses.map((address) => ({ id, address })));

  it.each(cases)('$id at $address', async ({ id, address }) => {
    put(id, address);
    const [one, ...others] = await devices();
    expect(others).toEqual([]);
    expect(one).toMatchObject({ address, state: 'found' });
    if (drivers[id]?.identify) expect(one).toMatchObject({ chip: expect.anything(), driver: id });
    else if (one.chip === null) expect(one.maybe.join(' ').toLowerCase()).toContain(id);
    else expect(one.driver).toBe(id);
  });

  it('is drawn as i2cdetect does, with a line for each chip, and a configuration that passes check', async () => {
    put('bme280', 0x76);
    put('sht4x', 0x44);
    put('bh1750', 0x23);
    const { status, out, err } = await scan();
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain(
      '\n     0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f\n00:                         -- -- -- -- -- -- -- --\n',
    );
    expect(out).toContain('20: -- -- -- 23 -- -- -- -- -- -- -- -- -- -- -- --\n');
    expect(out).toContain('70: -- -- -- -- -- -- 76 --\n');
    expect(out).toMatch(/^ {2}0x76 {2}BME280 +driver: bme280$/m);
    expect(out).toMatch(/^ {2}0x44 {2}SHT4x +driver: sht4x$/m);
    expect(out).toMatch(/^ {2}0x23 {2}no id; may be BH1750, port expander .* +driver: bh1750$/m);
    const yaml = out.slice(out.indexOf('version: 1'));
    expect(yaml).toContain('  bme280: { driver: bme280, bus: 1, address: 0x76, every: 10s');
    expect(yaml).toContain(
      '  # bh1750: { driver: bh1750, bus: 1, address: 0x23, every: 10s }   # if it is one: BH1750',
    );
    expect(await passesCheck(yaml)).toMatchObject({ config: { sensors: expect.any(Array) } });
    expect(await passesCheck(yaml.replace('# bh1750', 'bh1750'))).toMatchObject({
      config: { sensors: expect.any(Array) },
    });
  });

  it('may be two of a kind', async () => {
    put('bme280', 0x76);
    put('bme280', 0x77);
    const { out } = await scan();
    expect(out).toContain('  bme280-2: { driver: bme280, bus: 1, address: 0x77');
  });

  it('may be a chip that has no driver', async () => {
    bus.attach(0x68, registerChip({ 117: 0x68, 0: 0xff }).chip);
    expect(await recognise(bus, 0x68, { drivers: {}, clock })).toEqual({ chip: 'MPU-6050', maybe: [] });
  });

  it('may be a clock, by its date', async () => {
    const date = [0x30, 0x59, 0x12, 0x07, 0x22, 0x11, 0x26];
    bus.attach(0x68, registerChip(Object.fromEntries(date.entries())).chip);
    expect(await devices()).toMatchObject([{ address: 0x68, chip: 'DS3231 or DS1307 clock', driver: null }]);
  });

  it('is not named by zeros or ones', async () => {
    bus.attach(0x76, { write: () => true, read: (length) => new Uint8Array(length).fill(0xff) });
    bus.attach(0x48, { write: () => true, read: (length) => new Uint8Array(length) });
    expect((await devices()).map(({ chip }: { chip: unknown }) => chip)).toEqual([null, null]);
  });
});

describe('what is not touched', () => {
  const touched = () => [...new Set(bus.transcript.map((line) => Number(line.slice(0, 4))))];

  it('reserved addresses', async () => {
    await scan();
    expect(Math.min(...touched())).toBe(0x08);
    expect(Math.max(...touched())).toBe(0x77);
    expect(touched()).toHaveLength(0x70);
  });

  it('an address that a kernel driver holds', async () => {
    put('bme280', 0x76);
    write('/sys/bus/i2c/devices/1-0076/name', 'bme280\n');
    symlinkSync('../../../drivers/bmp280', full('/sys/bus/i2c/devices/1-0076/driver'));
    const { out } = await scan();
    expect(touched()).not.toContain(0x76);
    expect(out).toContain('70: -- -- -- -- -- -- UU --\n');
    expect(out).toContain('  0x76  held by the kernel driver bmp280\n');
  });

  it('a register of an unknown chip: one byte is written, the number of a register, and never a second', async () => {
    for (let address = 0x08; address <= 0x77; address++) {
      const { chip, registers } = registerChip({ 15: 0x42 });
      bus.attach(address, chip);
      await scan();
      expect([...registers], `at ${address}`).toEqual([[0x0f, 0x42]]);
      bus.detach(address);
    }
    expect(bus.transcript.filter((line) => / w (?!..( r .*)?$)/.test(line))).toEqual([]);
  });

  it('anything at an address where nobody could say who it is', async () => {
    bus.attach(0x20, registerChip({}).chip);
    bus.attach(0x3c, registerChip({}).chip);
    await scan();
    expect(bus.transcript.filter((line) => /^0x(20|3c)/.test(line) && / [wr] /.test(line))).toEqual([]);
  });

  it('EEPROMs, by a bare write address: they are read', async () => {
    await scan();
    for (const line of bus.transcript.filter((text) => /^0x(3[0-7]|5[0-9a-f])/.test(text)))
      expect(line).toMatch(/^0x.. r/);
  });

  it('the setting of a multiplexer that is met', async () => {
    const mux = simulatedMux();
    mux.write(Uint8Array.of(0x04));
    bus.attach(0x77, mux);
    expect(await devices()).toMatchObject([{ address: 0x77, chip: 'TCA9548A' }]);
    expect(mux.read(1)).toEqual(Uint8Array.of(0x04));
  });

  it('a bus of a display, unless it is asked for', async () => {
    write('/dev/i2c-20');
    write('/sys/bus/i2c/devices/i2c-20/name', 'fef04500.i2c\n');
    const asked: number[] = [];
    const i2c = (on: number) => {
      asked.push(on);
      return bus;
    };
    const { out } = await scan({}, i2c);
    expect(asked).toEqual([1]);
    expect(out).toContain('I2C bus 20 (fef04500.i2c) was left alone; to look: sedge scan --bus 20\n');
    await scan({ bus: '20' }, i2c);
    expect(asked).toEqual([1, 20]);
  });

  it('a chip that a running service reads', async () => {
    put('sht4x', 0x44);
    put('bme280', 0x76);
    writeFileSync(
      join(base, 'sedge.yaml'),
      'version: 1\ndevice: d\nsensors: { air: { driver: sht4x, every: 1s } }\njournal: { directory: ./journal, max_size: 4MB }\n',
    );
    const journal = await openJournal({
      directory: join(base, 'journal'),
      maxSizeBytes: 4_000_000,
      whenFull: 'drop_oldest',
      commitEveryMs: 1,
      consumers: [],
      bootId: '11111111-2222-3333-4444-555555555555',
      clock: systemClock,
    });
    try {
      const { out } = await scan();
      expect(touched()).not.toContain(0x44);
      expect(out).toContain('40: -- -- -- -- SS -- --');
      expect(out).toContain('  0x44  read by the running service: air (sht4x)\n');
      expect(out).toContain('  0x76  BME280');
    } finally {
      await journal.close();
    }
    expect((await scan()).out).toContain('  0x44  SHT4x');
  });
});

describe('what else the kernel knows', () => {
  const text = (stdout: string): Finished => ({ status: 0, stdout, stderr: '' });
  const V1 =
    'gpiochip0 - 58 lines:\n\tline   0:     "ID_SDA"       unused   input  active-high \n\tline  17:     "GPIO17"      "sedge"   input  active-high [used]\n\tline  42:      unnamed   "ACT"  output  active-high [used]\n';
  const V2 =
    'gpiochip0 - 58 lines:\n\tline   0:\t"ID_SDA"        \tinput\n\tline  17:\t"GPIO17"        \tinput consumer="sedge"\n\tline  42:\tunnamed         \toutput consumer="ACT"\n';

  it.each([
    ['1', V1],
    ['2', V2],
  ])('GPIO chips, and who uses their lines, by the gpiod tools of version %s', async (_version, info) => {
    programs = { gpiodetect: text('gpiochip0 [pinctrl-bcm2711] (58 lines)\n'), gpioinfo: text(info) };
    const { gpio } = JSON.parse((await scan({ json: true })).out);
    expect(gpio).toEqual([
      {
        name: 'gpiochip0',
        label: 'pinctrl-bcm2711',
        lines: 58,
        uses: [
          { line: 17, user: 'sedge', name: 'GPIO17' },
          { line: 42, user: 'ACT' },
        ],
      },
    ]);
    expect((await scan()).out).toContain(
      'GPIO: /dev/gpiochip0 [pinctrl-bcm2711], 58 lines\n  line 17 (GPIO17) is used by sedge\n',
    );
  });

  it('GPIO chips without the tools', async () => {
    write('/sys/class/gpio/gpiochip512/label', 'pinctrl-bcm2711\n');
    write('/sys/class/gpio/gpiochip512/ngpio', '58\n');
    expect((await scan()).out).toContain('GPIO: /dev/gpiochip512 [pinctrl-bcm2711], 58 lines\n');
  });

  it('1-Wire, IIO and hwmon devices, in a configuration that passes check', async () => {
    mkdirSync(full('/sys/bus/w1/devices/28-00000a1b2c3d'), { recursive: true });
    mkdirSync(full('/sys/bus/w1/devices/w1_bus_master1'), { recursive: true });
    write('/sys/bus/iio/devices/iio:device0/name', 'bme280\n');
    write('/sys/bus/iio/devices/iio:device1/name', 'dht11@4\n');
    write('/sys/class/hwmon/hwmon0/name', 'cpu_thermal\n');
    write('/sys/class/hwmon/hwmon1/name', 'sht3x\n');
    symlinkSync('../../../1-0044', full('/sys/class/hwmon/hwmon1/device'));
    const { out } = await scan();
    expect(out).toContain(
      '1-Wire: 28-00000a1b2c3d\nIIO: iio:device0 (bme280), iio:device1 (dht11@4)\nhwmon: hwmon0 (cpu_thermal), hwmon1 (sht3x)\n',
    );
    const yaml = out.slice(out.indexOf('version: 1'));
    expect(yaml).toContain(`sensors:
  probe: { driver: ds18b20, address: 28-00000a1b2c3d, every: 30s }
  bme280: { driver: iio, every: 10s, options: { name: "bme280" } }
  dht: { driver: dht, every: 30s }
  sht3x: { driver: hwmon, every: 10s, options: { name: "sht3x" } }
`);
    expect(await passesCheck(yaml)).toMatchObject({ config: {} });
  });
});

describe('what ends it with another status', () => {
  it('no I2C bus: 69, and how to get one', async () => {
    rmSync(full('/dev/i2c-1'));
    write('/proc/device-tree/model', 'Raspberry Pi 4 Model B\0');
    write('/boot/firmware/config.txt', '');
    write('/usr/bin/raspi-config');
    const { status, err } = await scan();
    expect(status).toBe(69);
    expect(err).toBe(
      'sedge: /dev/i2c-1 is not there: I2C is not enabled: sudo raspi-config nonint do_i2c 0 && sudo reboot\n',
    );
  });

  it('a bus that is not there: 69, and which ones are', async () => {
    const { status, out, err } = await scan({ bus: '7' });
    expect({ status, out }).toEqual({ status: 69, out: '' });
    expect(err).toMatch(/^sedge: \/dev\/i2c-7 is not there; this system has \/dev\/i2c-1: /);
  });

  it.each(['x', '-1', '1.5', '0x1', ''])('--bus %s: wrong usage', async (given) =>
    expect(scan({ bus: given })).rejects.toMatchObject({ code: 'usage' }),
  );

  it('a bus that is stuck: 69 after two transfers, not after a hundred', async () => {
    const { kernel, load } = fakeI2cPackage();
    for (let address = 0; address < 0x80; address++) kernel.failing.set(address, 110);
    const stuck = linuxI2cBus(1, { load, clock: systemClock, platform: 'linux', root: base });
    const { status, err } = await scan({}, () => stuck as typeof bus);
    expect(status).toBe(69);
    expect(err).toMatch(/^sedge: I2C bus 1 is stuck \(.*\)\n$/);
    expect(kernel.calls.length).toBeLessThanOrEqual(2);
  });

  it('a bus that may not be opened: 69, and the group to be in', async () => {
    const { kernel, load } = fakeI2cPackage();
    kernel.openErrno = 13;
    const closed = linuxI2cBus(1, { load, clock: systemClock, platform: 'linux', root: base });
    const { status, err } = await scan({}, () => closed as typeof bus);
    expect(status).toBe(69);
    expect(err).toContain('sudo usermod -aG i2c $USER');
  });
});

describe('the map of addresses', () => {
  it.each(KNOWN_CHIPS.map((chip) => [chip.name, chip] as const))(
    '%s: a probe takes neither zeros nor ones for it',
    (_name, { probe }) => {
      if (!probe) return;
      for (const byte of [0x00, 0xff]) expect(probe.is(new Uint8Array(probe.length).fill(byte))).toBe(false);
    },
  );
});

describe('the driver for a chip', () => {
  it.each([
    ['SHT45', 'sht4x'],
    ['SHT4x', 'sht4x'],
    ['BME280', 'bme280'],
    ['ADXL345', 'adxl345'],
    ['ADXL345 or ADXL346', 'adxl345'],
    ['ADXL-345', 'adxl345'],
    ['TCA9548A', undefined],
    ['PCA9685', undefined],
  ])('%s is %s', (chip, driver) => expect(driverFor(chip, drivers)).toBe(driver));
});

describe('behind a multiplexer', () => {
  const chipOf = (driver: string): SimulatedChip => {
    const simulation = simulations[driver];
    if (simulation?.bus !== 'i2c') throw new Error(`${driver} is not on I2C`);
    return simulation.create(world(driver));
  };
  /** A BME280 on channel 0, another and an SHT4x on channel 6; an SHT4x beside it. */
  const muxed = () => {
    const mux = simulatedMux();
    mux.attach(0, 0x76, chipOf('bme280'));
    mux.attach(6, 0x76, chipOf('bme280'));
    mux.attach(6, 0x45, chipOf('sht4x'));
    mux.write(Uint8Array.of(0x04));
    bus.attach(0x70, mux);
    put('sht4x', 0x44);
    return mux;
  };
  const viewed = (values: Record<string, string | boolean>) => scan(values, i2cViews(() => bus, clock).at);

  it('nothing is looked for unless somebody says that it is one', async () => {
    muxed();
    await viewed({});
    expect(bus.transcript.filter((line) => /^0x70 w (?!00|0f)/.test(line))).toEqual([]);
  });

  it('each channel is looked at with --mux, and it is left as it was', async () => {
    const mux = muxed();
    const { status, out, err } = await viewed({ mux: '0x70' });
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('Behind the multiplexer at 0x70, channel 0\n  0x76  BME280  driver: bme280\n');
    expect(out).toContain('Behind the multiplexer at 0x70, channel 6\n  0x45');
    expect(out).not.toContain('channel 3\n');
    expect(mux.read(1)).toEqual(Uint8Array.of(0x04));
  });

  it('a configuration comes out that has each chip at its place and passes check', async () => {
    muxed();
    const { out } = await viewed({ mux: '0x70' });
    const text = out.slice(out.indexOf('version: 1'));
    expect(text).toContain('bus: { on: 1, mux: 0x70, channel: 6 }, address: 0x76');
    const loaded = await passesCheck(text.replaceAll(/^ {2}# (\S+: \{.*\}) .*$/gm, '  $1'));
    expect(loaded).toMatchObject({ config: {} });
    expect(text.match(/mux: 0x70/g)).toHaveLength(3);
  });

  it('the multiplexers of the configuration are looked behind, too', async () => {
    muxed();
    writeFileSync(
      join(base, 'sedge.yaml'),
      'version: 1\nsensors:\n  air: { driver: bme280, bus: { on: 1, mux: 0x70, channel: 0 }, address: 0x76, every: 10s }\n',
    );
    expect((await viewed({})).out).toContain('Behind the multiplexer at 0x70, channel 6\n');
  });

  it('what is no multiplexer is told from one, and what is not there is said', async () => {
    put('bme280', 0x76);
    const wrong = await viewed({ mux: '0x76' });
    expect(wrong.status).toBe(69);
    expect(wrong.err).toMatch(/0x76 .* does not keep a channel/);
    const absent = await viewed({ mux: '0x71' });
    expect(absent.status).toBe(69);
    expect(absent.err).toMatch(/no multiplexer answers at 0x71/);
  });

  it.each(['0x44', 'x', '0x78', '0x70,,'])('--mux %s is wrong usage', async (mux) => {
    await expect(viewed({ mux })).rejects.toMatchObject({ code: 'usage' });
  });
});
