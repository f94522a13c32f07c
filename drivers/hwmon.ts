/**
 * Any sensor for which the kernel has a hardware monitoring driver: /sys/class/hwmon. LM75, TMP102, SHT3x, SHT4x, INA219, a
 * fan, the board's own supply.
 *
 * A value is `<type><number>_input` in thousandths (power and energy: millionths; Documentation/hwmon/sysfs-interface.rst);
 * some power meters have `power<number>_average` only. A sensor that says `_fault` has no value.
 *
 * Which channels there are is said by `channels`, as a word and the kernel's number (`temperature1`, `voltage0`); a word alone
 * is the first of its kind. Unless set, the usual ones: what a device does not have is absent.
 */
import {
  type ChannelKind,
  channelTable,
  decimal,
  findDevice,
  type KernelClass,
  type KernelDevice,
  kernelChannel,
  measureChannels,
  type NamedChannel,
  namedChannels,
  type Options,
  type PollDriver,
} from '../src/driver.ts';

const HWMON: KernelClass = { title: 'hwmon', directory: '/sys/class/hwmon', entry: /^hwmon\d+$/, below: '/hwmon' };
const USUAL = 'temperature humidity voltage current power';
const SECONDS_PER_MINUTE = 60;

const KINDS: Readonly<Record<string, ChannelKind>> = {
  temperature: { type: 'temp', scale: 0.001, channel: kernelChannel('temperature', -273.15, 2_000, 3) },
  humidity: { type: 'humidity', scale: 0.001, channel: kernelChannel('humidity', -6, 119, 3) },
  voltage: { type: 'in', scale: 0.001, channel: kernelChannel('voltage', -1_000, 1_000, 3) },
  current: { type: 'curr', scale: 0.001, channel: kernelChannel('current', -1_000, 1_000, 3) },
  power: { type: 'power', scale: 1e-6, channel: kernelChannel('power', -100_000, 100_000, 6) },
  energy: { type: 'energy', scale: 1e-6, channel: kernelChannel('energy', 0, 1e12, 3) },
  // The kernel counts revolutions per minute.
  fan: { type: 'fan', scale: 1 / SECONDS_PER_MINUTE, channel: kernelChannel('frequency', 0, 2_000, 2) },
};

const channelsOf = ({ channels }: Options): readonly NamedChannel[] =>
  namedChannels(typeof channels === 'string' && channels.trim() !== '' ? channels : USUAL, KINDS);

/** `temp1` for `temperature1`, and for `temperature` if that is the first one; undefined when there is none. */
export function bodyOf({ kind: { type }, index }: NamedChannel, attributes: ReadonlySet<string>): string | undefined {
  const numbers = [...attributes].flatMap((file) => {
    const [, number] = new RegExp(`^${type}(\\d+)_(input|average)$`).exec(file) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
  const number = index === '' ? Math.min(...numbers) : Number(index);
  return numbers.includes(number) ? `${type}${number}` : undefined;
}

/** One channel in our unit; undefined when the device does not have it. */
async function readChannel(device: KernelDevice, wanted: NamedChannel): Promise<number | string | undefined> {
  const body = bodyOf(wanted, device.attributes);
  if (body === undefined) return undefined;
  if (device.attributes.has(`${body}_fault`) && (await device.read(`${body}_fault`)).trim() !== '0') {
    return `says that ${wanted.name} is faulty: check what is connected`;
  }
  const file = device.attributes.has(`${body}_input`) ? `${body}_input` : `${body}_average`;
  const value = decimal(await device.read(file));
  return value === undefined ? `holds no number in ${file}` : value * wanted.kind.scale;
}

const driver: PollDriver<'files'> = {
  api: 1,
  id: 'hwmon',
  title: 'Any sensor with a hardware monitoring driver in the kernel',
  datasheet: 'https://docs.kernel.org/hwmon/sysfs-interface.html',
  bus: 'files',
  kind: 'poll',
  channels: channelTable(namedChannels(USUAL, KINDS)),
  options: {
    name: { kind: 'string', doc: 'What the `name` or `label` of the device says. Not needed for the only one.' },
    address: {
      kind: 'string',
      doc: 'The chip on its own bus, such as 1-0048 or spi0.0, where two have the same name.',
    },
    channels: {
      kind: 'string',
      doc: 'What to read, such as `temperature1 voltage0 fan1`; unless set, the first of each usual kind.',
    },
  },
  // A driver that measures when it is read takes up to a second (LM75: 300 ms; ADT7410: 250 ms).
  worstCaseMs: 2_000,
  variant: (options) => ({ channels: channelTable(channelsOf(options)) }),
  async open({ device: files, options, fail }) {
    const channels = channelsOf(options);
    const device = await findDevice(files, HWMON, {
      name: options.name as string | undefined,
      address: options.address as string | undefined,
    });
    const read = async (wanted: NamedChannel): Promise<number | undefined> => {
      const value = await readChannel(device, wanted);
      if (typeof value === 'string') throw fail('sensor.no-data', `hwmon: ${device.title} ${value}`);
      return value;
    };
    return { read: (signal) => measureChannels(device, channels, read, signal), close: async () => {} };
  },
};

export default driver;
