/** What Sedge is made of: the bill of materials tells all of it, and a known vulnerability stops a release. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const json = <T>(file: string) => JSON.parse(readFileSync(file, 'utf8')) as T;

interface Locked {
  readonly version: string;
  readonly dev?: boolean;
  readonly integrity?: string;
}
interface Bill {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly metadata: {
    readonly component: { readonly name: string; readonly version: string; readonly 'bom-ref': string };
  };
  readonly components: readonly {
    readonly 'bom-ref': string;
    readonly name: string;
    readonly version: string;
    readonly purl: string;
    readonly licenses?: readonly unknown[];
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-sbom-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('npm run sbom', () => {
  const { packages } = json<{ packages: Record<string, Locked> }>(join(REPOSITORY, 'package-lock.json'));
  const make = (name: string): string => {
    const file = join(directory, name);
    execFileSync('node', ['scripts/sbom.mjs', '--out', file], { cwd: REPOSITORY });
    return file;
  };

  it('is CycloneDX 1.5 about this version, the same bytes each time', () => {
    const file = make('one.json');
    const bill = json<Bill>(file);
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5' });
    expect(bill.metadata.component).toMatchObject({ name: 'sedge', version: packages['']!.version });
    expect(bill.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(readFileSync(make('two.json'), 'utf8')).toBe(readFileSync(file, 'utf8'));
  });

  it('has every package of a production install with its version and hash, and no other than what the live page bundles', () => {
    const { components } = json<Bill>(make('all.json'));
    const expected = Object.entries(packages).filter(
      ([path, { dev }]) => path !== '' && (dev !== true || path === 'node_modules/uplot'),
    );
    expect(components.map(({ name, version }) => `${name}@${version}`).sort()).toEqual(
      expected.map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`).sort(),
    );
    for (const [, { integrity }] of expected) {
      if (integrity === undefined) continue; // prebuilt for other machines, see scripts/check-lockfile.mjs
      const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
      expect(components.some(({ hashes }) => hashes?.[0]?.alg === 'SHA-512' && hashes[0].content === content)).toBe(
        true,
      );
    }
  });

  it('says what needs what, down to the last, and every licence', () => {
    const { components, dependencies, metadata } = json<Bill>(make('tree.json'));
    const needs = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
    const reached = new Set<string>();
    const walk = (ref: string) => {
      if (reached.has(ref)) return;
      reached.add(ref);
      for (const next of needs.get(ref)!) walk(next);
    };
    walk(metadata.component['bom-ref']);
    expect(components.filter((one) => !reached.has(one['bom-ref'])).map(({ name }) => name)).toEqual([]);
    expect(components.filter(({ licenses }) => licenses === undefined).map(({ name }) => name)).toEqual([]);
    expect(new Set(components.map((one) => one['bom-ref'])).size).toBe(components.length);
  });
});

describe('the audit gate', () => {
  const judge = (report: unknown) => {
    const file = join(directory, 'report.json');
    writeFileSync(file, typeof report === 'string' ? report : JSON.stringify(report));
    const { status, stdout, stderr } = spawnSync('node', ['scripts/audit.mjs', '--report', file], {
      cwd: REPOSITORY,
      encoding: 'utf8',
    });
    return { status, text: stdout + stderr };
  };

  it('passes without a known vulnerability, and fails with one, naming the package', () => {
    expect(judge({ vulnerabilities: {} }).status).toBe(0);
    const found = judge({ vulnerabilities: { mqtt: { name: 'mqtt', severity: 'high', range: '<6' } } });
    expect(found.status).toBe(1);
    expect(found.text).toContain('mqtt <6: high');
  });

  it.each([
    ['an error of the service', { message: '405 Method Not Allowed - POST https://registry.example/audit', error: {} }],
    ['nothing at all', ''],
  ])('says that nothing is known, and does not fail, for %s', (_what, report) => {
    const { status, text } = judge(report);
    expect(status).toBe(0);
    expect(text).toContain('cannot be reached');
    expect(text).not.toContain('://');
  });
});

describe('packages', () => {
  const manifest = json<{
    dependencies: object;
    allowScripts: Record<string, boolean>;
    scripts: Record<string, string>;
  }>(join(REPOSITORY, 'package.json'));

  it('are few at run time, and only native ones may run scripts when installed', () => {
    expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(8);
    expect(Object.keys(manifest.allowScripts).sort()).toEqual(['epoll', 'esbuild', 'i2c-bus']);
    expect(Object.keys(manifest.scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });
});
