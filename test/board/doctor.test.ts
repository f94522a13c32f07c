/** `sedge scan` and `sedge doctor` on real kernel buses and lines, with faults that only a kernel can have. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { attempt, guest, put, setChips, UP_TIMEOUT_MS, unavailable, up } from './rig.ts';

const SEDGE = 'node /repo/dist/sedge.mjs';
const DIRECTORY = '/root/doctor';
const CONFIG = `version: 1
device: board-2
sensors:
  air: { driver: bme280, every: 10s }
  room: { driver: sht3x, address: 0x44, every: 10s }
  lamp: { driver: bh1750, every: 1m }
  shock: { driver: sw420, line: 27, every: 10s }
journal: { directory: ${DIRECTORY}/journal }
`;
const reason = unavailable();

interface Told {
  readonly check: string;
  readonly state: string;
  readonly message: string;
  readonly fix?: string;
}
async function doctor(): Promise<{ status: number; told: readonly Told[] }> {
  const { status, stdout } = await attempt(`cd ${DIRECTORY} && ${SEDGE} doctor --json`);
  return { status, told: (JSON.parse(stdout) as Told[]).filter(({ state }) => state !== 'ok') };
}

describe.skipIf(reason !== undefined)(`what is wrong with a board${reason === undefined ? '' : ` (${reason})`}`, () => {
  beforeAll(async () => {
    await up();
    await put(`${DIRECTORY}/sedge.yaml`, CONFIG);
  }, UP_TIMEOUT_MS);
  afterEach(() => setChips({}));

  it('scan names every chip, by bare addresses and id registers', async () => {
    const { buses } = JSON.parse(await guest(`${SEDGE} scan --json`)) as {
      buses: { devices: { address: number; chip: string | null; driver: string | null }[] }[];
    };
    expect(buses[0]?.devices.map(({ address, chip, driver }) => [address, chip, driver])).toEqual([
      [0x23, null, 'bh1750'],
      [0x44, expect.stringContaining('SHT3'), 'sht3x'],
      [0x45, expect.stringContaining('SHT4'), 'sht4x'],
      [0x53, 'ADXL345', 'adxl345'],
      [0x76, 'BME280', 'bme280'],
    ]);
  });

  it('the doctor finds nothing on a board that is well', async () =>
    expect(await doctor()).toEqual({ status: 0, told: [] }));

  it('a chip that is gone, and one that holds the bus', async () => {
    setChips({ silent: [0x76], hang: [0x23] });
    expect(await doctor()).toMatchObject({
      status: 69,
      told: [
        { check: 'sensors.air', message: 'nothing acknowledges at 0x76 on bus 1' },
        { check: 'sensors.lamp', message: expect.stringContaining('the transfer with 0x23 on /dev/i2c-1 did not end') },
      ],
    });
  });

  it('a kernel driver on an address: the fix, done as it is said, mends it', async () => {
    await guest('echo sht3x 0x44 > /sys/bus/i2c/devices/i2c-1/new_device && modprobe sht3x');
    try {
      const { told } = await doctor();
      expect(told).toMatchObject([{ check: 'kernel.room', fix: expect.stringContaining('/sys/bus/i2c/drivers/') }]);
      expect(await guest(`${SEDGE} scan`)).toMatch(/^40: -- -- -- -- UU 45/m);
      await guest(told[0]!.fix!.replaceAll('sudo ', ''));
      expect(await doctor()).toEqual({ status: 0, told: [] });
    } finally {
      await guest('echo 0x44 > /sys/bus/i2c/devices/i2c-1/delete_device; modprobe -r sht3x');
    }
  });

  it('a line that another program holds: which one', async () => {
    await guest('systemd-run --quiet --unit=holder gpiomon gpiochip0 27');
    try {
      expect((await doctor()).told).toMatchObject([{ check: 'sensors.shock', message: 'line 27 is used by gpiomon' }]);
    } finally {
      await guest('systemctl stop holder');
    }
  });

  it('a user in no group: told by name, and the fix, done as it is said, mends it', async () => {
    await guest(`useradd -m somebody && mkdir -p /home/somebody/d && sed '/journal/d' ${DIRECTORY}/sedge.yaml > /home/somebody/d/sedge.yaml
      chown -R somebody /home/somebody`);
    const ask = async () => {
      const { stdout } = await attempt(`su somebody -c 'cd /home/somebody/d && ${SEDGE} doctor --json'`);
      return (JSON.parse(stdout) as Told[]).filter(({ state }) => state === 'fault');
    };
    try {
      const told = await ask();
      for (const check of ['i2c.1', 'gpio']) {
        const { fix = '' } = told.find((one) => one.check === check)!;
        expect(fix).toMatch(/^sudo usermod -aG (i2c|gpio) somebody {3}\(then log in again\)$/);
        await guest(fix.replace('sudo ', '').replace(/ {3}\(.*/, ''));
      }
      expect(await ask()).toEqual([]);
    } finally {
      await guest('userdel -r somebody');
    }
  });
});
