import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/reed.sim.ts';
import reed from '../../drivers/reed.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext } from '../../src/driver.ts';
import { conformance } from '../conformance.ts';
import { optionsOf } from '../rig.ts';
import { heardOn, stormLine } from './lines.ts';

conformance(reed, simulation, {
  happen: (world, nth) => {
    const state = (nth + 1) % 2;
    world.set({ contact: state });
    return { state };
  },
});

describe('reed', () => {
  it('says closed for a low line: a contact to ground', async () => {
    expect(await heardOn(reed, [[2_000, 0]], { first: 1 })).toEqual([
      [1_000, { state: 0 }],
      [2_000, { state: 1 }],
    ]);
  });

  it('takes the bouncing of its reeds for one change', async () => {
    const bouncing = [
      [2_000, 0],
      [2_000.3, 1],
      [2_000.5, 0],
      [2_004, 1],
      [2_004.6, 0],
      [3_000, 1],
    ] as const;
    expect(await heardOn(reed, bouncing, { first: 1 })).toEqual([
      [1_000, { state: 0 }],
      [2_004.6, { state: 1 }],
      [3_000, { state: 0 }],
    ]);
  });

  it('is told how it is wired', async () => {
    expect(await heardOn(reed, [[2_000, 1]], { options: { active_low: false, debounce: 0 } })).toEqual([
      [1_000, { state: 0 }],
      [2_000, { state: 1 }],
    ]);
  });

  it('says nothing in a storm of 100,000 edges in a second, and the truth after it', async () => {
    const clock = virtualClock();
    const line = stormLine(clock);
    const sensor = await reed.open(driverContext<'gpio'>(line, clock, optionsOf(reed)));
    const stop = new AbortController();
    const states: (number | undefined)[] = [];
    const done = (async () => {
      for await (const { values } of sensor.watch(stop.signal)) states.push(values.state);
    })();
    await clock.advance(1_000);
    for (let turn = 0; turn < 99; turn++) {
      line.burst(1_011, 0.01);
      await clock.advance(10);
    }
    expect(states).toEqual([1]);
    // The line was left high: open.
    await clock.advance(1_000);
    expect(states).toEqual([1, 0]);
    // More than the queue of a line holds.
    line.burst(100_001, 0.001);
    await clock.advance(1_000);
    expect(line.lostEdges).toBeGreaterThan(90_000);
    expect(states).toEqual([1, 0, 1]);
    stop.abort();
    await done;
    expect(clock.sleepers).toBe(0);
  });
});
