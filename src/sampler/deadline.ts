/** A bound on work that may hang: the one place where the sampler stops waiting for a driver. */
import type { Clock } from '../clock.ts';
import { SedgeError } from '../errors.ts';

/**
 * Runs `work` for at most `deadlineMs`. Afterwards its signal is aborted and `sensor.deadline` is thrown; the work itself
 * may go on in the background, where its result is ignored. Ends at once when the parent aborts.
 */
export async function withinDeadline<T>(
  clock: Clock,
  deadlineMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
  parent: AbortSignal,
): Promise<T> {
  const controller = new AbortController();
  const timer = new AbortController();
  let stop = () => controller.abort();
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      controller.abort();
      reject(new SedgeError('sensor.stopped', `${what} was stopped`));
    };
  });
  stopped.catch(() => {});
  parent.addEventListener('abort', stop, { once: true });
  if (parent.aborted) stop();
  try {
    const running = work(controller.signal);
    const late = clock.sleep(deadlineMs, timer.signal).then(() => {
      if (timer.signal.aborted) return running;
      throw new SedgeError(
        'sensor.deadline',
        `${what} did not end within ${deadlineMs} ms: check the wiring and the bus`,
      );
    });
    running.catch(() => {}); // it may fail after nobody waits for it any more
    return await Promise.race([running, late, stopped]);
  } finally {
    timer.abort();
    stop();
    parent.removeEventListener('abort', stop);
  }
}
