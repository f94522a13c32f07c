/** `sedge demo`: eight simulated sensors, a journal, a broker to pull the plug of, and a live view of what happens. */
import { systemClock } from '../clock.ts';
import { PLAIN_EVERY_MS, plainLine, summary } from '../demo/plain.ts';
import { render } from '../demo/screen.ts';
import { openShow, type Show } from '../demo/show.ts';
import { SedgeError } from '../errors.ts';
import { createLog } from '../service/log.ts';
import { openTerminal } from '../terminal/terminal.ts';
import { type Command, type CommandIo, EXIT } from './command.ts';

/** Redrawn this often, and at each key. */
const FRAME_EVERY_MS = 250;
/** A warning stays on the screen this long. */
const NOTICE_MS = 10_000;
const CTRL_C = '\u0003';
const MAX_PORT = 65_535;
/** A day: longer than anyone watches, shorter than a timer's bound. */
const MAX_SECONDS = 86_400;

export const demo: Command = {
  name: 'demo',
  summary: 'Simulated sensors, a broker of its own, a live view; needs nothing.',
  usage: 'sedge demo [--seconds N] [--port N] [--no-page]',
  help: `Eight simulated sensors are read by the real drivers, kept in a real journal in a temporary directory and
published to a small broker inside this process. Cut the broker off and watch the backlog grow; restore it and
watch it drain; unplug a sensor and see that the others do not care. The same is on a page for a browser, whose address
is shown; nothing opens it by itself.

Keys: b cuts or restores the broker, u unplugs or replugs a sensor, q quits. On a pipe it prints lines instead.

  --seconds N   stop after N seconds
  --port N      port of the demo's broker on the loopback interface (default: a free one)
  --no-page     do not serve the page`,
  options: { seconds: { type: 'string' }, port: { type: 'string' }, 'no-page': { type: 'boolean' } },
  maxPositionals: 0,
  async run(io, { values }) {
    const seconds = wholeNumber('--seconds', values.seconds, 1, MAX_SECONDS);
    const port = wholeNumber('--port', values.port, 1, MAX_PORT) ?? 0;
    const quit = new AbortController();
    const signal = AbortSignal.any([io.signal, quit.signal]);
    // A reader that went away (`sedge demo | head`) ends the demo, not the process in mid-air.
    const onOutputError = () => quit.abort();
    io.stdout.on('error', onOutputError);
    if (seconds !== undefined) void systemClock.sleep(seconds * 1_000, signal).then(() => quit.abort());
    const live = io.stdout.isTTY && io.env.TERM !== 'dumb';
    const outcome = await (live ? liveView : plainView)({
      io,
      port,
      isPageOn: values['no-page'] !== true,
      signal,
      quit: () => quit.abort(),
    });
    io.stdout.write(`${summary(outcome)}\n`);
    return outcome.totals.accepted > outcome.totals.received + outcome.totals.backlog ? EXIT.failed : EXIT.done;
  },
};

function wholeNumber(option: string, given: unknown, min: number, max: number): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (typeof given === 'string' && /^\d+$/.test(given) && value >= min && value <= max) return value;
  throw new SedgeError('usage', `${option} must be a whole number from ${min} to ${max}, not "${given}"`);
}

interface ViewOptions {
  readonly io: CommandIo;
  readonly port: number;
  readonly isPageOn: boolean;
  readonly signal: AbortSignal;
  readonly quit: () => void;
}

async function plainView({ io, port, isPageOn, signal }: ViewOptions) {
  const log = createLog({ level: 'warn', write: (line) => void io.stderr.write(line) });
  const show = await openShow({ clock: systemClock, log, version: io.version, port, isPageOn });
  const page = show.pageUrl === undefined ? '' : `, page at ${show.pageUrl}`;
  io.stderr.write(`sedge demo: broker on 127.0.0.1:${show.port}${page}, Ctrl-C to stop\n`);
  while (!signal.aborted) {
    await systemClock.sleep(PLAIN_EVERY_MS, signal);
    if (signal.aborted) break;
    io.stdout.write(`${plainLine(systemClock.now(), show.totals(), show.brokerUp)}\n`);
  }
  return show.finish();
}

async function liveView({ io, port, isPageOn, signal, quit }: ViewOptions) {
  let notice: { text: string; untilMs: number } | undefined;
  const say = (text: string) => {
    notice = { text: text.trim().replace(/^(warn|error): /, ''), untilMs: systemClock.monotonic() + NOTICE_MS };
  };
  const log = createLog({ level: 'warn', write: say });
  const show = await openShow({ clock: systemClock, log, version: io.version, port, isPageOn });
  const colour = !io.env.NO_COLOR;
  const draw = () => {
    const shown = notice && systemClock.monotonic() < notice.untilMs ? notice.text : undefined;
    terminal.write(render(show.view(shown), { columns: terminal.columns, rows: terminal.rows, colour }));
  };
  const onKey = (key: string) => {
    if (key === 'q' || key === CTRL_C) quit();
    else pressed(show, key, say);
    draw();
  };
  const terminal = openTerminal({ stdin: io.stdin, stdout: io.stdout, onKey, onResize: () => draw() });
  try {
    while (!signal.aborted) {
      draw();
      await systemClock.sleep(FRAME_EVERY_MS, signal);
    }
    say('stopping: delivering what is left');
    draw();
    return await show.finish();
  } finally {
    terminal.close();
  }
}

function pressed(show: Show, key: string, say: (text: string) => void): void {
  if (key === 'u') show.togglePlug();
  if (key === 'b') show.toggleBroker().catch((error: Error) => say(error.message));
}
