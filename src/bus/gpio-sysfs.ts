/**
 * GPIO through sysfs and the optional package onoff.
 *
 * - The number that sysfs wants is the chip's base plus the offset. The base is looked up by the chip's label: it is 0 on
 *   old kernels, 512 on newer ones, and another one on a Pi 5.
 * - The line is exported here, before onoff sees it: its constructor would spin on the processor until udev has granted
 *   access. It then swallows every failure to configure the line, so direction, edge and polarity are read back.
 * - Edges are stamped when we see them; sysfs has no time of its own. Changes faster than we wake are seen as one:
 *   `lostEdges` counts when that shows.
 * - The line is given back at close.
 */
import { constants } from 'node:fs';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../clock.ts';
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import { edgeFeed } from './edge-feed.ts';
import type { GpioLine, GpioOptions, GpioPlace } from './gpio.ts';
import { checkOffset, chipOf, type GpioChip, lineTitle } from './gpio-chips.ts';
import { loadNative } from './native-package.ts';

/** What of onoff is used. */
export interface OnoffLine {
  read(): Promise<0 | 1>;
  readSync(): 0 | 1;
  watch(callback: (error: Error | null | undefined, value: 0 | 1) => void): void;
  unwatchAll(): void;
  direction(): string;
  edge(): string;
  activeLow(): boolean;
  unexport(): void;
}
export interface OnoffPackage {
  readonly Gpio: new (
    gpio: number,
    direction: 'in',
    edge: 'both',
    options: { readonly activeLow: boolean },
  ) => OnoffLine;
}

export interface SysfsEnvironment {
  readonly clock?: Clock;
  readonly platform?: NodeJS.Platform;
  /** Put before /sys, for tests on a fake tree. */
  readonly root?: string;
  /** The package onoff. */
  readonly loadOnoff?: () => Promise<unknown>;
}

/** udev grants access some 100 ms after the export; a slow board under load takes longer. */
const UDEV_MS = 2_000;
const UDEV_STEP_MS = 20;

interface SysfsChip extends GpioChip {
  readonly base: number;
}

const errnoOf = (cause: unknown): string => (cause as NodeJS.ErrnoException).code ?? '';

export const loadOnoffPackage = (
  load: () => Promise<unknown> = () => import('onoff'),
  platform: NodeJS.Platform = process.platform,
): Promise<OnoffPackage> => loadNative<OnoffPackage>('onoff', load, platform);

/** Whether lines can be exported at all: undefined if so, else the error that says why not. */
export async function sysfsObstacle(root = ''): Promise<SedgeError | undefined> {
  try {
    await access(`${root}/sys/class/gpio/export`, constants.W_OK);
    return undefined;
  } catch (cause) {
    return exportError(cause, '/sys/class/gpio');
  }
}

function exportError(cause: unknown, what: string): SedgeError {
  const error = (code: string, sentence: string) => new SedgeError(code, `${what} ${sentence}`, { cause });
  switch (errnoOf(cause)) {
    case 'ENOENT':
      return error('bus.missing', 'is not there: this kernel has no GPIO in sysfs; sudo apt install gpiod');
    case 'EACCES':
    case 'EPERM':
      return error('bus.permission', 'is not ours to use: sudo usermod -aG gpio $USER, then log in again');
    case 'EROFS':
      return error(
        'bus.permission',
        'is read-only here: add ReadWritePaths=/sys/class/gpio /sys/devices/platform to the unit',
      );
    case 'EBUSY':
      return error('bus.busy', 'is taken by a kernel driver or another program: free it, or use another line');
    case 'EINVAL':
      return error('bus.missing', 'is no line of this kernel: check the number');
    default:
      return error('bus.io', `failed (${messageOf(cause)})`);
  }
}

/** Chips as sysfs knows them; `name` is the one in /dev where the kernel says it. */
async function sysfsChips(root: string): Promise<SysfsChip[]> {
  const directory = `${root}/sys/class/gpio`;
  const found: SysfsChip[] = [];
  for (const entry of (await readdir(directory)).filter((name) => /^gpiochip\d+$/.test(name)).sort()) {
    const text = async (file: string) => (await readFile(join(directory, entry, file), 'utf8')).trim();
    const names = await readdir(join(directory, entry, 'device')).catch(() => []);
    found.push({
      name: names.find((name) => /^gpiochip\d+$/.test(name)) ?? entry,
      label: await text('label'),
      base: Number(await text('base')),
      lines: Number(await text('ngpio')),
    });
  }
  return found;
}

/** The global number of a line. */
async function resolve(place: GpioPlace, root: string): Promise<{ readonly number: number; readonly title: string }> {
  if (typeof place.line === 'string') {
    throw new SedgeError(
      'bus.unsupported',
      `sysfs does not know the line name ${place.line}: give its offset, or sudo apt install gpiod`,
    );
  }
  const chip = chipOf(await sysfsChips(root), place);
  checkOffset(chip, place.line);
  return { number: chip.base + place.line, title: lineTitle(chip, place.line) };
}

async function exportLine(number: number, title: string, root: string, clock: Clock): Promise<void> {
  const directory = `${root}/sys/class/gpio`;
  const files = ['value', 'direction', 'edge', 'active_low'].map((file) => `${directory}/gpio${number}/${file}`);
  const there = () =>
    access(`${directory}/gpio${number}`).then(
      () => true,
      () => false,
    );
  if (!(await there())) {
    await writeFile(`${directory}/export`, String(number)).catch((cause) => {
      throw exportError(cause, title);
    });
  }
  const endMs = clock.monotonic() + UDEV_MS;
  for (;;) {
    try {
      for (const file of files) await access(file, constants.R_OK | constants.W_OK);
      return;
    } catch (cause) {
      if (clock.monotonic() < endMs) await clock.sleep(UDEV_STEP_MS);
      else {
        await writeFile(`${directory}/unexport`, String(number)).catch(() => {});
        if (errnoOf(cause) !== 'ENOENT') throw exportError(cause, title);
        // A line without an interrupt; or a chip driver that names its lines, and so their directories, itself.
        throw new SedgeError(
          'bus.unsupported',
          `${title} has no edges in sysfs under its number: sudo apt install gpiod`,
          {
            cause,
          },
        );
      }
    }
  }
}

export async function sysfsLine(
  place: GpioPlace,
  { pull }: GpioOptions = {},
  { clock = systemClock, platform, root = '', loadOnoff }: SysfsEnvironment = {},
): Promise<GpioLine> {
  const { Gpio } = await loadOnoffPackage(loadOnoff, platform);
  const obstacle = await sysfsObstacle(root);
  if (obstacle) throw obstacle;
  const { number, title } = await resolve(place, root);
  if (pull) {
    throw new SedgeError(
      'bus.unsupported',
      `sysfs cannot set the pull of ${title}: sudo apt install gpiod, or set it in config.txt (gpio=${place.line}=pu) and leave pull out`,
    );
  }
  await exportLine(number, title, root, clock);
  let line: OnoffLine;
  try {
    line = new Gpio(number, 'in', 'both', { activeLow: false });
  } catch (cause) {
    throw exportError(cause, title);
  }
  if (line.direction() !== 'in' || line.edge() !== 'both' || line.activeLow()) {
    line.unexport();
    throw new SedgeError('bus.busy', `${title} cannot be made an input with edges: another program holds it`);
  }

  const closing = new AbortController();
  let lostEdges = 0;
  const alive = () => {
    if (closing.signal.aborted) throw new SedgeError('bus.io', `${title} is closed: open it again`);
  };
  return {
    title,
    get lostEdges() {
      return lostEdges;
    },
    async read() {
      alive();
      try {
        return await line.read();
      } catch (cause) {
        throw exportError(cause, title);
      }
    },
    edges(signal) {
      alive();
      const feed = edgeFeed(() => {
        lostEdges += 1;
      });
      const ended = AbortSignal.any([signal, closing.signal]);
      if (ended.aborted) return feed.read(ended, async () => {});
      const watch = () => {
        let level = line.readSync();
        line.watch((error, value) => {
          if (error) return feed.fail(exportError(error, title));
          // The same level twice: the change between was over before we looked.
          if (value === level) lostEdges += 1;
          level = value;
          feed.push({ level: value, monoMs: clock.monotonic() });
        });
      };
      try {
        watch();
      } catch (cause) {
        throw exportError(cause, title);
      }
      return feed.read(ended, async () => line.unwatchAll());
    },
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      try {
        line.unexport();
      } catch (cause) {
        if (!codeOf(cause) && errnoOf(cause) !== 'EBADF') throw exportError(cause, title);
      }
    },
  };
}
