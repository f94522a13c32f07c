/** The log of `sedge run`, as its options and systemd want it. */
import type { Clock } from '../clock.ts';
import { nearest } from '../config/nearest.ts';
import { SedgeError } from '../errors.ts';
import { createLog, LOG_FORMATS, LOG_LEVELS, type Log } from '../service/log.ts';
import type { CommandArgs, CommandIo } from './command.ts';

export const LOG_OPTIONS = { 'log-level': { type: 'string' }, 'log-format': { type: 'string' } } as const;
export const LOG_HELP = `      --log-level L  ${LOG_LEVELS.join(', ')} (default info)
      --log-format F text, or json: one object a line (default text)`;

/** systemd sets JOURNAL_STREAM to the device and inode of stderr when that is the journal. */
const logsToJournald = ({ env, stderr }: Pick<CommandIo, 'env' | 'stderr'>): boolean =>
  env.JOURNAL_STREAM !== undefined && !stderr.isTTY;

function choice<T extends string>(option: string, given: unknown, choices: readonly T[], usual: T): T {
  if (given === undefined) return usual;
  const chosen = choices.find((one) => one === given);
  if (chosen) return chosen;
  const near = nearest(String(given), choices);
  const hint = near ? `did you mean ${near}?` : `possible are ${choices.join(', ')}`;
  throw new SedgeError('usage', `${option} cannot be ${JSON.stringify(given)}; ${hint}`);
}

export function serviceLog(values: CommandArgs['values'], io: Pick<CommandIo, 'env' | 'stderr'>, clock: Clock): Log {
  return createLog({
    level: choice('--log-level', values['log-level'], LOG_LEVELS, 'info'),
    format: choice('--log-format', values['log-format'], LOG_FORMATS, 'text'),
    journald: logsToJournald(io),
    clock,
    write: (line) => void io.stderr.write(line),
  });
}
