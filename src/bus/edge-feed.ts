/**
 * Between a GPIO backend that pushes edges and a reader that fetches them: a bounded queue. What does not fit is dropped,
 * oldest first, and counted.
 */
import type { Edge } from './gpio.ts';

/** About a second of a badly bouncing contact; more would only delay the truth. */
const MAX_QUEUED = 1_024;

export interface EdgeFeed {
  push(edge: Edge): void;
  /** The line is lost: the reader gets what is queued, then this error. */
  fail(error: unknown): void;
  /** Edges until the signal aborts. `stop` runs once, at the abort or when the reader leaves. */
  read(signal: AbortSignal, stop: () => Promise<void>): AsyncGenerator<Edge>;
}

export function edgeFeed(onLost: () => void): EdgeFeed {
  const queue: Edge[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wake = () => {};

  async function* follow(signal: AbortSignal, stop: () => Promise<void>): AsyncGenerator<Edge> {
    try {
      while (!signal.aborted) {
        const edge = queue.shift();
        if (edge) yield edge;
        else if (failure) throw failure.error;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    } finally {
      await stop();
    }
  }
  return {
    push(edge) {
      if (queue.length >= MAX_QUEUED) {
        queue.shift();
        onLost();
      }
      queue.push(edge);
      wake();
    },
    fail(error) {
      failure ??= { error };
      wake();
    },
    read(signal, stop) {
      let stopped: Promise<void> | undefined;
      const once = () => {
        stopped ??= stop();
        return stopped;
      };
      // Also without a reader that fetches: nothing may go on after the abort.
      const abort = () => {
        void once();
        wake();
      };
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      return follow(signal, () => {
        signal.removeEventListener('abort', abort);
        return once();
      });
    },
  };
}
