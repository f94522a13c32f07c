/** What the kernel knows of hardware, from sysfs and the gpiod tools: adapters, chips it holds, GPIO, 1-Wire, IIO, hwmon. */
import type { System, SystemFiles } from '../system.ts';
import { type LineUse, lineUses } from './gpio-lines.ts';

const I2C_DEVICES = '/sys/bus/i2c/devices';

export interface BoundChip {
  readonly address: number;
  /** The kernel's driver. */
  readonly driver: string;
  /** What it was declared as: "bmp280". */
  readonly name: string;
}

/** Addresses on a bus that a kernel driver holds. */
export async function boundChips(on: number, files: SystemFiles): Promise<readonly BoundChip[]> {
  const found = (await files.list(I2C_DEVICES)).map(async (entry) => {
    const [, bus, address] = /^(\d+)-([0-9a-f]{4})$/.exec(entry) ?? [];
    if (bus === undefined || Number(bus) !== on) return [];
    const driver = await files.target(`${I2C_DEVICES}/${entry}/driver`);
    if (driver === undefined) return [];
    const name = (await files.text(`${I2C_DEVICES}/${entry}/name`)) ?? driver;
    return [{ address: Number.parseInt(address!, 16), driver, name }];
  });
  return (await Promise.all(found)).flat();
}

/** Numbers of the buses with a device node. */
export const busNumbers = async (files: SystemFiles): Promise<readonly number[]> =>
  (await files.list('/dev')).flatMap((name) => /^i2c-(\d+)$/.exec(name)?.[1] ?? []).map(Number);

export const adapterName = (on: number, files: SystemFiles): Promise<string | undefined> =>
  files.text(`${I2C_DEVICES}/i2c-${on}/name`);

export interface ChipOfLines {
  readonly name: string;
  readonly label?: string;
  readonly lines?: number;
  readonly uses: readonly LineUse[];
}

/** GPIO chips: from the gpiod tools, which know the users of lines, else from sysfs, else only the nodes. */
export async function gpioChips({ files, run }: System): Promise<readonly ChipOfLines[]> {
  const detected = await run('gpiodetect', []);
  const chips = [...(detected?.stdout ?? '').matchAll(/^(\S+) \[(.*)\] \((\d+) lines?\)$/gm)];
  if (chips.length > 0) {
    const info = (await run('gpioinfo', []))?.stdout ?? '';
    // Both versions begin each chip with a line of its own: `gpiochip0 - 58 lines:`.
    const parts = new Map(info.split(/^(?=\S+ - \d+ lines)/m).map((part) => [part.split(' ', 1)[0]!, part]));
    return chips.map(([, name = '', label = '', lines]) => ({
      name,
      label,
      lines: Number(lines),
      uses: lineUses(parts.get(name) ?? ''),
    }));
  }
  const inSysfs = (await files.list('/sys/class/gpio')).filter((name) => /^gpiochip\d+$/.test(name));
  if (inSysfs.length > 0)
    return Promise.all(
      inSysfs.map(async (name) => {
        const [label, lines] = [
          await files.text(`/sys/class/gpio/${name}/label`),
          await files.text(`/sys/class/gpio/${name}/ngpio`),
        ];
        return {
          name,
          uses: [],
          ...(label !== undefined && { label }),
          ...(lines !== undefined && { lines: Number(lines) }),
        };
      }),
    );
  return (await files.list('/dev')).filter((name) => /^gpiochip\d+$/.test(name)).map((name) => ({ name, uses: [] }));
}

/** A device that the kernel reads itself. */
export interface KernelDevice {
  /** `28-00000a1b2c3d`, `iio:device0`, `hwmon1`. */
  readonly device: string;
  readonly name?: string;
  /** Where it is on a bus of its own: `1-0044`. */
  readonly place?: string;
}

/** Names of the kernel's driver for the DHT11 and DHT22: `dht11@4`, `humidity_sensor`. */
export const DHT_NAME = /^(dht|humidity_sensor)/;

const devicesIn = (files: SystemFiles, directory: string, wanted: RegExp) =>
  files.list(directory).then((entries) =>
    Promise.all(
      entries
        .filter((entry) => wanted.test(entry))
        .map(async (device): Promise<KernelDevice> => {
          const name = await files.text(`${directory}/${device}/name`);
          const place = await files.target(`${directory}/${device}/device`);
          return { device, ...(name !== undefined && { name }), ...(place !== undefined && { place }) };
        }),
    ),
  );

/** By family code and number. */
export const oneWireDevices = async (files: SystemFiles): Promise<readonly KernelDevice[]> =>
  (await files.list('/sys/bus/w1/devices'))
    .filter((device) => /^[0-9a-f]{2}-[0-9a-f]{12}$/.test(device))
    .map((device) => ({ device }));
/** Those of the families that w1_therm of the kernel reads. */
export const oneWireThermometers = async (files: SystemFiles): Promise<readonly KernelDevice[]> =>
  (await oneWireDevices(files)).filter(isThermometer);
export const isThermometer = ({ device }: KernelDevice): boolean => /^(10|22|28|3b|42)-/.test(device);
export const iioDevices = (files: SystemFiles): Promise<readonly KernelDevice[]> =>
  devicesIn(files, '/sys/bus/iio/devices', /^iio:device\d+$/);
export const hwmonDevices = (files: SystemFiles): Promise<readonly KernelDevice[]> =>
  devicesIn(files, '/sys/class/hwmon', /^hwmon\d+$/);
