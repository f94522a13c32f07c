/**
 * A journal without a device: the same journal on a file system in memory. For the time that a card is dead: records go
 * out, marked volatile, and nothing is promised beyond the life of the process.
 */
import { basename } from 'node:path';
import { errno, type JournalFile, type JournalFs } from './fs.ts';
import { type OpenOptions, openJournal } from './journal.ts';
import type { Journal } from './types.ts';

/** What a memory journal may take of the board's memory. */
const MAX_MEMORY_BYTES = 16 * 1024 * 1024;

export type MemoryJournalOptions = Pick<
  OpenOptions,
  'consumers' | 'bootId' | 'clock' | 'commitEveryMs' | 'whenFull' | 'codec' | 'log' | 'random'
>;

export const memoryJournal = (options: MemoryJournalOptions): Promise<Journal> =>
  openJournal({
    ...options,
    directory: '/memory',
    maxSizeBytes: MAX_MEMORY_BYTES,
    // Its own bound is all there is to keep: neither age nor the file system's free space.
    maxAgeMs: undefined,
    minFreeBytes: 0,
    fs: memoryFs(),
    volatile: true,
  });

export interface MemoryFs extends JournalFs {
  names(): string[];
  /** The file's own bytes, not a copy. */
  bytes(name: string): Buffer | undefined;
  set(name: string, bytes: Buffer): void;
}

/** One directory in memory; with `from`, begun as a copy of another. */
export function memoryFs(from?: MemoryFs): MemoryFs {
  const files = new Map<string, { bytes: Buffer }>();
  for (const name of from?.names() ?? []) files.set(name, { bytes: Buffer.from(from!.bytes(name)!) });
  const existing = (path: string) => {
    const file = files.get(basename(path));
    if (!file) throw errno('ENOENT', path);
    return file;
  };
  const handle = (file: { bytes: Buffer }): JournalFile => ({
    async read(target, targetOffset, length, position) {
      const piece = file.bytes.subarray(position, position + length);
      target.set(piece, targetOffset);
      return piece.length;
    },
    async write(bytes, position) {
      const end = position + bytes.length;
      if (end > file.bytes.length) {
        const grown = Buffer.alloc(end);
        file.bytes.copy(grown);
        file.bytes = grown;
      }
      file.bytes.set(bytes, position);
      return bytes.length;
    },
    fdatasync: async () => {},
    async truncate(length) {
      file.bytes = Buffer.from(file.bytes.subarray(0, length));
    },
    size: async () => file.bytes.length,
    close: async () => {},
  });
  return {
    makeDirectory: async () => {},
    list: async () => [...files].map(([name, { bytes }]) => ({ name, kind: 'file' as const, sizeBytes: bytes.length })),
    async open(path, mode) {
      if (mode !== 'create') return handle(existing(path));
      if (files.has(basename(path))) throw errno('EEXIST', path);
      const file = { bytes: Buffer.alloc(0) };
      files.set(basename(path), file);
      return handle(file);
    },
    async rename(from, to) {
      const file = existing(from);
      files.delete(basename(from));
      files.set(basename(to), file);
    },
    async unlink(path) {
      existing(path);
      files.delete(basename(path));
    },
    syncDirectory: async () => {},
    lock: async () => ({ release: async () => {} }),
    names: () => [...files.keys()],
    bytes: (name) => files.get(name)?.bytes,
    set: (name, bytes) => void files.set(name, { bytes }),
  };
}
