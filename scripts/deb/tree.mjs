/**
 * The files of the Debian package that are the same for every processor: the bundle, what systemd and udev read, documents.
 * Everything has the modes of Debian policy 10.9 whatever the umask, and one time.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sbomText } from '../sbom.mjs';
import { manual } from './manual.mjs';

/** Where the program is in the package; src/service/install.ts knows it as PLACES.packaged. */
export const PROGRAM = 'usr/lib/sedge';

export function put(tree, path, content, mode = 0o644) {
  const file = join(tree, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

/** With Debian's `-9n`: no name and no time in it. */
export const compressed = (content) => gzipSync(content, { level: 9 });

/** Gives the licences of what is in the bundle. */
export function addProgram({ root, tree, epoch, version }) {
  const dist = join(tree, PROGRAM, 'dist');
  mkdirSync(dist, { recursive: true });
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) };
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs'), dist], { env, stdio: ['ignore', 2, 2] });
  // Good for the Node that made it only, and never the same bytes twice.
  rmSync(join(dist, 'sedge.cache'), { force: true });
  const licences = readFileSync(join(dist, 'THIRD_PARTY_LICENSES.txt'), 'utf8');
  // They go into the package's copyright file.
  rmSync(join(dist, 'THIRD_PARTY_LICENSES.txt'));
  copyFileSync(join(root, 'package.json'), join(tree, PROGRAM, 'package.json'));
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/sedge/dist/sedge.mjs', join(tree, 'usr/bin/sedge'));

  const text = (name) => readFileSync(join(root, name), 'utf8');
  const unit = text('systemd/sedge.service').replace(
    /^# Sedge as a system service[^\n]*\n/,
    '# Sedge as a system service.\n',
  );
  put(tree, 'usr/lib/systemd/system/sedge.service', unit.replaceAll('/opt/sedge/', `/${PROGRAM}/`));
  put(tree, 'usr/lib/sysusers.d/sedge.conf', text('systemd/sedge.sysusers.conf'));
  put(tree, 'usr/lib/tmpfiles.d/sedge.conf', text('systemd/sedge.tmpfiles.conf'));
  put(tree, 'usr/lib/udev/rules.d/60-sedge.rules', text('systemd/sedge.rules'));

  const documents = 'usr/share/doc/sedge';
  for (const name of ['README.md', 'SECURITY.md']) put(tree, join(documents, name), text(name));
  for (const name of readdirSync(join(root, 'docs'))) put(tree, join(documents, 'docs', name), text(`docs/${name}`));
  put(tree, join(documents, 'sbom.cdx.json'), sbomText());
  put(tree, join(documents, 'changelog.gz'), compressed(text('CHANGELOG.md')));
  put(tree, 'usr/share/man/man1/sedge.1.gz', compressed(manual({ program: join(dist, 'sedge.mjs'), epoch, version })));
  return licences;
}

/** Every file, directory and link, the tree itself included; links are not followed. */
export function* everything(directory) {
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name);
    if (lstatSync(path).isDirectory()) yield* everything(path);
    else yield path;
  }
  yield directory;
}

/** 0755 for directories and what is executable, 0644 for the rest; and one time for all. */
export function setTimes(tree, epoch) {
  for (const path of everything(tree)) {
    const stat = lstatSync(path);
    if (!stat.isSymbolicLink()) chmodSync(path, stat.isDirectory() || stat.mode & 0o100 ? 0o755 : 0o644);
    lutimesSync(path, epoch, epoch);
  }
}
