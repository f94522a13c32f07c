/** GPIO lines for tests of drivers: levels that change as told, and storms. */
import { edgeFeed } from '../../src/bus/edge-feed.ts';
import type { Edge, GpioLine } from '../../src/bus/gpio.ts';
import { simulatedGpioLine } from '../../src/bus/simulated-gpio.ts';
import { type VirtualClock, virtualClock } from '../../src/clock.ts';
import { driverContext, type EventDriver, type Options, type Values } from '../../src/driver.ts';
import { optionsOf } from '../rig.ts';

export type Told = readonly (readonly [monoMs: number, level: 0 | 1])[];

export function toldLine(edges: Told, clock: VirtualClock, first: 0 | 1 = 0): GpioLine {
  const known: Edge[] = edges.map(([monoMs, level]) => ({ monoMs, level }));
  return simulatedGpioLine({
    clock,
    wire: {
      level: (monoMs) => known.findLast((edge) => edge.monoMs <= monoMs)?.level ?? first,
      nextEdge: (monoMs) => known.find((edge) => edge.monoMs > monoMs),
    },
  });
}

/** What an event driver says of a line, as `[time, values]`, from 1 s to 1 s + `forMs` on the monotonic clock. */
export async function heardOn(
  driver: EventDriver<'gpio'>,
  edges: Told,
  { options = {}, first = 0, forMs = 5_000 }: { options?: Options; first?: 0 | 1; forMs?: number } = {},
): Promise<readonly (readonly [number, Values])[]> {
  const clock = virtualClock({ monoMs: 1_000 });
  const line = toldLine(edges, clock, first);
  const sensor = await driver.open(driverContext<'gpio'>(line, clock, optionsOf(driver, options)));
  const stop = new AbortController();
  const heard: [number, Values][] = [];
  const done = (async () => {
    for await (const { monoMs, values } of sensor.watch(stop.signal)) heard.push([monoMs, values]);
  })();
  await clock.advance(forMs);
  stop.abort();
  await done;
  if (clock.sleepers > 0) throw new Error('somebody still waits');
  return heard;
}

export interface StormLine extends GpioLine {
  /** So many edges at once, `stepMs` apart and up to now, as a backend hands over what the kernel had queued. */
  burst(edges: number, stepMs: number): void;
}

/** A line with the real backends' queue, on which edges come in bursts. */
export function stormLine(clock: VirtualClock): StormLine {
  let lostEdges = 0;
  let level: 0 | 1 = 0;
  const feed = edgeFeed(() => {
    lostEdges += 1;
  });
  return {
    title: 'a line in a storm',
    get lostEdges() {
      return lostEdges;
    },
    read: async () => level,
    edges: (signal) => feed.read(signal, async () => {}),
    close: async () => {},
    burst(edges, stepMs) {
      const endMs = clock.monotonic();
      for (let nth = 1; nth <= edges; nth++) {
        level = level === 1 ? 0 : 1;
        feed.push({ level, monoMs: endMs - (edges - nth) * stepMs });
      }
    },
  };
}
