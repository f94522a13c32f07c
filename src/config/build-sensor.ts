/** A sensor of the configuration: its place, its schedule, its filters, and the rules between their keys. */
import { access, constants } from 'node:fs/promises';
import type { AnyDriver, Options } from '../driver.ts';
import { messageOf } from '../errors.ts';
import type { FilterSpec } from '../filters/filters.ts';
import type { Schedule } from '../sampler/types.ts';
import type { Checker } from './checker.ts';
import { cronProblem } from './cron.ts';
import { join } from './nodes.ts';
import { addressOption, findDriver, type KnownDrivers } from './sensor-spec.ts';
import type { Place, SensorConfig } from './types.ts';
import { DURATION, formatAmount } from './units.ts';

export interface SensorFile {
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

export async function buildSensor(
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
  await checkFiles(driver, sensor, path, checker);
  const place = placeOf(driver, sensor, checker);
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

/** Files that options name must be there and readable: `check` reads what the configuration names. */
async function checkFiles(driver: AnyDriver, { options }: SensorFile, path: string, checker: Checker): Promise<void> {
  for (const [name, spec] of Object.entries(driver.options)) {
    const file = options?.[name];
    if (!options || spec.kind !== 'file' || typeof file !== 'string' || !checker.has(options, name)) continue;
    const isReadable = await access(file, constants.R_OK).then(
      () => true,
      () => false,
    );
    if (isReadable) continue;
    const message = `${checker.written(options, name)} is not there or cannot be read: name a file that this user can read`;
    checker.report(checker.offsetOf(options, name), join(join(path, 'options'), name), message);
  }
}

/** Undefined when the place is wrong or incomplete, which is reported already: a guess would be a second mistake. */
function placeOf(driver: AnyDriver, sensor: SensorFile, checker: Checker): Place | undefined {
  const { bus = 1, address, line, pull } = sensor;
  switch (driver.bus as Place['bus']) {
    case 'i2c': {
      if (typeof address !== 'number') return undefined;
      if (checker.has(sensor, 'bus') && sensor.bus === undefined) return undefined;
      const { on, mux, channel } =
        typeof bus === 'number' ? { on: bus } : { mux: undefined, channel: undefined, ...bus };
      if (on === undefined) return undefined;
      if (
        typeof bus === 'object' &&
        ['mux', 'channel'].some((key) => checker.has(bus, key)) &&
        (mux === undefined || channel === undefined)
      )
        return undefined;
      const behind = mux !== undefined && channel !== undefined ? { mux: { address: mux, channel } } : {};
      return { bus: 'i2c', on, address, ...behind };
    }
    case 'gpio':
      if (line === undefined || (typeof line === 'object' && (line.chip === undefined || line.line === undefined)))
        return undefined;
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
