/**
 * A journal's file system that fails on command: the n-th operation of a kind, once or from then on until it is mended, a
 * write that takes only a part, or operations that do not come back until then, and are done all the same. Counts what was
 * done, so that a sweep knows when it has been through all of them.
 */
import { basename } from 'node:path';
import { errno, type JournalFile, type JournalFs } from '../../src/journal/fs.ts';
import { memoryFs } from '../../src/journal/memory.ts';

export const KINDS = [
  'makeDirectory',
  'list',
  'open',
  'read',
  'write',
  'fdatasync',
  'truncate',
  'size',
  'close',
  'rename',
  'unlink',
  'syncDirectory',
] as const;
export type Kind = (typeof KINDS)[number];

export interface Plan {
  readonly kind: Kind;
  /** Counts from 1. */
  readonly nth: number;
  readonly code: string;
  /** From the n-th on, until `mend`; otherwise only the n-th. */
  readonly lasting?: boolean;
  /** A write that takes half of what it was given, instead of an error. */
  readonly short?: boolean;
  /** From the n-th on no operation of any kind comes back until `mend`; then all are done, in order. */
  readonly hang?: boolean;
}

export interface FailingFs {
  readonly fs: JournalFs;
  plan(plan: Plan | undefined): void;
  /** Nothing fails any more. */
  mend(): void;
  /** Whether the planned failure has happened. */
  readonly hasFailed: boolean;
  /** Operations that have not come back. */
  readonly hanging: number;
  /** Files that are open, and locks that are held. */
  readonly held: number;
  /** Files that were flushed again after a flush of theirs had failed: must stay empty. */
  readonly flushedAgain: readonly string[];
}

export function failingFs(inner: JournalFs = memoryFs()): FailingFs {
  let plan: Plan | undefined;
  let count = 0;
  let hasFailed = false;
  const flushedAgain: string[] = [];

  let held = 0;
  let hanging: (() => void)[] = [];
  /** Undefined: go on. 'short': take half. Rejects if it is time to; does not come back if it is that time. */
  const strikes = async (kind: Kind): Promise<'short' | undefined> => {
    if (plan?.hang && hasFailed) return hang();
    if (plan?.kind !== kind) return undefined;
    count += 1;
    if (plan.lasting ? count < plan.nth : count !== plan.nth) return undefined;
    hasFailed = true;
    if (plan.hang) return hang();
    if (plan.short) return 'short';
    throw errno(plan.code, `${kind} number ${count}`);
  };
  const hang = () => new Promise<undefined>((resolve) => hanging.push(() => resolve(undefined)));

  const fileOf = (file: JournalFile, path: string): JournalFile => {
    let isDistrusted = false;
    return {
      async read(target, targetOffset, length, position) {
        await strikes('read');
        return file.read(target, targetOffset, length, position);
      },
      async write(bytes, position) {
        const half = (await strikes('write')) === 'short' ? bytes.subarray(0, Math.ceil(bytes.length / 2)) : bytes;
        return file.write(half, position);
      },
      async fdatasync() {
        if (isDistrusted) flushedAgain.push(basename(path));
        try {
          await strikes('fdatasync');
          await file.fdatasync();
        } catch (error) {
          isDistrusted = true;
          throw error;
        }
      },
      async truncate(length) {
        await strikes('truncate');
        return file.truncate(length);
      },
      async size() {
        await strikes('size');
        return file.size();
      },
      async close() {
        await file.close();
        held -= 1;
        await strikes('close');
      },
    };
  };
  return {
    fs: {
      async makeDirectory(path) {
        await strikes('makeDirectory');
        return inner.makeDirectory(path);
      },
      async list(path) {
        await strikes('list');
        return inner.list(path);
      },
      async open(path, mode) {
        await strikes('open');
        const file = fileOf(await inner.open(path, mode), path);
        held += 1;
        return file;
      },
      async rename(from, to) {
        await strikes('rename');
        return inner.rename(from, to);
      },
      async unlink(path) {
        await strikes('unlink');
        return inner.unlink(path);
      },
      async syncDirectory(path) {
        await strikes('syncDirectory');
        return inner.syncDirectory(path);
      },
      async lock(path) {
        const lock = await inner.lock(path);
        held += 1;
        return {
          async release() {
            held -= 1;
            await lock.release();
          },
        };
      },
    },
    plan(next) {
      plan = next;
      count = 0;
      hasFailed = false;
    },
    mend() {
      plan = undefined;
      const back = hanging;
      hanging = [];
      for (const comeBack of back) comeBack();
    },
    get hasFailed() {
      return hasFailed;
    },
    get hanging() {
      return hanging.length;
    },
    get held() {
      return held;
    },
    flushedAgain,
  };
}
