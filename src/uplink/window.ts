/**
 * What may be unacknowledged at once: a number of messages (never above the broker's receive maximum) and a number of
 * bytes. Room is given in the order it was asked for. A message larger than all the bytes goes when nothing else is there.
 */

export interface SendWindow {
  readonly messages: number;
  /** Resolves true when the message may go; false if the signal aborted first, and then nothing was taken. */
  take(bytes: number, signal: AbortSignal): Promise<boolean>;
  give(bytes: number): void;
  /** Resolves when nothing is unacknowledged, or the signal aborts. */
  idle(signal: AbortSignal): Promise<void>;
}

export interface WindowLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export function createWindow({ maxMessages, maxBytes }: WindowLimits): SendWindow {
  let messages = 0;
  let bytes = 0;
  // Bounded by the callers: each of the two senders of a session waits for one message at a time.
  const waiting = new Set<{ readonly bytes: number; readonly go: () => void }>();
  const idlers = new Set<() => void>();

  const fits = (more: number) => messages === 0 || (messages < maxMessages && bytes + more <= maxBytes);
  const count = (more: number) => {
    messages += 1;
    bytes += more;
  };
  return {
    get messages() {
      return messages;
    },
    take(wanted, signal) {
      if (signal.aborted) return Promise.resolve(false);
      if (waiting.size === 0 && fits(wanted)) {
        count(wanted);
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const settle = (taken: boolean) => {
          waiting.delete(waiter);
          signal.removeEventListener('abort', abandon);
          resolve(taken);
        };
        const abandon = () => settle(false);
        const waiter = { bytes: wanted, go: () => settle(true) };
        waiting.add(waiter);
        signal.addEventListener('abort', abandon, { once: true });
      });
    },
    give(returned) {
      messages -= 1;
      bytes -= returned;
      for (const waiter of waiting) {
        if (!fits(waiter.bytes)) break;
        count(waiter.bytes);
        waiter.go();
      }
      if (messages === 0) for (const idler of [...idlers]) idler();
    },
    idle(signal) {
      if (messages === 0 || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = () => {
          idlers.delete(done);
          signal.removeEventListener('abort', done);
          resolve();
        };
        idlers.add(done);
        signal.addEventListener('abort', done, { once: true });
      });
    },
  };
}
