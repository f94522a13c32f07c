/** Builds dist/: one minified bundle, native packages left outside. */
import { readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
await build({
  entryPoints: { sedge: 'src/main.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  minify: true,
  keepNames: false,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  external: ['i2c-bus', 'onoff', 'node-unix-socket'],
  define: { SEDGE_VERSION: JSON.stringify(version), SEDGE_BUILT_AT_MS: String(Date.now()) },
  banner: {
    js: "#!/usr/bin/env node\nimport{createRequire as __c}from'node:module';const require=__c(import.meta.url);",
  },
  logLevel: 'warning',
});
