/**
 * What a command is. main.ts finds it by name, parses its options, prints its help and turns what it returns or throws
 * into the exit status; a command itself never ends the process.
 */
import type { ParseArgsConfig } from 'node:util';

/** Exit statuses of the outer contract (design section 9). */
export const EXIT = { done: 0, failed: 1, usage: 2, unavailable: 69, busy: 75, config: 78 } as const;

/** The surroundings of a command: given, so that tests can give others. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly version: string;
  /** Aborts on the first SIGTERM or SIGINT. A second one ends the process at once. */
  readonly signal: AbortSignal;
  /** Calls back on each SIGHUP. */
  onHangup(reload: () => void): void;
  /** Takes over what nobody caught: a driver's stray rejection or exception. Without a taker it ends the process with 1. */
  onStray(take: (error: unknown) => void): void;
}

export interface CommandArgs {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
}

export interface Command {
  readonly name: string;
  /** One line for `sedge --help`. */
  readonly summary: string;
  /** The whole text of `sedge NAME --help`, without the leading usage line. */
  readonly help: string;
  /** `sedge run [--config FILE]`. */
  readonly usage: string;
  /** For util.parseArgs; --help is added. */
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** Most positional arguments it takes. */
  readonly maxPositionals: number;
  /** Returns the exit status. Throws SedgeError: main.ts prints its message and maps its code. */
  run(io: CommandIo, args: CommandArgs): Promise<number>;
}
