/** A configuration for what was found, which passes `sedge check`. What is not certain is there as a comment. */
import { hexAddress } from '../bus/i2c.ts';
import type { OptionSpec } from '../driver.ts';
import type { DriverTable } from './chips.ts';
import type { Scan } from './scan.ts';
import { DHT_NAME, isThermometer, type KernelDevice } from './sysfs.ts';

interface Line {
  readonly id: string;
  readonly driver: string;
  readonly keys: string;
  readonly comment?: string;
}

const bare = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

/** Options that a driver must be given, with something that is possible. */
function options(table: Readonly<Record<string, OptionSpec>>): string {
  const needed = Object.entries(table).flatMap(([key, spec]) =>
    spec.kind === 'choice' && spec.default === undefined ? [`${key}: ${spec.choices[0]}`] : [],
  );
  return needed.length === 0 ? '' : `, options: { ${needed.join(', ')} }`;
}

function lines(scan: Scan, drivers: DriverTable): readonly Line[] {
  const places = scan.buses.flatMap(({ bus, found, muxes }) => [
    { place: `${bus}`, found },
    ...muxes.flatMap(({ address, channels }) =>
      channels.map(({ channel, found: behind }) => ({
        place: `{ on: ${bus}, mux: ${hexAddress(address)}, channel: ${channel} }`,
        found: behind,
      })),
    ),
  ]);
  const i2c = places.flatMap(({ place, found }) =>
    found.flatMap((one): Line[] => {
      if (one.state !== 'found' || one.driver === undefined) return [];
      const { address, chip, driver, maybe } = one;
      const keys = `bus: ${place}, address: ${hexAddress(address)}, every: 10s${options(drivers[driver]?.options ?? {})}`;
      return [
        { id: driver, driver, keys, ...(chip === undefined && { comment: `if it is one: ${maybe.join(', ')}` }) },
      ];
    }),
  );
  const oneWire = scan.oneWire
    .filter(isThermometer)
    .map(({ device }): Line => ({ id: 'probe', driver: 'ds18b20', keys: `address: ${device}, every: 30s` }));
  const byName = (driver: string, all: readonly KernelDevice[]) =>
    all.flatMap(({ name }): Line[] =>
      name === undefined
        ? []
        : DHT_NAME.test(name)
          ? [{ id: 'dht', driver: 'dht', keys: 'every: 30s' }]
          : [{ id: bare(name), driver, keys: `every: 10s, options: { name: ${JSON.stringify(name)} }` }],
    );
  // The board's own monitors are in `host`; what sits on I2C is a sensor of somebody's.
  const monitors = scan.hwmon.filter(({ place }) => place !== undefined && /^\d+-[0-9a-f]{4}$/.test(place));
  return [...i2c, ...oneWire, ...byName('iio', scan.iio), ...byName('hwmon', monitors)].filter(({ driver }) =>
    Object.hasOwn(drivers, driver),
  );
}

/** The sensors that were found, each a line of YAML below `sensors:`. */
export function sensorLines(scan: Scan, drivers: DriverTable): readonly string[] {
  const seen = new Map<string, number>();
  return lines(scan, drivers).map(({ id, driver, keys, comment }) => {
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    const name = count === 1 ? id : `${id}-${count}`;
    const text = `${name}: { driver: ${driver}, ${keys} }`;
    return comment === undefined ? `  ${text}` : `  # ${text}   # ${comment}`;
  });
}

export const snippet = (scan: Scan, drivers: DriverTable): string =>
  ['version: 1', 'sensors:', ...sensorLines(scan, drivers), '  board: { driver: host, every: 1m }', ''].join('\n');
