/**
 * The watchdog: systemd kills and restarts a service that does not report in time. A bare interval would report a process
 * whose timers still run while nothing is measured or written any more; so a report needs progress, as the caller defines
 * it (sampler and journal both moved on, or had nothing to do), and that this loop runs at all speaks for the event loop.
 */
import type { Clock } from '../clock.ts';
import type { Log } from './log.ts';
import type { Notifier } from './notify.ts';

export interface WatchdogOptions {
  readonly notifier: Pick<Notifier, 'watchdogMs' | 'alive'>;
  readonly clock: Clock;
  readonly log: Log;
  /** True if everything that must move on has done so since the last call. */
  readonly progress: () => boolean;
}

/** Without progress it looks again this often: what comes back in time is not killed. */
const RETRY_MS = 1_000;

/** Reports at half the period, as sd_watchdog_enabled(3) advises. Returns how to stop; a no-op without a watchdog. */
export function startWatchdog({ notifier, clock, log, progress }: WatchdogOptions): () => void {
  const { watchdogMs } = notifier;
  if (watchdogMs === undefined) return () => {};
  const stop = new AbortController();
  const halfMs = watchdogMs / 2;
  void (async () => {
    let stalled = false;
    while (!stop.signal.aborted) {
      if (progress()) {
        stalled = false;
        await notifier.alive();
      } else if (!stalled) {
        stalled = true;
        log.error('watchdog', { message: `nothing moves on: systemd restarts the service within ${watchdogMs} ms` });
      }
      await clock.sleep(stalled ? Math.min(RETRY_MS, halfMs) : halfMs, stop.signal);
    }
  })();
  return () => stop.abort();
}
