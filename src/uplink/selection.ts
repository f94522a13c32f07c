/** Which sensors an uplink carries: `include` and `exclude`, ids with `*` for any letters. Pure. */
import type { CommonUplinkConfig } from '../config/types.ts';
import type { Station, Uplink } from './types.ts';

export type Carries = (sensor: string) => boolean;

/** Undefined: everything. */
export function carrierOf({ include, exclude }: Pick<CommonUplinkConfig, 'include' | 'exclude'>): Carries | undefined {
  if (!include && !exclude) return undefined;
  const wanted = include && anyOf(include);
  const unwanted = exclude && anyOf(exclude);
  // Asked for each record of a backlog; bounded by the number of sensors that ever were.
  const known = new Map<string, boolean>();
  return (sensor) => {
    let carried = known.get(sensor);
    if (carried === undefined) {
      carried = (wanted?.test(sensor) ?? true) && !unwanted?.test(sensor);
      known.set(sensor, carried);
    }
    return carried;
  };
}

/** Ids have nothing that a regular expression reads, and `*` is the only thing that a glob has. */
const anyOf = (globs: readonly string[]): RegExp =>
  new RegExp(`^(?:${globs.map((glob) => glob.replaceAll('*', '.*')).join('|') || '(?!)'})$`);

const only = <T>(record: Readonly<Record<string, T>>, carries: Carries): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([sensor]) => carries(sensor)));

/** The station as an uplink sees it that carries some sensors only. */
export function partOf(station: Station, carries: Carries): Station {
  return {
    get device() {
      return station.device;
    },
    version: station.version,
    stream: () => station.stream(),
    catalogue: () => only(station.catalogue(), carries),
    latest: () => station.latest().filter(({ sensor }) => carries(sensor)),
    sensorStatuses: () => only(station.sensorStatuses(), carries),
    health: () => station.health(),
  };
}

/** An uplink that is told of some sensors only. */
export const selective = (uplink: Uplink, carries: Carries): Uplink => ({
  ...uplink,
  state(message) {
    if (carries(message.sensor)) uplink.state(message);
  },
  alert(alert) {
    if (carries(alert.sensor)) uplink.alert?.(alert);
  },
  sensorStatus(sensor, status) {
    if (carries(sensor)) uplink.sensorStatus(sensor, status);
  },
});
