/**
 * `npm run package:deb -- [--arch amd64|arm64|all] [--node 20,22,24] [--out DIR]`: makes sedge_<version>_<arch>.deb, for
 * `apt install ./sedge_*.deb`.
 *
 * - Needs Debian or a relative (dpkg-deb, strip); for arm64 on a PC: crossbuild-essential-arm64 and qemu-user-static.
 * - Reproducible: the same commit, packages and compiler give the same bytes. Every time in it is that of the commit, or
 *   SOURCE_DATE_EPOCH.
 * - Addons fit one major version of Node each. The default is Debian's Node and the one that runs this; --node takes others, and
 *   each Node then finds its own.
 *
 * Beside the packages it keeps SHA256SUMS of all that are there: `sha256sum -c SHA256SUMS` refuses one that was changed on its way.
 * The last line on stdout is the path of the package.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { controlFiles } from './deb/control.mjs';
import { addNativePackages } from './deb/native.mjs';
import { addProgram, setTimes } from './deb/tree.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const ARCHITECTURES = ['amd64', 'arm64'];
const HOST = { x64: 'amd64', arm64: 'arm64' }[process.arch];
/** Of Debian 13, and so of Raspberry Pi OS. */
const DEBIAN_NODE = '20';
const say = (line) => process.stderr.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: HOST },
    node: { type: 'string', default: [...new Set([DEBIAN_NODE, process.versions.node.split('.')[0]])].join(',') },
    out: { type: 'string', default: 'dist' },
  },
});
const architectures = values.arch === 'all' ? ARCHITECTURES : [values.arch];
const majors = values.node.split(',').map(Number);
const unknown = architectures.find((name) => !ARCHITECTURES.includes(name));
if (unknown !== undefined) {
  say(`--arch is ${ARCHITECTURES.join(', ')} or all, not ${JSON.stringify(unknown)}`);
  process.exit(2);
}

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const epoch = Number(
  process.env.SOURCE_DATE_EPOCH ?? execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }),
);
// A pre-release comes before its release: `~` sorts before the end (deb-version(7)).
const debVersion = `${version.replaceAll('-', '~')}-1`;
const out = resolve(root, values.out);
mkdirSync(out, { recursive: true });

for (const arch of architectures) {
  const staging = mkdtempSync(join(tmpdir(), 'sedge-deb-'));
  try {
    const tree = join(staging, 'root');
    say(`${arch}: the program`);
    const bundled = addProgram({ root, tree, epoch, version: debVersion });
    say(`${arch}: native packages, for Node ${majors.join(', ')}`);
    const licences = await addNativePackages({
      root,
      tree,
      work: join(staging, 'work'),
      arch,
      majors,
      host: HOST,
      say,
    });
    controlFiles({ root, tree, arch, version: debVersion, epoch, licences: [bundled, ...licences] });
    setTimes(tree, epoch);
    const file = join(out, `sedge_${debVersion}_${arch}.deb`);
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) };
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', tree, file], { env, stdio: ['ignore', 2, 2] });
    process.stdout.write(`${file}\n`);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

const packages = readdirSync(out).filter((name) => /^sedge_.*\.deb$/.test(name));
const sums = packages.sort().map((name) => {
  const sum = createHash('sha256')
    .update(readFileSync(join(out, name)))
    .digest('hex');
  return `${sum}  ${name}\n`;
});
writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
