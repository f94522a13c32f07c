/** Reading the system's own files (sysfs, procfs, a CSV file): what a driver with `bus: 'files'` is given. */
import { readFileSync } from 'node:fs';
import { readdir, readFile, statfs } from 'node:fs/promises';
import { freemem, loadavg, totalmem } from 'node:os';
import { SedgeError } from '../errors.ts';

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
}

const CODES: Readonly<Record<string, string>> = {
  ENOENT: 'bus.missing',
  ENOTDIR: 'bus.missing',
  ENODEV: 'bus.missing',
  EACCES: 'bus.permission',
  EPERM: 'bus.permission',
};

function named(path: string, cause: unknown): SedgeError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  const reason =
    code === 'ENOENT' ? 'is not there' : code === 'EACCES' ? 'may not be read' : `cannot be read (${code})`;
  return new SedgeError(CODES[code] ?? 'bus.io', `${path} ${reason}`, { cause });
}

/** The real tree. `root` is put before every path, for tests on a fake tree. */
export function fileTree(root = ''): FileTree {
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
  };
}
