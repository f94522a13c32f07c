/** Reading the system's own files (sysfs, procfs, a CSV file): what a driver with `bus: 'files'` is given. */
import { readdir, readFile, statfs } from 'node:fs/promises';
import { freemem, loadavg, totalmem } from 'node:os';
import { systemClock } from '../clock.ts';
import { SedgeError } from '../errors.ts';
import { type Turns, turns } from './turns.ts';

export interface FileTree {
  /** The text of a file. Rejects with `bus.missing`, `bus.permission` or `bus.io`. */
  readText(path: string): Promise<string>;
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

async function named<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw fileError(path, (cause as NodeJS.ErrnoException).code ?? 'unknown', cause);
  }
}

/** The real tree. `root` is put before every path, for tests on a fake tree. */
export function fileTree(root = ''): FileTree {
  const queues = new Map<string, Turns>();
  return {
    readText: (path) => named(path, readFile(root + path, 'utf8')),
    list: async (path) => (await named(path, readdir(root + path))).sort(),
    async space(path) {
      const { bsize, blocks, bavail } = await named(path, statfs(root + path));
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
