/**
 * A change of the system as a list of steps, made beforehand: what is right already needs none. Each step says what it does and
 * does exactly that, so that a dry run and a real one cannot differ; each may be run again.
 */
import { chmod, lstat, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, SedgeError } from '../errors.ts';

export interface Step {
  /** Imperative: "write /etc/systemd/system/sedge.service". */
  readonly describe: string;
  /** Says something and does nothing. */
  readonly isNote?: true;
  run(): Promise<void>;
  /** After a later step failed: back to what was. */
  undo?(): Promise<void>;
}

/** Runs a program of the system; rejects if it fails. */
export type Execute = (program: string, args: readonly string[]) => Promise<void>;

export interface System {
  /** Put before every path that is written; '' is the real system. Anything else runs no program of the system. */
  readonly root: string;
  readonly execute: Execute;
  /** Whether a program succeeds; what it prints is nobody's business. */
  readonly succeeds: (program: string, args: readonly string[]) => Promise<boolean>;
}

/**
 * Prints and runs one after another. When one fails, those before it that can be undone are, the last first; the error is that
 * of the step.
 */
export async function runSteps(steps: readonly Step[], dryRun: boolean, print: (line: string) => void): Promise<void> {
  const done: Step[] = [];
  for (const step of steps) {
    print(dryRun && step.isNote !== true ? `would ${step.describe}` : step.describe);
    if (dryRun) continue;
    try {
      await step.run();
    } catch (error) {
      for (const earlier of done.reverse()) await earlier.undo?.();
      throw error;
    }
    done.push(step);
  }
}

export const hasWork = (steps: readonly Step[]): boolean => steps.some(({ isNote }) => isNote !== true);

export const note = (describe: string): Step => ({ describe, isNote: true, run: async () => {} });

export const exists = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** No step when the file is there, with this text and mode. */
export async function write(root: string, path: string, text: string, mode = 0o644): Promise<readonly Step[]> {
  const file = root + path;
  const found = await Promise.all([readFile(file, 'utf8'), stat(file)]).catch(() => undefined);
  if (found && found[0] === text && (found[1].mode & 0o777) === mode) return [];
  return [
    {
      describe: `write ${path}`,
      async run() {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, text, { mode });
        // `mode` above counts only for a new file, and less the umask.
        await chmod(file, mode);
      },
    },
  ];
}

/** No step when it is not there. */
export const remove = async (root: string, path: string): Promise<readonly Step[]> =>
  (await exists(root + path))
    ? [{ describe: `remove ${path}`, run: () => rm(root + path, { recursive: true, force: true }) }]
    : [];

export function command(
  { root, execute }: Pick<System, 'root' | 'execute'>,
  program: string,
  ...args: readonly string[]
): Step {
  const line = [program, ...args].join(' ');
  if (root !== '') return note(`run ${line} (left out: this is not the running system)`);
  return {
    describe: `run ${line}`,
    run: () =>
      execute(program, args).catch((cause: unknown) => {
        throw new SedgeError('service.command', `"${line}" failed: ${messageOf(cause)}`, { cause });
      }),
  };
}
