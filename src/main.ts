/**
 * argv, signals, exit statuses. The only place that ends the process, and the only one that turns an error into a status.
 */
import { parseArgs } from 'node:util';
import { type Command, type CommandIo, EXIT } from './cli/command.ts';
import { COMMANDS } from './cli/index.ts';
import { nearest } from './config/nearest.ts';
import { codeOf, messageOf, SedgeError } from './errors.ts';
import { VERSION } from './version.ts';

/** Exit status of an error (design section 9). */
export function exitStatusOf(error: unknown): number {
  const code = codeOf(error);
  if (code === 'usage') return EXIT.usage;
  if (code?.startsWith('config.') || code === 'journal.permission') return EXIT.config;
  if (code === 'journal.locked') return EXIT.busy;
  if (code?.startsWith('bus.') || code === 'sensor.identity' || code?.startsWith('uplink.')) return EXIT.unavailable;
  if (code === 'status.unreachable') return EXIT.unavailable;
  return EXIT.failed;
}

function generalHelp(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    'Usage: sedge COMMAND [OPTIONS]',
    '',
    'Reads sensors, keeps every reading until a broker has acknowledged it.',
    '',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    '  --help     this text, or a command’s',
    '  --version  the version',
    '',
    'Try it without hardware: sedge demo',
    '',
  ].join('\n');
}

function commandHelp({ usage, summary, help }: Command): string {
  return `Usage: ${usage}\n\n${summary}\n${help === '' ? '' : `\n${help.trimEnd()}\n`}`;
}

const isWithValue = ({ options }: Command, option: string): boolean =>
  options[option.replace(/^-+/, '')]?.type === 'string';

/** util.parseArgs's own errors, as one sentence of ours. */
function parseCommand(command: Command, args: readonly string[]) {
  try {
    const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const;
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    if (parsed.positionals.length > command.maxPositionals && !parsed.values.help) {
      const extra = parsed.positionals[command.maxPositionals] ?? '';
      const isFile = 'config' in command.options && /\.(ya?ml|json)$/.test(extra);
      const hint = isFile ? `write --config ${extra}` : `see sedge ${command.name} --help`;
      throw new SedgeError('usage', `sedge ${command.name} does not take ${JSON.stringify(extra)}; ${hint}`);
    }
    return parsed;
  } catch (error) {
    if (codeOf(error) === 'usage') throw error;
    const text = messageOf(error).split('. ')[0];
    const option = /'(--?[\w-]+)/.exec(messageOf(error))?.[1];
    if (
      (error as NodeJS.ErrnoException).code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' &&
      option &&
      isWithValue(command, option)
    ) {
      throw new SedgeError('usage', `${option} needs a value: sedge ${command.name} --help shows which`, {
        cause: error,
      });
    }
    const near = option && nearest(option.replace(/^-+/, ''), [...Object.keys(command.options), 'help']);
    const hint = near ? `; did you mean --${near}?` : `; see sedge ${command.name} --help`;
    throw new SedgeError('usage', `${text}${hint}`, { cause: error });
  }
}

export async function main(argv: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...args] = argv;
  if (name === '--version' || name === '-V') {
    io.stdout.write(`${io.version}\n`);
    return EXIT.done;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const stream = name === undefined ? io.stderr : io.stdout;
    stream.write(generalHelp());
    return name === undefined ? EXIT.usage : EXIT.done;
  }
  try {
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (!command) {
      const near = nearest(
        name,
        COMMANDS.map((candidate) => candidate.name),
      );
      throw new SedgeError(
        'usage',
        `there is no command ${JSON.stringify(name)}${near ? `; did you mean ${near}?` : '; see sedge --help'}`,
      );
    }
    if (args.includes('--version')) {
      io.stdout.write(`${io.version}\n`);
      return EXIT.done;
    }
    const parsed = parseCommand(command, args);
    if (parsed.values.help) {
      io.stdout.write(commandHelp(command));
      return EXIT.done;
    }
    return await command.run(io, parsed);
  } catch (error) {
    io.stderr.write(`sedge: ${messageOf(error)}\n`);
    if (io.env.SEDGE_DEBUG !== undefined && error instanceof Error) io.stderr.write(`${error.stack}\n`);
    return exitStatusOf(error);
  }
}

/** Runs the process: signals become an abort; a second one ends it at once. */
export async function runProcess(): Promise<void> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
    stop.abort();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const hangups = new Set<() => void>();
  let takeStray: (error: unknown) => void = (error) => {
    process.stderr.write(`sedge: ${messageOf(error)}\n`);
    if (process.env.SEDGE_DEBUG !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', (error) => takeStray(error));
  process.on('unhandledRejection', (error) => takeStray(error));
  // A reader that goes away (`sedge journal | head`) is no error.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      stop.abort();
    });
  }
  const { stdin, stdout, stderr, env } = process;
  const io: CommandIo = {
    stdin,
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    version: VERSION,
    signal: stop.signal,
    onHangup(reload) {
      if (hangups.size === 0) {
        process.on('SIGHUP', () => {
          for (const callback of hangups) callback();
        });
      }
      hangups.add(reload);
    },
    onStray(take) {
      takeStray = take;
    },
  };
  const status = await main(process.argv.slice(2), io);
  // What was written to a pipe must be out before the process ends.
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
  await leave(status);
}

/** Longest that the end of the process waits for operations on files that are under way. */
const LEAVE_MS = 1_000;
const LOOK_MS = 20;

/**
 * Ends the process, also where a card or a bus hangs: process.exit() waits for threads that the kernel does not give back, for
 * ever. All that had to be done is done by now, so then only a kill is left, whatever the status would have been.
 */
async function leave(status: number): Promise<never> {
  const isBusy = () => process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
  for (let waitedMs = 0; isBusy() && waitedMs < LEAVE_MS; waitedMs += LOOK_MS) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  if (isBusy()) process.kill(process.pid, 'SIGKILL');
  process.exit(status);
}
