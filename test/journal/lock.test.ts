/** One process per journal; the kernel lets go of the lock however its holder ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockDirectory } from '../../src/journal/lock.ts';

it('a second process is refused until the first is killed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sedge-lock-'));
  const module = new URL('../../src/journal/lock.ts', import.meta.url).href;
  const program = `const { lockDirectory } = await import(${JSON.stringify(module)});
    await lockDirectory(${JSON.stringify(directory)}); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    await expect(lockDirectory(directory)).rejects.toMatchObject({ code: 'journal.locked' });
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const lock = await lockDirectory(directory);
  await lock.release();
  await rm(directory, { recursive: true });
});
