/**
 * The native packages that stay outside the bundle, found on the disk with what they need: they are copied beside the
 * program when it becomes a service, with the binaries that were built or chosen for this machine.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Optional, all of them: without one, what needs it says so. */
const NATIVE_PACKAGES = ['i2c-bus', 'onoff', 'node-unix-socket'] as const;
/** Headers for the compiler, not needed to run. */
const BUILD_ONLY: ReadonlySet<string> = new Set(['nan']);

export interface InstalledPackage {
  readonly name: string;
  /** Absolute. */
  readonly directory: string;
}

/** Those that are installed for the program at `root`, with their dependencies, each once, sorted by name. */
export function nativePackages(root: string): readonly InstalledPackage[] {
  const found = new Map<string, string>();
  const visit = (name: string, from: string) => {
    const directory = BUILD_ONLY.has(name) || found.has(name) ? undefined : packageDirectory(name, from);
    if (directory === undefined) return;
    found.set(name, directory);
    const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
      optionalDependencies?: Record<string, string>;
    };
    for (const needed of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }))
      visit(needed, directory);
  };
  for (const name of NATIVE_PACKAGES) visit(name, root);
  return [...found].map(([name, directory]) => ({ name, directory })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** As Node looks for it: in `node_modules` here and in each directory above. */
function packageDirectory(name: string, from: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (at === dirname(at)) return undefined;
  }
}

/** What a compiler left behind beside its result. */
export const isBuildRubbish = (path: string): boolean => /\/build\/(?:.*\/)?(?:obj\.target|\.deps)(?:\/|$)/.test(path);
