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
  it('has a newest frame whose flush failed flushed at the next opening, also on a full device', async () => {
    expect((await explore({ seed: 197, eio: true })).failure).toBeUndefined();
  });
  it('keeps every promise while it fails over to memory and comes back', async () => {
    expect(await failuresOf(30, { eio: true, failover: true })).toEqual([]);
  });
  // What was told and given while the device took no cursor, when it was back: its order, its gaps, and their bounds.
  it.each([125, 161, 172, 230, 337, 351, 604])(
    'keeps its readers where they are when the device is back: seed %i',
    async (seed) => {
      expect((await explore({ seed, eio: true, failover: true })).failure).toBeUndefined();
    },
  );
  it('names what is lost, exactly, where a packed segment rots', async () => {
    expect(await failuresOf(30, { rot: true })).toEqual([]);
  });
  it('names a thinned block that rots by the bounds of the block: what was in it is not known, but how many', async () => {
    expect((await explore({ seed: 173, rot: true })).failure).toBeUndefined();
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
