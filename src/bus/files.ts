/** Reading the system's own files (sysfs, procfs, a CSV file): what a driver with `bus: 'files'` is given. */
import { readFileSync } from 'node:fs';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { freemem, loadavg, totalmem } from 'node:os';
import { systemClock } from '../clock.ts';
import { SedgeError } from '../errors.ts';
import { type Turns, turns } from './turns.ts';

export interface FileTree {
  /** The text of a file. Rejects with `bus.missing`, `bus.permission` or `bus.io`. */
  readText(path: string): Promise<string>;
  /**
   * The same at once, without a thread: only for files that the kernel answers from memory (procfs, thermal zones), never
   * for one behind which a bus or a disk may be slow. Throws what `readText` rejects with.
   */
  readNow(path: string): string;
  /** Names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Space of the file system that holds a path, in bytes; `availableBytes` is what a plain user may still write. */
  space(path: string): Promise<{ readonly totalBytes: number; readonly availableBytes: number }>;
  /** Load average over one minute and memory, as the operating system tells any process. */
  machine(): { readonly load1: number; readonly totalBytes: number; readonly availableBytes: number };
  /**
   * Does the work when nobody else is in the queue of this name. For files whose reads block in the kernel and wait for one
   * another there: each that waits would hold a thread of Node's small pool, which the journal's flushes need too.
   */
  inTurn<T>(queue: string, work: () => Promise<T>): Promise<T>;
}

/** Longest wait for a turn: more than any sensor's deadline. */
const TURN_WAIT_MS = 60_000;

/** The errno of read(2), as sysfs attributes of drivers give them, too: ours, and what to say of the file. */
const ERRNOS: Readonly<Record<string, readonly [code: string, reason: string]>> = {
  ENOENT: ['bus.missing', 'is not there'],
  ENOTDIR: ['bus.missing', 'is not there'],
  ENODEV: ['bus.missing', 'is of a device that is gone'],
  ENXIO: ['bus.nack', 'cannot be read: the chip does not answer (ENXIO)'],
  EREMOTEIO: ['bus.nack', 'cannot be read: the chip does not answer (EREMOTEIO)'],
  ETIMEDOUT: ['bus.timeout', 'cannot be read: the chip did not answer in time (ETIMEDOUT)'],
  EBUSY: ['bus.busy', 'cannot be read: something else uses the device (EBUSY)'],
  EACCES: ['bus.permission', 'may not be read'],
  EPERM: ['bus.permission', 'may not be read'],
};

export function fileError(path: string, errno: string, cause?: unknown): SedgeError {
  const [code, reason] = ERRNOS[errno] ?? ['bus.io', `cannot be read (${errno})`];
  return new SedgeError(code, `${path} ${reason}`, { cause });
}

const named = (path: string, cause: unknown): SedgeError =>
  fileError(path, (cause as NodeJS.ErrnoException).code ?? 'unknown', cause);

/** The real tree. `root` is put before every path, for tests on a fake tree. */
export function fileTree(root = ''): FileTree {
  const queues = new Map<string, Turns>();
  return {
    readText: (path) => readFile(root + path, 'utf8').catch((cause) => Promise.reject(named(path, cause))),
    readNow(path) {
      try {
        return readFileSync(root + path, 'utf8');
      } catch (cause) {
        throw named(path, cause);
      }
    },
    async list(path) {
      const names = await readdir(root + path).catch((cause) => Promise.reject(named(path, cause)));
      return names.sort();
    },
    async space(path) {
      const { bsize, blocks, bavail } = await statfs(root + path).catch((cause) => Promise.reject(named(path, cause)));
      return { totalBytes: bsize * blocks, availableBytes: bsize * bavail };
    },
    machine: () => ({ load1: loadavg()[0] ?? 0, totalBytes: totalmem(), availableBytes: freemem() }),
    async inTurn(name, work) {
      const queue = queues.get(name) ?? turns(systemClock, TURN_WAIT_MS);
      queues.set(name, queue);
      const leave = await queue.enter(
        () => new SedgeError('bus.timeout', `the reads before this one on ${name} did not end: check its wiring`),
      );
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
