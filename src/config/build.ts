/**
 * From checked values to the Config that the runtime is composed of: the rules between keys, the files that the
 * configuration names, and what is no error but worth knowing. Reports through the checker, at the value concerned.
 */

import { type ApiFile, buildApi } from './build-api.ts';
import { buildSensor, type SensorFile } from './build-sensor.ts';
import { buildUplink, type UplinkFile } from './build-uplink.ts';
import type { Checker } from './checker.ts';
import { oneClientEach } from './client-ids.ts';
import { hexAddress } from './describe.ts';
import { stateDirectory } from './files.ts';
import { suggestion } from './nearest.ts';
import { join } from './nodes.ts';
import { addressOption, type KnownDrivers } from './sensor-spec.ts';
import { idFrom } from './texts.ts';
import type { Config, SensorConfig, SimulatedFault } from './types.ts';

/** The file after the checks of spec.ts: the same keys. What was wrong or absent is undefined. */
export interface ConfigFile {
  readonly device?: string;
  readonly sensors?: Readonly<Record<string, SensorFile | undefined>>;
  readonly journal?: {
    readonly directory?: string;
    readonly commit_every: number;
    readonly commit_every_offline?: number;
    readonly max_size: number;
    readonly max_age?: number;
    readonly min_free: number;
    readonly when_full: Config['journal']['whenFull'];
  };
  readonly clock?: { readonly wait: number };
  readonly uplinks?: Readonly<Record<string, UplinkFile | undefined>>;
  readonly api?: ApiFile;
  readonly simulation?: {
    readonly seed: number;
    readonly speed: number;
    readonly faults?: Readonly<Record<string, readonly (SimulatedFault | undefined)[] | undefined>>;
  };
}
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly drivers: KnownDrivers;
}

/** Names that images and installers give to every board alike. */
const GENERIC_HOST = /^(localhost|raspberrypi|raspberry|debian|ubuntu|orangepi|dietpi)[-_]?[0-9]*$/;
export async function buildConfig(
  file: ConfigFile,
  checker: Checker,
  { env, hostname, drivers }: Surroundings,
): Promise<Config> {
  const warnings: string[] = [];
  const { sensors: sensorFiles = {}, uplinks: uplinkFiles = {} } = file;
  const sensors: SensorConfig[] = [];
  for (const [id, sensor] of Object.entries(sensorFiles)) {
    const built = sensor && (await buildSensor(id, sensor, checker, drivers));
    if (built) sensors.push(built);
  }
  onePlaceEach(sensors, sensorFiles, checker);
  const uplinks = [];
  for (const [name, uplink] of Object.entries(uplinkFiles)) {
    const built = uplink && (await buildUplink(name, uplink, checker, Object.keys(sensorFiles)));
    if (built) uplinks.push(built.uplink);
    warnings.push(...(built?.warnings ?? []));
  }
  if (Object.keys(sensorFiles).length === 0) warnings.push('no sensors are configured: nothing will be measured');
  const host = idFrom(hostname.split('.')[0] ?? '');
  if (file.device === undefined && (host === '' || GENERIC_HOST.test(host))) {
    warnings.push(
      `the device is called \`${host || 'device'}\` after the generic host name: write \`device:\` and an id that no other device has`,
    );
  }
  const { api, warnings: apiWarnings } = file.api ? await buildApi(file.api, checker) : { warnings: [] };
  warnings.push(...apiWarnings);
  const device = file.device ?? (host || 'device');
  oneClientEach(uplinks, uplinkFiles, device, checker);
  const { journal, clock, simulation } = file;
  const commitEveryMs = journal?.commit_every ?? 0;
  return {
    device,
    sensors,
    journal: {
      directory: journal?.directory ?? stateDirectory(env),
      commitEveryMs,
      commitEveryOfflineMs: journal?.commit_every_offline ?? commitEveryMs,
      maxSizeBytes: journal?.max_size ?? 0,
      minFreeBytes: journal?.min_free ?? 0,
      ...(journal?.max_age !== undefined && { maxAgeMs: journal.max_age }),
      whenFull: journal?.when_full ?? 'drop_oldest',
    },
    clock: { waitMs: clock?.wait ?? 0 },
    uplinks,
    ...(api && { api }),
    simulation: {
      seed: simulation?.seed ?? 1,
      speed: simulation?.speed ?? 1,
      faults: faultsOf(file, checker),
    },
    warnings,
  };
}

/** A place in words, the same for two sensors that would disturb each other; undefined where any number fit. */
function placeName({ place, options, driver }: SensorConfig): string | undefined {
  if (place.bus === 'i2c') {
    const behind = place.mux ? `, mux ${hexAddress(place.mux.address)}, channel ${place.mux.channel}` : '';
    return `bus ${place.on}${behind}, address ${hexAddress(place.address)}`;
  }
  if (place.bus === 'gpio')
    return `line ${place.place.line}${place.place.chip === undefined ? '' : ` of ${place.place.chip}`}`;
  const { address } = options;
  return addressOption(driver) && address !== undefined ? `address ${address}` : undefined;
}

function onePlaceEach(
  sensors: readonly SensorConfig[],
  file: NonNullable<ConfigFile['sensors']>,
  checker: Checker,
): void {
  const taken = new Map<string, string>();
  for (const sensor of sensors) {
    const place = placeName(sensor);
    const other = place === undefined ? undefined : taken.get(place);
    if (other !== undefined) {
      checker.report(
        checker.offsetOf(file[sensor.id]!),
        join('sensors', sensor.id),
        `is at the same place as \`${other}\` (${place}): only one sensor can be there`,
      );
    } else if (place !== undefined) taken.set(place, sensor.id);
  }
}

function faultsOf({ simulation, sensors }: ConfigFile, checker: Checker): Config['simulation']['faults'] {
  const result = Object.create(null) as Record<string, readonly SimulatedFault[]>;
  const all = simulation?.faults ?? {};
  for (const [id, faults] of Object.entries(all)) {
    if (sensors && !checker.has(sensors, id)) {
      const message = `is not a sensor of this file${suggestion(id, Object.keys(sensors))}`;
      checker.report(checker.keyOffsetOf(all, id), `simulation.faults.${id}`, message);
    }
    result[id] = (faults ?? []).flatMap((fault, at): SimulatedFault[] => {
      if (!fault) return [];
      const { kind, rate, times } = fault;
      if (kind !== undefined && !checker.has(fault, 'rate') && !checker.has(fault, 'times')) {
        checker.report(
          checker.offsetOf(fault),
          `simulation.faults.${id}[${at}]`,
          'one of `rate` and `times` is missing',
        );
      }
      return [{ kind, ...(rate !== undefined && { rate }), ...(times !== undefined && { times }) }];
    });
  }
  return result;
}
