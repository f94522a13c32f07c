/**
 * Makes sedge.cache beside the bundle: V8's compiled code of it, for the Node that runs this. Part of the build, and shipped with the
 * program for places where another Node runs it than built it: `node compile.mjs` there.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** Long enough to start and to fail to connect. */
const WARM_UP_MS = 400;

export async function compile(dist) {
  const bundle = join(dist, 'sedge.cjs');
  const script = new Script(readFileSync(bundle, 'utf8'), { filename: bundle });
  const loaded = { exports: {} };
  script.runInThisContext()(loaded.exports, createRequire(bundle), loaded, bundle, dist, (name) => import(name));
  await warmUp(loaded.exports.main);
  writeFileSync(join(dist, 'sedge.cache'), script.createCachedData());
}

/**
 * Starts and stops the service once, with an uplink that finds nobody: V8 keeps only functions that have run, and these are
 * the ones that every start needs. Where it cannot run, the cache is only smaller.
 */
async function warmUp(main) {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-build-'));
  const config = join(directory, 'sedge.yaml');
  writeFileSync(
    config,
    `version: 1
device: build
sensors: { value: { driver: mock, every: 1s } }
journal: { directory: ${JSON.stringify(join(directory, 'journal'))} }
uplinks: { nobody: { type: mqtt, url: "mqtt://127.0.0.1:1" } }
`,
  );
  const silent = { write: () => true };
  const stop = new AbortController();
  setTimeout(() => stop.abort(), WARM_UP_MS);
  const io = {
    stdout: silent,
    stderr: silent,
    env: {},
    cwd: directory,
    version: 'build',
    signal: stop.signal,
    onHangup() {},
    onStray() {},
  };
  const status = await main(['run', '--config', config], io);
  rmSync(directory, { recursive: true, force: true });
  if (status !== 0) console.warn(`the warm-up ended with ${status}: sedge.cache holds less than it could`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await compile(dirname(fileURLToPath(import.meta.url)));
  // What the warm-up loaded may hold the process open.
  process.exit(0);
}
