/**
 * Picks how to reach a GPIO line, at each open: sysfs where the kernel has it and onoff loads; else, or where a pull or a
 * line name is asked for, the gpiod tools; else a sentence that says what to install. The reason is part of the answer.
 */
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import type { GpioLine, GpioOptions, GpioPlace } from './gpio.ts';
import { chardevLine, gpiodChips, gpiodDialect } from './gpio-chardev.ts';
import { loadOnoffPackage, type SysfsEnvironment, sysfsLine, sysfsObstacle } from './gpio-sysfs.ts';
import type { ToolsEnvironment } from './gpiod-processes.ts';

export type GpioEnvironment = SysfsEnvironment & ToolsEnvironment;

export interface GpioChoice {
  readonly backend: 'sysfs' | 'chardev' | 'none';
  /** For `sedge doctor`: why this one. */
  readonly why: string;
  /** Why there is none. */
  readonly error?: unknown;
}

/** Why sysfs cannot be used at all; undefined if it can. */
async function sysfsError({ root, loadOnoff, platform }: GpioEnvironment): Promise<unknown> {
  try {
    await loadOnoffPackage(loadOnoff, platform);
    return await sysfsObstacle(root);
  } catch (error) {
    return error;
  }
}

/** Which backend serves a line, and why. Without a place: which one serves a plain line. */
export async function chooseGpio(
  place: GpioPlace | undefined,
  { pull }: GpioOptions = {},
  environment: GpioEnvironment = {},
): Promise<GpioChoice> {
  let needed: string | undefined;
  if (pull) needed = `sysfs cannot set a pull (${pull})`;
  else if (typeof place?.line === 'string') needed = `sysfs does not know line names (${place.line})`;
  const obstacle = needed ? undefined : await sysfsError(environment);
  if (!needed && !obstacle) return { backend: 'sysfs', why: 'the kernel has GPIO in sysfs and onoff loads' };

  // What sysfs advises is what is tried next.
  const reason = needed ?? messageOf(obstacle).replace(/; sudo apt install gpiod$/, '');
  try {
    const { version } = await gpiodDialect(environment);
    const chips = await gpiodChips(environment);
    if (chips.length === 0) throw new SedgeError('bus.missing', 'the gpiod tools see no GPIO chip');
    return { backend: 'chardev', why: `gpiod tools ${version}, since ${reason}` };
  } catch (error) {
    // What is there but not ours to use says more than what is not installed.
    const telling = obstacle && codeOf(error) === 'bus.package' ? obstacle : error;
    return { backend: 'none', why: `${reason}; and ${messageOf(error)}`, error: telling };
  }
}

/** Opens a line by the backend that serves it. */
export async function gpioLine(
  place: GpioPlace,
  options: GpioOptions = {},
  environment: GpioEnvironment = {},
): Promise<GpioLine> {
  const { backend, why, error } = await chooseGpio(place, options, environment);
  if (backend === 'sysfs') return sysfsLine(place, options, environment);
  if (backend === 'chardev') return chardevLine(place, options, environment);
  throw new SedgeError(codeOf(error) ?? 'bus.missing', `GPIO line ${place.line} cannot be reached: ${why}`, {
    cause: error,
  });
}
