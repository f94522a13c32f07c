/** What dpkg itself reads: control, checksums, maintainer scripts; and the copyright and changelog that policy asks for. */
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compressed, everything, put } from './tree.mjs';

const MAINTAINER = 'Sedge contributors <sedge@packages.invalid>';
const SCRIPTS = ['postinst', 'prerm', 'postrm'];

/** Debian 13's Node is 20.19. systemd: systemd-sysusers at install, systemd-notify where node-unix-socket does not load; /etc/credstore since 252. */
const DEPENDS = ['nodejs (>= 20.19)', 'libc6 (>= 2.34)', 'libgcc-s1', 'libstdc++6 (>= 11)', 'systemd (>= 252)'];

export function controlFiles({ root, tree, arch, version, epoch, licences }) {
  const { description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [, rest] = description.split(': ');
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');

  put(
    tree,
    'usr/share/doc/sedge/changelog.Debian.gz',
    compressed(`sedge (${version}) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- ${MAINTAINER}  ${date}\n`),
  );
  put(tree, 'usr/share/doc/sedge/copyright', copyright(root, licences));

  const files = [...everything(tree)].filter((path) => lstatSync(path).isFile());
  const kilobytes = Math.ceil(files.reduce((sum, path) => sum + Math.ceil(lstatSync(path).size / 1024), 0));
  const sums = files.map(
    (path) => `${createHash('md5').update(readFileSync(path)).digest('hex')}  ${relative(tree, path)}\n`,
  );
  put(
    tree,
    'DEBIAN/control',
    `Package: sedge
Version: ${version}
Architecture: ${arch}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: ${DEPENDS.join(', ')}
Recommends: gpiod
Suggests: mosquitto
Section: science
Priority: optional
Description: measuring station for single board computers, with a crash-safe journal
${wrapped(`Sedge ${rest}`)}`,
  );
  put(tree, 'DEBIAN/md5sums', sums.join(''));
  for (const name of SCRIPTS) put(tree, `DEBIAN/${name}`, readFileSync(join(root, 'scripts/deb', name)), 0o755);
}

/** Ours, and that of every package whose code is in the bundle or beside it. */
function copyright(root, licences) {
  const ours = `Sedge\n\n${readFileSync(join(root, 'LICENSE'), 'utf8')}\nThe package contains code of others:\n`;
  return [ours, ...licences].join(`\n${'-'.repeat(78)}\n\n`);
}

/** Lines of at most 76 characters, each after a space: a description in a control file (deb-control(5)). */
const wrapped = (text) => text.replaceAll(/(.{1,76})(?: |$)/g, ' $1\n');
