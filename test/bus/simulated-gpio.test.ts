import { describe, expect, it } from 'vitest';
import type { Edge } from '../../src/bus/gpio.ts';
import { simulatedGpioLine } from '../../src/bus/simulated-gpio.ts';
import { virtualClock } from '../../src/clock.ts';

/** A wire that changes every `periodMs`, and is high first. */
const square = (periodMs: number) => ({
  level: (monoMs: number): 0 | 1 => (Math.floor(monoMs / periodMs) % 2 === 0 ? 1 : 0),
  nextEdge: (monoMs: number) => {
    const nth = Math.floor(monoMs / periodMs) + 1;
    return { level: (nth % 2 === 0 ? 1 : 0) as 0 | 1, monoMs: nth * periodMs };
  },
});

describe('a simulated GPIO line', () => {
  it('reads the level of its wire', async () => {
    const clock = virtualClock({ monoMs: 0 });
    const line = simulatedGpioLine({ wire: square(10), clock });
    expect(await line.read()).toBe(1);
    await clock.advance(10);
    expect(await line.read()).toBe(0);
  });

  it('gives each edge once, in order, with its own time, and ends with the signal', async () => {
    const clock = virtualClock({ monoMs: 5 });
    const line = simulatedGpioLine({ wire: square(10), clock });
    const stop = new AbortController();
    const heard: Edge[] = [];
    const done = (async () => {
      for await (const edge of line.edges(stop.signal)) heard.push(edge);
    })();
    await clock.advance(40);
    expect(heard).toEqual([
      { level: 0, monoMs: 10 },
      { level: 1, monoMs: 20 },
      { level: 0, monoMs: 30 },
      { level: 1, monoMs: 40 },
    ]);
    stop.abort();
    await done;
    expect(clock.sleepers).toBe(0);
    expect(line.lostEdges).toBe(0);
  });

  it('begins with the call, not with the first fetch', async () => {
    const clock = virtualClock({ monoMs: 5 });
    const edges = simulatedGpioLine({ wire: square(10), clock }).edges(AbortSignal.timeout(60_000));
    await clock.advance(20);
    expect((await edges[Symbol.asyncIterator]().next()).value).toEqual({ level: 0, monoMs: 10 });
  });

  it('keeps the newest edges for a reader that is away, and counts the lost ones', async () => {
    const clock = virtualClock({ monoMs: 0 });
    const line = simulatedGpioLine({ wire: square(10), clock, queueLength: 16 });
    const edges = line.edges(AbortSignal.timeout(60_000))[Symbol.asyncIterator]();
    await clock.advance(1_000);
    expect((await edges.next()).value.monoMs).toBe(850);
    expect(line.lostEdges).toBe(84);
  });

  it('notices a change that the wire did not announce', async () => {
    const clock = virtualClock({ monoMs: 0 });
    let level: 0 | 1 = 0;
    const line = simulatedGpioLine({ wire: { level: () => level, nextEdge: () => undefined }, clock });
    const next = line.edges(AbortSignal.timeout(60_000))[Symbol.asyncIterator]().next();
    await clock.advance(5_000);
    level = 1;
    await clock.advance(100);
    expect((await next).value).toEqual({ level: 1, monoMs: clock.monotonic() });
  });

  it('does not miss what happened while nobody fetched, however long that was', async () => {
    const clock = virtualClock({ monoMs: 0 });
    const wire = {
      level: (monoMs: number): 0 | 1 => (monoMs >= 7_500 ? 1 : 0),
      nextEdge: (monoMs: number) =>
        monoMs < 7_500 && monoMs + 1_000 >= 7_500 ? ({ level: 1, monoMs: 7_500 } as const) : undefined,
    };
    const edges = simulatedGpioLine({ wire, clock }).edges(AbortSignal.timeout(60_000))[Symbol.asyncIterator]();
    await clock.advance(3_600_000);
    expect((await edges.next()).value).toEqual({ level: 1, monoMs: 7_500 });
  });
});
