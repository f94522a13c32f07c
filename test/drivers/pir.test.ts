import { describe, expect, it } from 'vitest';
import { simulation } from '../../drivers/pir.sim.ts';
import pir from '../../drivers/pir.ts';
import { conformance } from '../conformance.ts';
import { heardOn } from './lines.ts';

conformance(pir, simulation, {
  options: { warm_up: 0 },
  happen: (world, nth) => {
    const motion = (nth + 1) % 2;
    world.set({ contact: motion });
    return { motion };
  },
});

describe('pir', () => {
  const visit = [
    [2_000, 1],
    [4_000, 0],
    [5_000, 1],
    [7_000, 0],
  ] as const;

  it('says when a motion begins and when it has ended', async () => {
    expect(await heardOn(pir, visit, { options: { warm_up: 0 }, forMs: 10_000 })).toEqual([
      [1_000, { motion: 0 }],
      [2_000, { motion: 1 }],
      [4_000, { motion: 0 }],
      [5_000, { motion: 1 }],
      [7_000, { motion: 0 }],
    ]);
  });

  it('makes one motion of several with hold, which ends when the last one did', async () => {
    expect(await heardOn(pir, visit, { options: { warm_up: 0, hold: 3_000 }, forMs: 10_000 })).toEqual([
      [1_000, { motion: 0 }],
      [2_000, { motion: 1 }],
      [7_000, { motion: 0 }],
    ]);
  });

  it('does not take a pulse from a radio for a motion', async () => {
    const spike = [
      [2_000, 1],
      [2_030, 0],
    ] as const;
    expect(await heardOn(pir, spike, { options: { warm_up: 0, hold: 3_000 } })).toEqual([[1_000, { motion: 0 }]]);
  });

  it('believes nothing in the first minute of the board, and then says how it is', async () => {
    const warming = [
      [2_000, 1],
      [30_000, 0],
      [59_000, 1],
      [61_000, 0],
    ] as const;
    expect(await heardOn(pir, warming, { forMs: 70_000 })).toEqual([
      [60_000, { motion: 1 }],
      [61_000, { motion: 0 }],
    ]);
  });

  it('stops warming up when it is told to', async () => {
    expect(await heardOn(pir, visit, { forMs: 10_000 })).toEqual([]);
  });

  it('takes a low line for motion when active_low', async () => {
    expect(await heardOn(pir, [[2_000, 0]], { options: { warm_up: 0, active_low: true }, first: 1 })).toEqual([
      [1_000, { motion: 0 }],
      [2_000, { motion: 1 }],
    ]);
  });
});
