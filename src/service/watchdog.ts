/**
 * The watchdog: systemd kills and restarts a service that does not report in time. A bare interval would report a process
 * whose timers still run while nothing is measured or written any more; so a report needs progress, as the caller defines
 * it (sampler and journal both move on, or have nothing to do). That this loop runs at all speaks for the event loop.
 */
import type { Clock } from '../clock.ts';
import type { Log } from './log.ts';

export interface WatchdogOptions {
  /** How long systemd waits for a report. */
  readonly periodMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly progress: () => boolean;
  readonly report: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Without progress it looks again this often: what comes back in time is not killed. */
const RETRY_MS = 1_000;

/** Reports at half the period, as sd_watchdog_enabled(3) advises, until the signal aborts. */
export async function watchdog({ periodMs, clock, log, progress, report, signal }: WatchdogOptions): Promise<void> {
  const halfMs = periodMs / 2;
  let stalled = false;
  while (!signal.aborted) {
    if (progress()) {
      stalled = false;
      await report();
    } else if (!stalled) {
      stalled = true;
      log.error('watchdog.stalled', {
        message: 'nothing moves on, so systemd will restart the service',
        period_ms: periodMs,
      });
    }
    await clock.sleep(stalled ? Math.min(RETRY_MS, halfMs) : halfMs, signal);
  }
}
