/** How commands get their configuration: found, loaded, and its problems printed, all at once. */
import { hostname } from 'node:os';
import { drivers } from '../../drivers/index.ts';
import { findConfig, formatProblem, loadConfig } from '../config/load.ts';
import type { Config, Problem } from '../config/types.ts';
import type { CommandIo } from './command.ts';

export const CONFIG_OPTION = { config: { type: 'string', short: 'c' } } as const;
export const CONFIG_HELP = `  -c, --config FILE  the configuration; else $SEDGE_CONFIG, ./sedge.yaml, /etc/sedge/sedge.yaml`;

type Io = Pick<CommandIo, 'env' | 'cwd'>;

export async function tryConfig(file: string, io: Io): Promise<{ config: Config } | { problems: readonly Problem[] }> {
  return loadConfig(file, { env: io.env, cwd: io.cwd, drivers, hostname: hostname() });
}

/** Prints problems as `sedge check` does. */
export function printProblems(problems: readonly Problem[], io: Pick<CommandIo, 'stderr'>): void {
  for (const problem of problems) io.stderr.write(`${formatProblem(problem)}\n`);
}

/** The configuration, or undefined after its problems have been printed: then the exit status is EXIT.config. */
export async function requireConfig(
  given: unknown,
  io: Io & Pick<CommandIo, 'stderr'>,
): Promise<{ readonly file: string; readonly config: Config } | undefined> {
  const file = await findConfig(typeof given === 'string' ? given : undefined, io);
  const result = await tryConfig(file, io);
  if ('config' in result) return { file, config: result.config };
  printProblems(result.problems, io);
  return undefined;
}
