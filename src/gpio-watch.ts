/**
 * What drivers of digital inputs share: changes of a line that last, and pulses that are counted.
 *
 * The queue of edges behind a line is bounded and counts what it drops, so a storm of edges costs neither memory nor the
 * truth: after a loss the level is read again, and a count says that it is a lower bound.
 */
import type { Edge, GpioLine } from './bus/gpio.ts';
import type { Clock } from './clock.ts';

export interface LevelChange {
  readonly state: 0 | 1;
  /** When the line changed, on the monotonic clock. */
  readonly monoMs: number;
}
export interface LevelOptions {
  /** State 1 is a low line. */
  readonly activeLow: boolean;
  /** A change to this state counts when the line then stays for so long. */
  settleMs(state: 0 | 1): number;
}

/**
 * The state as it is, since edges only tell changes, then each change that lasted, with the time of its edge. After an overflow
 * of the edge queue the level is read again, so the last state said is always the true one.
 */
export async function* levelChanges(
  line: GpioLine,
  clock: Clock,
  { activeLow, settleMs }: LevelOptions,
  signal: AbortSignal,
): AsyncGenerator<LevelChange> {
  // Also ends the line's edges when the reader leaves without aborting.
  const left = new AbortController();
  const edges = line.edges(AbortSignal.any([signal, left.signal]))[Symbol.asyncIterator]();
  const fetch = () => {
    const edge = edges.next();
    // Looked at later than it may reject.
    edge.catch(() => {});
    return edge;
  };
  const stateOf = (level: 0 | 1): 0 | 1 => (activeLow === (level === 1) ? 0 : 1);
  const change = ({ level, monoMs }: Edge): LevelChange => ({ state: stateOf(level), monoMs });
  const levelNow = async (): Promise<Edge> => ({ level: await line.read(), monoMs: clock.monotonic() });

  try {
    // The edges are followed before the level is read: a change in between is seen by one of the two.
    let next = fetch();
    let lost = line.lostEdges;
    let stable = await levelNow();
    if (signal.aborted) return;
    yield change(stable);

    let pending: Edge | undefined;
    while (!signal.aborted) {
      const dueMs = pending ? pending.monoMs + settleMs(stateOf(pending.level)) : Number.POSITIVE_INFINITY;
      let cancel = () => {};
      const settled = new Promise<undefined>((resolve) => {
        if (pending) cancel = clock.after(dueMs - clock.monotonic(), () => resolve(undefined));
      });
      const found = await Promise.race([next, settled]);
      cancel();
      if (found?.done || signal.aborted) return;
      const edge = found?.value;
      if (pending && (edge === undefined || edge.monoMs >= dueMs)) {
        stable = pending;
        pending = undefined;
        yield change(stable);
      }
      if (edge === undefined) continue;
      next = fetch();
      const seen: Edge = line.lostEdges === lost ? edge : await levelNow();
      lost = line.lostEdges;
      pending = seen.level === stable.level ? undefined : seen;
    }
  } finally {
    left.abort();
  }
}

export interface PulseOptions {
  /** The level with which a pulse begins. */
  readonly level: 0 | 1;
  /** Edges within this time of the last one counted belong to it. */
  readonly debounceMs: number;
}
export interface PulseCounter {
  /** Counts until the signal aborts; rejects when the line is lost. */
  run(signal: AbortSignal): Promise<void>;
  /** Pulses since the last call, and edges that are known to be lost: if there are any, `count` is a lower bound. */
  take(): { readonly count: number; readonly lost: number };
}

export function pulseCounter(line: GpioLine, { level, debounceMs }: PulseOptions): PulseCounter {
  let count = 0;
  let countedMs = Number.NEGATIVE_INFINITY;
  let lostBefore = line.lostEdges;
  return {
    async run(signal) {
      for await (const edge of line.edges(signal)) {
        if (edge.level !== level || edge.monoMs - countedMs < debounceMs) continue;
        countedMs = edge.monoMs;
        count += 1;
      }
    },
    take() {
      const taken = { count, lost: line.lostEdges - lostBefore };
      count = 0;
      lostBefore = line.lostEdges;
      return taken;
    },
  };
}
