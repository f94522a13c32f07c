/** `sedge status`: what the running service measures, delivers and keeps; once, or as a live view. */
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { findConfig } from '../config/load.ts';
import { codeOf, messageOf } from '../errors.ts';
import { anySockets, statusSockets } from '../service/status-place.ts';
import { askService, type Question } from '../status/client.ts';
import type { ServiceReport } from '../status/report.ts';
import { createSeen, statusFrame } from '../status/screen.ts';
import { statusLines } from '../status/text.ts';
import { FALLBACK, openTerminal } from '../terminal/terminal.ts';
import { frameText, paint } from '../terminal/text.ts';
import { type Command, type CommandIo, EXIT } from './command.ts';
import { CONFIG_HELP, CONFIG_OPTION, printProblems, tryConfig } from './configuration.ts';

/** The live view asks this often; on a pipe less often, for a reader that keeps it. */
const LOOK_EVERY_MS = 1_000;
const PRINT_EVERY_MS = 5_000;
const CTRL_C = '\u0003';

export const status: Command = {
  name: 'status',
  summary: 'Show what the running service measures, delivers and keeps.',
  usage: 'sedge status [--watch] [--json] [--config FILE]',
  help: `${CONFIG_HELP}
  -w, --watch        a live view; q quits. On a pipe it prints again every ${PRINT_EVERY_MS / 1_000} s
      --json         one object (with --watch one a line), for programs: see docs/status.md

Asks the service over a Unix socket of this machine; changes nothing. Under systemd, root and members of the group sedge may
ask; otherwise the user that runs the service.
Exit status: 69 no service with this configuration runs.`,
  options: { ...CONFIG_OPTION, json: { type: 'boolean' }, watch: { type: 'boolean', short: 'w' } },
  maxPositionals: 0,
  async run(io, { values }) {
    const question = await questionOf(typeof values.config === 'string' ? values.config : undefined, io);
    if (!question) return EXIT.config;
    const print = (report: ServiceReport) =>
      void io.stdout.write(values.json ? `${JSON.stringify(report)}\n` : page(report, io));
    const { report } = await askService(question);
    if (values.watch !== true) print(report);
    else if (values.json !== true && io.stdout.isTTY && io.env.TERM !== 'dumb') await liveView(question, report, io);
    else await printAgain(question, report, io, print);
    return EXIT.done;
  },
};

const colourOf = ({ stdout, env }: CommandIo): boolean => stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';

const page = (report: ServiceReport, io: CommandIo): string =>
  statusLines(report, io.stdout.isTTY ? io.stdout.columns || FALLBACK.columns : undefined)
    .map((line) => `${paint(line, colourOf(io)).trimEnd()}\n`)
    .join('');

/**
 * Where the service of this configuration answers. A file that is wrong at this moment must not hide the service that runs
 * with what it said before; undefined after the problems were printed.
 */
async function questionOf(given: string | undefined, io: CommandIo): Promise<Question | undefined> {
  const surroundings = { env: io.env, uid: process.getuid?.(), tmpdir: tmpdir() };
  const any = { sockets: anySockets(surroundings), clock: systemClock };
  let named: string;
  try {
    named = await findConfig(given, io);
  } catch (error) {
    const question = { ...any, isWanted: () => true };
    if (given === undefined && codeOf(error) === 'config.missing' && (await isAnswered(question))) return question;
    throw error;
  }
  const file = resolve(io.cwd, named);
  const result = await tryConfig(named, io);
  const isSameFile = ({ config }: ServiceReport) => config === file;
  if ('problems' in result) {
    const question = { ...any, isWanted: isSameFile };
    if (await isAnswered(question)) return question;
    printProblems(result.problems, io);
    return undefined;
  }
  return serviceWith(result.config.journal.directory, file, io);
}

/** Where the service with this journal and configuration answers, if it runs. */
export async function serviceWith(
  directory: string,
  file: string | undefined,
  { env }: Pick<CommandIo, 'env'>,
): Promise<Question> {
  const surroundings = { env, uid: process.getuid?.(), tmpdir: tmpdir() };
  const owner = await stat(directory).then(
    ({ uid }) => uid,
    () => undefined,
  );
  return {
    // The journal may have moved at a reload; the socket stays where it was.
    sockets: [...new Set([...statusSockets(directory, owner, surroundings), ...anySockets(surroundings)])],
    // The default directory depends on who asks, so the file decides as well.
    isWanted: ({ journal, config }) => journal.directory === directory || (file !== undefined && config === file),
    clock: systemClock,
  };
}

const isAnswered = (question: Question): Promise<boolean> =>
  askService(question).then(
    () => true,
    () => false,
  );

/** Pages and lines of JSON, one after another, until the signal. */
async function printAgain(
  question: Question,
  first: ServiceReport,
  io: CommandIo,
  print: (report: ServiceReport) => void,
): Promise<void> {
  print(first);
  for (;;) {
    await question.clock.sleep(PRINT_EVERY_MS, io.signal);
    if (io.signal.aborted) return;
    try {
      print((await askService(question)).report);
    } catch (error) {
      // A restart of the service is what one watches for.
      io.stderr.write(`sedge: ${messageOf(error)}\n`);
    }
  }
}

async function liveView(question: Question, first: ServiceReport, io: CommandIo): Promise<void> {
  const { clock } = question;
  const quit = new AbortController();
  const signal = AbortSignal.any([io.signal, quit.signal]);
  const seen = createSeen();
  let report = first;
  let answeredMs = clock.monotonic();
  let reason: string | undefined;
  seen.take(report);
  const draw = () => {
    const { columns, rows } = terminal;
    const silence = reason === undefined ? undefined : { forMs: clock.monotonic() - answeredMs, reason };
    terminal.write(frameText(statusFrame(report, seen, { columns, rows, ...(silence && { silence }) }), colourOf(io)));
  };
  const onKey = (key: string) => {
    if (key === 'q' || key === CTRL_C) quit.abort();
  };
  const terminal = openTerminal({ stdin: io.stdin, stdout: io.stdout, onKey, onResize: () => draw() });
  try {
    while (!signal.aborted) {
      draw();
      await clock.sleep(LOOK_EVERY_MS, signal);
      if (signal.aborted) break;
      try {
        report = (await askService(question)).report;
        seen.take(report);
        answeredMs = clock.monotonic();
        reason = undefined;
      } catch (error) {
        reason = messageOf(error);
      }
    }
  } finally {
    terminal.close();
  }
}
