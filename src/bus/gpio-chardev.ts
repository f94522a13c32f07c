/**
 * GPIO through the character device, by way of the gpiod tools as child processes: for systems whose kernel has no GPIO
 * in sysfs, for pulls, and for line names.
 *
 * - Edges carry the kernel's time, on the monotonic clock.
 * - Whoever watches a line holds it, so while watched, `read()` answers with the level after the last edge.
 * - A change in the moment between reading the level and watching (some 10 ms, once) shows at the next edge only, except
 *   with gpiod 2.3 and newer, which tells the level from which it watches.
 * - The kernel keeps 16 edges for a reader that is late and drops others silently: `lostEdges` counts when that shows.
 * - The child is ended at abort and at close; if it dies by itself, the line is lost and the edges end with an error.
 */
import { type Clock, systemClock } from '../clock.ts';
import { SedgeError } from '../errors.ts';
import { type EdgeFeed, edgeFeed } from './edge-feed.ts';
import type { GpioLine, GpioOptions, GpioPlace } from './gpio.ts';
import { checkOffset, chipOf, type GpioChip, lineTitle } from './gpio-chips.ts';
import { runTool, type ToolsEnvironment, type Watching, watchTool } from './gpiod-processes.ts';
import { chipsIn, type Dialect, dialectOf, offsetIn, type Request, toolError } from './gpiod-tools.ts';

/** The stamps of kernels before 5.7 are of the wall clock. Whichever clock is nearer is the one. */
export function monotonicOf(stampMs: number, clock: Clock): number {
  const monoMs = clock.monotonic();
  const wallMs = clock.now();
  if (Math.abs(stampMs - monoMs) <= Math.abs(stampMs - wallMs)) return Math.min(stampMs, monoMs);
  return monoMs - Math.max(0, wallMs - stampMs);
}

/** The tools as they are here; rejects with `bus.package` when there are none. */
export const gpiodDialect = async (environment: ToolsEnvironment = {}): Promise<Dialect> =>
  dialectOf((await runTool('gpiodetect', ['--version'], environment)).stdout);

/** Chips that the tools can open. */
export async function gpiodChips(environment: ToolsEnvironment = {}): Promise<GpioChip[]> {
  const { stdout, stderr } = await runTool('gpiodetect', [], environment);
  const chips = chipsIn(stdout);
  if (chips.length === 0 && stderr) throw toolError('gpiodetect', 'the GPIO chip', stderr);
  return chips;
}

async function offsetOf(place: GpioPlace, chip: GpioChip, dialect: Dialect, environment: ToolsEnvironment) {
  if (typeof place.line === 'number') {
    checkOffset(chip, place.line);
    return place.line;
  }
  const { code, stdout, stderr } = await runTool('gpioinfo', dialect.info(chip.name), environment);
  if (code !== 0) throw toolError('gpioinfo', chip.name, stderr);
  const offset = offsetIn(stdout, place.line);
  if (offset !== undefined) return offset;
  throw new SedgeError(
    'bus.missing',
    `${chip.name} [${chip.label}] has no line named ${place.line}: gpioinfo lists them`,
  );
}

export async function chardevLine(
  place: GpioPlace,
  { pull }: GpioOptions = {},
  environment: ToolsEnvironment = {},
): Promise<GpioLine> {
  const dialect = await gpiodDialect(environment);
  const chip = chipOf(await gpiodChips(environment), place);
  const title = lineTitle(chip, place.line);
  const request: Request = { chip: chip.name, offset: await offsetOf(place, chip, dialect, environment), pull };

  const get = async (): Promise<0 | 1> => {
    const { code, stdout, stderr } = await runTool('gpioget', dialect.get(request), environment);
    const level = stdout.trim();
    if (code === 0 && (level === '0' || level === '1')) return level === '1' ? 1 : 0;
    throw toolError('gpioget', title, stderr);
  };
  // Known to be ours to use before anything depends on it.
  await get();

  let lostEdges = 0;
  const closing = new AbortController();
  let watch: Watch | undefined;
  const lose = () => {
    lostEdges += 1;
  };
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
      if (watch?.active) return watch.level;
      await watch?.stop();
      return get();
    },
    edges(signal) {
      alive();
      if (watch?.active) throw new SedgeError('bus.busy', `${title} is already watched: end that first`);
      const feed = edgeFeed(lose);
      const ended = AbortSignal.any([signal, closing.signal]);
      if (ended.aborted) return feed.read(ended, async () => {});
      const before = watch;
      const getWhenFree = async () => {
        await before?.stop();
        return get();
      };
      const mine = watchLine({ title, dialect, request, get: getWhenFree, feed, lose, environment });
      watch = mine;
      return feed.read(ended, mine.stop);
    },
    async close() {
      closing.abort();
      await watch?.stop();
    },
  };
}

interface Watch {
  /** Whether gpiomon holds the line, or is about to. */
  readonly active: boolean;
  /** The level after the last edge. */
  readonly level: Promise<0 | 1>;
  /** Idempotent; resolves when the child is gone. */
  stop(): Promise<void>;
}

interface WatchOptions {
  readonly title: string;
  readonly dialect: Dialect;
  readonly request: Request;
  /** The level of a line that nobody watches. */
  get(): Promise<0 | 1>;
  readonly feed: EdgeFeed;
  /** An edge is known to be lost. */
  lose(): void;
  readonly environment: ToolsEnvironment;
}

function watchLine({ title, dialect, request, get, feed, lose, environment }: WatchOptions): Watch {
  const { clock = systemClock } = environment;
  let active = true;
  let child: Watching | undefined;
  const end = (error: unknown) => {
    active = false;
    void child?.stop();
    feed.fail(error);
  };

  const begin = async (): Promise<0 | 1> => {
    const before = await get();
    let now = before;
    const onLine = (line: string) => {
      const report = dialect.report(line);
      if (!report) return end(new SedgeError('bus.io', `gpiomon said of ${title} what is not understood: ${line}`));
      if (report.level === now) {
        // As expected at the start; after that, the edge between two of one kind is missing.
        if (report.stampMs === undefined) return;
        lose();
      }
      now = report.level;
      level = Promise.resolve(now);
      feed.push({ level: now, monoMs: monotonicOf(report.stampMs ?? clock.monotonic(), clock) });
    };
    const onEnd = (error: SedgeError | undefined, stderr: string) => end(error ?? toolError('gpiomon', title, stderr));
    if (active) child = watchTool('gpiomon', dialect.monitor(request), onLine, onEnd, environment);
    return before;
  };
  let level = begin();
  const begun = level.catch(end);

  return {
    get active() {
      return active;
    },
    get level() {
      return level;
    },
    async stop() {
      active = false;
      await begun;
      await child?.stop();
    },
  };
}
