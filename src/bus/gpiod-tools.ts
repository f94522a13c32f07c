/**
 * The command-line tools of libgpiod (gpiodetect, gpioinfo, gpioget, gpiomon): what versions 1 and 2 are asked, and what
 * they answer. Read from the sources and `--help` of 1.6.3 and 2.2.4. Pure text; gpiod-processes.ts runs them.
 */
import { SedgeError } from '../errors.ts';
import type { GpioOptions } from './gpio.ts';
import type { GpioChip } from './gpio-chips.ts';

export interface Request {
  readonly chip: string;
  readonly offset: number;
  readonly pull: GpioOptions['pull'];
}
/** One line of gpiomon's output. `stampMs` is the kernel's: of which clock depends on its version. */
export type Report =
  | { readonly level: 0 | 1; readonly stampMs: number }
  /** The level when the watching began. */
  | { readonly level: 0 | 1; readonly stampMs?: undefined };

export interface Dialect {
  readonly version: string;
  info(chip: string): string[];
  get(request: Request): string[];
  monitor(request: Request): string[];
  report(line: string): Report | undefined;
}

const CONSUMER = 'sedge';

const version1 = (version: string): Dialect => {
  const bias = (pull: Request['pull']) => (pull ? [`--bias=${pull === 'off' ? 'disable' : `pull-${pull}`}`] : []);
  return {
    version,
    info: (chip) => [chip],
    get: ({ chip, offset, pull }) => [...bias(pull), chip, String(offset)],
    monitor: ({ chip, offset, pull }) => ['--line-buffered', '--format=%e %s %n', ...bias(pull), chip, String(offset)],
    report(line) {
      // %n is not padded with zeros.
      const [, level, seconds, nanoseconds] = /^([01]) (\d+) (\d+)$/.exec(line) ?? [];
      if (level === undefined) return undefined;
      return { level: level === '1' ? 1 : 0, stampMs: Number(seconds) * 1e3 + Number(nanoseconds) / 1e6 };
    },
  };
};

const version2 = (version: string, minor: number): Dialect => {
  const bias = (pull: Request['pull']) => (pull ? ['--bias', pull === 'off' ? 'disabled' : `pull-${pull}`] : []);
  // Without it a change between reading the level and watching is seen only at the next one.
  const initial = minor >= 3 ? ['--initial-state', '--numeric'] : [];
  const line = ({ chip, offset, pull }: Request) => [
    ...bias(pull),
    '--consumer',
    CONSUMER,
    '--chip',
    chip,
    String(offset),
  ];
  return {
    version,
    info: (chip) => ['--chip', chip],
    get: (request) => ['--numeric', ...line(request)],
    monitor: (request) => ['--event-clock', 'monotonic', '--format', '%E %S', ...initial, ...line(request)],
    report(text) {
      if (text === '0' || text === '1') return { level: text === '1' ? 1 : 0 };
      const [, edge, seconds] = /^(rising|falling) (\d+\.\d+)$/.exec(text) ?? [];
      if (edge === undefined) return undefined;
      return { level: edge === 'rising' ? 1 : 0, stampMs: Number(seconds) * 1e3 };
    },
  };
};

/** From the output of `gpiodetect --version`: `gpiodetect (libgpiod) v2.2.4`, since 2.3 `gpiodetect v2.3 (libgpiod v2.3)`. */
export function dialectOf(output: string): Dialect {
  const [version, major, minor] = /v(\d+)\.(\d+)(?:\.\d+)?/.exec(output) ?? [];
  if (version && major === '1') return version1(version);
  if (version && major === '2') return version2(version, Number(minor));
  throw new SedgeError(
    'bus.unsupported',
    `the version of the gpiod tools is neither 1 nor 2 (${output.split('\n')[0] ?? ''}): sudo apt install gpiod`,
  );
}

/** `gpiochip0 [pinctrl-bcm2711] (58 lines)`, the same in both versions. */
export const chipsIn = (output: string): GpioChip[] =>
  [...output.matchAll(/^(\S+) \[(.*)\] \((\d+) lines?\)$/gm)].map(([, name = '', label = '', lines]) => ({
    name,
    label,
    lines: Number(lines),
  }));

/** `line  17:     "GPIO17"  ...`: the offset of a named line in the output of gpioinfo, the same in both versions. */
export function offsetIn(output: string, lineName: string): number | undefined {
  for (const [, offset, name] of output.matchAll(/^\s*line\s+(\d+):\s+"([^"]*)"/gm)) {
    if (name === lineName) return Number(offset);
  }
  return undefined;
}

/** What a tool meant that failed, from what it wrote; they all say strerror() in the C locale. */
export function toolError(tool: string, what: string, written: string): SedgeError {
  const text = written.trim().split('\n').at(-1) ?? '';
  if (/resource busy/i.test(text)) {
    return new SedgeError(
      'bus.busy',
      `${what} is taken by a kernel driver or another program: free it, or use another line`,
    );
  }
  if (/permission denied|not permitted/i.test(text)) {
    return new SedgeError(
      'bus.permission',
      `${what} may not be opened: sudo usermod -aG gpio $USER, then log in again`,
    );
  }
  if (/no such (file|device)|cannot find/i.test(text)) {
    return new SedgeError('bus.missing', `${what} is not there (${text}): check chip and line with gpioinfo`);
  }
  return new SedgeError(
    'bus.io',
    `${tool} failed on ${what}${text ? `: ${text}` : ' without a word'}; check with gpioinfo`,
  );
}
