/**
 * A simulated GPIO line: real driver code watches a simulated wire through it. Keeps the contract of gpio.ts.
 *
 * Edges carry the time at which they happened on the wire, also when they are fetched later, as the kernel's do. As in
 * the kernel a bounded queue stands between wire and reader: a reader that stays away too long loses the oldest edges,
 * and `lostEdges` says how many. Nothing runs between two fetches, so a line that nobody watches costs nothing.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Edge, GpioLine } from './gpio.ts';
import type { SimulatedWire } from './sim.ts';

export interface SimulatedGpioOptions {
  readonly title?: string;
  readonly wire: SimulatedWire;
  readonly clock: Clock;
  /** Edges kept for a reader that is away; the kernel keeps 16 by default and 1024 at most. */
  readonly queueLength?: number;
}

/** How far a wire looks ahead (sim.ts). */
const HORIZON_MS = 1_000;
/** How often a wire is looked at that has announced nothing: a test may have changed it by hand. */
const LOOK_MS = 100;
/** Edges taken from the wire in one fetch; beyond it the reader was away for so long that the rest counts as lost. */
const MAX_CATCH_UP = 100_000;
/** Edges after which everything else gets its turn. */
const EDGES_AT_ONCE = 1_024;

export function simulatedGpioLine({
  title = 'simulated GPIO line',
  wire,
  clock,
  queueLength = 64,
}: SimulatedGpioOptions): GpioLine {
  let lostEdges = 0;

  async function* follow(fromMs: number, fromLevel: 0 | 1, signal: AbortSignal): AsyncGenerator<Edge> {
    const queue: Edge[] = [];
    let atMs = fromMs;
    let level = fromLevel;
    const keep = (edge: Edge) => {
      queue.push(edge);
      ({ level, monoMs: atMs } = edge);
      if (queue.length <= queueLength) return;
      queue.shift();
      lostEdges += 1;
    };
    /** Queues all that has happened until `nowMs`; returns when the next edge is due, if one is announced. */
    const catchUp = (nowMs: number): number | undefined => {
      for (let taken = 0; taken < MAX_CATCH_UP; taken++) {
        const next = wire.nextEdge(atMs);
        if (next && next.monoMs <= nowMs) keep(next);
        else if (!next && atMs + HORIZON_MS < nowMs) atMs += HORIZON_MS;
        else {
          atMs = nowMs;
          if (wire.level(nowMs) !== level) keep({ level: wire.level(nowMs), monoMs: nowMs });
          return next?.monoMs;
        }
      }
      lostEdges += 1;
      atMs = nowMs;
      level = wire.level(nowMs);
      return undefined;
    };

    let withoutRest = 0;
    while (!signal.aborted) {
      const nowMs = clock.monotonic();
      const dueMs = catchUp(nowMs);
      const edge = queue.shift();
      if (edge) {
        // A reader that is slower than the line would otherwise find one more for ever, and nothing else would run.
        if (++withoutRest % EDGES_AT_ONCE === 0) await nextTurn();
        yield edge;
      } else await clock.sleep(Math.min(LOOK_MS, (dueMs ?? Number.POSITIVE_INFINITY) - nowMs), signal);
    }
  }

  return {
    title,
    read: async () => wire.level(clock.monotonic()),
    edges(signal) {
      // Taken here and not at the first fetch: "from now on" begins with the call.
      const nowMs = clock.monotonic();
      return follow(nowMs, wire.level(nowMs), signal);
    },
    get lostEdges() {
      return lostEdges;
    },
    async close() {},
  };
}
