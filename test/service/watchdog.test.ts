import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { createLog } from '../../src/service/log.ts';
import { watchdog } from '../../src/service/watchdog.ts';

function station() {
  const clock = virtualClock({ monoMs: 0 });
  const stop = new AbortController();
  const reportsMs: number[] = [];
  const lines: string[] = [];
  const state = { moving: true };
  const ended = watchdog({
    periodMs: 30_000,
    clock,
    log: createLog({ write: (line) => lines.push(line) }),
    report: async () => void reportsMs.push(clock.monotonic()),
    progress: () => state.moving,
    signal: stop.signal,
  });
  return { clock, reportsMs, lines, state, stop, ended };
}

describe('the watchdog', () => {
  it('reports at half the period', async () => {
    const { clock, reportsMs, stop } = station();
    await clock.advance(45_000);
    stop.abort();
    expect(reportsMs).toEqual([0, 15_000, 30_000, 45_000]);
  });

  it('row 29: does not report without progress, says so once, and reports again as soon as things move on', async () => {
    const { clock, reportsMs, lines, state, stop } = station();
    state.moving = false;
    await clock.advance(18_000);
    expect(reportsMs).toEqual([0]);
    expect(lines).toEqual([expect.stringContaining('nothing moves on')]);
    state.moving = true;
    await clock.advance(1_500);
    expect(reportsMs).toEqual([0, 19_000]);
    stop.abort();
  });

  it('ends with the signal and leaves no sleeper', async () => {
    const { clock, stop, ended } = station();
    await clock.advance(1);
    stop.abort();
    await ended;
    expect(clock.sleepers).toBe(0);
  });
});
