/** A bound on work that may hang: the one place where the sampler stops waiting for a driver. */
import type { Clock } from '../clock.ts';
import { SedgeError } from '../errors.ts';

/**
 * Runs `work` for at most `deadlineMs`. Afterwards `controller` is aborted and `sensor.deadline` is thrown; the work itself
 * may go on in the background, where its result is ignored. Ends at once with `sensor.stopped` when `controller` is
 * aborted from elsewhere. The controller is not touched when the work ends in time, so it serves many calls.
 */
export function withinDeadline<T>(
  clock: Pick<Clock, 'after'>,
  deadlineMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
  controller: AbortController,
): Promise<T> {
  const { signal } = controller;
  return new Promise((resolve, reject) => {
    const late = () => {
      const message = `${what} did not end within ${deadlineMs} ms: check the wiring and the bus`;
      end(() => reject(new SedgeError('sensor.deadline', message)));
      controller.abort();
    };
    const stopped = () => end(() => reject(new SedgeError('sensor.stopped', `${what} was stopped`)));
    const cancel = clock.after(deadlineMs, late);
    const end = (settle: () => void) => {
      cancel();
      signal.removeEventListener('abort', stopped);
      settle();
    };
    signal.addEventListener('abort', stopped, { once: true });
    if (signal.aborted) stopped();
    else {
      // An async function of its own, so that a driver that throws at once is like one that rejects.
      (async () => work(signal))().then(
        (value) => end(() => resolve(value)),
        (error: unknown) => end(() => reject(error)),
      );
    }
  });
}
