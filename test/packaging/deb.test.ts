/** `npm run package:deb`: what the Debian package holds, and that it is the same bytes each time. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const has = (program: string) => spawnSync(program, ['--version']).status === 0;
const isBuilt = spawnSync('node', ['-e', 'require("i2c-bus"); require("epoll")'], { cwd: REPOSITORY }).status === 0;
const reason = !has('dpkg-deb')
  ? 'dpkg-deb is missing: runs on Debian'
  : isBuilt
    ? undefined
    : 'the native packages are not compiled here: runs in CI';

describe.skipIf(reason)(`the Debian package${reason ? ` (${reason})` : ''}`, () => {
  let directory: string;
  let tree: string;
  const make = (out: string): string =>
    execFileSync('node', ['scripts/package-deb.mjs', '--out', join(directory, out)], {
      cwd: REPOSITORY,
      encoding: 'utf8',
      env: { ...process.env, SOURCE_DATE_EPOCH: '1790000000' },
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  let file: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sedge-deb-test-'));
    tree = join(directory, 'tree');
    file = make('one');
    execFileSync('dpkg-deb', ['-R', file, tree]);
  }, 120_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const read = (path: string) => readFileSync(join(tree, path), 'utf8');

  const inCi = process.env.CI === 'true';
  it.skipIf(!inCi)(
    `is the same bytes each time${inCi ? '' : ' (takes long: runs in CI)'}`,
    () => {
      const sum = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
      expect(sum(make('two'))).toBe(sum(file));
    },
    120_000,
  );

  it('comes with a checksum, by which a package that was changed on its way is refused', () => {
    const check = () =>
      spawnSync('sha256sum', ['-c', '--strict', 'SHA256SUMS'], { cwd: join(directory, 'one') }).status;
    expect(check()).toBe(0);
    const bytes = readFileSync(file);
    try {
      writeFileSync(file, Buffer.concat([bytes.subarray(0, -1), Buffer.of(bytes.at(-1)! ^ 1)]));
      expect(check()).toBe(1);
    } finally {
      writeFileSync(file, bytes);
    }
  });

  it('holds a program that runs from where it will be, with its native packages', () => {
    expect(readlinkSync(join(tree, 'usr/bin/sedge'))).toBe('../lib/sedge/dist/sedge.mjs');
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
    expect(execFileSync(join(tree, 'usr/bin/sedge'), ['--version'], { encoding: 'utf8' })).toBe(`${version}\n`);
    const script = `require('i2c-bus'); require('onoff'); require('node-unix-socket')`;
    execFileSync('node', ['-e', script], { cwd: join(tree, 'usr/lib/sedge') });
    // As postinst does, for the Node that is there.
    execFileSync('node', [join(tree, 'usr/lib/sedge/dist/compile.mjs')]);
    expect(statSync(join(tree, 'usr/lib/sedge/dist/sedge.cache')).size).toBeGreaterThan(100_000);
  });

  it('depends on the oldest Node that the program takes', () => {
    const { engines } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    expect(read('DEBIAN/control')).toContain(`nodejs (>= ${engines.node.replace('>=', '')})`);
  });

  it("has the shipped unit with the package's paths, and what makes its user and devices", () => {
    const unit = read('usr/lib/systemd/system/sedge.service');
    expect(unit).toContain('ExecStart=/usr/bin/node /usr/lib/sedge/dist/sedge.mjs run --config /etc/sedge/sedge.yaml');
    expect(unit).not.toContain('/opt/sedge');
    for (const [path, name] of [
      ['usr/lib/sysusers.d/sedge.conf', 'sedge.sysusers.conf'],
      ['usr/lib/tmpfiles.d/sedge.conf', 'sedge.tmpfiles.conf'],
      ['usr/lib/udev/rules.d/60-sedge.rules', 'sedge.rules'],
    ] as const)
      expect(read(path)).toBe(readFileSync(join(REPOSITORY, 'systemd', name), 'utf8'));
  });

  it('brings no configuration file of its own: one is made where there is none, and only purge erases it', () => {
    const listed = execFileSync('dpkg-deb', ['-c', file], { encoding: 'utf8' });
    expect(listed).not.toMatch(/ \.\/(etc|var)\//);
    expect(read('DEBIAN/postinst')).toContain('sedge service configure');
    expect(read('DEBIAN/postrm')).toMatch(
      /if \[ "\$1" = purge \][\s\S]*rm -rf [^\n]*\/var\/lib\/sedge[^\n]*\/etc\/sedge/,
    );
    expect(read('DEBIAN/prerm').match(/^.*\brm .*$/gm)).toEqual(['rm -f /usr/lib/sedge/dist/sedge.cache']);
  });

  it.skipIf(!inCi)(
    `keeps Debian's rules${inCi ? '' : ' (lintian takes long: runs in CI)'}`,
    () => {
      const { status, stdout } = spawnSync('lintian', ['--fail-on', 'error', file], { encoding: 'utf8' });
      expect(status, stdout).toBe(0);
    },
    120_000,
  );

  it('tells what it is made of, and how to use it', () => {
    const documents = join(tree, 'usr/share/doc/sedge');
    expect(JSON.parse(readFileSync(join(documents, 'sbom.cdx.json'), 'utf8'))).toMatchObject({
      bomFormat: 'CycloneDX',
    });
    for (const name of ['README.md', 'SECURITY.md', 'docs/service.md', 'copyright', 'changelog.gz'])
      expect(statSync(join(documents, name)).size, name).toBeGreaterThan(0);
    const manual = gunzipSync(readFileSync(join(tree, 'usr/share/man/man1/sedge.1.gz'))).toString();
    for (const command of ['run', 'service', 'doctor', 'receive']) expect(manual).toContain(`.SS sedge ${command}\n`);
  });

  it('holds nothing that looks like a key, a token or a password', () => {
    const files = readdirSync(tree, { recursive: true, encoding: 'utf8' }).map((name) => join(tree, name));
    const secret =
      /-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]{20}|\bnpm_[A-Za-z0-9]{36}\b|\bghp_[A-Za-z0-9]{36}\b|_authToken=/;
    const found = files.filter((file) => lstatSync(file).isFile() && secret.test(readFileSync(file, 'latin1')));
    expect(found).toEqual([]);
  });

  it('holds no secret, no test, no source map, and belongs to root', () => {
    const listed = execFileSync('dpkg-deb', ['-c', file], { encoding: 'utf8' });
    expect(listed).not.toMatch(/\.(pem|key|map|test\.ts|npmrc)$|\/\.[a-z]/m);
    expect(listed.split('\n').filter((line) => line !== '' && !line.includes(' root/root '))).toEqual([]);
    expect(statSync(file).size).toBeLessThan(2_000_000);
  });
});
