/**
 * Devices that a driver of the kernel measures with and shows in sysfs (IIO, hwmon): what the drivers on them share.
 *
 * - Numbers such as `iio:device0` follow the order of probing and change from boot to boot: a device is found by its name,
 *   its label, or the place it is at, and its name is looked at again before each measurement.
 * - A channel whose file is not there, or cannot be read, is absent; a measurement without any channel is an error.
 */
import type { FileTree } from './bus/files.ts';
import { codeOf, SedgeError } from './errors.ts';
import type { Channel, Channels, Quantity, Values } from './reading.ts';

/** A class of devices in sysfs. */
export interface KernelClass {
  /** For messages: "IIO". */
  readonly title: string;
  readonly directory: string;
  readonly entry: RegExp;
  /** Below the directory of the chip on its own bus, where its entry is: `/hwmon`. */
  readonly below: string;
}
export interface KernelDevice {
  readonly title: string;
  /** Names of its files. */
  readonly attributes: ReadonlySet<string>;
  read(attribute: string): Promise<string>;
  /** Rejects with `sensor.identity` when another device has got this one's number. */
  confirm(): Promise<void>;
}
export interface KernelPlace {
  /** What its `name` or `label` says. */
  readonly name?: string | RegExp | undefined;
  /** The chip on its own bus: `1-0076` (I2C), `spi0.0`, `dht11@4` (platform), `28-00000a1b2c3d` (1-Wire). */
  readonly address?: string | undefined;
}

/** Buses of the kernel on which sensors are. */
const BUSES = ['i2c', 'spi', 'platform', 'w1'];
/** The files that name a device. */
const NAMES = ['name', 'label'];

const namesIn = (files: FileTree, directory: string): Promise<readonly string[]> =>
  files.list(directory).catch((error: unknown) => {
    if (codeOf(error) === 'bus.missing') return [];
    throw error;
  });

export async function findDevice(
  files: FileTree,
  { title, directory, entry, below }: KernelClass,
  { name, address }: KernelPlace,
): Promise<KernelDevice> {
  const lists = address === undefined ? [directory] : BUSES.map((bus) => `/sys/bus/${bus}/devices/${address}${below}`);
  const entries = (await Promise.all(lists.map((list) => namesIn(files, list)))).flat();

  const found: { readonly id: string; readonly file: string; readonly text: string }[] = [];
  const others: string[] = [];
  for (const id of entries.filter((each) => entry.test(each))) {
    const named: { file: string; text: string }[] = [];
    for (const file of NAMES) {
      const text = (await files.readText(`${directory}/${id}/${file}`).catch(() => '')).trim();
      if (text !== '') named.push({ file, text });
    }
    const match = named.find(
      ({ text }) => name === undefined || (name instanceof RegExp ? name.test(text) : name === text),
    );
    if (match) found.push({ id, ...match });
    others.push(`${named.map(({ text }) => text).join(', ') || 'one without a name'} (${id})`);
  }

  const wanted = [
    ...(typeof name === 'string' ? [`named ${name}`] : []),
    ...(address === undefined ? [] : [`at ${address}`]),
  ].join(' ');
  const [first] = found;
  if (!first) {
    const there =
      others.length > 0 ? `there are ${others.join(', ')}` : 'there is none: is its overlay or module loaded?';
    throw new SedgeError('bus.missing', `no ${title} device${wanted && ` ${wanted}`} is in ${directory}; ${there}`);
  }
  if (found.length > 1) {
    const remedy = name === undefined ? 'name, or address' : 'address';
    throw new SedgeError(
      'sensor.identity',
      `several ${title} devices${wanted && ` are ${wanted}`}: ${others.join(', ')}: set ${remedy}, as in /sys/bus/*/devices`,
    );
  }

  const base = `${directory}/${first.id}`;
  const attributes = new Set(await files.list(base));
  return {
    title: `${first.text} (${first.id})`,
    attributes,
    read: (attribute) => files.readText(`${base}/${attribute}`),
    async confirm() {
      const text = (await files.readText(`${base}/${first.file}`)).trim();
      if (text === first.text) return;
      throw new SedgeError('sensor.identity', `${base} is now ${text || 'nameless'} and not ${first.text} any more`);
    },
  };
}

/** A number as the kernel writes it: `-0.437500`. Undefined for all else. */
export function decimal(text: string): number | undefined {
  const trimmed = text.trim();
  return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** What a class of devices calls a quantity, and how its unit is turned into ours. */
export interface ChannelKind {
  readonly type: string;
  readonly scale: number;
  readonly channel: Channel;
}
/** A channel of any chip of a kind: its bounds are wide, its resolution is that of its digits. */
export const kernelChannel = (quantity: Quantity, min: number, max: number, decimals: number): Channel => ({
  quantity,
  min,
  max,
  resolution: 10 ** -decimals,
  decimals,
});
/** A channel's name taken apart: `temperature`, `voltage0`, `acceleration_x`. */
export interface NamedChannel {
  readonly name: string;
  readonly kind: ChannelKind;
  readonly index: string;
  readonly modifier: string;
}

/** Reads a list such as `temperature, voltage0 acceleration_x`; throws for what is no channel. */
export function namedChannels(text: string, kinds: Readonly<Record<string, ChannelKind>>): readonly NamedChannel[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  return [...new Set(words)].map((name) => {
    for (const [word, kind] of Object.entries(kinds)) {
      const [, index, modifier = ''] = new RegExp(`^${word}(\\d*)(?:_([a-z0-9]+))?$`).exec(name) ?? [];
      if (index !== undefined) return { name, kind, index, modifier };
    }
    const possible = Object.keys(kinds).join(', ');
    throw new SedgeError(
      'config.invalid',
      `channels: ${name} is none: write ${possible}, with a number or _x where the kernel has one`,
    );
  });
}

export const channelTable = (channels: readonly NamedChannel[]): Channels =>
  Object.fromEntries(channels.map(({ name, kind }) => [name, kind.channel]));

/** Reads each channel; `read` gives undefined for one that the device does not have, in the kernel's unit otherwise. */
export async function measureChannels(
  device: KernelDevice,
  channels: readonly NamedChannel[],
  read: (channel: NamedChannel) => Promise<number | undefined>,
  signal: AbortSignal,
): Promise<Values> {
  await device.confirm();
  const values: Record<string, number> = {};
  let failure: unknown;
  for (const each of channels) {
    if (signal.aborted) throw new SedgeError('sensor.deadline', `${device.title} did not give its values in time`);
    try {
      const value = await read(each);
      if (value === undefined) continue;
      const { min, max, resolution } = each.kind.channel;
      // A step more: scaling leaves -273150 thousandths a little below -273.15.
      if (!(value >= min - resolution && value <= max + resolution)) {
        throw new SedgeError(
          'sensor.range',
          `${device.title} says ${each.name} ${value}, which cannot be: check the chip`,
        );
      }
      values[each.name] = value;
    } catch (error) {
      failure ??= error;
    }
  }
  if (Object.keys(values).length > 0) return values;
  if (failure !== undefined) throw failure;
  throw new SedgeError(
    'sensor.no-data',
    `${device.title} has none of ${channels.map(({ name }) => name).join(', ')}: set channels to what its files are named after`,
  );
}
