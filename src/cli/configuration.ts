/** How commands get their configuration: found, loaded, and its problems printed, all at once. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { drivers } from '../../drivers/index.ts';
import { findConfig, formatProblem, loadConfig } from '../config/load.ts';
import type { Config, Problem } from '../config/types.ts';
import { PLACES } from '../service/install.ts';
import type { CommandIo } from './command.ts';

export const CONFIG_OPTION = { config: { type: 'string', short: 'c' } } as const;
export const CONFIG_HELP = `  -c, --config FILE  the configuration; else $SEDGE_CONFIG, ./sedge.yaml, /etc/sedge/sedge.yaml`;

type Io = Pick<CommandIo, 'env' | 'cwd'>;

export async function tryConfig(file: string, io: Io): Promise<{ config: Config } | { problems: readonly Problem[] }> {
  // systemd gives the service a directory of its own for credentials; from outside they are looked at where it takes them from.
  const isService = resolve(io.cwd, file) === PLACES.config;
  const env = isService ? { CREDENTIALS_DIRECTORY: PLACES.credentials, ...io.env } : io.env;
  return loadConfig(file, { env, cwd: io.cwd, drivers, hostname: hostname() });
}

/**
 * The environment in which the service loads its configuration: systemd gives it a state directory. Without that the journal
 * would be looked for at the home of who asks. Throws `config.missing`.
 */
export async function serviceEnv(given: unknown, io: Io): Promise<NodeJS.ProcessEnv> {
  const file = await findConfig(typeof given === 'string' ? given : undefined, io);
  return resolve(io.cwd, file) === PLACES.config ? { STATE_DIRECTORY: PLACES.state, ...io.env } : io.env;
}

/** The configuration as the service would load it, without a word: for commands that look from outside. */
export async function existingConfig(given: string | undefined, io: Io) {
  const file = await findConfig(given, io);
  const env = await serviceEnv(file, io);
  const loaded: { config?: Config; problems?: readonly Problem[] } = await tryConfig(file, { ...io, env });
  return { file, path: resolve(io.cwd, file), ...loaded };
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
