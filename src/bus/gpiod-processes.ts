/**
 * Runs the gpiod tools. No child outlives its use: a short one has a deadline, a watching one is ended by `stop()` and at
 * the latest when this process exits.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type Clock, systemClock } from '../clock.ts';
import { SedgeError } from '../errors.ts';

export interface ToolsEnvironment {
  readonly clock?: Clock;
  /** PATH to find the tools in. */
  readonly path?: string | undefined;
}

const RUN_MS = 5_000;
const TERM_MS = 1_000;
const MAX_OUTPUT_CHARS = 200_000;
const MAX_LINE_CHARS = 4_096;

const start = (tool: string, args: readonly string[], path = process.env.PATH): ChildProcess =>
  spawn(tool, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Messages are recognised by their English text.
    env: { ...process.env, PATH: path, LC_ALL: 'C' },
  });

const startError = (tool: string, cause: unknown): SedgeError =>
  (cause as NodeJS.ErrnoException).code === 'ENOENT'
    ? new SedgeError('bus.package', `${tool} is not installed: sudo apt install gpiod`, { cause })
    : new SedgeError('bus.io', `${tool} cannot be started: ${(cause as Error).message}`, { cause });

/** Collects a stream's text, the newest part of it. */
function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-MAX_OUTPUT_CHARS);
  });
  return () => text;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a tool to its end. */
export function runTool(
  tool: string,
  args: readonly string[],
  { clock = systemClock, path }: ToolsEnvironment = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = start(tool, args, path);
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    const timer = new AbortController();
    void clock.sleep(RUN_MS, timer.signal).then(() => {
      if (timer.signal.aborted) return;
      child.kill('SIGKILL');
      reject(new SedgeError('bus.timeout', `${tool} did not end in ${RUN_MS} ms: the GPIO chip does not answer`));
    });
    child.once('error', (cause) => {
      timer.abort();
      reject(startError(tool, cause));
    });
    child.once('close', (code) => {
      timer.abort();
      resolve({ code, stdout: stdout(), stderr: stderr() });
    });
  });
}

export interface Watching {
  /** Ends the child and resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a tool that goes on until stopped; `onLine` gets each line, `onEnd` why it ended by itself. */
export function watchTool(
  tool: string,
  args: readonly string[],
  onLine: (line: string) => void,
  onEnd: (error: SedgeError | undefined, stderr: string) => void,
  { clock = systemClock, path }: ToolsEnvironment = {},
): Watching {
  const child = start(tool, args, path);
  const stderr = collect(child.stderr);
  const killNow = () => void child.kill('SIGKILL');
  process.once('exit', killNow);
  let stopping = false;
  let partial = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (partial + chunk).split('\n');
    partial = (lines.pop() ?? '').slice(-MAX_LINE_CHARS);
    for (const line of lines) if (!stopping) onLine(line);
  });
  const gone = new Promise<void>((resolve) => {
    const end = (error?: SedgeError) => {
      process.removeListener('exit', killNow);
      resolve();
      if (!stopping) onEnd(error, stderr());
    };
    child.once('error', (cause) => end(startError(tool, cause)));
    child.once('close', () => end());
  });
  return {
    stop() {
      if (!stopping) {
        stopping = true;
        child.kill('SIGTERM');
        const timer = new AbortController();
        void gone.then(() => timer.abort());
        void clock.sleep(TERM_MS, timer.signal).then(() => {
          if (!timer.signal.aborted) killNow();
        });
      }
      return gone;
    },
  };
}
