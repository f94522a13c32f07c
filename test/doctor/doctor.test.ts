/** The doctor on a healthy board, and on boards with one thing broken each: it is found, and the remedy is literal. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realBuses } from '../../src/bus/buses.ts';
import { fileTree } from '../../src/bus/files.ts';
import type { I2cTransfer } from '../../src/bus/i2c.ts';
import { systemClock, virtualClock } from '../../src/clock.ts';
import { pack } from '../../src/codec.ts';
import { diagnose } from '../../src/doctor/diagnose.ts';
import type { DoctorContext } from '../../src/doctor/types.ts';
import { SedgeError } from '../../src/errors.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { ServiceReport } from '../../src/status/report.ts';
import { fakeI2cPackage } from '../bus/fake-i2c-package.ts';
import { until } from '../until.ts';
import { type FakeBoard, fakeBoard, HEALTHY, NOW, SHOWN, type Told } from './board.ts';

let board: FakeBoard;
beforeEach(async () => {
  board = await fakeBoard();
});
afterEach(() => board.close());

const EREMOTEIO = 121;
const ETIMEDOUT = 110;

/** Real buses on a stand-in for the package i2c-bus. */
function kernelBus() {
  const { kernel, load } = fakeI2cPackage();
  board.machine.buses = realBuses({ i2c: { load, platform: 'linux', root: board.root } });
  return kernel;
}
const put = (id: string, driver: string, address: number) =>
  board.simulated.put({ id, driver, place: { bus: 'i2c', on: 1, address } });
const sensors = (lines: string) => board.config(HEALTHY(board.broker.url).replace(/ {2}air:.*\n {2}lamp:.*\n/, lines));
const journalIn = async () => {
  const journal = await openJournal({
    directory: join(board.cwd, 'journal'),
    maxSizeBytes: 4_000_000,
    whenFull: 'drop_oldest',
    commitEveryMs: 1,
    consumers: ['cloud'],
    bootId: '11111111-2222-3333-4444-555555555555',
    clock: systemClock,
  });
  // The doctor here is somebody else, in the same group.
  chmodSync(join(board.cwd, 'journal'), 0o770);
  return journal;
};

describe('a healthy board', () => {
  it('has no warning and no fault, and ends with 0', async () => {
    const { status, told } = await board.ask();
    // The service's journal is held by nobody here: that is the one thing to be told.
    board.machine.programs.systemctl = SHOWN({ LoadState: 'not-found' });
    expect((await board.ask()).told.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(status).toBe(0);
    expect(told.map(({ check }) => check)).toEqual([
      'node',
      'packages.i2c-bus',
      'packages.onoff',
      'packages.node-unix-socket',
      'configuration',
      'clock',
      'storage',
      'storage',
      'journal',
      'i2c.1',
      'kernel',
      'gpio',
      'sensors.air',
      'sensors.lamp',
      'uplinks.cloud',
      'service',
      'service',
    ]);
  });

  it('says nothing of buses and lines whose configuration cannot be read', async () => {
    board.config('version: 1\ndevice: d\nsensors:\n  a: { driver: host, evry: 1m }\n');
    const { told } = await board.ask();
    const looked = told.map(({ check }) => check.split('.')[0]);
    for (const check of ['i2c', 'kernel', 'gpio', 'sensors', 'uplinks', 'storage']) expect(looked).not.toContain(check);
    expect(looked).toContain('service');
  });

  it('is content with systemd-notify where node-unix-socket is not there, as in the package for arm64', async () => {
    board.machine.packages['node-unix-socket'] = nativeError('ERR_MODULE_NOT_FOUND', 'Cannot find package');
    const about = async () => (await board.ask()).told.find(({ check }) => check === 'packages.node-unix-socket');
    expect(await about()).toMatchObject({ state: 'warning', message: expect.stringContaining('systemd is not told') });
    board.machine.programs['systemd-notify'] = { status: 0, stdout: 'systemd 257', stderr: '' };
    expect(await about()).toMatchObject({ state: 'ok', message: expect.stringContaining('through the program') });
  });

  it('proves the broker by a message to a topic of its own, not retained, under a client id of its own', async () => {
    await board.ask();
    const { publishes, connects, subscriptions } = board.broker;
    expect(subscriptions).toEqual(['sedge/greenhouse-1/doctor']);
    expect(publishes).toMatchObject([{ topic: 'sedge/greenhouse-1/doctor', qos: 1, retain: false }]);
    expect(connects.map(({ clientId, clean }) => [clientId, clean])).toEqual([
      ['sedge-greenhouse-1-cloud-doctor', true],
    ]);
  });

  it('is told in one line each, the fix below its fault, with colours on a terminal only', async () => {
    board.machine.nodeVersion = '18.19.0';
    const plain = await board.askText();
    expect(plain).toMatch(
      /^fault {4}node {23}Node 18\.19\.0 is too old.*\n {36}fix: sudo apt update && sudo apt install nodejs/,
    );
    expect(plain).toMatch(/\n1 fault, 1 warning\.\n$/);
    expect(plain).not.toContain('\x1b');
    expect(await board.askText({ terminal: true })).toContain('\x1b[31mfault  \x1b[0m');
    expect(await board.askText({ terminal: true, env: { NO_COLOR: '1' } })).not.toContain('\x1b');
  });
});

interface Seeded {
  readonly what: string;
  seed(): unknown;
  readonly check: string;
  readonly state?: Told['state'];
  readonly says: RegExp;
  readonly fix: string | RegExp;
  readonly status?: number;
}

const nativeError = (code: string, message: string) => Object.assign(new Error(message), { code });

const FAULTS: readonly Seeded[] = [
  {
    what: 'an old Node',
    seed: () => (board.machine.nodeVersion = '20.18.3'),
    check: 'node',
    says: /20\.18\.3 is too old: 20\.19/,
    fix: /^sudo apt update && sudo apt install nodejs/,
    status: 1,
  },
  {
    what: 'a package compiled for another Node',
    seed: () => {
      board.machine.packages['i2c-bus'] = nativeError('ERR_DLOPEN_FAILED', 'NODE_MODULE_VERSION 115');
    },
    check: 'packages.i2c-bus',
    says: /another version of Node.*no I2C sensor can be read/,
    fix: 'npm rebuild i2c-bus',
    status: 1,
  },
  {
    what: 'a package that is not installed and not needed',
    seed: () => {
      board.machine.packages.onoff = nativeError('ERR_MODULE_NOT_FOUND', 'Cannot find package');
    },
    check: 'packages.onoff',
    state: 'warning',
    says: /not installed/,
    fix: 'sudo apt install build-essential python3, then npm install onoff',
    status: 0,
  },
  {
    what: 'a configuration with a misspelt key',
    seed: () => board.config('version: 1\ndevice: d\nsensors:\n  a: { driver: host, evry: 1m }\n'),
    check: 'configuration',
    says: /^\.\/sedge\.yaml:4:22: sensors\.a\.evry: .*`every`/,
    fix: 'correct ./sedge.yaml in line 4, then sedge check --config ./sedge.yaml',
    status: 78,
  },
  {
    what: 'no configuration',
    seed: () => rmSync(join(board.cwd, 'sedge.yaml')),
    check: 'configuration',
    says: /no configuration was found/,
    fix: /^sudo sedge service install/,
    status: 78,
  },
  {
    what: 'a password that every user may read',
    seed() {
      writeFileSync(join(board.cwd, 'password'), 'secret\n', { mode: 0o644 });
      board.config(HEALTHY(board.broker.url).replace('mqtt, url', 'mqtt, username: u, password_file: ./password, url'));
    },
    check: 'configuration',
    state: 'warning',
    says: /password holds a password and every user may read it/,
    fix: /^chmod 600 \/.*\/password$/,
    status: 0,
  },
  {
    what: 'a configuration with a password in it that every user may read',
    seed: () =>
      board.config(HEALTHY(board.broker.url).replace('mqtt, url', 'mqtt, username: u, password: secret, url')),
    check: 'configuration',
    state: 'warning',
    says: /sedge\.yaml holds a password and every user may read it/,
    fix: /^chmod 600 \/.*\/sedge\.yaml$/,
  },
  {
    what: 'a configuration that every user may change',
    seed: () => chmodSync(join(board.cwd, 'sedge.yaml'), 0o666),
    check: 'configuration',
    says: /every user may change/,
    fix: /^sudo chmod o-w \/.*\/sedge\.yaml$/,
    status: 1,
  },
  {
    what: 'a password that the service may not read',
    seed() {
      board.write(
        '/etc/systemd/system/sedge.service',
        `ExecStart=/usr/bin/node /opt/sedge/dist/sedge.mjs run --config ${board.cwd}/sedge.yaml\n`,
      );
      board.write('/etc/passwd', 'sedge:x:900:900::/var/lib/sedge:/usr/sbin/nologin\n');
      writeFileSync(join(board.cwd, 'password'), 'secret\n', { mode: 0o600 });
      board.config(HEALTHY(board.broker.url).replace('mqtt, url', 'mqtt, username: u, password_file: ./password, url'));
    },
    check: 'configuration',
    says: /the service's user sedge may not read .*password/,
    fix: /^sudo chgrp sedge (\/.*\/password) && sudo chmod 640 \1$/,
  },
  {
    what: 'a clock that was never set',
    seed: () => (board.machine.clock = { ...systemClock, now: () => Date.UTC(1970, 0, 1, 0, 5) }),
    check: 'clock',
    says: /1970-01-01T00:05:00Z, which is before this program was built/,
    fix: /^sudo timedatectl set-ntp true/,
    status: 1,
  },
  {
    what: 'a clock that timesyncd has not set yet',
    seed: () => board.remove('/run/systemd/timesync/synchronized'),
    check: 'clock',
    state: 'warning',
    says: /timesyncd has not set the clock/,
    fix: /^sudo timedatectl set-ntp true/,
    status: 0,
  },
  {
    what: 'I2C that is not enabled',
    seed() {
      board.remove('/dev/i2c-1');
      board.remove('/sys/bus/i2c/devices/i2c-1');
      board.write('/boot/firmware/config.txt', '#dtparam=i2c_arm=on\n');
      kernelBus().openErrno = 2;
    },
    check: 'i2c.1',
    says: /\/dev\/i2c-1 is not there: I2C is not enabled/,
    fix: 'sudo raspi-config nonint do_i2c 0 && sudo reboot',
    status: 69,
  },
  {
    what: 'I2C that is not enabled, where there is no raspi-config and config.txt is at its old place',
    seed() {
      board.remove('/dev/i2c-1');
      board.remove('/sys/bus/i2c/devices/i2c-1');
      board.remove('/usr/bin/raspi-config');
      board.remove('/boot/firmware/config.txt');
      board.write('/boot/config.txt', '');
    },
    check: 'i2c.1',
    says: /I2C is not enabled/,
    fix: "echo 'dtparam=i2c_arm=on' | sudo tee -a /boot/config.txt && sudo reboot",
  },
  {
    what: 'I2C that was enabled and waits for a reboot',
    seed() {
      board.remove('/dev/i2c-1');
      board.remove('/sys/bus/i2c/devices/i2c-1');
    },
    check: 'i2c.1',
    says: /though \/boot\/firmware\/config\.txt enables I2C/,
    fix: 'sudo reboot',
  },
  {
    what: 'a kernel without the module i2c-dev',
    seed: () => board.remove('/dev/i2c-1'),
    check: 'i2c.1',
    says: /the module i2c-dev is not loaded/,
    fix: 'sudo modprobe i2c-dev && echo i2c-dev | sudo tee /etc/modules-load.d/i2c-dev.conf',
  },
  {
    what: 'a bus that is not on this board',
    seed: () => sensors('  air: { driver: bme280, bus: 4, every: 10s }\n'),
    check: 'i2c.4',
    says: /\/dev\/i2c-4 is not there; this system has \/dev\/i2c-1/,
    fix: "echo 'dtoverlay=i2c-gpio,bus=4' | sudo tee -a /boot/firmware/config.txt && sudo reboot",
  },
  {
    what: 'a user who is not in the group i2c',
    seed: () => (board.machine.user = { uid: 54_321, gids: [54_321] }),
    check: 'i2c.1',
    says: /pi may not use \/dev\/i2c-1/,
    fix: 'sudo usermod -aG i2c pi   (then log in again)',
  },
  {
    what: 'a device node that belongs to no group of its own',
    seed() {
      board.machine.user = { uid: 54_321, gids: [54_321] };
      board.write('/etc/group', '');
    },
    check: 'i2c.1',
    says: /pi may not use/,
    fix: /^sudo groupadd -f i2c && echo 'SUBSYSTEM=="i2c-dev", GROUP="i2c", MODE="0660"' \| sudo tee .* sudo usermod -aG i2c pi/,
  },
  {
    what: 'a bus that was slowed down',
    seed() {
      kernelBus();
      mkdirSync(join(board.root, '/sys/bus/i2c/devices/i2c-1/of_node'));
      writeFileSync(
        join(board.root, '/sys/bus/i2c/devices/i2c-1/of_node/clock-frequency'),
        Uint8Array.of(0, 0, 0x27, 0x10),
      );
    },
    check: 'i2c.1',
    state: 'warning',
    says: /a clock of 10 kHz/,
    fix: "echo 'dtparam=i2c_arm_baudrate=100000' | sudo tee -a /boot/firmware/config.txt && sudo reboot",
  },
  {
    what: 'a bus that is stuck',
    seed() {
      const { failing } = kernelBus();
      for (const address of [0x76, 0x23]) failing.set(address, ETIMEDOUT);
    },
    check: 'sensors',
    says: /^bus 1 is stuck: the transfer with 0x76 on \/dev\/i2c-1 did not end/,
    fix: /^cut the power of its chips for 10 s; .* pull-ups/,
    status: 69,
  },
  {
    what: 'one chip that holds the bus when it is asked, and not the bus',
    seed: () => kernelBus().failing.set(0x76, ETIMEDOUT),
    check: 'sensors.air',
    says: /the transfer with 0x76 on \/dev\/i2c-1 did not end/,
    fix: 'a chip holds the clock or data line; check wiring and pull-ups, or cycle its power',
    status: 69,
  },
  {
    what: 'a thermometer without a 1-Wire bus',
    seed: () => sensors('  probe: { driver: ds18b20, every: 30s }\n'),
    check: 'kernel.probe',
    says: /^probe needs the kernel's 1-Wire bus, which is not there$/,
    fix: "echo 'dtoverlay=w1-gpio' | sudo tee -a /boot/firmware/config.txt && sudo reboot",
    status: 69,
  },
  {
    what: 'a thermometer on a system that is no Pi',
    seed() {
      for (const path of ['/proc/device-tree/model', '/boot/firmware/config.txt']) board.remove(path);
      sensors('  probe: { driver: ds18b20, every: 30s }\n');
    },
    check: 'kernel.probe',
    says: /^probe needs the kernel's 1-Wire bus, which is not there$/,
    fix: "enable it in this board's own settings (its device tree), or try it without: sedge run --simulate",
    status: 69,
  },
  {
    what: 'a thermometer with another number',
    seed() {
      mkdirSync(join(board.root, '/sys/bus/w1/devices/w1_bus_master1'), { recursive: true });
      mkdirSync(join(board.root, '/sys/bus/w1/devices/28-00000a1b2c3d'));
      board.machine.buses = { ...board.simulated, files: () => fileTree(board.root) };
      sensors('  probe: { driver: ds18b20, address: 28-0123456789ab, every: 30s }\n');
    },
    check: 'sensors.probe',
    says: /nothing with the number 28-0123456789ab is on 1-Wire/,
    fix: 'set address: 28-00000a1b2c3d for probe in ./sedge.yaml',
    status: 69,
  },
  {
    what: 'a DHT22 without the kernel driver for it, after the overlay was written',
    seed() {
      board.write('/boot/firmware/config.txt', 'dtoverlay=dht11,gpiopin=4\n');
      sensors('  cellar: { driver: dht, every: 30s }\n');
    },
    check: 'kernel.cellar',
    says: /needs the kernel's driver for it/,
    fix: 'sudo reboot',
  },
  {
    what: 'a supply that was too weak',
    seed: () => (board.machine.programs.vcgencmd = { status: 0, stdout: 'throttled=0x50000\n', stderr: '' }),
    check: 'power',
    state: 'warning',
    says: /fell below 4\.63 V since the start/,
    fix: /official supply/,
    status: 0,
  },
  {
    what: 'a sensor that is not there',
    seed() {
      const { failing } = kernelBus();
      for (const address of [0x23, 0x5c, 0x76, 0x77]) failing.set(address, EREMOTEIO);
    },
    check: 'sensors.lamp',
    says: /^nothing acknowledges at 0x23 on bus 1$/,
    fix: 'check that VCC, GND, SDA and SCL of lamp are connected, then sedge scan --bus 1',
    status: 69,
  },
  {
    what: 'a sensor at its other address',
    seed() {
      sensors('  other: { driver: sht4x, every: 10s }\n');
      put('shifted', 'sht4x', 0x45);
    },
    check: 'sensors.other',
    says: /^nothing acknowledges at 0x44 on bus 1, but something answers at 0x45$/,
    fix: 'set address: 0x45 for other in ./sedge.yaml',
    status: 69,
  },
  {
    what: 'another chip than the configured one',
    seed() {
      const { simulated } = board;
      // A BMP280 in a package that looks the same: id 0x58 in register 0xd0.
      const isBmp280: I2cTransfer = (address, tx, rxLength) =>
        address === 0x76 && tx[0] === 0xd0
          ? Promise.resolve(Uint8Array.of(0x58))
          : simulated.i2c(1).transfer(address, tx, rxLength);
      board.machine.buses = { ...simulated, i2c: (on) => ({ ...simulated.i2c(on), transfer: isBmp280 }) };
    },
    check: 'sensors.air',
    says: /BMP280/,
    fix: 'set driver: bmp280 for air in ./sedge.yaml',
    status: 69,
  },
  {
    what: 'a kernel driver on the address of a sensor',
    seed() {
      board.write('/sys/bus/i2c/devices/1-0076/name', 'bme280\n');
      board.link('/sys/bus/i2c/devices/1-0076/driver', '../../../../bus/i2c/drivers/bmp280');
      board.write('/boot/firmware/config.txt', 'dtparam=i2c_arm=on\ndtoverlay=i2c-sensor,bme280\n');
    },
    check: 'kernel.air',
    says: /the kernel driver bmp280 holds 0x76 on bus 1, so air cannot be read/,
    fix: 'echo 1-0076 | sudo tee /sys/bus/i2c/drivers/bmp280/unbind   and remove the line dtoverlay=i2c-sensor,bme280 from /boot/firmware/config.txt',
    status: 1,
  },
  {
    what: 'a line that is a pin of I2C',
    seed: () => sensors('  door: { driver: gpio-input, line: 2 }\n'),
    check: 'kernel.door',
    state: 'warning',
    says: /line 2 belongs to I2C bus 1/,
    fix: 'wire door to another line and set line: to it',
  },
  {
    what: 'a system without GPIO in sysfs and without the gpiod tools',
    seed() {
      board.remove('/sys/class/gpio');
      board.write('/dev/gpiochip0', '', 0o660);
      sensors('  door: { driver: gpio-input, line: 17 }\n');
    },
    check: 'gpio',
    says: /GPIO lines cannot be reached: \S+ is not there: this kernel has no GPIO in sysfs; and gpiodetect is not installed/,
    fix: 'sudo apt install gpiod',
  },
  {
    what: 'a user who is not in the group gpio',
    seed() {
      board.write('/etc/group', `gpio:x:${process.getgid?.()}:\n`);
      board.machine.user = { uid: 54_321, gids: [54_321] };
      sensors('  door: { driver: gpio-input, line: 17 }\n');
    },
    check: 'gpio',
    says: /pi may not use \/sys\/class\/gpio\/export/,
    fix: 'sudo usermod -aG gpio pi   (then log in again)',
  },
  {
    what: 'a line that another program holds',
    seed() {
      const { simulated } = board;
      const busy = new SedgeError('bus.busy', 'GPIO 17 of pinctrl-bcm2711 is taken by a kernel driver: free it');
      board.machine.buses = { ...simulated, gpio: () => Promise.reject(busy) };
      const said = (stdout: string) => ({ status: 0, stdout, stderr: '' });
      board.machine.programs.gpiodetect = said('gpiochip0 [pinctrl-bcm2711] (58 lines)\n');
      board.machine.programs.gpioinfo = said('gpiochip0 - 58 lines:\n\tline  17:\t"GPIO17"\tinput consumer="lirc"\n');
      sensors('  door: { driver: gpio-input, line: 17 }\n');
    },
    check: 'sensors.door',
    says: /^line 17 is used by lirc$/,
    fix: 'end lirc, or wire door to another line and set line: to it in ./sedge.yaml',
    status: 69,
  },
  {
    what: 'a journal larger than the card',
    seed: () => board.config(HEALTHY(board.broker.url).replace('4MB', '999999GB')),
    check: 'storage',
    state: 'warning',
    says: /journal\.max_size is 999999000 MB, but .* has room for/,
    fix: /^set journal: \{ max_size: \d+MB \}, or free space$/,
    status: 0,
  },
  {
    what: 'a file where the journal is to be',
    seed() {
      rmSync(join(board.cwd, 'journal'), { recursive: true });
      writeFileSync(join(board.cwd, 'journal'), '');
    },
    check: 'storage',
    says: /journal is no directory/,
    fix: /^sudo mv (\/.*\/journal) \1\.old$/,
    status: 78,
  },
  {
    what: 'a journal directory that may not be written',
    seed: () => chmodSync(join(board.cwd, 'journal'), 0o700),
    check: 'storage',
    says: /pi may not write to .*journal/,
    fix: /^sudo mkdir -p (\/.*\/journal) && sudo chown pi \1 && sudo chmod 700 \1$/,
    status: 78,
  },
  {
    what: 'an eMMC near the end of its life',
    seed: () => board.write('/sys/block/mmcblk0/device/life_time', '0x0a 0x02\n'),
    check: 'storage',
    state: 'warning',
    says: /mmcblk0 has used 100 % of its life/,
    fix: /replace mmcblk0/,
  },
  {
    what: 'readings that wait since yesterday',
    async seed() {
      const journal = await journalIn();
      const at = { wallMs: NOW - 26 * 3_600_000, monoMs: 1, synced: true };
      await journal.append(pack({ kind: 'reading', sensor: 'air', at, valuesJson: '{}' }));
      await journal.close();
    },
    check: 'journal',
    state: 'warning',
    says: /^1 readings wait, the oldest since 2026-11-21T10:00:00\.000Z \(26\.0 h\)$/,
    fix: /^sudo systemctl start sedge/,
    status: 0,
  },
  {
    what: 'a broker that does not run',
    seed: () => board.config(HEALTHY('mqtt://127.0.0.1:1')),
    check: 'uplinks.cloud',
    says: /nothing listens at 127\.0\.0\.1:1$/,
    fix: /sudo systemctl restart mosquitto/,
    status: 69,
  },
  {
    what: 'a broker that refuses the password',
    seed: () => (board.broker.script.onConnect = () => 134),
    check: 'uplinks.cloud',
    says: /does not accept the user name or password/,
    fix: 'check username and password_file',
    status: 1,
  },
  {
    what: 'a service that failed for its configuration',
    seed: () =>
      (board.machine.programs.systemctl = SHOWN({ ActiveState: 'failed', ExecMainStatus: 78, Result: 'exit-code' })),
    check: 'service',
    says: /the service failed: exit status 78/,
    fix: 'sudo sedge check --config /etc/sedge/sedge.yaml, correct what it says, then sudo systemctl start sedge',
    status: 1,
  },
  {
    what: 'a service that is killed by its watchdog again and again',
    seed: () =>
      (board.machine.programs.systemctl = SHOWN({ ActiveState: 'activating', NRestarts: 12, Result: 'watchdog' })),
    check: 'service',
    says: /started again and again \(12 times\): it stopped reporting/,
    fix: 'journalctl -u sedge -n 30',
  },
  {
    what: 'a service that does not start at boot',
    seed: () => (board.machine.programs.systemctl = SHOWN({ UnitFileState: 'disabled' })),
    check: 'service',
    state: 'warning',
    says: /does not start at boot/,
    fix: 'sudo systemctl enable sedge',
  },
  {
    what: 'a service that runs with another configuration',
    seed: () => {},
    check: 'service',
    state: 'warning',
    says: /does not hold the journal in .*journal: it has another configuration/,
    fix: 'sudo sedge doctor --config /etc/sedge/sedge.yaml',
    status: 0,
  },
];

describe('one thing broken:', () => {
  it.each(FAULTS)('$what', async ({ seed, check, state = 'fault', says, fix, status }) => {
    await seed();
    const { status: ended, told } = await board.ask();
    const found = told.filter((one) => one.check === check && one.state === state && says.test(one.message));
    expect(found, JSON.stringify(told, undefined, 1)).toHaveLength(1);
    if (typeof fix === 'string') expect(found[0]?.fix).toBe(fix);
    else expect(found[0]?.fix).toMatch(fix);
    if (status !== undefined) expect(ended).toBe(status);
    // Each fault and each warning says what to do.
    expect(told.filter((one) => one.state !== 'ok' && !one.fix)).toEqual([]);
  });
});

describe('beside a running service that may be asked', () => {
  const report = {
    sensors: {
      air: { state: 'online', age_s: 4 },
      lamp: { state: 'offline', error: 'bus.nack', message: 'gone: plug it' },
    },
    uplinks: { cloud: { state: 'offline', message: 'another client took over the id' } },
    journal: { bytes_per_day: 5e9 },
  };

  it('tells what the service says of sensors, uplinks and its writing', async () => {
    const journal = await journalIn();
    try {
      board.machine.service = report as unknown as ServiceReport;
      const { told, status } = await board.ask();
      const find = (name: string) => told.filter(({ check }) => check === name);
      expect(find('sensors.air')).toMatchObject([
        { state: 'ok', message: 'online in the running service, read 4 s ago' },
      ]);
      expect(find('sensors.lamp')).toEqual([
        { check: 'sensors.lamp', state: 'fault', message: 'offline in the running service: gone', fix: 'plug it' },
      ]);
      expect(find('uplinks.cloud')).toMatchObject([
        { state: 'ok' },
        { state: 'fault', message: expect.stringContaining('another client took over the id') },
      ]);
      expect(find('storage')[1]?.message).toMatch(/^writes 5000 MB a day; an ordinary card .* lasts about 5 years/);
      expect(status).toBe(69);
    } finally {
      await journal.close();
    }
  });
});

describe('beside a running service that does not answer', () => {
  it('asks no sensor, and says so', async () => {
    const journal = await journalIn();
    try {
      const asked: number[] = [];
      const { simulated } = board;
      board.machine.buses = {
        ...simulated,
        i2c(on, mux) {
          asked.push(on);
          return { ...simulated.i2c(on, mux), transfer: () => Promise.reject(new Error('touched')) };
        },
      };
      const { told, status } = await board.ask();
      expect(told.filter(({ check }) => check.startsWith('sensors'))).toMatchObject([
        { state: 'ok', message: expect.stringContaining('2 not asked: another process holds the journal') },
      ]);
      expect(status).toBe(0);
      expect(told.filter(({ check }) => check === 'service')).toMatchObject([{ state: 'ok', message: 'active' }]);
    } finally {
      await journal.close();
    }
  });
});

describe('a broker that acknowledges what it throws away', () => {
  /** What the doctor says of it; its patience passes on a clock of ours. */
  async function told(version: 4 | 5): Promise<Told | undefined> {
    const { script, publishes, url } = board.broker;
    script.onConnect = ({ protocolVersion = 4 }) => (protocolVersion > version ? 132 : true);
    script.onPublish = () => true;
    board.config(HEALTHY(url).replace(/ {2}(air|lamp):.*\n/g, ''));
    const clock = virtualClock({ wallMs: NOW });
    board.machine.clock = clock;
    const asking = board.ask();
    await until('it has published', () => publishes.length === 1);
    await until('it waits for the message', () => clock.sleepers > 1);
    await clock.advance(10_000);
    return (await asking).told.find(({ check }) => check === 'uplinks.cloud');
  }

  it('is a fault under MQTT 3.1.1, where it says nothing of it', async () =>
    expect(await told(4)).toEqual({
      check: 'uplinks.cloud',
      state: 'fault',
      message: expect.stringMatching(/^MQTT 3\.1\.1: a message to sedge\/greenhouse-1\/doctor .* did not come back/),
      fix: 'add "topic readwrite sedge/greenhouse-1/#" to the broker\'s access rules for this user',
    }));

  it('is a warning under MQTT 5: we may not read, which a station need not', async () =>
    expect(await told(5)).toMatchObject({
      state: 'warning',
      message: expect.stringContaining('may not read it back'),
    }));
});

describe('it never hangs', () => {
  it('gives up a broker that takes the connection and says nothing', async () => {
    // The first connection only asks whether somebody listens; the second one says CONNECT.
    const heard: Socket[] = [];
    const silent = createServer((socket) => socket.on('error', () => {}).once('data', () => heard.push(socket)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const clock = virtualClock({ wallMs: NOW });
    board.machine.clock = clock;
    const { port } = silent.address() as AddressInfo;
    board.config(HEALTHY(`mqtt://127.0.0.1:${port}`).replace(/ {2}(air|lamp):.*\n/g, ''));
    const asking = board.ask();
    await until('it has said CONNECT', () => heard.length === 1);
    await clock.advance(20_000);
    const { told, status } = await asking;
    silent.close();
    expect(told.find(({ check }) => check === 'uplinks.cloud')).toMatchObject({
      state: 'fault',
      message: expect.stringMatching(/did not answer within 15 s/),
    });
    expect(status).toBe(69);
  });

  it('gives up a check that does not end, and tells one that throws', async () => {
    const clock = virtualClock();
    const context = { clock, signal: new AbortController().signal } as unknown as DoctorContext;
    const checks = [
      { id: 'endless', run: () => new Promise<never>(() => {}) },
      { id: 'broken', run: async () => Promise.reject(new Error('oops')) },
    ];
    const found = diagnose(checks, context);
    await clock.advance(60_000);
    expect(await found).toMatchObject([
      { check: 'endless', state: 'fault', message: expect.stringContaining('given up') },
      { check: 'broken', state: 'fault', message: expect.stringContaining('oops') },
    ]);
  });
});
