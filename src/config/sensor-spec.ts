/**
 * A sensor of the configuration as data. It is put together from its driver's own tables: what the bus needs, its options,
 * its channels, and whether it takes a schedule.
 */
import type { AnyDriver, BusKind, Options, SensorKind } from '../driver.ts';
import type { Channels } from '../reading.ts';
import { suggestion } from './nearest.ts';
import { type ObjectSpec, objectOf, type Spec } from './shape.ts';
import { CHANNEL_PATTERN, checkId, checkNotEmpty, checkTimezone, ID_PATTERN } from './texts.ts';

/** Longest interval; also the longest jitter. */
const MAX_EVERY_MS = 366 * 86_400_000;
const MIN_EVERY_MS = 10;
const MAX_FILTER_WINDOW = 1_000;

/** The drivers that `driver:` can name: the table's, and those loaded from the user's files, by the path as written. */
export interface KnownDrivers {
  readonly table: Readonly<Record<string, AnyDriver>>;
  readonly files: ReadonlyMap<string, AnyDriver | { readonly wrong: string }>;
}

/** A path is told from a name by its slash or ending. */
export const isDriverPath = (name: string): boolean => /[/\\]|\.[cm]?[jt]s$/.test(name);

export function findDriver({ table, files }: KnownDrivers, name: string): AnyDriver | { readonly wrong: string } {
  if (isDriverPath(name)) return files.get(name) ?? { wrong: 'was not loaded' };
  if (Object.hasOwn(table, name)) return table[name]!;
  return { wrong: `is not a driver${suggestion(name, Object.keys(table))}` };
}

const number = (doc: string): Spec => ({ kind: 'number', doc });

const FILTER_STEPS: ObjectSpec = {
  kind: 'object',
  doc: 'One step.',
  keys: {
    offset: number('Adds this to the value.'),
    multiply: number('Multiplies the value by this.'),
    clamp: {
      kind: 'object',
      doc: 'Moves a value that is outside these bounds to the nearer bound.',
      required: ['min', 'max'],
      keys: { min: number('Lower bound.'), max: number('Upper bound.') },
    },
    median: { kind: 'integer', min: 2, max: MAX_FILTER_WINDOW, doc: 'Median of this many last values.' },
    average: { kind: 'integer', min: 2, max: MAX_FILTER_WINDOW, doc: 'Mean of this many last values.' },
    delta: {
      kind: 'number',
      min: 0,
      doc: 'Passes a value only if it differs by this much from the last one passed; 0 drops repeated values.',
    },
    heartbeat: {
      kind: 'duration',
      min: 1,
      max: MAX_EVERY_MS,
      doc: 'With delta: passes a value anyway after this time.',
    },
  },
  exclusive: [{ keys: ['offset', 'multiply', 'clamp', 'median', 'average', 'delta'], one: true }],
  needs: [['heartbeat', 'delta']],
};

const FILTERS: Spec = { kind: 'list', of: FILTER_STEPS, doc: 'The steps.' };
const NAME: Spec = { kind: 'text', doc: 'A title for people; any text.' };

const SCHEDULE: Readonly<Record<string, Spec>> = {
  every: {
    kind: 'duration',
    min: MIN_EVERY_MS,
    max: MAX_EVERY_MS,
    doc: 'Reads at this interval, on a grid that does not drift.',
  },
  cron: { kind: 'text', doc: 'Reads at these times of the calendar: 5 fields, or 6 with seconds first.' },
  timezone: { kind: 'text', default: 'UTC', check: checkTimezone, doc: 'With cron: the time zone of its fields.' },
  jitter: { kind: 'duration', default: 0, max: MAX_EVERY_MS, doc: 'Delays each reading by a random time up to this.' },
  offset: {
    kind: 'duration',
    max: MAX_EVERY_MS,
    doc: 'With every: shifts the grid by this; the first reading waits for it.',
  },
  align: { kind: 'boolean', default: false, doc: 'With every: puts the grid on the wall clock, such as full minutes.' },
};

/** TCA9548A datasheet, "Device Address": 0x70 and three pins. */
const MUX_ADDRESSES = [0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77];
const BUS: Spec = {
  kind: 'either',
  default: 1,
  doc: 'The I2C bus: N of /dev/i2c-N, or a mapping for a chip behind a multiplexer.',
  of: [
    { kind: 'integer', min: 0, max: 255, doc: 'N of /dev/i2c-N.' },
    {
      kind: 'object',
      doc: 'A chip behind a TCA9548A or alike.',
      keys: {
        on: { kind: 'integer', default: 1, min: 0, max: 255, doc: 'N of /dev/i2c-N.' },
        mux: { kind: 'address', choices: MUX_ADDRESSES, doc: 'Address of the multiplexer.' },
        channel: { kind: 'integer', min: 0, max: 7, doc: 'Its channel.' },
      },
      needs: [
        ['mux', 'channel'],
        ['channel', 'mux'],
      ],
    },
  ],
};
const LINE: Spec = {
  kind: 'either',
  doc: "The GPIO line: an offset on the board's own chip, or a mapping.",
  of: [
    { kind: 'integer', min: 0, max: 1023, doc: "Offset on the board's own GPIO chip." },
    {
      kind: 'object',
      doc: 'A line of any chip.',
      required: ['chip', 'line'],
      keys: {
        chip: { kind: 'text', check: checkNotEmpty, doc: 'Label of the chip, or gpiochipN.' },
        line: {
          kind: 'either',
          doc: 'Offset or name of the line.',
          of: [
            { kind: 'integer', min: 0, max: 1023, doc: 'Offset.' },
            { kind: 'text', check: checkNotEmpty, doc: 'Name, such as GPIO17.' },
          ],
        },
      },
    },
  ],
};
const PULL: Spec = {
  kind: 'choice',
  choices: ['up', 'down', 'off'],
  doc: "The line's pull resistor; left alone unless set.",
};

const PLACE_KEYS = ['bus', 'address', 'line', 'pull'];
const HOME: Readonly<Record<string, string>> = {
  bus: 'is for chips on I2C',
  address: 'is for chips on I2C',
  line: 'is for drivers on GPIO',
  pull: 'is for drivers on GPIO',
};

function placeKeys(driver: AnyDriver): Readonly<Record<string, Spec>> {
  const bus: BusKind = driver.bus;
  const choices = driver.addresses && driver.addresses.length > 0 ? driver.addresses : undefined;
  if (bus === 'i2c') {
    const first = choices?.[0];
    return {
      bus: BUS,
      address: {
        kind: 'address',
        doc: 'I2C address, 7 bits.',
        ...(choices && { choices }),
        ...(first !== undefined && { default: first }),
      },
    };
  }
  if (bus === 'gpio') return { line: LINE, pull: PULL };
  return addressOption(driver) ? { address: driver.options.address! } : {};
}

/** A driver without I2C may take the sensor's `address` itself, as an option of that name: 1-Wire. */
export const addressOption = (driver: AnyDriver): boolean =>
  driver.bus !== 'i2c' && Object.hasOwn(driver.options, 'address');

/** What the options make of a driver; parts are undefined where wrong options leave them open. */
export interface Traits {
  readonly kind: SensorKind | undefined;
  readonly channels: Channels | undefined;
}

export function traitsOf(driver: AnyDriver, options: Options | undefined): Traits {
  if (!driver.variant) return driver;
  try {
    if (options) {
      const variant = driver.variant(options);
      return { kind: variant.kind ?? driver.kind, channels: variant.channels ?? driver.channels };
    }
  } catch {
    // Options that do not go together: reported where the sensor is built.
  }
  // An option decides the channels of several drivers, but hardly ever the kind.
  return { kind: driver.kind, channels: undefined };
}

const openOptions: Spec = { kind: 'any', doc: "The driver's options." };

/** The keys of a driver's options, without an `address` that the sensor itself carries. */
export function optionsSpec(driver: AnyDriver): ObjectSpec {
  const keys = Object.entries(driver.options).filter(([name]) => !(name === 'address' && addressOption(driver)));
  return objectOf(Object.fromEntries(keys), "The driver's options.");
}

/** One sensor. Without a driver (its name is wrong), only what all drivers share is judged. */
export function sensorSpec(
  driverKey: Spec,
  driver?: AnyDriver,
  traits: Traits = { kind: undefined, channels: undefined },
): ObjectSpec {
  const place: Readonly<Record<string, Spec>> = driver
    ? placeKeys(driver)
    : { bus: BUS, address: { kind: 'any', doc: "The sensor's address on its bus." }, line: LINE, pull: PULL };
  const channels = traits.channels;
  const elsewhere: Record<string, string> = {};
  for (const key of driver ? PLACE_KEYS : []) {
    if (!Object.hasOwn(place, key)) elsewhere[key] = `${HOME[key]}, and ${driver?.id} is not one`;
  }
  const scheduled = traits.kind !== 'event';
  if (!scheduled) {
    for (const key of Object.keys(SCHEDULE))
      elsewhere[key] = `is for sensors that are asked, and ${driver?.id} speaks when something happens`;
  }
  return {
    kind: 'object',
    doc: 'A sensor.',
    required: [
      'driver',
      ...(driver?.bus === 'gpio' ? ['line'] : []),
      ...(driver?.bus === 'i2c' && !driver.addresses?.length ? ['address'] : []),
    ],
    elsewhere,
    keys: {
      driver: driverKey,
      name: NAME,
      ...place,
      ...(scheduled ? SCHEDULE : {}),
      options: driver ? optionsSpec(driver) : openOptions,
      filters: {
        kind: 'map',
        implied: true,
        doc: 'Steps between measurement and journal, per channel, in order.',
        pattern: CHANNEL_PATTERN,
        name: (name) =>
          channels === undefined || Object.hasOwn(channels, name)
            ? undefined
            : `is not a channel of this sensor${suggestion(name, Object.keys(channels))}`,
        value: FILTERS,
      },
    },
    exclusive: scheduled
      ? [
          { keys: ['every', 'cron'], ...(traits.kind !== undefined && { one: true as const }) },
          { keys: ['every', 'timezone'] },
          { keys: ['cron', 'offset'] },
          { keys: ['cron', 'align'] },
        ]
      : [],
  };
}

export function sensorsSpec(drivers: KnownDrivers): Spec {
  const driverKey: Spec = {
    kind: 'text',
    doc: 'The driver: a name that `sedge drivers` lists, or a path such as ./my-chip.js.',
    known: Object.keys(drivers.table),
    pattern: '[/\\\\.$]',
    check: (name) => {
      const driver = findDriver(drivers, name);
      return 'wrong' in driver ? driver.wrong : undefined;
    },
  };
  const sorts = Object.entries(drivers.table).map(([name, driver]) => [
    name,
    // Options may change the channels, so the schema leaves their names open.
    sensorSpec(driverKey, driver, {
      kind: driver.variant ? undefined : driver.kind,
      channels: driver.variant ? undefined : driver.channels,
    }),
  ]);
  return {
    kind: 'map',
    doc: 'The sensors, by id.',
    implied: true,
    name: checkId,
    pattern: ID_PATTERN,
    value: {
      kind: 'depends',
      doc: 'A sensor.',
      on: 'driver',
      sorts: Object.fromEntries(sorts),
      otherwise: sensorSpec(driverKey),
      choose(peek) {
        const name = peek('driver', driverKey);
        const driver = typeof name === 'string' ? findDriver(drivers, name) : undefined;
        if (!driver || 'wrong' in driver) return sensorSpec(driverKey);
        const options = peek('options', optionsSpec(driver)) as Options | undefined;
        return sensorSpec(driverKey, driver, traitsOf(driver, options));
      },
    },
  };
}
