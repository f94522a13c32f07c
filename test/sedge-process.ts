/** The built program as a user starts it: a real process, its output kept, its end awaited. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const SEDGE = fileURLToPath(new URL('../dist/sedge.mjs', import.meta.url));

export interface SedgeProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

/** Processes of this test file that still run; ended when the worker ends, whatever happens. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface SedgeOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Another copy of dist/sedge.mjs. */
  readonly program?: string;
  /** Runs it as this user; only root may. */
  readonly uid?: number;
  /** And with this group instead of ours. */
  readonly gid?: number;
}

export function startSedge(
  args: readonly string[],
  { cwd, env = {}, program = SEDGE, uid, gid }: SedgeOptions = {},
): SedgeProcess {
  const { PATH, HOME, XDG_RUNTIME_DIR } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, NO_COLOR: '1', XDG_RUNTIME_DIR, ...env },
    ...(cwd !== undefined && { cwd }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  running.add(child);
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes) => {
    text.stdout += bytes;
  });
  child.stderr.on('data', (bytes) => {
    text.stderr += bytes;
  });
  const ended = once(child, 'close').then(([status, signal]) => {
    running.delete(child);
    return (status ?? signal) as number | string;
  });
  return {
    child,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    ended,
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs it to its end. */
export async function sedge(
  args: readonly string[],
  options: SedgeOptions = {},
): Promise<{ readonly status: number | string; readonly stdout: string; readonly stderr: string }> {
  const running = startSedge(args, options);
  const status = await running.ended;
  return { status, stdout: running.stdout(), stderr: running.stderr() };
}

/** Waits until something holds; for other processes, whose time cannot be injected. Before the test times out, throws with `what` after `withinMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, withinMs = 25_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`waited ${withinMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
