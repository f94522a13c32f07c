/**
 * Drivers from the user's own files: `driver: ./my-chip.js`. A file is loaded as a module, and what it exports is looked at
 * as closely as configuration is, because nothing else has checked it. Failures are predicates: "is not there".
 */
import { stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { AnyDriver } from '../driver.ts';
import { messageOf, SedgeError } from '../errors.ts';
import { importFile } from '../import.ts';
import { UNITS } from '../reading.ts';
import { checkChannelName } from './texts.ts';

export type LoadedDriver = AnyDriver | { readonly wrong: string };

const BUSES = ['i2c', 'gpio', 'files', 'none'];
const KINDS = ['poll', 'event', 'counter'];
const OPTION_KINDS = ['number', 'integer', 'boolean', 'string', 'choice', 'duration', 'rate', 'file'];

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function channelProblem(name: string, channel: unknown): string | undefined {
  const refused = checkChannelName(name);
  if (refused !== undefined) return `names a channel \`${name}\`, which ${refused}`;
  if (!isRecord(channel) || typeof channel.quantity !== 'string') return `says no quantity for its channel \`${name}\``;
  for (const key of ['min', 'max', 'resolution', 'decimals']) {
    if (!isNumber(channel[key])) return `says no ${key} for its channel \`${name}\``;
  }
  if (!Object.hasOwn(UNITS, channel.quantity) && typeof channel.unit !== 'string') {
    return `says no unit for its channel \`${name}\`, whose quantity \`${channel.quantity}\` is a new one`;
  }
  return undefined;
}

function optionProblem(name: string, option: unknown): string | undefined {
  if (!isRecord(option) || !OPTION_KINDS.includes(String(option.kind))) {
    return `says no kind for its option \`${name}\`: possible are ${OPTION_KINDS.join(', ')}`;
  }
  if (option.kind === 'choice' && !Array.isArray(option.choices)) return `says no choices for its option \`${name}\``;
  return undefined;
}

/** What keeps a value from being a driver; undefined when it is one. */
export function driverProblem(value: unknown): string | undefined {
  if (!isRecord(value)) return 'has no default export that is a driver';
  if (value.api !== 1) return `is written for another version of the driver interface: \`api\` must be 1`;
  for (const key of ['id', 'title', 'datasheet']) {
    if (typeof value[key] !== 'string' || value[key] === '') return `says no ${key}`;
  }
  if (!BUSES.includes(String(value.bus))) return `has no bus: possible are ${BUSES.join(', ')}`;
  if (!KINDS.includes(String(value.kind))) return `has no kind: possible are ${KINDS.join(', ')}`;
  if (typeof value.open !== 'function') return 'has no function `open`';
  if (!isNumber(value.worstCaseMs) || value.worstCaseMs < 0) return 'says no worstCaseMs';
  const { addresses, channels, options } = value;
  if (
    addresses !== undefined &&
    !(Array.isArray(addresses) && addresses.every((one) => Number.isInteger(one) && one >= 3 && one <= 0x77))
  ) {
    return 'has addresses that are not 7-bit I2C addresses from 0x03 to 0x77';
  }
  if (!isRecord(channels) || Object.keys(channels).length === 0) return 'has no channels';
  if (!isRecord(options)) return 'has no table of options: write `options: {}` if there are none';
  for (const [name, channel] of Object.entries(channels)) {
    const problem = channelProblem(name, channel);
    if (problem !== undefined) return problem;
  }
  for (const [name, option] of Object.entries(options)) {
    const problem = optionProblem(name, option);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Where drivers of the user's own came from. */
const files = new WeakMap<object, string>();

/**
 * The simulation beside a user's driver: `./my-chip.sim.js` for `./my-chip.js`. Undefined where there is none, and for drivers
 * that are not the user's.
 */
export async function loadSimulation(
  driver: AnyDriver,
): Promise<{ readonly path: string; readonly exported: unknown } | undefined> {
  const file = files.get(driver);
  if (file === undefined) return undefined;
  const path = file.replace(/(\.[cm]?[jt]s)$/, '.sim$1');
  const changed = await stat(path).catch(() => undefined);
  if (!changed) return undefined;
  try {
    const address = `${pathToFileURL(path).href}?changed=${changed.mtimeMs}`;
    const { simulation } = (await importFile(address)) as { readonly simulation?: unknown };
    if (isRecord(simulation) && simulation.bus === driver.bus && typeof simulation.create === 'function') {
      return { path, exported: simulation };
    }
  } catch (cause) {
    throw new SedgeError('config.invalid', `${path} cannot be loaded: ${messageOf(cause)}`, { cause });
  }
  throw new SedgeError(
    'config.invalid',
    `${path} exports no \`simulation\` with bus: ${driver.bus} and a function create`,
  );
}

export async function loadDriver(path: string): Promise<LoadedDriver> {
  let changedMs: number;
  try {
    changedMs = (await stat(path)).mtimeMs;
  } catch (error) {
    return { wrong: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : 'cannot be read' };
  }
  let exported: unknown;
  try {
    // Modules are kept for ever by their address: with the time of change in it, a reload sees an edited file.
    exported = ((await importFile(`${pathToFileURL(path).href}?changed=${changedMs}`)) as { default?: unknown })
      .default;
  } catch (error) {
    return { wrong: `cannot be loaded: ${messageOf(error)}` };
  }
  const problem = driverProblem(exported);
  if (problem !== undefined) return { wrong: problem };
  files.set(exported as AnyDriver, path);
  return exported as AnyDriver;
}
