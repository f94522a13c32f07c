/**
 * The operating system as `doctor` and `scan` look at it, read only: files below a root, programs run to their end, the
 * user who asks. Given as a whole, so that tests show them a board that is a directory.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink, stat, statfs } from 'node:fs/promises';
import { basename } from 'node:path';

export interface FileFacts {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly isDirectory: boolean;
}

/** Questions to files: what is not there, or may not be seen, is undefined or empty. Paths are absolute. */
export interface SystemFiles {
  /** Without white space around it. */
  text(path: string): Promise<string | undefined>;
  /** Sorted; `i2c-2` before `i2c-10`. */
  list(path: string): Promise<readonly string[]>;
  facts(path: string): Promise<FileFacts | undefined>;
  /** The last part of where a link leads. */
  target(path: string): Promise<string | undefined>;
  /** Of the file system that holds a path. `type` is its magic number of statfs(2). */
  space(
    path: string,
  ): Promise<{ readonly availableBytes: number; readonly totalBytes: number; readonly type: number } | undefined>;
}

export interface Finished {
  /** Null when a signal or the time limit ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
/** Runs a program to its end; undefined if it is not installed. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<Finished | undefined>;

export interface User {
  readonly uid: number;
  readonly gids: readonly number[];
}

export interface System {
  /** Put before the paths of the system; '' is the real one. */
  readonly root: string;
  readonly files: SystemFiles;
  readonly run: RunProgram;
  readonly user: User;
  readonly platform: NodeJS.Platform;
  readonly nodeVersion: string;
  /** Where programs are looked for. */
  readonly path: string | undefined;
  /** An optional native package, by name. */
  readonly load: (name: NativePackage) => Promise<unknown>;
}

export type NativePackage = 'i2c-bus' | 'onoff' | 'node-unix-socket';

const PROGRAM_MS = 5_000;

/** Written out, so that the bundler leaves each of them outside. */
const LOADERS: Readonly<Record<NativePackage, () => Promise<unknown>>> = {
  'i2c-bus': () => import('i2c-bus'),
  onoff: () => import('onoff'),
  'node-unix-socket': () => import('node-unix-socket'),
};

const orUndefined = <T>(work: Promise<T>): Promise<T | undefined> => work.catch(() => undefined);

export function systemFiles(root = ''): SystemFiles {
  return {
    text: (path) => orUndefined(readFile(root + path, 'utf8').then((text) => text.replaceAll('\0', '').trim())),
    list: async (path) =>
      ((await orUndefined(readdir(root + path))) ?? []).sort((a, b) => a.localeCompare(b, 'en', { numeric: true })),
    facts: (path) =>
      orUndefined(
        stat(root + path).then((found) => ({
          mode: found.mode & 0o7777,
          uid: found.uid,
          gid: found.gid,
          isDirectory: found.isDirectory(),
        })),
      ),
    target: (path) => orUndefined(readlink(root + path).then((to) => basename(to))),
    space: (path) =>
      orUndefined(
        statfs(root + path).then(({ bsize, blocks, bavail, type }) => ({
          availableBytes: bsize * bavail,
          totalBytes: bsize * blocks,
          type,
        })),
      ),
  };
}

function runner(env: NodeJS.ProcessEnv): RunProgram {
  return (program, args) =>
    new Promise((resolve) => {
      // Answers are read by their English text.
      const options = { timeout: PROGRAM_MS, env: { ...env, LC_ALL: 'C' } };
      execFile(program, [...args], options, (error, stdout, stderr) => {
        if (error?.code === 'ENOENT') return resolve(undefined);
        const status = error ? (typeof error.code === 'number' ? error.code : null) : 0;
        resolve({ status, stdout, stderr });
      });
    });
}

/** The system on which the program runs. */
export function realSystem(env: NodeJS.ProcessEnv): System {
  return {
    root: '',
    files: systemFiles(),
    run: runner(env),
    user: { uid: process.getuid?.() ?? 0, gids: [process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])] },
    platform: process.platform,
    nodeVersion: process.versions.node,
    path: env.PATH,
    load: (name) => LOADERS[name](),
  };
}
