/** A share of what `npm run test:crash` explores: small enough for every run of the suite. */
import { describe, expect, it } from 'vitest';
import { type ExploreOptions, explore } from './explorer/explore.ts';
import { MUTANTS } from './explorer/mutants.ts';

async function failuresOf(seeds: number, mode: Pick<ExploreOptions, 'eio' | 'rot' | 'failover'>): Promise<string[]> {
  const failures: string[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = await explore({ seed, ...mode });
    if (failure !== undefined) failures.push(`seed ${seed}: ${failure}`);
  }
  return failures;
}

describe('a journal that is stopped anywhere', () => {
  it('keeps every promise on a device that forgets what was not flushed', async () => {
    expect(await failuresOf(100, {})).toEqual([]);
  });
  it('keeps every promise on a device that also fails writes and flushes', async () => {
    expect(await failuresOf(50, { eio: true })).toEqual([]);
  });
  it('keeps every promise while it fails over to memory and comes back', async () => {
    expect(await failuresOf(30, { eio: true, failover: true })).toEqual([]);
  });
  it('names what is lost, exactly, where a packed segment rots', async () => {
    expect(await failuresOf(30, { rot: true })).toEqual([]);
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
