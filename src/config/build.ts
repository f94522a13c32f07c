/**
 * From checked values to the Config that the runtime is composed of: the rules between keys, the files that the
 * configuration names, and what is no error but worth knowing. Reports through the checker, at the value concerned.
 */

import type { AnyDriver, Options } from '../driver.ts';
import { messageOf } from '../errors.ts';
import type { FilterSpec } from '../filters/filters.ts';
import type { Schedule } from '../sampler/types.ts';
import { buildUplink, type UplinkFile } from './build-uplink.ts';
import { type Checker, join } from './checker.ts';
import { hexAddress } from './describe.ts';
import { stateDirectory } from './files.ts';
import { suggestion } from './near.ts';
import { addressOption, findDriver, type KnownDrivers } from './sensor-spec.ts';
import { idFrom } from './texts.ts';
import type { Config, Place, SensorConfig, SimulatedFault } from './types.ts';
import { DURATION, formatAmount } from './units.ts';

/** The file after the checks of spec.ts: the same keys. What was wrong or absent is undefined. */
export interface ConfigFile {
  readonly device?: string;
  readonly sensors: Readonly<Record<string, SensorFile | undefined>>;
  readonly journal?: {
    readonly directory?: string;
    readonly commit_every: number;
    readonly commit_every_offline?: number;
    readonly max_size: number;
    readonly when_full: Config['journal']['whenFull'];
  };
  readonly clock?: { readonly wait: number };
  readonly uplinks: Readonly<Record<string, UplinkFile | undefined>>;
  readonly simulation?: {
    readonly seed: number;
    readonly speed: number;
    readonly faults: Readonly<Record<string, readonly (SimulatedFault | undefined)[] | undefined>>;
  };
}
interface SensorFile {
  readonly driver?: string;
  readonly name?: string;
  readonly bus?: number | { readonly on: number; readonly mux?: number; readonly channel?: number };
  readonly address?: number | string;
  readonly line?: number | { readonly chip: string; readonly line: number | string };
  readonly pull?: 'up' | 'down' | 'off';
  readonly every?: number;
  readonly cron?: string;
  readonly timezone?: string;
  readonly jitter?: number;
  readonly offset?: number;
  readonly align?: boolean;
  readonly options?: Options;
  readonly filters?: Readonly<Record<string, readonly (StepFile | undefined)[] | undefined>>;
}
interface StepFile {
  readonly offset?: number;
  readonly multiply?: number;
  readonly clamp?: { readonly min: number; readonly max: number };
  readonly median?: number;
  readonly average?: number;
  readonly delta?: number;
  readonly heartbeat?: number;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly drivers: KnownDrivers;
}

/** Names that images and installers give to every board alike. */
const GENERIC_HOST = /^(localhost|raspberrypi|raspberry|debian|ubuntu|orangepi|dietpi)[-_]?[0-9]*$/;
/** Longest expression that is parsed. */
const MAX_CRON_LENGTH = 200;

export async function buildConfig(
  file: ConfigFile,
  checker: Checker,
  { env, hostname, drivers }: Surroundings,
): Promise<Config> {
  const warnings: string[] = [];
  const sensors: SensorConfig[] = [];
  for (const [id, sensor] of Object.entries(file.sensors)) {
    const built = sensor && (await buildSensor(id, sensor, checker, drivers));
    if (built) sensors.push(built);
  }
  onePlaceEach(sensors, file.sensors, checker);
  const uplinks = [];
  for (const [name, uplink] of Object.entries(file.uplinks)) {
    const built = uplink && (await buildUplink(name, uplink, checker));
    if (built) uplinks.push(built.uplink);
    warnings.push(...(built?.warnings ?? []));
  }
  if (Object.keys(file.sensors).length === 0) warnings.push('no sensors are configured: nothing will be measured');
  const host = idFrom(hostname.split('.')[0] ?? '');
  if (file.device === undefined && (host === '' || GENERIC_HOST.test(host))) {
    warnings.push(
      `the device is called \`${host || 'device'}\` after the generic host name: write \`device:\` and an id that no other device has`,
    );
  }
  const { journal, clock, simulation } = file;
  const commitEveryMs = journal?.commit_every ?? 0;
  return {
    device: file.device ?? (host || 'device'),
    sensors,
    journal: {
      directory: journal?.directory ?? stateDirectory(env),
      commitEveryMs,
      commitEveryOfflineMs: journal?.commit_every_offline ?? commitEveryMs,
      maxSizeBytes: journal?.max_size ?? 0,
      whenFull: journal?.when_full ?? 'drop_oldest',
    },
    clock: { waitMs: clock?.wait ?? 0 },
    uplinks,
    simulation: {
      seed: simulation?.seed ?? 1,
      speed: simulation?.speed ?? 1,
      faults: faultsOf(file, checker),
    },
    warnings,
  };
}

async function buildSensor(
  id: string,
  sensor: SensorFile,
  checker: Checker,
  drivers: KnownDrivers,
): Promise<SensorConfig | undefined> {
  const path = join('sensors', id);
  const schedule = await scheduleOf(sensor, path, checker);
  const filters = filtersOf(sensor, path, checker);
  const driver = sensor.driver === undefined ? undefined : findDriver(drivers, sensor.driver);
  if (!driver || 'wrong' in driver || sensor.driver === undefined) return undefined;
  const options = optionsOf(driver, sensor, path, checker);
  const place = placeOf(driver, sensor);
  if (!place || !options) return undefined;
  return {
    id,
    driver,
    driverName: sensor.driver,
    place,
    options,
    filters,
    ...(sensor.name !== undefined && { name: sensor.name }),
    ...(schedule && { schedule }),
  };
}

/** The options with their defaults; options that are each right may still not go together, which only the driver knows. */
function optionsOf(driver: AnyDriver, sensor: SensorFile, path: string, checker: Checker): Options | undefined {
  if (!sensor.options) return undefined;
  const options = addressOption(driver) ? { ...sensor.options, address: sensor.address } : sensor.options;
  // A wrong option is absent here and already reported: then the driver is not asked.
  const whole = Object.entries(driver.options).every(
    ([name, spec]) => spec.default === undefined || options[name] !== undefined,
  );
  try {
    if (whole) driver.variant?.(options);
    return options;
  } catch (error) {
    checker.report(
      checker.offsetOf(sensor, 'options'),
      join(path, 'options'),
      `do not go together: ${messageOf(error)}`,
    );
    return undefined;
  }
}

function placeOf(driver: AnyDriver, { bus = 1, address, line, pull }: SensorFile): Place | undefined {
  switch (driver.bus as Place['bus']) {
    case 'i2c': {
      if (typeof address !== 'number') return undefined;
      const { on, mux, channel } =
        typeof bus === 'number' ? { on: bus } : { mux: undefined, channel: undefined, ...bus };
      const behind = mux !== undefined && channel !== undefined ? { mux: { address: mux, channel } } : {};
      return { bus: 'i2c', on, address, ...behind };
    }
    case 'gpio':
      if (line === undefined) return undefined;
      return { bus: 'gpio', place: typeof line === 'number' ? { line } : line, ...(pull && { pull }) };
    case 'files':
      return { bus: 'files' };
    case 'none':
      return { bus: 'none' };
  }
}

async function scheduleOf(sensor: SensorFile, path: string, checker: Checker): Promise<Schedule | undefined> {
  const { every, cron, timezone = 'UTC', jitter = 0, offset, align = false } = sensor;
  if (every !== undefined) {
    for (const [key, value] of Object.entries({ jitter, offset: offset ?? 0 })) {
      if (value >= every && value > 0) {
        checker.report(
          checker.offsetOf(sensor, key),
          join(path, key),
          `must be shorter than \`every\`, which is ${formatAmount(every, DURATION)}`,
        );
      }
    }
    return {
      kind: 'every',
      everyMs: every,
      align,
      jitterMs: jitter,
      ...(offset !== undefined && { offsetMs: offset }),
    };
  }
  if (cron === undefined) return undefined;
  const problem = await cronProblem(cron);
  if (problem !== undefined) checker.report(checker.offsetOf(sensor, 'cron'), join(path, 'cron'), problem);
  return { kind: 'cron', expression: cron, timezone, jitterMs: jitter };
}

/** Loads node-cron only when a schedule needs it. */
async function cronProblem(expression: string): Promise<string | undefined> {
  const fields = expression.trim().split(/\s+/).length;
  if (fields < 5 || fields > 6 || expression.length > MAX_CRON_LENGTH) {
    return 'is not a cron expression: write 5 fields (minute, hour, day, month, weekday), or 6 with seconds first';
  }
  const { validateDetailed } = await import('node-cron');
  const { valid, errors } = validateDetailed(expression);
  if (valid) return undefined;
  const names: Readonly<Record<string, string>> = { dayOfMonth: 'day', dayOfWeek: 'weekday' };
  const field = errors[0]?.field ?? 'expression';
  return `is not a cron expression: its ${names[field] ?? field} is not possible`;
}

function filtersOf(
  { filters = {} }: SensorFile,
  path: string,
  checker: Checker,
): Readonly<Record<string, readonly FilterSpec[]>> {
  const result = Object.create(null) as Record<string, readonly FilterSpec[]>;
  for (const [channel, steps] of Object.entries(filters)) {
    result[channel] = (steps ?? []).flatMap((step, at): FilterSpec[] => {
      if (!step) return [];
      const { offset, multiply, clamp, median, average, delta, heartbeat } = step;
      if (clamp && clamp.min > clamp.max) {
        const where = join(join(path, 'filters'), channel);
        checker.report(checker.offsetOf(clamp, 'max'), `${where}[${at}].clamp.max`, 'is below `min`');
      }
      if (offset !== undefined) return [{ kind: 'offset', by: offset }];
      if (multiply !== undefined) return [{ kind: 'multiply', by: multiply }];
      if (clamp !== undefined) return [{ kind: 'clamp', min: clamp.min, max: clamp.max }];
      if (median !== undefined) return [{ kind: 'median', of: median }];
      if (average !== undefined) return [{ kind: 'average', of: average }];
      if (delta === undefined) return [];
      return [{ kind: 'delta', by: delta, ...(heartbeat !== undefined && { heartbeatMs: heartbeat }) }];
    });
  }
  return result;
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

function onePlaceEach(sensors: readonly SensorConfig[], file: ConfigFile['sensors'], checker: Checker): void {
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
  for (const [id, faults] of Object.entries(simulation?.faults ?? {})) {
    if (simulation && !Object.hasOwn(sensors, id)) {
      checker.report(
        checker.keyOffsetOf(simulation.faults, id),
        `simulation.faults.${id}`,
        `is not a sensor of this file${suggestion(id, Object.keys(sensors))}`,
      );
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
