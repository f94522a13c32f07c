/** What an installation weighs: the bundle, and the packages of a production install. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, lstatSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const bytesUnder = (path: string): number => {
  const stat = lstatSync(path);
  return stat.isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + bytesUnder(join(path, name)), 0)
    : stat.size;
};

export async function measureSize() {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-size-'));
  try {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(ROOT, name), join(directory, name));
    execFileSync('npm', ['ci', '--omit=dev', '--no-audit', '--no-fund'], { cwd: directory, stdio: 'ignore' });
    const dist = join(ROOT, 'dist');
    return {
      dist_bytes: Object.fromEntries(readdirSync(dist).map((name) => [name, statSync(join(dist, name)).size])),
      production_node_modules_mb: Math.round(bytesUnder(join(directory, 'node_modules')) / 1e5) / 10,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
