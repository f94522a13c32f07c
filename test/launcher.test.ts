/** scripts/launcher.mjs: what stands between the shebang and the bundle. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const LAUNCHER = join(import.meta.dirname, '..', 'scripts', 'launcher.mjs');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-launcher-'));
  copyFileSync(LAUNCHER, join(directory, 'sedge.mjs'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const bundle = (body: string) =>
  writeFileSync(
    join(directory, 'sedge.cjs'),
    `(function(exports,require,module,__filename,__dirname,SEDGE_IMPORT){exports.runProcess=async()=>{${body}}})`,
  );
const launch = (...flags: readonly string[]) =>
  new Promise<{ status: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [...flags, join(directory, 'sedge.mjs')], (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
/** Makes Node say that it is another version, before the launcher is read. */
const pretend = (version: string) =>
  `--import=data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`;

describe('the launcher', () => {
  it('refuses a Node that is too old in one sentence', async () => {
    bundle('console.log("started")');
    for (const version of ['18.20.4', '20.18.3', '12.22.12']) {
      expect(await launch(pretend(version))).toEqual({
        status: 1,
        stdout: '',
        stderr: `sedge needs Node 20.19 or later, this is ${version}: install a newer Node and run this again\n`,
      });
    }
  });

  it('runs with 20.19 and all later ones', async () => {
    bundle('console.log("started")');
    for (const version of ['20.19.0', '22.3.0', '100.0.0'])
      expect(await launch(pretend(version))).toMatchObject({ status: 0, stdout: 'started\n' });
  });

  it('starts without compiled code, and with such of another Node', async () => {
    bundle('console.log("started")');
    expect(await launch()).toEqual({ status: 0, stdout: 'started\n', stderr: '' });
    writeFileSync(join(directory, 'sedge.cache'), 'of another Node');
    expect(await launch()).toEqual({ status: 0, stdout: 'started\n', stderr: '' });
  });

  it('lends the bundle an import() that takes ES modules', async () => {
    writeFileSync(join(directory, 'driver.mjs'), 'export default await Promise.resolve("imported");');
    bundle('console.log((await SEDGE_IMPORT("file://" + __dirname + "/driver.mjs")).default)');
    expect(await launch()).toEqual({ status: 0, stdout: 'imported\n', stderr: '' });
  });
});
