/**
 * Ways to break the journal that the explorer must notice. Each wraps the file system, the checksum or the random source:
 * the journal's own code has no switches. `survives` says why a mutant cannot be noticed, where that is so.
 */
import { basename } from 'node:path';
import { decodeCursor, encodeCursor } from '../../../src/journal/cursor.ts';
import type { JournalFile, JournalFs } from '../../../src/journal/fs.ts';
import type { Mutation } from './explore.ts';

export interface Mutant {
  readonly name: string;
  readonly mutation: Mutation;
  /** Needs a disk with I/O errors. */
  readonly eio?: boolean;
  readonly survives?: string;
}

const isSegment = (name: string) => name.endsWith('.segment') || name === 'spare';
const isCursor = (name: string) => name.startsWith('cursor-');

/** Replaces operations of the files whose name `concerns`. */
function onFiles(
  concerns: (name: string) => boolean,
  change: (file: JournalFile, opened: { readonly name: string; readonly mode: string }) => Partial<JournalFile>,
): (fs: JournalFs) => JournalFs {
  return (fs) => ({
    ...fs,
    async open(path, mode) {
      const file = await fs.open(path, mode);
      const name = basename(path);
      return concerns(name) ? { ...file, ...change(file, { name, mode }) } : file;
    },
  });
}

export const MUTANTS: readonly Mutant[] = [
  { name: 'no CRC check', mutation: { tuning: { checksum: () => 0 } } },
  { name: 'no flush of the directory', mutation: { fs: (fs) => ({ ...fs, syncDirectory: async () => {} }) } },
  {
    name: 'accept before the flush',
    mutation: { fs: onFiles(isSegment, () => ({ fdatasync: async () => {} })) },
  },
  {
    name: 'unlink before the cursor is durable',
    mutation: { fs: onFiles(isCursor, () => ({ fdatasync: async () => {} })) },
  },
  {
    name: 'several frames per flush',
    mutation: {
      fs: onFiles(isSegment, (file) => {
        let calls = 0;
        return { fdatasync: async () => (calls++ % 3 === 2 ? file.fdatasync() : undefined) };
      }),
    },
  },
  {
    name: 'one cursor slot',
    mutation: {
      fs: (fs) => {
        const one = (path: string) => path.replace('cursor-1', 'cursor-0');
        return {
          ...fs,
          open: (path, mode) => fs.open(one(path), mode),
          unlink: (path) => fs.unlink(one(path)),
          list: async (path) => {
            const entries = await fs.list(path);
            const only = entries?.find(({ name }) => name === 'cursor-0');
            return entries && [...entries, ...(only ? [{ ...only, name: 'cursor-1', sizeBytes: only.sizeBytes }] : [])];
          },
        };
      },
    },
  },
  {
    name: 'serve what was recovered without a flush',
    mutation: {
      fs: onFiles(
        (name) => name.endsWith('.segment'),
        (_, { mode }) => (mode === 'write' ? { fdatasync: async () => {} } : {}),
      ),
    },
  },
  {
    name: 'unaligned frames: a commit rewrites the sector before it',
    mutation: {
      fs: onFiles(isSegment, (file) => ({
        async write(bytes, position) {
          if (position > 4096) {
            const before = Buffer.alloc(512);
            const length = await file.read(before, 0, 512, position - 512);
            await file.write(before.subarray(0, length), position - 512);
          }
          return file.write(bytes, position);
        },
      })),
    },
  },
  {
    name: 'flush again after a failed flush',
    eio: true,
    mutation: {
      fs: onFiles(isSegment, (file) => ({ fdatasync: () => file.fdatasync().catch(() => file.fdatasync()) })),
    },
  },
  {
    name: 'the same salt for every segment',
    mutation: { random: (random) => (count) => (count === 4 ? Buffer.alloc(4) : random(count)) },
    survives:
      'a frame also names its segment number and block, so a stale frame of a recycled file is invalid anyway; the salt guards against numbers that begin again after both cursors were lost',
  },
  {
    name: 'gaps over records that may have been delivered',
    mutation: {
      fs: onFiles(isCursor, (file) => ({
        async write(bytes, position) {
          const decoded = position === 0 ? decodeCursor(Buffer.from(bytes)) : undefined;
          if (!decoded) return file.write(bytes, position);
          const consumers = Object.fromEntries(
            Object.entries(decoded.state.consumers).map(([name, one]) => [name, { ...one, offered: one.acked }]),
          );
          const forgetful = encodeCursor({ ...decoded.state, consumers }, decoded.generation);
          let done = 0;
          while (done < forgetful.length) done += await file.write(forgetful.subarray(done), position + done);
          return bytes.length;
        },
      })),
    },
  },
  {
    name: 'offered gaps still change',
    mutation: {
      fs: onFiles(isCursor, (file) => ({
        async write(bytes, position) {
          const decoded = position === 0 ? decodeCursor(Buffer.from(bytes)) : undefined;
          if (!decoded) return file.write(bytes, position);
          const consumers = Object.fromEntries(
            Object.entries(decoded.state.consumers).map(([name, one]) => [
              name,
              {
                ...one,
                gaps: one.gaps.map(([s, from, to, why, , settled]) => [s, from, to, why, 0, settled] as const),
              },
            ]),
          );
          const forgetful = encodeCursor({ ...decoded.state, consumers }, decoded.generation);
          let done = 0;
          while (done < forgetful.length) done += await file.write(forgetful.subarray(done), position + done);
          return bytes.length;
        },
      })),
    },
  },
];
