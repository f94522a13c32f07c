/** A share of what `npm run test:crash` explores: small enough for every run of the suite. */
import { describe, expect, it } from 'vitest';
import { explore } from './explorer/explore.ts';
import { MUTANTS } from './explorer/mutants.ts';

async function failuresOf(seeds: number, eio: boolean): Promise<string[]> {
  const failures: string[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = await explore({ seed, eio });
    if (failure !== undefined) failures.push(`seed ${seed}: ${failure}`);
  }
  return failures;
}

describe('a journal that is stopped anywhere', () => {
  it('keeps every promise on a device that forgets what was not flushed', async () => {
    expect(await failuresOf(500, false)).toEqual([]);
  });
  it('keeps every promise on a device that also fails writes and flushes', async () => {
    expect(await failuresOf(200, true)).toEqual([]);
  });
});

describe('the crash explorer', () => {
  // The rarest need thousands of crashes: those are left to the command.
  const QUICK = ['no flush of the directory', 'accept before the flush', 'unlink before the cursor is durable'];
  it.each(MUTANTS.filter(({ name }) => QUICK.includes(name)))('notices: $name', async ({ mutation, eio = false }) => {
    let failure: string | undefined;
    for (let seed = 1; seed <= 100 && failure === undefined; seed++) {
      failure = (await explore({ seed, eio, mutation })).failure;
    }
    expect(failure).toBeDefined();
  });
});
