/** A storm of edges on a GPIO line: what is counted, what it costs, what it leaves in memory. */
import { setTimeout as pause } from 'node:timers/promises';
import pulseCounter from '../../drivers/pulse-counter.ts';
import { edgeFeed } from '../../src/bus/edge-feed.ts';
import type { GpioLine } from '../../src/bus/gpio.ts';
import { systemClock } from '../../src/clock.ts';
import { driverContext } from '../../src/driver.ts';
import { optionsOf } from '../../test/rig.ts';
import { round } from '../process-stat.ts';

const EDGES_PER_S = 100_000;
const BATCH_MS = 5;
const FOR_MS = 5_000;

export async function measureStorm() {
  let lostEdges = 0;
  const feed = edgeFeed(() => {
    lostEdges += 1;
  });
  const line: GpioLine = {
    title: 'a line in a storm',
    get lostEdges() {
      return lostEdges;
    },
    read: async () => 0,
    edges: (signal) => feed.read(signal, async () => {}),
    close: async () => {},
  };
  const options = optionsOf(pulseCounter, { debounce: 0 });
  const sensor = await pulseCounter.open(driverContext<'gpio'>(line, systemClock, options));
  const stop = new AbortController();
  const done = sensor.run(stop.signal);

  const heapBefore = process.memoryUsage().heapUsed;
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  let [pushed, latestTurnMs] = [0, 0];
  // As a backend does: all edges that were due since it last woke, at once.
  while (performance.now() - beganMs < FOR_MS) {
    const dueEdges = Math.floor(((performance.now() - beganMs) * EDGES_PER_S) / 1_000);
    const nowMs = systemClock.monotonic();
    for (; pushed < dueEdges; pushed++) feed.push({ level: pushed % 2 === 0 ? 1 : 0, monoMs: nowMs });
    const sleptMs = performance.now();
    await pause(BATCH_MS);
    latestTurnMs = Math.max(latestTurnMs, performance.now() - sleptMs - BATCH_MS);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const { count = 0, lost = 0 } = sensor.take(FOR_MS);
  stop.abort();
  await done;
  return {
    edges_per_s: EDGES_PER_S,
    edges: pushed,
    pulses_counted: count,
    edges_lost_and_said: lost,
    cpu_percent: round((user + system) / 10 / FOR_MS),
    longest_delay_ms: round(latestTurnMs),
    heap_growth_mb: round((process.memoryUsage().heapUsed - heapBefore) / 1e6),
  };
}
