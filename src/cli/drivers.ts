/** `sedge drivers [NAME]`: what can be measured, and how one driver is configured; made from the drivers' own tables. */
import { drivers } from '../../drivers/index.ts';
import { defaultOf, hexAddress, rangeOf, typeOf, writtenAs } from '../config/describe.ts';
import { suggestion } from '../config/nearest.ts';
import type { AnyDriver, BusKind, OptionSpec } from '../driver.ts';
import { SedgeError } from '../errors.ts';
import { type Channel, unitOf } from '../reading.ts';
import { type Command, EXIT } from './command.ts';

/** Rows as plain columns, each as wide as its widest cell; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const width = (at: number) => Math.max(...rows.map((row) => row[at]?.length ?? 0));
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(width(at)))).join('  ');
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('');
}

const unit = (channel: Channel): string => (unitOf(channel) === '1' ? '' : ` ${unitOf(channel)}`);
const channelsOf = ({ channels }: AnyDriver): string =>
  Object.entries(channels)
    .map(([name, channel]) => `${name}${unit(channel)}`)
    .join(', ');
const addressesOf = ({ addresses = [] }: AnyDriver): string => addresses.map(hexAddress).join(' ');

/** `0x48-0x4f`: neighbours as a range. */
function addressRanges({ addresses = [] }: AnyDriver): string {
  const ranges: [number, number][] = [];
  for (const address of [...addresses].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && address === last[1] + 1) last[1] = address;
    else ranges.push([address, address]);
  }
  return ranges
    .map(([from, to]) =>
      from === to ? hexAddress(from) : `${hexAddress(from)}${to === from + 1 ? ' ' : '-'}${hexAddress(to)}`,
    )
    .join(' ');
}

/** The longest column last: what is narrower stays readable in a narrow terminal. */
const list = (): string =>
  columns([
    ['NAME', 'BUS', 'ADDRESSES', 'TITLE', 'CHANNELS'],
    ...Object.entries(drivers).map(([name, driver]) => [
      name,
      driver.bus === 'none' ? '-' : driver.bus,
      addressRanges(driver) || '-',
      driver.title,
      channelsOf(driver),
    ]),
  ]);

/** A value of an option for the example: its default, else something that is possible. */
function sample(spec: OptionSpec): string | undefined {
  const written = defaultOf(spec);
  if (written !== undefined) return spec.kind === 'string' || spec.kind === 'file' ? JSON.stringify(written) : written;
  if (spec.kind === 'choice') return String(spec.choices[0]);
  return 'min' in spec && spec.min !== undefined ? writtenAs(spec, spec.min) : undefined;
}

/** A sensor with this driver, as YAML that passes `sedge check`. */
export function example(name: string, driver: AnyDriver): string {
  const place: Readonly<Record<BusKind, readonly string[]>> = {
    i2c: ['bus: 1', ...(driver.addresses?.[0] === undefined ? [] : [`address: ${hexAddress(driver.addresses[0])}`])],
    gpio: ['line: 17'],
    files: [],
    none: [],
  };
  const options = Object.entries(driver.options).flatMap(([key, spec]) => {
    const value = defaultOf(spec) === undefined ? undefined : sample(spec);
    return value === undefined ? [] : [`${key}: ${value}`];
  });
  const lines = [
    `driver: ${name}`,
    ...place[driver.bus as BusKind],
    ...(driver.kind === 'event' ? [] : ['every: 10s']),
    ...(options.length > 0 ? ['options:', ...options.map((line) => `  ${line}`)] : []),
  ];
  return ['version: 1', 'sensors:', `  my-${name}:`, ...lines.map((line) => `    ${line}`), ''].join('\n');
}

/** By the pins of the header that every Raspberry Pi has. */
const WIRING: Readonly<Record<BusKind, readonly string[]>> = {
  i2c: [
    'VCC to 3.3 V (pin 1), GND to ground (pin 6), SDA to pin 3, SCL to pin 5: bus 1. Not to 5 V unless the module shifts levels.',
    'SDA and SCL need pull-ups to 3.3 V: the board has 1.8 kOhm, and most modules bring their own.',
  ],
  gpio: [
    'Signal to a GPIO: line 17 is GPIO17, on pin 11. Ground to pin 6, supply as the part needs it; the signal is at most 3.3 V.',
    'A contact goes from the line to ground, with `pull: up` on the sensor.',
  ],
  files: ['As the kernel driver needs it; with its overlay in config.txt the kernel reads it, and Sedge the kernel.'],
  none: [],
};

const KINDS: Readonly<Record<AnyDriver['kind'], string>> = {
  poll: 'is read at each slot of its schedule',
  event: 'speaks when something happens; has no schedule',
  counter: 'counts all the time, and is reported at each slot of its schedule',
};

/** The board itself and values out of nothing. */
const NOT_WIRED = ['host', 'mock'];
const addressPins = ({ addresses = [] }: AnyDriver): string[] =>
  addresses.length > 1
    ? [
        `The address is set by a pin or solder bridge, or comes with the variant: ${addressesOf({ addresses } as AnyDriver)}.`,
      ]
    : [];

function details(name: string, driver: AnyDriver): string {
  const channels = Object.entries(driver.channels).map(([channel, { quantity, min, max, resolution, ...rest }]) => [
    `  ${channel}`,
    quantity,
    `${min} to ${max}${unit({ quantity, min, max, resolution, ...rest })}`,
    `in steps of ${resolution}`,
  ]);
  const options = Object.entries(driver.options).map(([key, spec]) => {
    const range = rangeOf(spec);
    const usual = defaultOf(spec);
    return `  ${key}: ${typeOf(spec)}${range && `, ${range}`}${usual === undefined ? '' : `; default ${usual}`}\n      ${spec.doc}\n`;
  });
  const facts = [
    ['Bus', driver.bus === 'none' ? 'none' : driver.bus],
    ...(driver.addresses?.length ? [['Addresses', `${addressesOf(driver)} (the first is the default)`]] : []),
    ['Kind', KINDS[driver.kind]],
    ['Datasheet', driver.datasheet],
  ];
  return [
    `${name}: ${driver.title}\n\n`,
    columns(facts),
    `\nChannels${driver.variant ? ' (options may change them)' : ''}\n`,
    columns(channels),
    options.length > 0 ? `\nOptions\n${options.join('')}` : '',
    WIRING[driver.bus as BusKind].length > 0 && !NOT_WIRED.includes(name)
      ? `\nWiring\n${[...WIRING[driver.bus as BusKind], ...addressPins(driver)].map((line) => `  ${line}\n`).join('')}`
      : '',
    `\nExample\n\n${example(name, driver).replaceAll(/^(?=.)/gm, '  ')}`,
  ].join('');
}

/** The tables as they are, without functions. */
const asData = (name: string, { title, datasheet, bus, kind, addresses, channels, options }: AnyDriver) => ({
  name,
  title,
  datasheet,
  bus,
  kind,
  ...(addresses && { addresses }),
  channels: Object.fromEntries(
    Object.entries(channels).map(([channel, data]) => [channel, { ...data, unit: unitOf(data) }]),
  ),
  options,
});

export const driversCommand: Command = {
  name: 'drivers',
  summary: 'Lists the drivers, or what one takes and measures.',
  usage: 'sedge drivers [NAME] [--json] | sedge drivers --new NAME',
  help: `  --json      the same as data; durations in ms, rates in Hz
  --new NAME  writes NAME.js, NAME.sim.js and NAME.test.js here: a driver of your own, its simulation and its test,
              which pass as they are; files that are there stay as they are`,
  options: { json: { type: 'boolean' }, new: { type: 'string' } },
  maxPositionals: 1,
  async run(io, { values, positionals: [name] }) {
    if (typeof values.new === 'string') {
      if (name !== undefined) throw new SedgeError('usage', '--new takes the name itself: sedge drivers --new my-chip');
      const { newDriver } = await import('./new-driver.ts');
      const { driver, files } = await newDriver(values.new, io.cwd, Object.keys(drivers));
      io.stdout.write(`${files.map((file) => `${file}\n`).join('')}`);
      io.stderr.write(
        `Next: node --test ${files.at(-1)}\nThen, in sedge.yaml: driver: ${driver}; sedge read --simulate reads its simulation.\n`,
      );
      return EXIT.done;
    }
    if (name === undefined) {
      const all = Object.entries(drivers).map(([each, driver]) => asData(each, driver));
      io.stdout.write(values.json ? `${JSON.stringify(all, undefined, 2)}\n` : list());
      return EXIT.done;
    }
    const driver = Object.hasOwn(drivers, name) ? drivers[name] : undefined;
    if (!driver) {
      throw new SedgeError(
        'usage',
        `there is no driver ${JSON.stringify(name)}${suggestion(name, Object.keys(drivers))}`,
      );
    }
    io.stdout.write(values.json ? `${JSON.stringify(asData(name, driver), undefined, 2)}\n` : details(name, driver));
    return EXIT.done;
  },
};
