/**
 * A file system that forgets. What a program wrote is in a cache; only what it flushed is on the device. At a power cut
 *  - each 512-byte sector written since the last flush survives or not, independently; one of them may turn to garbage;
 *  - a file's new size survives or not, independently of its data (which then reads as zeros);
 *  - directory changes survive as a prefix, in order, up to the last flush of the directory at least.
 * A kill keeps the cache. A failed flush leaves the pages marked clean: the cache shows them, the device may not have them,
 * and a second flush "succeeds". Writes may be short; the device may be full. Operations under way at the same time are done in
 * any order (turns.ts). Everything follows from the seed.
 */
import { basename } from 'node:path';
import { errno, type JournalFile, type JournalFs } from '../../../src/journal/fs.ts';
import type { Random } from './random.ts';
import type { Turns } from './turns.ts';

const SECTOR_BYTES = 512;

interface Inode {
  cache: Buffer;
  device: Buffer;
  /** Sectors written since the last flush. */
  readonly dirty: Set<number>;
}
type Change = (entries: Map<string, Inode>) => void;

export interface Faults {
  /** Chance that a write or flush fails. */
  readonly eioRate: number;
  readonly shortWriteRate: number;
  readonly capacityBytes: number;
  /** What the file system says is free, where it is asked. */
  readonly freeBytes?: number;
}

export interface Disk {
  /** As the process that lives now sees it; for one that is gone nothing ever comes back. */
  process(): JournalFs;
  /** The process that uses the disk is gone: nothing it started comes back. */
  readonly isDead: () => boolean;
  /** Lets the process live for so many more operations. */
  start(operations: number): void;
  /** Turns one byte of a file over, on the device and in the cache. False if it is not there or empty. */
  rot(name: string): boolean;
  readonly names: () => string[];
  /** The byte of a segment's header that says what is in it. */
  readonly kindOf: (name: string) => number | undefined;
  /** What the next process finds. */
  recover(powerCut: boolean): void;
  setFaults(faults: Faults): void;
  /** Sum of all files now, and the most it ever was. */
  readonly totalBytes: () => number;
  readonly maxTotalBytes: () => number;
  readonly operations: () => number;
}

export const NO_FAULTS: Faults = { eioRate: 0, shortWriteRate: 0, capacityBytes: Number.POSITIVE_INFINITY };

export function createDisk(random: Random, turns: Turns): Disk {
  let cached = new Map<string, Inode>();
  let durable = new Map<string, Inode>();
  let changes: Change[] = [];
  let faults = NO_FAULTS;
  let left = Number.POSITIVE_INFINITY;
  let life = 0;
  let dead = false;
  let mostBytes = 0;
  let operations = 0;

  const total = () => {
    let sum = 0;
    for (const { cache } of cached.values()) sum += cache.length;
    return sum;
  };
  const never = new Promise<never>(() => {});

  /** One operation: takes a few turns, or is the last thing that this process did (done in part, or not at all). */
  const operate = async <T>(work: () => T, inPart: () => void = () => {}): Promise<T> => {
    const mine = life;
    await turns.begin();
    if (dead || mine !== life) return never;
    operations += 1;
    left -= 1;
    if (left <= 0) {
      dead = true;
      if (random.chance(0.5)) inPart();
      return never;
    }
    let answer: { readonly result: T } | { readonly error: unknown };
    try {
      answer = { result: work() };
    } catch (error) {
      answer = { error };
    }
    mostBytes = Math.max(mostBytes, total());
    await turns.answer();
    if (dead || mine !== life) return never;
    if ('error' in answer) throw answer.error;
    return answer.result;
  };
  const change = (one: Change) => {
    one(cached);
    changes.push(one);
  };
  const resize = (inode: Inode, length: number) => {
    if (length <= inode.cache.length) {
      inode.cache = inode.cache.subarray(0, length);
      return;
    }
    const grown = Buffer.alloc(length);
    inode.cache.copy(grown);
    inode.cache = grown;
  };
  const write = (inode: Inode, bytes: Uint8Array, position: number): number => {
    if (bytes.length === 0) return 0;
    const room = Math.max(0, faults.capacityBytes - total());
    const growth = position + bytes.length - inode.cache.length;
    const length = growth > room ? bytes.length - (growth - room) : bytes.length;
    if (length <= 0) throw errno('ENOSPC', 'no space left on device');
    if (position + length > inode.cache.length) resize(inode, position + length);
    inode.cache.set(bytes.subarray(0, length), position);
    const last = Math.floor((position + length - 1) / SECTOR_BYTES);
    for (let sector = Math.floor(position / SECTOR_BYTES); sector <= last; sector++) inode.dirty.add(sector);
    return length;
  };
  const flushSector = (inode: Inode, sector: number) => {
    const at = sector * SECTOR_BYTES;
    inode.cache.copy(inode.device, at, at, Math.min(at + SECTOR_BYTES, inode.cache.length, inode.device.length));
  };
  const setDeviceSize = (inode: Inode, length: number) => {
    const sized = Buffer.alloc(length);
    inode.device.copy(sized);
    inode.device = sized;
  };
  const flush = (inode: Inode) => {
    if (inode.device.length !== inode.cache.length) setDeviceSize(inode, inode.cache.length);
    for (const sector of inode.dirty) flushSector(inode, sector);
    inode.dirty.clear();
  };
  /** Some of what is not flushed reaches the device, as it happens. */
  const flushSome = (inode: Inode) => {
    if (inode.device.length !== inode.cache.length && random.chance(0.5)) setDeviceSize(inode, inode.cache.length);
    for (const sector of inode.dirty) if (random.chance(0.5)) flushSector(inode, sector);
  };
  const fails = () => faults.eioRate > 0 && random.chance(faults.eioRate);

  const fileOf = (inode: Inode): JournalFile => ({
    read: (target, offset, length, position) =>
      operate(() =>
        position >= inode.cache.length
          ? 0
          : inode.cache.copy(target, offset, position, Math.min(position + length, inode.cache.length)),
      ),
    write: (bytes, position) =>
      operate(
        () => {
          if (fails()) {
            if (random.chance(0.5)) write(inode, bytes.subarray(0, random.below(bytes.length)), position);
            throw errno('EIO', 'input/output error');
          }
          const short = faults.shortWriteRate > 0 && bytes.length > 1 && random.chance(faults.shortWriteRate);
          return write(inode, short ? bytes.subarray(0, 1 + random.below(bytes.length - 1)) : bytes, position);
        },
        () => write(inode, bytes.subarray(0, random.below(bytes.length + 1)), position),
      ),
    fdatasync: () =>
      operate(
        () => {
          if (!fails()) return flush(inode);
          flushSome(inode);
          inode.dirty.clear();
          throw errno('EIO', 'input/output error');
        },
        () => flushSome(inode),
      ),
    truncate: (length) => operate(() => resize(inode, length)),
    size: () => operate(() => inode.cache.length),
    close: () => operate(() => {}),
  });

  const fs: JournalFs = {
    makeDirectory: () => operate(() => {}),
    list: () =>
      operate(() => [...cached].map(([name, { cache }]) => ({ name, kind: 'file' as const, sizeBytes: cache.length }))),
    open(path, mode) {
      const name = basename(path);
      const make = () => {
        const inode = { cache: Buffer.alloc(0), device: Buffer.alloc(0), dirty: new Set<number>() };
        change((entries) => entries.set(name, inode));
        return inode;
      };
      return operate(
        () => {
          const there = cached.get(name);
          if (mode === 'create' && there) throw errno('EEXIST', name);
          if (mode !== 'create' && !there) throw errno('ENOENT', name);
          return fileOf(there ?? make());
        },
        () => {
          if (mode === 'create' && !cached.has(name)) make();
        },
      );
    },
    rename(from, to) {
      const [source, target] = [basename(from), basename(to)];
      const work = () => {
        const inode = cached.get(source);
        if (!inode) throw errno('ENOENT', source);
        change((entries) => {
          entries.delete(source);
          entries.set(target, inode);
        });
      };
      return operate(work, work);
    },
    unlink(path) {
      const name = basename(path);
      const work = () => {
        if (!cached.has(name)) throw errno('ENOENT', name);
        change((entries) => entries.delete(name));
      };
      return operate(work, () => cached.has(name) && work());
    },
    syncDirectory: () =>
      operate(() => {
        for (const one of changes) one(durable);
        changes = [];
      }),
    freeBytes: () => operate(() => faults.freeBytes ?? faults.capacityBytes - total()),
    lock: async () => ({ release: async () => {} }),
  };

  /** What a process does after its end has no effect, also when the next one lives already. */
  const ofLife = (): JournalFs => {
    const mine = life;
    const whileAlive =
      <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
      (...args: A): Promise<R> =>
        mine === life ? work(...args) : never;
    const file = (of: JournalFile): JournalFile => ({
      read: whileAlive(of.read),
      write: whileAlive(of.write),
      fdatasync: whileAlive(of.fdatasync),
      truncate: whileAlive(of.truncate),
      size: whileAlive(of.size),
      close: whileAlive(of.close),
    });
    return {
      makeDirectory: whileAlive(fs.makeDirectory),
      list: whileAlive(fs.list),
      open: whileAlive((path, mode) => fs.open(path, mode).then(file)),
      rename: whileAlive(fs.rename),
      unlink: whileAlive(fs.unlink),
      syncDirectory: whileAlive(fs.syncDirectory),
      freeBytes: whileAlive(fs.freeBytes!),
      lock: fs.lock,
    };
  };

  return {
    process: ofLife,
    isDead: () => dead,
    start(count) {
      left = count;
      dead = false;
      life += 1;
    },
    setFaults(next) {
      faults = next;
    },
    names: () => [...cached.keys()],
    kindOf: (name) => cached.get(name)?.cache[10],
    rot(name) {
      const inode = cached.get(name);
      if (!inode || inode.cache.length === 0) return false;
      const at = random.below(inode.cache.length);
      inode.cache[at] = inode.cache[at]! ^ (1 << random.below(8));
      if (at < inode.device.length) inode.device[at] = inode.cache[at]!;
      return true;
    },
    recover(powerCut) {
      if (!powerCut) return;
      const kept = random.below(changes.length + 1);
      for (const one of changes.slice(0, kept)) one(durable);
      changes = [];
      cached = new Map(durable);
      durable = new Map(durable);
      for (const inode of new Set(cached.values())) {
        const torn = [...inode.dirty][random.below(inode.dirty.size * 2)];
        flushSome(inode);
        if (torn !== undefined && torn * SECTOR_BYTES < inode.device.length) {
          random.fill(inode.device.subarray(torn * SECTOR_BYTES, (torn + 1) * SECTOR_BYTES));
        }
        inode.dirty.clear();
        inode.cache = Buffer.from(inode.device);
      }
    },
    totalBytes: total,
    maxTotalBytes: () => mostBytes,
    operations: () => operations,
  };
}
