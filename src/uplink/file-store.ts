/**
 * Files of lines in one directory, for a stick that a person takes away: `<prefix>-<number>-<time>.<ending>`, a new one
 * when the last is full or old enough.
 *
 * Promises:
 * - `append` resolves when the text is on the storage device, and so is the file's name (fdatasync, fsync of the directory).
 *   When it rejects, nothing of the text stays in the way of the next try.
 * - No file is open between two appends, so the stick can be unmounted at any time. What comes back later, another stick or
 *   the same, is looked at anew.
 * - A file is never written over: a new one is made exclusively, under a number above all that are there and all that were
 *   given before. Names sort in the order in which they were written.
 * - A line that was cut off (power cut, kill -9) goes before the next one is written: it was not acknowledged, so it comes again.
 * - The directory is not made: where the stick is not mounted there is none, and the card below it must not be filled.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../clock.ts';
import { SedgeError } from '../errors.ts';

export interface FileStoreOptions {
  readonly directory: string;
  /** Must be a mount point, so that nothing is written below one that nothing is mounted on. */
  readonly mountPoint?: string;
  readonly prefix: string;
  readonly ending: string;
  /** Each file begins with it. */
  readonly header: string;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  readonly clock: Clock;
  /** The last number given, kept across restarts and sticks. */
  readonly numbers: { get(): number; set(number: number): void };
}

export interface FileStore {
  append(text: string): Promise<void>;
}

interface Current {
  readonly name: string;
  /** All that was written and flushed; undefined for a file that an earlier run left. */
  bytes: number | undefined;
  readonly bornMs: number;
}

const DIGITS = 6;
/** A batch is at most 10 MB, so no line is longer; a tail without a line end that is longer is none of ours. */
const MAX_TAIL_BYTES = 16_000_000;
const CHUNK_BYTES = 65_536;
const LINE_FEED = 0x0a;
/** Names that are taken at the very moment that we choose them. */
const MAX_NAME_TRIES = 100;

export function createFileStore(options: FileStoreOptions): FileStore {
  const { directory, mountPoint, prefix, ending, header, maxBytes, maxAgeMs, clock, numbers } = options;
  const pattern = new RegExp(`^${prefix}-(\\d{${DIGITS},})-(\\d{8}T\\d{6}Z)\\.${ending}$`);
  let current: Current | undefined;

  /** The newest of our files that is there; an earlier run may have left it. */
  async function newest(): Promise<
    { readonly number: number; readonly name: string; readonly time: string } | undefined
  > {
    const names = await readdir(directory);
    return names
      .flatMap((name) => {
        const [, number, time] = pattern.exec(name) ?? [];
        return number === undefined || time === undefined ? [] : [{ number: Number(number), name, time }];
      })
      .reduce<{ number: number; name: string; time: string } | undefined>(
        (last, one) => (last && last.number > one.number ? last : one),
        undefined,
      );
  }

  async function create(): Promise<Current> {
    let number = Math.max(numbers.get(), (await newest())?.number ?? 0);
    for (let tries = 0; tries < MAX_NAME_TRIES; tries++) {
      number += 1;
      const bornMs = clock.now();
      const name = `${prefix}-${String(number).padStart(DIGITS, '0')}-${compactTime(bornMs)}.${ending}`;
      const file = await open(join(directory, name), 'wx').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return undefined;
        throw error;
      });
      if (!file) continue;
      try {
        if (header !== '') await writeAll(file, header);
        await file.datasync();
        await syncDirectory(directory);
      } catch (error) {
        // A full stick would soon hold a thousand empty files.
        await unlink(join(directory, name)).catch(() => undefined);
        throw error;
      } finally {
        await file.close();
      }
      numbers.set(number);
      return { name, bytes: Buffer.byteLength(header), bornMs };
    }
    throw new SedgeError('uplink.storage', `No file can be made in ${directory}: every name is taken.`);
  }

  /** The file to write to: the one before if it is there, young and not full. */
  async function choose(bytes: number): Promise<{ readonly file: FileHandle; readonly entry: Current }> {
    if (!current) {
      const left = await newest();
      current = left && { name: left.name, bytes: undefined, bornMs: timeOf(left.time) };
    }
    if (current) {
      const ageMs = clock.now() - current.bornMs;
      const file = ageMs >= 0 && ageMs < maxAgeMs ? await reopen(current) : undefined;
      const has = current.bytes ?? 0;
      if (file && (has + bytes <= maxBytes || has <= Buffer.byteLength(header))) return { file, entry: current };
      await file?.close();
    }
    current = await create();
    const file = await reopen(current);
    if (!file) throw Object.assign(new Error('the new file is gone'), { code: 'ENOENT' });
    return { file, entry: current };
  }

  /** Opens it to append, and takes away what was cut off. Undefined: it is not there any more. */
  async function reopen(entry: Current): Promise<FileHandle | undefined> {
    const { O_RDWR, O_APPEND } = constants;
    const file = await open(join(directory, entry.name), O_RDWR | O_APPEND).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    let isOurs = false;
    try {
      isOurs = file !== undefined && (await mend(file, entry));
    } finally {
      if (!isOurs) await file?.close();
    }
    return isOurs ? file : undefined;
  }

  /** False: it ends with more than a line of ours can be, so it is left as it is. */
  async function mend(file: FileHandle, entry: Current): Promise<boolean> {
    const { size } = await file.stat();
    // Shorter than what we flushed: somebody changed it, or it is another stick's file of that name.
    const known = entry.bytes !== undefined && entry.bytes <= size ? entry.bytes : undefined;
    const end = known ?? (await wholeLines(file, size));
    if (end === undefined) return false;
    if (end < size) await file.truncate(end);
    entry.bytes = end;
    if (end > 0 || header === '') return true;
    // Cut off within the header.
    await writeAll(file, header);
    entry.bytes = Buffer.byteLength(header);
    return true;
  }

  return {
    async append(text) {
      try {
        if (mountPoint !== undefined) await checkMounted(mountPoint);
        const bytes = Buffer.byteLength(text);
        const { file, entry } = await choose(bytes);
        try {
          await writeAll(file, text);
          await file.datasync();
          entry.bytes = (entry.bytes ?? 0) + bytes;
        } catch (error) {
          // Gives the space back at once; if that fails too, the next try cuts it off by its size.
          await file.truncate(entry.bytes ?? 0).catch(() => undefined);
          throw error;
        } finally {
          await file.close();
        }
      } catch (error) {
        throw storageError(error, directory);
      }
    },
  };
}

/**
 * Where the last whole line ends; 0 if there is none, undefined if the tail behind it is too long to be ours. A line with NUL
 * in it is what a power cut leaves of blocks that were never written.
 */
async function wholeLines(file: FileHandle, size: number): Promise<number | undefined> {
  let end = size;
  let tail = Buffer.alloc(0);
  for (let from = size; from > 0; ) {
    if (size - from > MAX_TAIL_BYTES) return undefined;
    const length = Math.min(CHUNK_BYTES, from);
    from -= length;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, from);
    tail = Buffer.concat([buffer, tail]);
    while (end > from) {
      const lineEnd = tail.lastIndexOf(LINE_FEED, end - from - 1);
      const lineStart = lineEnd > 0 ? tail.lastIndexOf(LINE_FEED, lineEnd - 1) + 1 : 0;
      // The line begins before what was read.
      if (lineEnd < 0 || (lineStart === 0 && from > 0)) break;
      if (!tail.subarray(lineStart, lineEnd).includes(0)) return from + lineEnd + 1;
      end = from + lineStart;
    }
  }
  return 0;
}

async function writeAll(file: FileHandle, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done);
    if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' });
    done += bytesWritten;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // fsync(2): EINVAL where the file system does not offer it for directories; then its own order must do.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}

/** A mount point is on another device than the directory that it is in. */
async function checkMounted(path: string): Promise<void> {
  const [here, above] = await Promise.all([stat(path), stat(dirname(path))]);
  if (here.dev === above.dev)
    throw new SedgeError('uplink.storage', `Nothing is mounted at ${path}: put the stick in, or correct mount_point.`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there: put the stick in, or make the directory on it',
  ENOTDIR: 'is no directory: correct directory',
  EACCES: 'may not be written by this user: check its owner, and the mount options of the stick',
  EPERM: 'may not be written by this user: check its owner, and the mount options of the stick',
  ENOSPC: 'is full: readings wait in the journal until there is room',
  EDQUOT: 'is full: readings wait in the journal until there is room',
  EFBIG: 'takes no larger file: lower rotate.size',
  EROFS: 'is read-only: mount it for writing, or add it to ReadWritePaths= of the service',
  EIO: 'does not answer (EIO): the stick was pulled out, or it fails',
  ENODEV: 'does not answer (ENODEV): the stick was pulled out',
  ENXIO: 'does not answer (ENXIO): the stick was pulled out',
};

function storageError(error: unknown, directory: string): SedgeError {
  if (error instanceof SedgeError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  const why = REASONS[code] ?? `cannot be written (${code})`;
  return new SedgeError('uplink.storage', `The directory ${directory} ${why}.`, { cause: error });
}

/** `20261122T120000Z` */
const compactTime = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
const timeOf = (compact: string): number =>
  Date.parse(compact.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
