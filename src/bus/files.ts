/** Reading the system's own files (sysfs, procfs, a CSV file): what a driver with `bus: 'files'` is given. */
import { readdir, readFile, statfs } from 'node:fs/promises';
import { freemem, loadavg, totalmem } from 'node:os';
import { SedgeError } from '../errors.ts';

export interface FileTree {
  /** The text of a file. Rejects with `bus.missing`, `bus.permission` or `bus.io`. */
  readText(path: string): Promise<string>;
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

async function named<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const reason =
      code === 'ENOENT' ? 'is not there' : code === 'EACCES' ? 'may not be read' : `cannot be read (${code})`;
    throw new SedgeError(CODES[code] ?? 'bus.io', `${path} ${reason}`, { cause });
  }
}

/** The real tree. `root` is put before every path, for tests on a fake tree. */
export function fileTree(root = ''): FileTree {
  return {
    readText: (path) => named(path, readFile(root + path, 'utf8')),
    list: async (path) => (await named(path, readdir(root + path))).sort(),
    async space(path) {
      const { bsize, blocks, bavail } = await named(path, statfs(root + path));
      return { totalBytes: bsize * blocks, availableBytes: bsize * bavail };
    },
    machine: () => ({ load1: loadavg()[0] ?? 0, totalBytes: totalmem(), availableBytes: freemem() }),
  };
}
