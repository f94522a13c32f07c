/**
 * `npm run sbom [-- --out FILE]`: what Sedge is made of, as CycloneDX 1.5 JSON (ECMA-424), from the lockfile alone: every package of
 * a production install with version, licence, hash and what it needs. The same lockfile gives the same bytes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const PREFIX = 'node_modules/';
/** Needed at the build only, and yet a part of what is shipped: their code goes into the live page. */
const BUNDLED = new Set(['uplot']);

/** Package URL: `@scope/name` has its `@` escaped (purl specification, type npm). */
const purl = (name, version) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** An SPDX id as an id, anything else as an expression or a name. */
function licences(text) {
  if (text === undefined) return {};
  if (/\b(AND|OR|WITH)\b/.test(text)) return { licenses: [{ expression: text }] };
  return { licenses: [{ license: /^[A-Za-z0-9.+-]+$/.test(text) ? { id: text } : { name: text } }] };
}

/** `sha512-<base64>` of the lockfile; CycloneDX wants hexadecimal. */
function hashes(integrity) {
  const [, name, base64] = /^(sha\d+)-([A-Za-z0-9+/=]+)$/.exec(integrity ?? '') ?? [];
  if (name === undefined) return {};
  return { hashes: [{ alg: name.replace('sha', 'SHA-'), content: Buffer.from(base64, 'base64').toString('hex') }] };
}

/** Where Node finds `name` from the package at `path`: beside it, or in a directory above. */
function resolved(packages, path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf(`/${PREFIX.slice(0, -1)}`)))) {
    const candidate = `${at === '' ? '' : `${at}/`}${PREFIX}${name}`;
    if (packages[candidate]) return candidate;
    if (at === '' || !at.includes(PREFIX)) return packages[`${PREFIX}${name}`] ? `${PREFIX}${name}` : undefined;
  }
}

export function billOfMaterials({ name, version, packages }) {
  const nameOf = (path) => path.slice(path.lastIndexOf(PREFIX) + PREFIX.length);
  const shipped = Object.keys(packages).filter(
    (path) => path !== '' && (packages[path].dev !== true || BUNDLED.has(nameOf(path))),
  );
  const refs = new Map([
    ['', purl(name, version)],
    ...shipped.map((path) => [path, `${purl(nameOf(path), packages[path].version)}#${path}`]),
  ]);
  const component = (path) => ({
    type: 'library',
    'bom-ref': refs.get(path),
    name: nameOf(path),
    version: packages[path].version,
    scope: packages[path].optional === true ? 'optional' : 'required',
    ...hashes(packages[path].integrity),
    ...licences(packages[path].license),
    purl: purl(nameOf(path), packages[path].version),
  });
  const needs = (path) => {
    const { dependencies, optionalDependencies, devDependencies } = packages[path];
    const bundled = path === '' ? Object.keys(devDependencies ?? {}).filter((needed) => BUNDLED.has(needed)) : [];
    const names = [...Object.keys({ ...dependencies, ...optionalDependencies }), ...bundled];
    const found = names.map((needed) => refs.get(resolved(packages, path, needed))).filter((ref) => ref !== undefined);
    return { ref: refs.get(path), dependsOn: [...new Set(found)].sort() };
  };
  const content = {
    metadata: {
      component: {
        type: 'application',
        'bom-ref': refs.get(''),
        name,
        version,
        ...licences(packages[''].license),
        purl: purl(name, version),
      },
    },
    components: shipped.map(component),
    dependencies: ['', ...shipped].map(needs),
  };
  // RFC 9562 section 5.8: a UUID of our own making, here of the content, so that equal bills have equal numbers.
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  return { bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber: `urn:uuid:${uuid}`, version: 1, ...content };
}

/** The bill of this clone, as text. */
export const sbomText = () =>
  `${JSON.stringify(billOfMaterials(JSON.parse(readFileSync(resolve(root, 'package-lock.json'), 'utf8'))), null, 1)}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist/sbom.cdx.json' } } });
  const file = resolve(root, values.out);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, sbomText());
  process.stdout.write(`${file}\n`);
}
