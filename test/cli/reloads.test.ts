import { expect, it } from 'vitest';
import { createReloads } from '../../src/cli/reloads.ts';

it('waits for the start, runs one at a time, and makes one of those asked for meanwhile', async () => {
  const reloads = createReloads();
  const log: string[] = [];
  let finish = () => {};
  reloads.ask();
  reloads.ask();
  reloads.begin(async () => {
    log.push('begin');
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    log.push('end');
  });
  expect(log).toEqual(['begin']);
  reloads.ask();
  reloads.ask();
  finish();
  await new Promise((resolve) => setImmediate(resolve));
  expect(log).toEqual(['begin', 'end', 'begin']);
  finish();
  await reloads.idle();
  expect(log).toEqual(['begin', 'end', 'begin', 'end']);
});
