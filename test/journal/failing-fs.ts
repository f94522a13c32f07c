/**
 * A journal's file system that fails on command: the n-th operation of a kind, once or from then on until it is mended, or a
 * write that takes only a part. Counts what was done, so that a sweep knows when it has been through all of them.
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
}

export interface FailingFs {
  readonly fs: JournalFs;
  plan(plan: Plan | undefined): void;
  /** Nothing fails any more. */
  mend(): void;
  /** Whether the planned failure has happened. */
  readonly hasFailed: boolean;
  /** Files that were flushed again after a flush of theirs had failed: must stay empty. */
  readonly flushedAgain: readonly string[];
}

export function failingFs(inner: JournalFs = memoryFs()): FailingFs {
  let plan: Plan | undefined;
  let count = 0;
  let hasFailed = false;
  const flushedAgain: string[] = [];

  /** Undefined: go on. 'short': take half. Throws if it is time to. */
  const strikes = (kind: Kind): 'short' | undefined => {
    if (plan?.kind !== kind) return undefined;
    count += 1;
    if (plan.lasting ? count < plan.nth : count !== plan.nth) return undefined;
    hasFailed = true;
    if (plan.short) return 'short';
    throw errno(plan.code, `${kind} number ${count}`);
  };

  const fileOf = (file: JournalFile, path: string): JournalFile => {
    let isDistrusted = false;
    return {
      async read(target, targetOffset, length, position) {
        strikes('read');
        return file.read(target, targetOffset, length, position);
      },
      async write(bytes, position) {
        const half = strikes('write') === 'short' ? bytes.subarray(0, Math.ceil(bytes.length / 2)) : bytes;
        return file.write(half, position);
      },
      async fdatasync() {
        if (isDistrusted) flushedAgain.push(basename(path));
        try {
          strikes('fdatasync');
          await file.fdatasync();
        } catch (error) {
          isDistrusted = true;
          throw error;
        }
      },
      async truncate(length) {
        strikes('truncate');
        return file.truncate(length);
      },
      async size() {
        strikes('size');
        return file.size();
      },
      async close() {
        await file.close();
        strikes('close');
      },
    };
  };
  return {
    fs: {
      async makeDirectory(path) {
        strikes('makeDirectory');
        return inner.makeDirectory(path);
      },
      async list(path) {
        strikes('list');
        return inner.list(path);
      },
      async open(path, mode) {
        strikes('open');
        return fileOf(await inner.open(path, mode), path);
      },
      async rename(from, to) {
        strikes('rename');
        return inner.rename(from, to);
      },
      async unlink(path) {
        strikes('unlink');
        return inner.unlink(path);
      },
      async syncDirectory(path) {
        strikes('syncDirectory');
        return inner.syncDirectory(path);
      },
      lock: (path) => inner.lock(path),
    },
    plan(next) {
      plan = next;
      count = 0;
      hasFailed = false;
    },
    mend() {
      plan = undefined;
    },
    get hasFailed() {
      return hasFailed;
    },
    flushedAgain,
  };
}
