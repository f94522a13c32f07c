/**
 * The converter inside a simulated chip: it converts once, or again and again, each time for as long as the datasheet
 * says, and the chip is told of a result no sooner than its end.
 */
import type { Clock } from '../clock.ts';

export interface SimulatedConverter {
  /** Begins anew; what was under way is lost. */
  start(mode: 'once' | 'always', durationMs: number): void;
  stop(): void;
  /** When the newest conversion ended that has ended since the last call; undefined if none has. */
  ended(): number | undefined;
  /** Whether it is converting, as of the last call of `ended`. */
  readonly busy: boolean;
}

/** Sums of times are not exact. */
const ROUNDING = 1e-9;

export function simulatedConverter(clock: Clock): SimulatedConverter {
  let running: { mode: 'once' | 'always'; startMs: number; durationMs: number } | undefined;
  return {
    start(mode, durationMs) {
      running = { mode, startMs: clock.monotonic(), durationMs };
    },
    stop() {
      running = undefined;
    },
    ended() {
      if (!running) return undefined;
      const { mode, startMs, durationMs } = running;
      const done = Math.floor((clock.monotonic() - startMs) / durationMs + ROUNDING);
      if (done < 1) return undefined;
      const endMs = startMs + (mode === 'once' ? 1 : done) * durationMs;
      running = mode === 'once' ? undefined : { ...running, startMs: endMs };
      return endMs;
    },
    get busy() {
      return running !== undefined;
    },
  };
}
