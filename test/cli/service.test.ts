/** `sedge service` as a person meets it, below a directory of its own: `--prefix` runs no program of the system. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SEDGE, sedge } from '../sedge-process.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

let directory: string;
let root: string;
/** A copy of the built program, as another version of it. */
let other: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sedge-service-'));
  root = join(directory, 'root');
  other = join(directory, 'other');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const service = (args: readonly string[], program = SEDGE) =>
  sedge(['service', ...args, '--prefix', root], { cwd: directory, program });
function newVersion(version: string): string {
  for (const part of ['dist', 'systemd', 'package.json'])
    cpSync(join(REPOSITORY, part), join(other, part), { recursive: true });
  const manifest = join(other, 'package.json');
  const old = JSON.parse(readFileSync(manifest, 'utf8')) as object;
  writeFileSync(manifest, JSON.stringify({ ...old, version }));
  return join(other, 'dist', 'sedge.mjs');
}

describe('sedge service', () => {
  it.each([
    [[], /needs install, upgrade, uninstall, configure\n/],
    [['instal'], /needs install, .*, not "instal"/],
    [['install', '--purge'], /--purge belongs to "sedge service uninstall"/],
  ] as const)('%j is wrong usage', async (args, sentence) => {
    const { status, stderr } = await service(args);
    expect(status).toBe(2);
    expect(stderr).toMatch(sentence);
  });

  it('upgrade keeps configuration and journal, and says from which version to which', async () => {
    const early = await service(['upgrade']);
    expect(early).toMatchObject({ status: 1, stderr: expect.stringContaining('sudo sedge service install') });

    expect((await service(['install'])).status).toBe(0);
    appendFileSync(join(root, 'etc/sedge/sedge.yaml'), '# mine\n');
    mkdirSync(join(root, 'var/lib/sedge'), { recursive: true });
    writeFileSync(join(root, 'var/lib/sedge/0000000001.segment'), 'kept');

    const program = newVersion('99.0.0');
    const before = (JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string }).version;
    const dry = await service(['upgrade', '--dry-run'], program);
    expect(dry.stdout).toContain(`would go from version ${before} to 99.0.0\n`);
    const { status, stdout } = await service(['upgrade'], program);
    expect(status).toBe(0);
    expect(stdout).toContain(`went from version ${before} to 99.0.0\n`);
    expect(readFileSync(join(root, 'opt/sedge/package.json'), 'utf8')).toContain('99.0.0');
    expect(readFileSync(join(root, 'etc/sedge/sedge.yaml'), 'utf8')).toMatch(/# mine\n$/);
    expect(existsSync(join(root, 'var/lib/sedge/0000000001.segment'))).toBe(true);
    expect((await service(['upgrade'], program)).stdout).toMatch(/nothing is to do\nversion 99\.0\.0, as before\n$/);
  });

  it('configure writes the first configuration, once', async () => {
    expect((await service(['configure'])).stdout).toContain('write /etc/sedge/sedge.yaml');
    expect((await service(['configure'])).stdout).toContain('keep /etc/sedge/sedge.yaml: it is yours');
  });

  it('leaves the service of the Debian package to apt', async () => {
    const packaged = join(root, 'usr/lib/sedge/dist/sedge.mjs');
    mkdirSync(dirname(packaged), { recursive: true });
    writeFileSync(packaged, '');
    for (const [verb, remedy] of [
      ['install', 'sudo apt install ./sedge_'],
      ['upgrade', 'sudo apt install ./sedge_'],
      ['uninstall', 'sudo apt purge sedge'],
    ] as const) {
      const { status, stderr } = await service([verb]);
      expect(status).toBe(1);
      expect(stderr).toContain(remedy);
    }
    expect((await service(['configure'])).status).toBe(0);
  });
});
