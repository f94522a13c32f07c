import { expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { createScheduler } from '../../src/sampler/scheduler.ts';

it('shares wake-ups where nobody waits shortly, and is punctual for a sensor of 50 Hz or more', () => {
  const clock = virtualClock();
  const waits: [number, boolean | undefined][] = [];
  const scheduler = createScheduler({
    ...clock,
    after(ms, callback, punctual) {
      waits.push([ms, punctual]);
      return clock.after(ms, callback);
    },
  });
  scheduler.at(clock.monotonic() + 1_000, () => {});
  scheduler.at(clock.monotonic() + 10, () => {});
  scheduler.stop();
  expect(waits).toEqual([
    [1_000, false],
    [10, true],
  ]);
});
