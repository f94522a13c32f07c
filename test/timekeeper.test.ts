/** Wall time on a board without a clock. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../src/clock.ts';
import { createTimekeeper } from '../src/timekeeper.ts';

const BUILT = Date.UTC(2026, 10, 1);
const NOW = Date.UTC(2026, 10, 22, 12);

function board({
  wallMs = NOW,
  timesyncd = false,
  anchor,
}: {
  wallMs?: number;
  timesyncd?: boolean;
  anchor?: { wallMs: number; monoMs: number };
} = {}) {
  const clock = virtualClock({ wallMs, monoMs: 10_000 });
  const files = new Set(timesyncd ? ['/run/systemd/timesync'] : []);
  const timekeeper = createTimekeeper({ clock, builtAtMs: BUILT, exists: (path) => files.has(path), anchor });
  return { clock, timekeeper, files };
}

describe('the clock counts as set', () => {
  it('without timesyncd from the build date on', () => {
    expect(board().timekeeper.synced()).toBe(true);
    expect(board({ wallMs: 0 }).timekeeper.synced()).toBe(false);
    expect(board({ wallMs: BUILT - 1 }).timekeeper.synced()).toBe(false);
  });

  it('with timesyncd only once it says so, however plausible the time is', async () => {
    const { clock, timekeeper, files } = board({ timesyncd: true });
    expect(timekeeper.synced()).toBe(false);
    files.add('/run/systemd/timesync/synchronized');
    await clock.advance(1_000);
    expect(timekeeper.synced()).toBe(true);
  });

  it('with chrony once the kernel’s state says so, asked again every ten seconds', async () => {
    const clock = virtualClock({ wallMs: NOW, monoMs: 10_000 });
    let answer: boolean | undefined = false;
    let asked = 0;
    const timekeeper = createTimekeeper({
      clock,
      builtAtMs: BUILT,
      exists: (path) => path === '/run/chrony',
      chronySays: async () => {
        asked += 1;
        return answer;
      },
    });
    for (let second = 0; second < 25; second++) {
      expect(timekeeper.synced()).toBe(false);
      await clock.advance(1_000);
    }
    expect(asked).toBe(3);
    answer = true;
    await clock.advance(5_000);
    timekeeper.synced();
    await clock.advance(1_000);
    expect(timekeeper.synced()).toBe(true);
    expect(asked).toBe(4);
  });

  it('with chrony by the build date where nobody can say', async () => {
    const clock = virtualClock({ wallMs: NOW, monoMs: 10_000 });
    const timekeeper = createTimekeeper({
      clock,
      builtAtMs: BUILT,
      exists: (path) => path === '/run/chrony',
      chronySays: async () => undefined,
    });
    timekeeper.synced();
    await clock.advance(1_000);
    expect(timekeeper.synced()).toBe(true);
  });

  it('no longer when it is stepped to before the build date', () => {
    const { clock, timekeeper } = board();
    expect(timekeeper.synced()).toBe(true);
    clock.step(-NOW);
    expect(timekeeper.synced()).toBe(false);
  });
});

describe('the anchor of a boot', () => {
  it('is one moment on both clocks, told once', async () => {
    const { clock, timekeeper, files } = board({ wallMs: 0, timesyncd: true });
    const told: unknown[] = [];
    timekeeper.onAnchor((anchor) => told.push(anchor));
    expect(timekeeper.anchor()).toBeUndefined();
    await clock.advance(5_000);
    clock.step(NOW);
    files.add('/run/systemd/timesync/synchronized');
    await clock.advance(1_000);
    expect(timekeeper.anchor()).toEqual({ wallMs: NOW + 6_000, monoMs: 16_000 });
    timekeeper.anchor();
    expect(told).toEqual([{ wallMs: NOW + 6_000, monoMs: 16_000 }]);
  });

  it('keeps stamps right after somebody stepped the clock to 1970', async () => {
    const { clock, timekeeper } = board();
    timekeeper.synced();
    clock.step(-NOW);
    await clock.advance(2_500);
    expect(timekeeper.stamp(clock.monotonic())).toEqual({ wallMs: NOW + 2_500, monoMs: 12_500, synced: true });
  });

  it('of an earlier run in this boot is used at once', () => {
    const { timekeeper } = board({ wallMs: 0, anchor: { wallMs: NOW, monoMs: 4_000 } });
    expect(timekeeper.stamp(10_000)).toEqual({ wallMs: NOW + 6_000, monoMs: 10_000, synced: true });
  });
});

it('a stamp of an earlier moment is earlier on both clocks', () => {
  const { timekeeper } = board();
  expect(timekeeper.stamp(9_990)).toEqual({ wallMs: NOW - 10, monoMs: 9_990, synced: true });
});
