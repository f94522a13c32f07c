/**
 * Ways to break the journal that the explorer must notice. Each wraps the file system, the checksum or the random source:
 * the journal's own code has no switches. `survives` says why a mutant cannot be noticed, where that is so.
 */
import { basename } from 'node:path';
import { type CursorState, decodeCursor, encodeCursor } from '../../../src/journal/cursor.ts';
import { checksum } from '../../../src/journal/format.ts';
import type { JournalFile, JournalFs } from '../../../src/journal/fs.ts';
import { BLOCK_HEADER_BYTES } from '../../../src/journal/packed-places.ts';
import { PACKING_NAME, THINNED_NAME } from '../../../src/journal/recovery.ts';
import type { Mutation } from './explore.ts';

export interface Mutant {
  readonly name: string;
  readonly mutation: Mutation;
  /** Needs a disk with I/O errors, or one that turns bits of packed segments over. */
  readonly eio?: boolean;
  readonly rot?: boolean;
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

/** Writes another cursor than the journal meant. */
const rewriting = (file: JournalFile, change: (state: CursorState) => CursorState): Partial<JournalFile> => ({
  async write(bytes, position) {
    const decoded = position === 0 ? decodeCursor(Buffer.from(bytes)) : undefined;
    if (!decoded) return file.write(bytes, position);
    const changed = encodeCursor(change(decoded.state), decoded.generation);
    let done = 0;
    while (done < changed.length) done += await file.write(changed.subarray(done), position + done);
    return bytes.length;
  },
});
const withoutThinned = (consumers: CursorState['consumers']): CursorState['consumers'] =>
  Object.fromEntries(
    Object.entries(consumers).map(([name, one]) => [
      name,
      { ...one, gaps: one.gaps.filter(([, , , reason, offered]) => reason !== 'thinned' || offered === 1) },
    ]),
  );

/** The flush of the directory that follows such a rename does nothing. */
const skipSyncAfter =
  (concerns: (from: string) => boolean) =>
  (fs: JournalFs): JournalFs => {
    let skips = false;
    return {
      ...fs,
      async rename(from, to) {
        await fs.rename(from, to);
        skips ||= concerns(basename(from));
      },
      async syncDirectory(path) {
        if (!skips) await fs.syncDirectory(path);
        skips = false;
      },
    };
  };

/** What the checksum of a packed block is taken of begins with its length, the numbers covered, and the first of them. */
const isPackedBlock = (bytes: Uint8Array): boolean =>
  bytes.length >= BLOCK_HEADER_BYTES - 8 && bytes[24]! <= 1 && bytes[25] === 0 && bytes[26] === 0 && bytes[27] === 0;

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
  },
  {
    name: 'a packed file takes its place before it is flushed',
    mutation: {
      fs: onFiles(
        (name) => name === PACKING_NAME,
        () => ({ fdatasync: async () => {} }),
      ),
    },
  },
  {
    name: 'a thinned file takes its place before it is flushed',
    mutation: {
      fs: onFiles(
        (name) => name === THINNED_NAME,
        () => ({ fdatasync: async () => {} }),
      ),
    },
  },
  {
    name: 'no flush of the directory after a packed file was renamed',
    mutation: { fs: skipSyncAfter((from) => from === PACKING_NAME) },
  },
  {
    name: 'the checksum of packed blocks is not looked at',
    rot: true,
    mutation: { tuning: { checksum: (bytes, seed) => (isPackedBlock(bytes) ? 0 : checksum(bytes, seed)) } },
  },
  {
    name: 'thinning is not told: the gap is recorded after the records went',
    mutation: {
      fs: onFiles(isCursor, (file) =>
        rewriting(file, (state) => ({ ...state, consumers: withoutThinned(state.consumers) })),
      ),
    },
  },
  {
    name: 'the cursor does not name the thinned form that is to take its place',
    mutation: {
      fs: onFiles(isCursor, (file) => rewriting(file, ({ replacement: _, ...state }) => state)),
    },
  },
  {
    name: 'a thinned file gets its place before the cursor is durable',
    mutation: {
      fs: (fs) => {
        const isThinned = { now: false };
        return {
          ...fs,
          async open(path, mode) {
            const file = await fs.open(path, mode);
            if (basename(path) === THINNED_NAME && mode === 'create') isThinned.now = true;
            if (!isCursor(basename(path))) return file;
            return { ...file, fdatasync: async () => (isThinned.now ? undefined : file.fdatasync()) };
          },
          async rename(from, to) {
            if (basename(from) === THINNED_NAME) isThinned.now = false;
            await fs.rename(from, to);
          },
        };
      },
    },
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
