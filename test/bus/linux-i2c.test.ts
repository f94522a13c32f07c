import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linuxI2cBus } from '../../src/bus/linux-i2c.ts';
import { virtualClock } from '../../src/clock.ts';
import { fakeI2cPackage, PI_FUNCTIONS } from './fake-i2c-package.ts';

const NOTHING = new Uint8Array(0);
const bytes = (...values: number[]) => Uint8Array.from(values);

function setUp(options: { readonly transferMs?: number; readonly waitMs?: number } = {}) {
  const { kernel, load } = fakeI2cPackage();
  const clock = virtualClock();
  const bus = linuxI2cBus(1, { load, clock, platform: 'linux', ...options });
  return { kernel, clock, bus };
}

describe('a transfer on the wire', () => {
  it('of one byte and up to 32 back is a register read with a repeated start', async () => {
    const { kernel, bus } = setUp();
    expect(await bus.transfer(0x76, bytes(0xd0), 2)).toEqual(Buffer.from([0x116 & 0xff, 0x116 & 0xff]));
    expect(kernel.calls).toEqual(['rb76 d0+2']);
  });

  it('of anything else is a write, then a read', async () => {
    const { kernel, bus } = setUp();
    await bus.transfer(0x44, bytes(0x24, 0), 6);
    await bus.transfer(0x44, bytes(0xfd), 33);
    await bus.transfer(0x44, NOTHING, 2);
    await bus.transfer(0x44, bytes(1, 2, 3), 0);
    await bus.transfer(0x44, NOTHING, 0);
    expect(kernel.calls).toEqual(['w44 2400', 'r44 6', 'w44 fd', 'r44 33', 'r44 2', 'w44 010203', 'q44 0']);
  });

  it('goes by SMBus calls where the adapter has nothing else', async () => {
    const { kernel, bus } = setUp();
    kernel.functions = { ...PI_FUNCTIONS, i2c: false };
    await bus.transfer(0x48, bytes(0), 2);
    await bus.transfer(0x48, bytes(7), 0);
    await bus.transfer(0x48, bytes(7, 8), 0);
    await bus.transfer(0x48, bytes(7, 8, 9), 0);
    await bus.transfer(0x48, NOTHING, 1);
    expect(kernel.calls).toEqual(['rb48 0+2', 's48 7', 'wy48 7 8', 'wb48 7 0809', 'g48']);
    await expect(bus.transfer(0x48, bytes(0x24, 0), 6)).rejects.toMatchObject({ code: 'bus.unsupported' });
    await expect(bus.transfer(0x48, NOTHING, 6)).rejects.toMatchObject({ code: 'bus.unsupported' });
  });

  it('never returns fewer bytes than were asked for', async () => {
    const { kernel, bus } = setUp();
    kernel.short = 1;
    await expect(bus.transfer(0x44, NOTHING, 6)).rejects.toMatchObject({ code: 'bus.io' });
    await expect(bus.transfer(0x44, bytes(1), 6)).rejects.toMatchObject({ code: 'bus.io' });
  });
});

describe('one operation at a time', () => {
  it('first calls to one address, started together, all reach that address', async () => {
    const { kernel, bus } = setUp();
    const replies = await Promise.all([1, 2, 3, 4].map(() => bus.transfer(0x44, NOTHING, 1)));
    expect(replies.map(([byte]) => byte)).toEqual([0xe4, 0xe4, 0xe4, 0xe4]);
    expect(kernel.mostInFlight).toBe(1);
  });

  it('a transfer that does not end times out, and nothing starts until the kernel is done with it', async () => {
    const { kernel, clock, bus } = setUp({ transferMs: 3_000, waitMs: 5_000 });
    await bus.transfer(0x44, NOTHING, 1);
    kernel.held = [];
    const stuck = expect(bus.transfer(0x44, NOTHING, 1)).rejects.toMatchObject({ code: 'bus.timeout' });
    const waiting = expect(bus.transfer(0x23, NOTHING, 1)).rejects.toMatchObject({ code: 'bus.busy' });
    await clock.advance(3_000);
    await stuck;
    expect(kernel.calls).toEqual(['r44 1', 'r44 1']);
    await clock.advance(2_000);
    await waiting;
    const later = bus.transfer(0x23, NOTHING, 1);
    const end = kernel.held.pop();
    kernel.held = undefined;
    end?.();
    expect((await later)[0]).toBe(0xa0 + 0x23);
    expect(kernel.mostInFlight).toBe(1);
    expect(clock.sleepers).toBe(0);
  });

  it('an exclusive piece of work has the bus to itself, also when it fails', async () => {
    const { kernel, bus } = setUp();
    const work = bus.exclusive(async (transfer) => {
      await transfer(0x70, bytes(8), 0);
      await transfer(0x44, NOTHING, 1);
      throw new Error('enough');
    });
    const other = bus.transfer(0x23, NOTHING, 1);
    await expect(work).rejects.toThrow('enough');
    await other;
    expect(kernel.calls).toEqual(['w70 08', 'r44 1', 'r23 1']);
  });
});

describe('a bus that fails', () => {
  it('says that a kernel driver owns an address, every time, and never reads from another one', async () => {
    const { kernel, bus } = setUp();
    kernel.owned.set(0x76, 16);
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(bus.transfer(0x76, bytes(0xd0), 1)).rejects.toMatchObject({
        code: 'bus.busy',
        message: expect.stringContaining('a kernel driver owns the address 0x76'),
      });
    }
    kernel.owned.clear();
    expect((await bus.transfer(0x76, bytes(0xd0), 1))[0]).toBe(0x16);
  });

  it('comes back by itself once its device node is there', async () => {
    const { kernel, bus } = setUp();
    kernel.openErrno = 2;
    await expect(bus.transfer(0x44, NOTHING, 1)).rejects.toMatchObject({
      code: 'bus.missing',
      message: expect.stringContaining('raspi-config nonint do_i2c 0'),
    });
    kernel.openErrno = 0;
    expect((await bus.transfer(0x44, NOTHING, 1))[0]).toBe(0xe4);
  });

  it('leaves no descriptor open, whatever failed and after closing', async () => {
    const { kernel, bus } = setUp();
    kernel.owned.set(0x76, 16);
    kernel.failing.set(0x44, 121);
    await expect(bus.transfer(0x76, NOTHING, 1)).rejects.toThrow();
    await expect(bus.transfer(0x44, NOTHING, 1)).rejects.toThrow();
    await bus.transfer(0x23, NOTHING, 1);
    expect(kernel.descriptors.size).toBe(2); // functions and 0x23
    await bus.close();
    await bus.close();
    expect(kernel.descriptors.size).toBe(0);
    await expect(bus.transfer(0x23, NOTHING, 1)).rejects.toMatchObject({ code: 'bus.io' });
  });

  const errnos: [number, string, string][] = [
    [121, 'bus.nack', 'check wiring'],
    [6, 'bus.nack', 'check wiring'],
    [19, 'bus.nack', 'check wiring'],
    [110, 'bus.timeout', 'pull-ups'],
    [11, 'bus.io', 'arbitration'],
    [95, 'bus.unsupported', 'adapter'],
    [5, 'bus.io', 'errno 5'],
  ];
  it.each(errnos)('maps errno %i to %s, whatever its sign', async (errno, code, text) => {
    const { kernel, bus } = setUp();
    kernel.failing.set(0x44, errno);
    const expected = { code, message: expect.stringContaining(text) };
    await expect(bus.transfer(0x44, bytes(1), 1)).rejects.toMatchObject(expected);
    await expect(bus.transfer(0x44, NOTHING, 1)).rejects.toMatchObject(expected);
  });

  it.each([
    [13, 'bus.permission', 'usermod -aG i2c'],
    [1, 'bus.permission', 'usermod -aG i2c'],
    [19, 'bus.missing', 'is not there'],
  ])('maps errno %i of opening to %s', async (errno, code, text) => {
    const { kernel, bus } = setUp();
    kernel.openErrno = errno;
    await expect(bus.transfer(0x44, NOTHING, 1)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(text),
    });
  });
});

describe('the package i2c-bus', () => {
  it('may take longer to load than a transfer may take: a slow card is no chip that holds the bus', async () => {
    const { load } = fakeI2cPackage();
    const clock = virtualClock();
    const slow = () => clock.sleep(10_000).then(load);
    const bus = linuxI2cBus(1, { load: slow, clock, platform: 'linux', transferMs: 3_000 });
    const reply = bus.transfer(0x44, NOTHING, 1);
    await clock.advance(10_000);
    expect((await reply)[0]).toBe(0xe4);
  });

  const failing = (error: unknown, platform: NodeJS.Platform = 'linux') =>
    linuxI2cBus(1, { load: () => Promise.reject(error), platform }).transfer(0x44, NOTHING, 1);
  const coded = (code: string) => Object.assign(new Error('x'), { code });

  it.each([
    ['not installed', coded('ERR_MODULE_NOT_FOUND'), 'npm install i2c-bus'],
    ['not compiled', new Error('Could not locate the bindings file. Tried:\n → /a'), 'was not compiled'],
    [
      'not in the Debian package for this Node',
      new Error('Could not locate the bindings file. Tried:\n → /usr/lib/sedge/node_modules/i2c-bus/build/i2c.node'),
      'the Debian package sedge holds no i2c-bus for Node',
    ],
    ['of another Node', coded('ERR_DLOPEN_FAILED'), 'npm rebuild i2c-bus'],
    ['broken', new Error('boom'), 'boom'],
  ])('%s is one sentence that says how to get it', async (_, error, text) => {
    await expect(failing(error)).rejects.toMatchObject({
      code: 'bus.package',
      message: expect.stringMatching(new RegExp(`^[^\n]*${text}[^\n]*$`)),
    });
  });

  it('is not asked for where there is no Linux', async () => {
    await expect(failing(new Error('never'), 'darwin')).rejects.toMatchObject({
      code: 'bus.package',
      message: expect.stringContaining('--simulate'),
    });
  });

  it('is found again once it is installed', async () => {
    const { load } = fakeI2cPackage();
    let installed = false;
    const bus = linuxI2cBus(1, {
      platform: 'linux',
      load: () => (installed ? load() : Promise.reject(coded('ERR_MODULE_NOT_FOUND'))),
    });
    await expect(bus.transfer(0x44, NOTHING, 1)).rejects.toThrow();
    installed = true;
    expect((await bus.transfer(0x44, NOTHING, 1))[0]).toBe(0xe4);
  });

  it.runIf(process.platform === 'linux')('as installed here says that an absent bus is missing', async () => {
    await expect(linuxI2cBus(99).transfer(0x44, NOTHING, 1)).rejects.toMatchObject({
      code: expect.stringMatching(/^bus\.(missing|package)$/),
    });
  });
});

describe('the clock of the bus', () => {
  it('is what the device tree says, else 100 kHz', () => {
    const root = mkdtempSync(join(tmpdir(), 'sedge-i2c-'));
    try {
      const node = join(root, 'sys/bus/i2c/devices/i2c-1/of_node');
      mkdirSync(node, { recursive: true });
      writeFileSync(join(node, 'clock-frequency'), Buffer.from([0, 0x06, 0x1a, 0x80]));
      expect(linuxI2cBus(1, { root }).clockHz).toBe(400_000);
      expect(linuxI2cBus(2, { root }).clockHz).toBe(100_000);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
