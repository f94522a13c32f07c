/**
 * The wires as the kernel gives them: an adapter that has SMBus only, chips that do not acknowledge, hang and spoil checksums,
 * GPIO chips as an old Pi, a Pi 4 and a Pi 5 have them, and the kernel's own drivers beside ours on the same chips.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import truth from '../guest/truth.json' with { type: 'json' };
import { attempt, drive, eventually, guest, put, setChips, UP_TIMEOUT_MS, unavailable, up } from '../rig.ts';
import { SEDGE } from '../station.ts';

const reason = unavailable();
const FILE = '/root/buses/sedge.yaml';
const config = (sensors: string) => `version: 1
device: buses
sensors:
${sensors}
journal: { directory: /root/buses/journal }
uplinks:
  cloud: { type: mqtt, url: "mqtt://127.0.0.1:1883", batch: { max_wait: 500ms } }
`;

interface Read {
  readonly status: number;
  readonly stderr: string;
  readonly values: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
async function read(sensors: string): Promise<Read> {
  await put(FILE, config(sensors));
  const { status, stdout, stderr } = await attempt(`${SEDGE} read --json --config ${FILE}`);
  const rows = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { sensor: string; values: Record<string, number> });
  return { status, stderr, values: Object.fromEntries(rows.map(({ sensor, values }) => [sensor, values])) };
}
const AIR = '  air: { driver: bme280, address: 0x76, every: 10s }';
const expectNear = (
  values: Readonly<Record<string, number>> | undefined,
  expected: Readonly<Record<string, number>>,
  tolerance: Readonly<Record<string, number>>,
) => {
  for (const [channel, value] of Object.entries(expected))
    expect(Math.abs((values?.[channel] ?? Number.NaN) - value), channel).toBeLessThanOrEqual(
      tolerance[channel]! + 0.01,
    );
};

describe.skipIf(reason !== undefined)(`the wires${reason === undefined ? '' : ` (${reason})`}`, () => {
  beforeAll(async () => {
    await up();
    await guest('systemctl start mosquitto');
  }, UP_TIMEOUT_MS);
  afterAll(async () => {
    if (reason === undefined) await guest('systemctl stop mosquitto; rm -rf /root/buses');
  }, 60_000);
  afterEach(() => setChips({}));

  describe('I2C', () => {
    it('an adapter with SMBus only serves a chip with registers as one with plain I2C does', async () => {
      const registers = Object.entries({ ...truth.bme280.registers, '0xD0': '60' });
      const lines = registers.flatMap(([start, bytes]) =>
        Array.from(Buffer.from(bytes, 'hex'), (byte, at) => `i2cset -y 0 0x76 ${Number(start) + at} ${byte}`),
      );
      await guest(`modprobe i2c-stub chip_addr=0x76 && sleep 1 && i2cdetect -l | grep -q 'i2c-0.*smbus'
        ${lines.join(' && ')}`);
      try {
        const { values, stderr } = await read('  air: { driver: bme280, bus: 0, address: 0x76, every: 10s }');
        expect(stderr).toBe('');
        expectNear(values.air, truth.bme280.expect, truth.bme280.tolerance);
      } finally {
        await guest('rmmod i2c-stub');
      }
    });

    it('an adapter with SMBus only says so to a chip that needs plain I2C', async () => {
      await guest('modprobe i2c-stub chip_addr=0x45 && sleep 1');
      try {
        const { status, stderr } = await read('  room: { driver: sht4x, bus: 0, address: 0x45, every: 10s }');
        expect(status).not.toBe(0);
        expect(stderr).toMatch(/room: .*neither write|use another adapter/);
      } finally {
        await guest('rmmod i2c-stub');
      }
    });

    it.each([
      // A chip that is deaf while it measures is asked again, within its deadline: either is said, as the time allows.
      ['does not acknowledge', { silent: [0x45] }, /room: .*(nothing acknowledges at 0x45|did not end)/, undefined],
      ['holds the clock', { hang: [0x45] }, /room: .*(0x45.*did not end|timed out|did not end)/i, undefined],
      ['spoils its checksum', { badCrc: [0x45] }, /room: .*(checksum|CRC)/i, 1],
    ])('a chip that %s fails with its reason, and the others are read', async (_what, faults, says, expectedStatus) => {
      setChips(faults);
      const { status, stderr, values } = await read(`${AIR}\n  room: { driver: sht4x, address: 0x45, every: 10s }`);
      expect(stderr).toMatch(says);
      if (expectedStatus === undefined) expect([1, 69]).toContain(status);
      else expect(status).toBe(expectedStatus);
      expect(Object.keys(values)).toEqual(['air']);
    });
  });

  describe('the kernel’s own driver and ours, on the same chip', () => {
    const BUS = '/sys/bus/i2c/devices/i2c-1';
    it.each([
      {
        name: 'bme280',
        address: 0x76,
        module: 'bmp280-i2c',
        ours: AIR,
        theirs: '  air: { driver: iio, every: 30s, options: { name: bme280 } }',
        channels: { temperature: ['temperature', 0.02], humidity: ['humidity', 0.1], pressure: ['pressure', 0.05] },
      },
      {
        name: 'bh1750',
        address: 0x23,
        module: 'bh1750',
        ours: '  air: { driver: bh1750, every: 30s }',
        theirs: '  air: { driver: iio, every: 30s, address: 1-0023 }',
        // The kernel's driver measures once at its resolution of 1 lx, ours at its own.
        channels: { illuminance: ['illuminance', 4] },
      },
      {
        name: 'sht3x',
        address: 0x44,
        module: 'sht3x',
        ours: '  air: { driver: sht3x, address: 0x44, every: 30s }',
        theirs: '  air: { driver: hwmon, every: 30s, address: 1-0044, options: { channels: temperature1 humidity1 } }',
        channels: { temperature: ['temperature1', 0.02], humidity: ['humidity1', 0.02] },
      },
    ] as const)('$name: the same values', async ({ name, address, module, ours, theirs, channels }) => {
      setChips({ celsius: 23.45, humidity: 51.2 });
      const mine = await read(ours);
      expect(mine.stderr).toBe('');
      await guest(`modprobe ${module} && echo ${name} ${address} > ${BUS}/new_device && sleep 1`);
      try {
        const kernel = await read(theirs);
        expect(kernel.stderr).toBe('');
        for (const [channel, [other, tolerance]] of Object.entries(channels) as [string, readonly [string, number]][])
          expect(Math.abs(mine.values.air![channel]! - kernel.values.air![other]!), channel).toBeLessThanOrEqual(
            tolerance,
          );
      } finally {
        await guest(`echo ${address} > ${BUS}/delete_device; modprobe -r ${module}`);
      }
    });
  });

  describe('GPIO', () => {
    const reload = (parameters: string) =>
      guest(
        `systemctl stop i2c-devices; modprobe -r vpi; modprobe vpi ${parameters}; udevadm settle; systemctl start i2c-devices`,
      );
    afterAll(async () => {
      if (reason === undefined) await reload('');
    }, 120_000);

    it.each([
      ['an old Pi', 'gpio_label=pinctrl-bcm2835 gpio_base=0'],
      ['a Pi 4', 'gpio_label=pinctrl-bcm2711 gpio_base=512'],
      ['a Pi 5', 'gpio_label=pinctrl-rp1 gpio_base=571'],
      ['a chip wherever the kernel puts it', 'gpio_label=pinctrl-bcm2711 gpio_base=-1'],
    ])(
      '%s: edges come through sysfs and through the character device, by offset and by name',
      async (_board, parameters) => {
        await reload(parameters);
        await drive(17, 0);
        await drive(22, 0);
        await put(
          FILE,
          config(`  plain: { driver: gpio-input, line: 17, options: { debounce: 20ms } }
  named: { driver: gpio-input, line: { chip: ${/gpio_label=(\S+)/.exec(parameters)![1]}, line: GPIO22 }, options: { debounce: 20ms } }`),
        );
        await guest(`rm -rf /root/buses/journal
        systemd-run --quiet --collect --unit=edges-seen sh -c 'mosquitto_sub -q 1 -t sedge/buses/readings > /root/buses/seen'
        systemd-run --quiet --collect --unit=edges /usr/local/bin/${SEDGE} run --config ${FILE}`);
        const seen = async (sensor: string) => {
          const text = await guest('cat /root/buses/seen');
          return text
            .split('\n')
            .filter(Boolean)
            .flatMap(
              (line) => (JSON.parse(line) as { events?: { sensor: string; values: { state: number } }[] }).events ?? [],
            )
            .filter((event) => event.sensor === sensor)
            .map(({ values }) => values.state);
        };
        try {
          await eventually('both lines are watched', 120, async () => {
            const { stdout } = await attempt('gpioinfo | grep -E \'"GPIO(17|22)"\' | grep -vc unused');
            return Number(stdout) >= 2 ? true : undefined;
          });
          for (const level of [1, 0, 1] as const) {
            for (const [line, sensor] of [
              [17, 'plain'],
              [22, 'named'],
            ] as const) {
              await drive(line, level);
              await eventually(`${sensor} is ${level}`, 60, async () =>
                (await seen(sensor)).at(-1) === level ? true : undefined,
              );
            }
          }
          for (const sensor of ['plain', 'named']) expect((await seen(sensor)).slice(-3)).toEqual([1, 0, 1]);
        } finally {
          await attempt('systemctl stop edges edges-seen; journalctl -u edges -o cat --no-pager | tail -n 20');
        }
      },
    );
  });
});
