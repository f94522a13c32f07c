/**
 * A file system that reads from one that no longer takes writes, and keeps its own writes in memory: so a journal on a card
 * that has become read-only is opened, recovered and delivered like any other. Promises: never writes to what is beneath; what
 * it takes of memory is the files that were written, a few megabytes for a journal that is only read.
 */
import { basename } from 'node:path';
import { errno, type JournalFs, readFully } from './fs.ts';
import { memoryFs } from './memory.ts';

export function overlayFs(beneath: JournalFs): JournalFs {
  const top = memoryFs();
  /** Files beneath that are renamed up here: their paths. */
  const moved = new Map<string, string>();
  /** Names beneath that are no longer seen. */
  const hidden = new Set<string>();

  const isOnTop = (path: string) => top.bytes(basename(path)) !== undefined;
  /** Where a name leads beneath. */
  const lower = (path: string): string => {
    const name = basename(path);
    const target = moved.get(name) ?? (hidden.has(name) ? undefined : path);
    if (target === undefined) throw errno('ENOENT', path);
    return target;
  };
  const isBeneath = async (path: string): Promise<boolean> => {
    try {
      await (await beneath.open(lower(path), 'read')).close();
      return true;
    } catch {
      return false;
    }
  };
  const forget = (path: string) => {
    moved.delete(basename(path));
    hidden.add(basename(path));
  };

  return {
    makeDirectory: (path) => beneath.makeDirectory(path),
    async list(path) {
      const entries = await beneath.list(path);
      const own = await top.list(path);
      const isShown = (name: string) => !hidden.has(name) && !isOnTop(name);
      return entries && [...entries.filter(({ name }) => isShown(name)), ...(own ?? [])];
    },
    async open(path, mode) {
      if (isOnTop(path)) return top.open(path, mode);
      if (mode === 'read') return beneath.open(lower(path), 'read');
      const isThere = await isBeneath(path);
      if (mode === 'create') {
        if (isThere) throw errno('EEXIST', path);
        return top.open(path, 'create');
      }
      const source = await beneath.open(lower(path), 'read');
      try {
        top.set(basename(path), Buffer.from(await readFully(source, await source.size(), 0)));
      } finally {
        await source.close();
      }
      return top.open(path, mode);
    },
    async rename(from, to) {
      if (isOnTop(from)) await top.rename(from, to);
      else {
        const target = lower(from);
        if (isOnTop(to)) await top.unlink(to);
        moved.set(basename(to), target);
      }
      forget(from);
    },
    async unlink(path) {
      const isThere = await isBeneath(path);
      if (isOnTop(path)) await top.unlink(path);
      else if (!isThere) throw errno('ENOENT', path);
      forget(path);
    },
    syncDirectory: async () => {},
    lock: (path) => beneath.lock(path),
  };
}
