/**
 * The few file operations that the journal needs, as an interface: the journal runs on node:fs here, on memory while a
 * card is dead (memory.ts), and on a file system that forgets and tears in the crash explorer. Knows nothing of formats.
 */
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { codeOf, SedgeError } from '../errors.ts';
import { lockDirectory } from './lock.ts';

export interface JournalFile {
  /** Returns the bytes read; fewer at the end of the file. */
  read(target: Uint8Array, targetOffset: number, length: number, position: number): Promise<number>;
  /** Returns the bytes written, which may be fewer than asked. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  fdatasync(): Promise<void>;
  /** `write` and `fdatasync` in one, where the system can: half the wake-ups of a commit. */
  writeDurable?(bytes: Uint8Array, position: number): Promise<number>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface JournalEntry {
  readonly name: string;
  readonly kind: 'file' | 'other';
  /** Of a directory: everything below it. */
  readonly sizeBytes: number;
}

export interface JournalFs {
  /** Makes the directory if it is missing; fails if something else is there. */
  makeDirectory(path: string): Promise<void>;
  /** Undefined if the directory does not exist. Entries that vanish meanwhile are left out. */
  list(path: string): Promise<readonly JournalEntry[] | undefined>;
  /** 'create' fails if the file is there; 'commit' is 'write' for durable writes. Never follows a symbolic link. */
  open(path: string, mode: 'read' | 'write' | 'create' | 'commit'): Promise<JournalFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** Free bytes of the file system for who writes there; undefined where that is not known. */
  freeBytes?(path: string): Promise<number | undefined>;
  /** Exclusive among processes; ends with the process, however it ends. Rejects with `journal.locked`. */
  lock(path: string): Promise<{ release(): Promise<void> }>;
}

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Levels of foreign directories that are counted against the size. */
const MAX_FOREIGN_DEPTH = 4;

const FLAGS = {
  read: constants.O_RDONLY | constants.O_NOFOLLOW,
  write: constants.O_RDWR | constants.O_NOFOLLOW,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
  // open(2): with O_DSYNC each write returns as if an fdatasync had followed it. Only trusted where we measured it.
  commit: constants.O_RDWR | constants.O_NOFOLLOW | (process.platform === 'linux' ? constants.O_DSYNC : 0),
} as const;

/** Node says ENOENT for whatever kept it from making a directory with its parents, a full device too: one by one they say why. */
async function trueReason(path: string, error: unknown): Promise<unknown> {
  for (let at = resolve(path); dirname(at) !== at; at = dirname(at)) {
    const reason: unknown = await mkdir(at, { mode: DIRECTORY_MODE }).then(
      () => error,
      (why) => why,
    );
    if (errnoOf(reason) !== 'ENOENT') return reason;
  }
  return error;
}

export const nodeFs: JournalFs = {
  async makeDirectory(path) {
    // The directory itself may be a link (to another disk); what is inside may not.
    await mkdir(path, { recursive: true, mode: DIRECTORY_MODE }).catch(async (error) => {
      throw errnoOf(error) === 'ENOENT' ? await trueReason(path, error) : error;
    });
    if (!(await stat(path)).isDirectory()) throw errno('ENOTDIR', `${path} is not a directory`);
  },
  async list(path) {
    let entries: Dirent[];
    try {
      entries = await readdir(path, { withFileTypes: true });
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    const listed = await someAtOnce(entries, async (entry): Promise<JournalEntry[]> => {
      const kind = entry.isFile() ? 'file' : 'other';
      const sizeBytes = await sizeOf(join(path, entry.name), MAX_FOREIGN_DEPTH);
      return sizeBytes === undefined ? [] : [{ name: entry.name, kind, sizeBytes }];
    });
    return listed.flat();
  },
  async open(path, mode) {
    const file = fileOf(await open(path, FLAGS[mode], FILE_MODE));
    return mode === 'commit' && process.platform === 'linux' ? { ...file, writeDurable: file.write } : file;
  },
  rename,
  unlink,
  async syncDirectory(path) {
    const directory = await open(path, constants.O_RDONLY);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
  lock: lockDirectory,
};

function fileOf(handle: FileHandle): JournalFile {
  return {
    read: async (target, offset, length, position) => (await handle.read(target, offset, length, position)).bytesRead,
    write: async (bytes, position) => (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
    fdatasync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

/** Enough to keep the threads of the pool busy, and not so many that others wait for long. */
const AT_ONCE = 16;

/** The results in order; a bounded number of works at a time. */
export async function someAtOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let done = 0; done < items.length; done += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(done, done + AT_ONCE).map(work))));
  }
  return results;
}

async function sizeOf(path: string, depth: number): Promise<number | undefined> {
  try {
    const stats = await lstat(path);
    if (!stats.isDirectory()) return stats.size;
    if (depth === 0) return 0;
    const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name), depth - 1)));
    return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'EACCES') return 0;
    throw error;
  }
}

/** Writes all of `bytes`; a device that takes nothing more is full. */
export async function writeFully(file: Pick<JournalFile, 'write'>, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const written = await file.write(bytes.subarray(done), position + done);
    if (written <= 0) throw errno('ENOSPC', 'the device took no more bytes');
    done += written;
  }
}

/** Writes all of `bytes`; when it returns they are on the device. */
export async function writeDurably(file: JournalFile, bytes: Uint8Array, position: number): Promise<void> {
  if (file.writeDurable) return writeFully({ write: file.writeDurable }, bytes, position);
  await writeFully(file, bytes, position);
  await file.fdatasync();
}

/** Reads up to `length` bytes; fewer only at the end of the file. */
export async function readFully(file: JournalFile, length: number, position: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const read = await file.read(bytes, done, length - done, position + done);
    if (read <= 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}

export function errno(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

const NOT_ALLOWED = new Set(['EACCES', 'EPERM', 'ENOTDIR', 'EEXIST', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'EINVAL']);

/** Any failure of a file operation as one of ours: `journal.permission` for what a person must change, else `journal.storage`. */
export function storageError(error: unknown, directory: string): SedgeError {
  if (codeOf(error)) return error as SedgeError;
  const code = errnoOf(error) ?? 'unknown error';
  if (NOT_ALLOWED.has(code)) {
    const message = `The journal directory ${directory} cannot be used (${code}): give this user a writable directory there, or set journal.directory.`;
    return new SedgeError('journal.permission', message, { cause: error });
  }
  const message =
    code === 'ETIMEDOUT'
      ? `The storage under ${directory} does not answer: check the card, or replace it.`
      : `The storage under ${directory} failed (${code}): check the card and its free space.`;
  return new SedgeError('journal.storage', message, { cause: error });
}
