/**
 * The program's files, from where it was built to where the service runs it. The copy is made beside the old one and takes its
 * place in one step, and the old one is kept until the new one runs: an update that fails leaves things as they were.
 */
import { cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isBuildRubbish, nativePackages } from './packages.ts';
import { exists, note, type Step } from './steps.ts';

/** What is copied of a built program, beside its native packages. */
const PARTS = ['dist', 'systemd', 'package.json'];

/** The version in a program's package.json; undefined if there is no program. */
export async function versionAt(directory: string): Promise<string | undefined> {
  const text = await readFile(join(directory, 'package.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : ((JSON.parse(text) as { version?: string }).version ?? 'unknown');
}

/** No step when the same files are there. `shown` is the target as the person at the keyboard knows it. */
export async function copyProgram(source: string, target: string, shown: string): Promise<readonly Step[]> {
  if (source === target) return [note(`keep ${shown}: this is the program that runs`)];
  const packages = nativePackages(source);
  const pairs = [
    ...PARTS.map((part) => [join(source, part), part] as const),
    ...packages.map(({ name, directory }) => [directory, join('node_modules', name)] as const),
  ];
  if (await isSame(pairs, target)) return [];
  const names =
    packages.length > 0 ? packages.map(({ name }) => name).join(', ') : 'no native packages: none installed';
  const [fresh, old] = [`${target}.new`, `${target}.old`];
  return [
    {
      describe: `copy the program from ${source} to ${shown} (with ${names})`,
      async run() {
        await rm(fresh, { recursive: true, force: true });
        await mkdir(fresh, { recursive: true });
        for (const [from, to] of pairs)
          await cp(from, join(fresh, to), { recursive: true, dereference: true, filter: (path) => !isRubbish(path) });
        await rm(old, { recursive: true, force: true });
        if (await exists(target)) await rename(target, old);
        await rename(fresh, target);
      },
      async undo() {
        if (!(await exists(old))) return;
        await rm(target, { recursive: true, force: true });
        await rename(old, target);
      },
    },
  ];
}

/** The last step: nothing failed, so nothing goes back. */
export const forgetOld = (target: string): Step => ({
  describe: 'remove the copy of the program that was replaced',
  run: () => rm(`${target}.old`, { recursive: true, force: true }),
});

/** Debian packages made of this clone lie beside the bundle, and are not part of it. */
const isRubbish = (path: string): boolean => isBuildRubbish(path) || /\.deb$|\/SHA256SUMS$/.test(path);

/** Every file below, by its path from there; a file itself is ''. */
async function filesOf(path: string): Promise<readonly string[]> {
  const facts = await stat(path).catch(() => undefined);
  if (!facts) return [];
  if (!facts.isDirectory()) return [''];
  const names = (await readdir(path)).filter((name) => !isRubbish(join(path, name))).sort();
  const below = names.map(async (name) => (await filesOf(join(path, name))).map((rest) => join(name, rest)));
  return (await Promise.all(below)).flat();
}

async function isSame(pairs: readonly (readonly [from: string, to: string])[], target: string): Promise<boolean> {
  for (const [from, to] of pairs) {
    const [files, there] = await Promise.all([filesOf(from), filesOf(join(target, to))]);
    if (files.length === 0 || files.join('\n') !== there.join('\n')) return false;
    for (const name of files) {
      const [ours, theirs] = await Promise.all([readFile(join(from, name)), readFile(join(target, to, name))]);
      if (!ours.equals(theirs)) return false;
    }
  }
  return true;
}
