/**
 * Builds dist/:
 *
 *   sedge.mjs     the launcher (scripts/launcher.mjs): checks the Node version, loads the bundle
 *   sedge.cjs     everything else, one minified file; native packages stay outside
 *   sedge.cache   V8's compiled code of it, for the Node that built it; any other Node ignores it
 *   page.*       the page of the local API: html, one js, one css; read from disk only when a browser asks
 *   compile.mjs   makes that again, for the Node that runs it: where a package is installed
 *   aedes.cjs     the demo's broker, so that the service never reads it
 *   types/        what a driver and a simulation of a user's own are: `sedge/driver`, `sedge/simulation`
 *   THIRD_PARTY_LICENSES.txt
 *
 * `node scripts/build.mjs DIR` builds there instead. SOURCE_DATE_EPOCH (in seconds) is the date of the build, if it is set.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { compile } from './compile.mjs';

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

/**
 * mqtt-packet keeps a buffer of four bytes for each length that a packet ever had, and each holds the 8 KB that it was cut from: 3 MB
 * in the first 90 minutes of a station, 128 MB at the worst. Made anew each time, it costs nothing that we can measure.
 */
const forgetful = {
  name: 'forgetful',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]mqtt-packet[\\/]writeToStream\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const contents = text.replace('if (num < 16384) varByteIntCache[num] = buffer', '');
      if (contents === text) throw new Error(`${path} is not as it was: look whether it still keeps its buffers`);
      return { contents };
    });
  },
};

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
    'import.meta.dirname': '__dirname',
  },
  // import() becomes require(): the bundle runs in a vm.Script, which has no import() (see src/import.ts).
  supported: { 'dynamic-import': false },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
};

rmSync(dist, { recursive: true, force: true });
const main = await build({
  ...common,
  entryPoints: { sedge: 'src/main.ts' },
  plugins: [apart('aedes'), untraced, forgetful],
});
const broker = await build({ ...common, entryPoints: { aedes: 'aedes' }, plugins: [untraced, forgetful] });

// The launcher runs the bundle as Node runs a CommonJS file, inside a function; the last name is the launcher's.
const bundle = join(dist, 'sedge.cjs');
const source = `(function(exports,require,module,__filename,__dirname,SEDGE_IMPORT){${readFileSync(bundle, 'utf8')}\n})`;
writeFileSync(bundle, source);
copyFileSync(join(root, 'scripts', 'launcher.mjs'), join(dist, 'sedge.mjs'));
chmodSync(join(dist, 'sedge.mjs'), 0o755);

copyFileSync(join(root, 'scripts', 'compile.mjs'), join(dist, 'compile.mjs'));
await compile(dist);

const page = await build({
  absWorkingDir: root,
  outdir: dist,
  entryPoints: { page: 'page/main.ts', 'page.css': 'page/page.css' },
  entryNames: '[dir]/page',
  bundle: true,
  minify: true,
  target: ['es2022', 'chrome110', 'firefox115', 'safari16'],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
for (const name of ['page.html', 'page.svg']) copyFileSync(join(root, 'page', name), join(dist, name));

writeFileSync(join(dist, 'THIRD_PARTY_LICENSES.txt'), licences([main.metafile, broker.metafile, page.metafile]));
const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
execFileSync(process.execPath, [compiler, '-p', 'tsconfig.types.json', '--outDir', join(dist, 'types')], {
  cwd: root,
  stdio: 'inherit',
});

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
