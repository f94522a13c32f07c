/**
 * One driver's mutants, in a process of its own: a mutant may loop for ever, and only from outside can that be ended.
 *
 * The driver's tests, the conformance suite and its vectors are bundled once, all but the driver itself; each mutant is then
 * put in its place and everything runs again, in process. Asked for mutant N it answers with what noticed it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { build, type Plugin, transformSync } from 'esbuild';
import type { AnyDriver } from '../../src/driver.ts';
import { type Mutant, mutantsOf } from './rules.ts';
import { smallRunner } from './small-runner.ts';
import { WRAPPERS } from './wrappers.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Vector files that belong to a driver of another name. */
const MORE_VECTORS: Readonly<Record<string, readonly string[]>> = {
  iio: ['iio-sysfs'],
  bme280: ['bosch-timing'],
  bme680: ['bosch-timing'],
};

/** Tests of several drivers are in the file of one. */
const MORE_TESTS: Readonly<Record<string, readonly string[]>> = { sw420: ['pulse-counter'] };

type Module = { exports: Record<string, unknown> };
type Require = (path: string) => unknown;

export interface NumberedMutant extends Mutant {
  /** The file that it is in; undefined for a bug around the driver. */
  readonly file: string | undefined;
  readonly folder: 'drivers' | 'src';
}
export interface MutantBench {
  readonly mutants: readonly NumberedMutant[];
  /** What noticed the mutant, or undefined if it survives; without a mutant, what fails in the driver as it is. */
  try(mutant?: NumberedMutant): Promise<string | undefined>;
}

/** What drivers do through a file of src/: part of each that imports it. */
const SHARED: readonly (readonly [name: string, file: string])[] = [
  ['checkedWords', 'checked-words.ts'],
  ['isStuck', 'stuck.ts'],
];
const isShared = (file: string | undefined): boolean => SHARED.some(([, shared]) => shared === file);
const folderOf = (file: string | undefined): 'drivers' | 'src' => (isShared(file) ? 'src' : 'drivers');
const textOf = (file: string): string => readFileSync(join(ROOT, folderOf(file), file), 'utf8');

/** The driver's file, those of its formulas, and what it shares. */
function partsOf(driver: string): readonly string[] {
  const text = textOf(`${driver}.ts`);
  const formulas = [...text.matchAll(/ from '\.\/([a-z0-9-]+\.maths\.ts)';/g)].map(([, file]) => file!);
  const shared = SHARED.filter(([name]) => new RegExp(`\\b${name}\\b`).test(text)).map(([, file]) => file);
  return [...shared, ...formulas, `${driver}.ts`];
}

/** Keeps what is to be replaced, and the runner, out of a bundle. */
const left = (parts: readonly string[]): Plugin => ({
  name: 'left-out',
  setup({ onResolve }) {
    onResolve({ filter: /\/src\/driver\.ts$/ }, () => ({ path: 'driver-api', external: true }));
    onResolve({ filter: /\/[a-z0-9.-]+\.ts$/ }, ({ path }) => {
      const name = path.split('/').at(-1)!;
      const isDriver = parts.includes(name) && (/\/drivers\//.test(path) || path === `./${name}`);
      return isDriver ? { path: `driver:${name}`, external: true } : undefined;
    });
  },
});

async function bundle(contents: string, plugins: readonly Plugin[], dir = 'test/mutants'): Promise<Script> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: join(ROOT, dir), loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    external: ['vitest', 'i2c-bus', 'onoff'],
    // A vm.Script has no import().
    supported: { 'dynamic-import': false },
    // The tests look for what lies beside them.
    define: { 'import.meta.url': 'hereUrl' },
    logLevel: 'error',
    plugins: [...plugins],
  });
  // A driver's default export is its member of that name, as between modules, and not all that it exports.
  const text = outputFiles[0]!.text.replaceAll(/__toESM\((require\("driver:[^"]+"\)), 1\)/g, '__toESM($1)');
  return new Script(`(function (require, module, exports, hereUrl) {${text}\n})`);
}
function run(script: Script, require: Require, here: string): Record<string, unknown> {
  const module: Module = { exports: {} };
  script.runInThisContext()(require, module, module.exports, here);
  return module.exports;
}

export async function mutantBench(driver: string): Promise<MutantBench> {
  const parts = partsOf(driver);
  const runner = await smallRunner();
  const node = createRequire(import.meta.url);
  const here = new URL(`../drivers/${driver}.test.ts`, import.meta.url).href;
  const everybodys = await bundle(`export * from './driver.ts';`, [left(parts)], 'src');
  const tests = await bundle(
    `${[driver, ...(MORE_TESTS[driver] ?? [])].map((name) => `import '../drivers/${name}.test.ts';`).join('')} export { runFile } from '../vector-runner.ts';`,
    [left(parts)],
  );
  const vectors = [driver, ...(MORE_VECTORS[driver] ?? [])].flatMap((name) => {
    try {
      return [JSON.parse(readFileSync(join(ROOT, 'test', 'vectors', `${name}.json`), 'utf8'))];
    } catch {
      return [];
    }
  });

  const inFiles = parts.flatMap((file) =>
    mutantsOf(textOf(file)).map((mutant) => ({ ...mutant, file, folder: folderOf(file) })),
  );
  const moduleOf = (file: string, text: string, require: Require): Record<string, unknown> => {
    const module: Module = { exports: {} };
    const { code } = transformSync(text, { loader: 'ts', format: 'cjs', target: 'node20' });
    new Script(`(function (require, module, exports) {${code}\n})`, { filename: file }).runInThisContext()(
      require,
      module,
      module.exports,
    );
    return module.exports;
  };
  const requireWith = (mutant?: NumberedMutant): Require => {
    const loaded = new Map<string, unknown>([['vitest', runner.api]]);
    const require: Require = (path) => {
      if (loaded.has(path)) return loaded.get(path);
      const file = /^(?:driver:|\.\/)(.*\.ts)$/.exec(path)?.[1];
      if (file === undefined || !parts.includes(file)) return node(path);
      const found = moduleOf(file, mutant?.file === file ? mutant.text : textOf(file), require);
      const wrap = mutant?.file === undefined && mutant && file === `${driver}.ts` ? WRAPPERS[mutant.rule] : undefined;
      // A module's exports cannot be written to.
      const given = wrap ? { ...found, __esModule: true, default: wrap(found.default as AnyDriver) } : found;
      for (const name of [`driver:${file}`, `./${file}`]) loaded.set(name, given);
      return given;
    };
    const api = isShared(mutant?.file) || !plainApi ? run(everybodys, require, here) : plainApi;
    for (const name of ['driver-api', '../src/driver.ts']) loaded.set(name, api);
    return require;
  };
  let plainApi: Record<string, unknown> | undefined;
  const attempt = async (mutant?: NumberedMutant): Promise<string | undefined> => {
    const require = requireWith(mutant);
    try {
      const { runFile } = run(tests, require, here) as { runFile: typeof import('../vector-runner.ts').runFile };
      for (const file of vectors) {
        const { failures } = await runFile(file);
        if (failures.length > 0) {
          await runner.forget();
          return `vector ${failures[0]}`;
        }
      }
      return await runner.run();
    } catch (error) {
      await runner.forget();
      return `cannot be loaded: ${String(error)}`;
    }
  };
  const plainly = requireWith();
  plainApi = plainly('driver-api') as Record<string, unknown>;
  const plain = (plainly(`./${driver}.ts`) as { default: AnyDriver }).default;
  const around = Object.entries(WRAPPERS).flatMap(([rule, wrap]): NumberedMutant[] =>
    wrap(plain) ? [{ rule, line: 0, was: '', is: '', text: '', file: undefined, folder: 'drivers' }] : [],
  );
  return { mutants: [...around, ...inFiles], try: attempt };
}

if (process.send) {
  const bench = await mutantBench(process.argv[2]!);
  process.on('message', async (nth: number) => {
    process.send?.({ nth, noticed: await bench.try(bench.mutants[nth]) });
  });
  process.send({ mutants: bench.mutants.map(({ text: _text, ...mutant }) => mutant) });
}
