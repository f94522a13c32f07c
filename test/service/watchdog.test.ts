import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { createLog } from '../../src/service/log.ts';
import { startWatchdog } from '../../src/service/watchdog.ts';

function station(watchdogMs: number | undefined = 30_000) {
  const clock = virtualClock({ monoMs: 0 });
  const reportsMs: number[] = [];
  const lines: string[] = [];
  const state = { moving: true };
  const stop = startWatchdog({
    clock,
    log: createLog({ write: (line) => lines.push(line) }),
    notifier: { watchdogMs, alive: async () => void reportsMs.push(clock.monotonic()) },
    progress: () => state.moving,
  });
  return { clock, reportsMs, lines, state, stop };
}

describe('the watchdog', () => {
  it('reports at half the period', async () => {
    const { clock, reportsMs, stop } = station();
    await clock.advance(45_000);
    stop();
    expect(reportsMs).toEqual([0, 15_000, 30_000, 45_000]);
  });

  it('does not report without progress, says so once, and reports again as soon as things move on', async () => {
    const { clock, reportsMs, lines, state, stop } = station();
    state.moving = false;
    await clock.advance(18_000);
    expect(reportsMs).toEqual([0]);
    expect(lines).toEqual([expect.stringContaining('nothing moves on')]);
    state.moving = true;
    await clock.advance(1_500);
    expect(reportsMs).toEqual([0, 19_000]);
    stop();
  });

  it('stops, and leaves no sleeper', async () => {
    const { clock, reportsMs, stop } = station();
    await clock.advance(1);
    stop();
    await clock.advance(60_000);
    expect(reportsMs).toEqual([0]);
    expect(clock.sleepers).toBe(0);
  });

  it('does nothing where systemd wants no reports', async () => {
    const clock = virtualClock();
    startWatchdog({
      clock,
      log: createLog({ write: () => {} }),
      notifier: { watchdogMs: undefined, alive: async () => {} },
      progress: () => true,
    });
    expect(clock.sleepers).toBe(0);
  });
});
