/** Drivers on devices of the kernel, on real ones: Debian's own IIO and hwmon drivers, on the board's chips. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import truth from './guest/truth.json' with { type: 'json' };
import { attempt, guest, put, setChips, UP_TIMEOUT_MS, unavailable, up } from './rig.ts';

const reason = unavailable();
const CONFIG = '/tmp/kernel-devices.yaml';
const BUS = '/sys/bus/i2c/devices/i2c-1';
const CHIPS = { bme280: 0x76, bh1750: 0x23, sht3x: 0x44 } as const;
/** The fake chips look at their faults this often. */
const SETTLE = 'sleep 1';

interface Line {
  readonly sensor: string;
  readonly values: Readonly<Record<string, number>>;
}
const read = async () => {
  const { status, stdout, stderr } = await attempt(
    `${SETTLE}; node /repo/dist/sedge.mjs read --json --config ${CONFIG}`,
  );
  const lines = stdout.trim().split('\n').filter(Boolean);
  const readings = lines.map((line): [string, Line['values']] => {
    const { sensor, values } = JSON.parse(line) as Line;
    return [sensor, values];
  });
  return { status, stderr, readings: Object.fromEntries(readings) };
};

describe.skipIf(reason !== undefined)(`devices of the kernel${reason === undefined ? '' : ` (${reason})`}`, () => {
  beforeAll(async () => {
    await up();
    setChips({});
    await put(
      CONFIG,
      `version: 1
device: board
sensors:
  air: { driver: iio, every: 30s, options: { name: bme280 } }
  lamp: { driver: iio, every: 30s, address: 1-0023 }
  wall: { driver: hwmon, every: 30s, address: 1-0044, options: { channels: temperature1 humidity1 } }
`,
    );
    await guest('modprobe -a bmp280-i2c bh1750 sht3x');
    for (const [name, address] of Object.entries(CHIPS)) await guest(`echo ${name} ${address} > ${BUS}/new_device`);
    await guest(SETTLE);
  }, UP_TIMEOUT_MS);

  // The chips are free again for /dev/i2c-1.
  afterAll(async () => {
    if (reason !== undefined) return;
    setChips({});
    for (const address of Object.values(CHIPS)) await guest(`echo ${address} > ${BUS}/delete_device`);
  });

  it('are found by name or place, and read in our units', async () => {
    const { status, readings } = await read();
    const near = (value: number, tolerance: number) => ({
      asymmetricMatch: (got: unknown) => typeof got === 'number' && Math.abs(got - value) <= tolerance,
    });
    const { bme280, bh1750, sht3x } = truth;
    expect(readings).toEqual({
      air: {
        temperature: near(bme280.expect.temperature, bme280.tolerance.temperature),
        humidity: near(bme280.expect.humidity, bme280.tolerance.humidity),
        pressure: near(bme280.expect.pressure, bme280.tolerance.pressure),
      },
      lamp: { illuminance: near(bh1750.expect.illuminance, bh1750.tolerance.illuminance) },
      wall: {
        temperature1: near(sht3x.expect.temperature, sht3x.tolerance.temperature),
        humidity1: near(sht3x.expect.humidity, sht3x.tolerance.humidity),
      },
    });
    expect(status).toBe(0);
  });

  it('fail with the reason that the kernel gives, each for itself', async () => {
    setChips({ silent: [CHIPS.sht3x], hang: [CHIPS.bh1750] });
    const { status, stderr, readings } = await read();
    expect(Object.keys(readings)).toEqual(['air']);
    expect(stderr).toMatch(/wall: .*does not answer \(EREMOTEIO\)/);
    expect(stderr).toMatch(/lamp: .*did not answer in time \(ETIMEDOUT\)/);
    expect(status).toBe(69);
    setChips({});
    expect((await read()).status).toBe(0);
  });

  it('are found again under another number', async () => {
    await guest(`echo ${CHIPS.bme280} > ${BUS}/delete_device; echo ${CHIPS.bh1750} > ${BUS}/delete_device`);
    const { stderr } = await read();
    expect(stderr).toMatch(/air: no IIO device named bme280/);
    await guest(`echo bh1750 ${CHIPS.bh1750} > ${BUS}/new_device; echo bme280 ${CHIPS.bme280} > ${BUS}/new_device`);
    const { status, readings } = await read();
    expect(Object.keys(readings).sort()).toEqual(['air', 'lamp', 'wall']);
    expect(status).toBe(0);
  });
});
