/**
 * Builds dist/:
 *
 *   sedge.mjs     the launcher (scripts/launcher.mjs): checks the Node version, loads the bundle
 *   sedge.cjs     everything else, one minified file; native packages stay outside
 *   sedge.cache   V8's compiled code of it, for the Node that built it; any other Node ignores it
 *   aedes.cjs     the demo's broker, so that the service never reads it
 *   THIRD_PARTY_LICENSES.txt
 *
 * `node scripts/build.mjs DIR` builds there instead. SOURCE_DATE_EPOCH (in seconds) is the date of the build, if it is set.
 */
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, 'dist'));
const { SOURCE_DATE_EPOCH } = process.env;
const builtAtMs = SOURCE_DATE_EPOCH === undefined ? Date.now() : Number(SOURCE_DATE_EPOCH) * 1000;
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** Compiled for this machine, or not there: found in node_modules at run time. */
const NATIVE = ['i2c-bus', 'onoff', 'node-unix-socket'];

/** A package that becomes a file of its own beside the bundle, and is read only when it is imported. */
const apart = (name) => ({
  name: `apart-${name}`,
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^${name}$`) }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: `./${name}.cjs`, external: true },
    );
  },
});

/**
 * `debug` is how MQTT.js and mqtt-packet trace themselves; off, it still makes an array for each call. Nothing of ours turns
 * it on, so it becomes nothing.
 */
const untraced = {
  name: 'untraced',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^debug$/ }, () => ({ path: 'debug', namespace: 'untraced' }));
    onLoad({ filter: /.*/, namespace: 'untraced' }, () => ({
      contents:
        'const silent = () => {}; silent.enabled = false; silent.extend = () => silent; module.exports = () => silent;',
    }));
  },
};

/** Long enough to start and to fail to connect. */
const WARM_UP_MS = 400;

const common = {
  absWorkingDir: root,
  outdir: dist,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  external: NATIVE,
  define: {
    SEDGE_VERSION: JSON.stringify(version),
    SEDGE_BUILT_AT_MS: String(builtAtMs),
    // node-cron looks where it is when it is loaded; what it would start from there is its own runner, which is not used.
    'import.meta.url': '"file:///sedge.cjs"',
  },
  // import() becomes require(): the bundle runs in a vm.Script, which has no import() (see src/import.ts).
  supported: { 'dynamic-import': false },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

rmSync(dist, { recursive: true, force: true });
const main = await build({ ...common, entryPoints: { sedge: 'src/main.ts' }, plugins: [apart('aedes'), untraced] });
const broker = await build({ ...common, entryPoints: { aedes: 'aedes' }, plugins: [untraced] });

// The launcher runs the bundle as Node runs a CommonJS file, inside a function; the last name is the launcher's.
const bundle = join(dist, 'sedge.cjs');
const source = `(function(exports,require,module,__filename,__dirname,SEDGE_IMPORT){${readFileSync(bundle, 'utf8')}\n})`;
writeFileSync(bundle, source);
copyFileSync(join(root, 'scripts', 'launcher.mjs'), join(dist, 'sedge.mjs'));
chmodSync(join(dist, 'sedge.mjs'), 0o755);

const script = new Script(source, { filename: bundle });
const loaded = { exports: {} };
script.runInThisContext()(loaded.exports, createRequire(bundle), loaded, bundle, dist, (name) => import(name));
await warmUp(loaded.exports.main);
writeFileSync(join(dist, 'sedge.cache'), script.createCachedData());

writeFileSync(join(dist, 'THIRD_PARTY_LICENSES.txt'), licences([main.metafile, broker.metafile]));

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
    version,
    signal: stop.signal,
    onHangup() {},
    onStray() {},
  };
  const status = await main(['run', '--config', config], io);
  rmSync(directory, { recursive: true, force: true });
  if (status !== 0) console.warn(`the warm-up ended with ${status}: sedge.cache holds less than it could`);
}

/** The licence of each package whose code is in the bundles. */
function licences(metafiles) {
  const directories = new Set();
  for (const { inputs } of metafiles)
    for (const input of Object.keys(inputs)) {
      const found = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
      if (found) directories.add(join(root, found[0]));
    }
  const texts = [...directories].sort().map((directory) => {
    const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const file = readdirSync(directory).find((name) => /^(licen[cs]e|copying)(\.|$)/i.test(name));
    const text = file === undefined ? 'No licence file in the package.' : readFileSync(join(directory, file), 'utf8');
    return `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})\n\n${text.trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(78)}\n\n`);
}
