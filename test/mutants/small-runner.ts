/**
 * What the drivers' tests import from their runner, in a few lines: so that a thousand mutants can be tried in one process.
 * Tests run in their order and the first failure ends a run. `expect` is the runner's own.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

type Body = (...row: unknown[]) => unknown;
export interface SmallRunner {
  /** Stands for the module `vitest`. */
  readonly api: Readonly<Record<string, unknown>>;
  /** Runs what was registered since the last call. The name of the first test that fails, and why; undefined if none does. */
  run(): Promise<string | undefined>;
  /** Drops what was registered without running it. */
  forget(): Promise<void>;
}

export async function smallRunner(): Promise<SmallRunner> {
  // What the runner is made of, found from where it is.
  const fromRunner = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'));
  const matchers = await import(pathToFileURL(fromRunner.resolve('@vitest/expect')).href);
  const { chai } = matchers;
  for (const part of ['JestExtend', 'JestChaiExpect', 'JestAsymmetricMatchers']) chai.use(matchers[part]);
  const expect = (value: unknown, message?: string) => chai.expect(value, message);
  const asymmetric = (globalThis as Readonly<Record<symbol, object>>)[matchers.ASYMMETRIC_MATCHERS_OBJECT];
  Object.assign(expect, chai.expect, asymmetric);
  matchers.setState({ assertionCalls: 0 }, expect);

  let tests: { readonly name: string; readonly body: () => unknown }[] = [];
  let endings: (() => unknown)[] = [];
  const path: string[] = [];
  const add = (name: string, body: () => unknown) => tests.push({ name: [...path, name].join(' > '), body });
  const within = (name: string, body: () => unknown) => {
    path.push(name);
    body();
    path.pop();
  };
  const each =
    (register: (name: string, body: () => unknown) => unknown) =>
    (rows: readonly unknown[]) =>
    (name: string, body: Body): void => {
      for (const row of rows) register(name, () => (Array.isArray(row) ? body(...row) : body(row)));
    };

  return {
    api: {
      expect,
      it: Object.assign(add, { each: each(add) }),
      describe: Object.assign(within, { each: each(within) }),
      afterAll: (body: () => unknown) => endings.push(body),
    },
    async run() {
      const [now, after] = [tests, endings];
      [tests, endings] = [[], []];
      let failed: string | undefined;
      for (const { name, body } of now) {
        try {
          await body();
        } catch (error) {
          failed = `${name}: ${String(error).split('\n', 1)[0]}`;
          break;
        }
      }
      for (const body of after) await body();
      return failed;
    },
    async forget() {
      const after = endings;
      [tests, endings] = [[], []];
      for (const body of after) await body();
    },
  };
}
