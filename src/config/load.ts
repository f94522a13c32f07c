/**
 * The configuration from its file: found, read, checked, built. The only way in. Reads the file and the files it names,
 * touches no bus, broker or journal. Every problem is found at once; nothing of an invalid file is used.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isMap, isScalar } from 'yaml';
import type { AnyDriver } from '../driver.ts';
import { SedgeError } from '../errors.ts';
import { buildConfig, type ConfigFile } from './build.ts';
import { createChecker } from './checker.ts';
import { MAX_BYTES, parseTree, type Tree } from './document.ts';
import { readText } from './files.ts';
import { interpolate } from './interpolate.ts';
import { modeWarnings } from './secrets.ts';
import { isDriverPath, type KnownDrivers } from './sensor-spec.ts';
import { configSpec } from './spec.ts';
import type { Config, Problem } from './types.ts';
import { loadDriver } from './user-driver.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  readonly env: Env;
  /** What a relative `file` is relative to. */
  readonly cwd: string;
  readonly drivers: Readonly<Record<string, AnyDriver>>;
  readonly hostname: string;
}
export interface ParseOptions extends LoadOptions {
  /** As the user named it; paths in the text are relative to its directory, or to `cwd` without one. */
  readonly file?: string;
}
export type Loaded = { readonly config: Config } | { readonly problems: readonly Problem[] };

const DEFAULT_FILES = ['./sedge.yaml', '/etc/sedge/sedge.yaml'];
/** Files with drivers of their own that one configuration may name. */
const MAX_USER_DRIVERS = 100;

/** `sedge.yaml:3:5: sensors.air.every: ...`; a syntax error has no path. */
export function formatProblem({ file, line, column, path, message }: Problem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return [place, path, message].filter((part) => part !== undefined && part !== '').join(': ');
}

const isThere = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  );

/** The file to use, named as the user named it. Throws `config.missing`. */
export async function findConfig(given: string | undefined, { env, cwd }: { env: Env; cwd: string }): Promise<string> {
  const fromEnv = env.SEDGE_CONFIG || undefined;
  const named = given ?? fromEnv;
  if (named !== undefined) {
    if (await isThere(resolve(cwd, named))) return named;
    const by = given === undefined ? '$SEDGE_CONFIG' : '--config';
    throw new SedgeError('config.missing', `the configuration ${named} that ${by} names is not there`);
  }
  for (const file of DEFAULT_FILES) if (await isThere(resolve(cwd, file))) return file;
  throw new SedgeError(
    'config.missing',
    `no configuration was found: --config and $SEDGE_CONFIG are not given, and neither ${DEFAULT_FILES.join(' nor ')} is there; \`sedge scan\` prints one to start from`,
  );
}

export async function loadConfig(file: string, options: LoadOptions): Promise<Loaded> {
  const read = await readText(resolve(options.cwd, file), MAX_BYTES);
  if ('wrong' in read) return { problems: [{ file, message: `the configuration ${read.wrong}` }] };
  const loaded = await parseConfig(read.text, { ...options, file });
  if ('problems' in loaded) return loaded;
  const { config } = loaded;
  return { config: { ...config, warnings: [...modeWarnings(file, read), ...config.warnings] } };
}

/** The drivers that the sensors name by a path. */
async function userDrivers({ document }: Tree, env: Env, directory: string): Promise<KnownDrivers['files']> {
  const files: Map<string, Awaited<ReturnType<typeof loadDriver>>> = new Map();
  const sensors = isMap(document.contents) ? document.contents.get('sensors') : undefined;
  for (const { value } of isMap(sensors) ? sensors.items : []) {
    const written = isMap(value) ? value.get('driver', true) : undefined;
    const text = isScalar(written) && typeof written.value === 'string' ? interpolate(written.value, env) : undefined;
    if (!text || 'wrong' in text || !isDriverPath(text.text) || files.has(text.text)) continue;
    const full = files.size >= MAX_USER_DRIVERS;
    files.set(text.text, full ? { wrong: 'is one file too many' } : await loadDriver(resolve(directory, text.text)));
  }
  return files;
}

/** From a text. `file` is only a name for messages and the place that relative paths start from. */
export async function parseConfig(text: string, { file, env, cwd, drivers, hostname }: ParseOptions): Promise<Loaded> {
  const tree = parseTree(text);
  const named = file === undefined ? {} : { file };
  if (tree.syntax) {
    return { problems: [{ ...named, ...tree.position(tree.syntax.offset), message: tree.syntax.message }] };
  }
  const path = file === undefined ? undefined : resolve(cwd, file);
  const directory = path === undefined ? cwd : dirname(path);
  const known: KnownDrivers = { table: drivers, files: await userDrivers(tree, env, directory) };
  const checker = createChecker({ document: tree.document, env, directory });
  const checked = checker.check(configSpec(known), tree.document.contents, '') as ConfigFile | undefined;
  const config = checked && (await buildConfig(checked, checker, { env, hostname, drivers: known }));
  if (config && checker.found.length === 0) return { config: { ...config, ...(path !== undefined && { file: path }) } };
  const problems = checker.found
    .toSorted((a, b) => a.offset - b.offset)
    .map(({ offset, path, message }) => ({ ...named, ...tree.position(offset), path, message }));
  return { problems };
}
