/**
 * File operations that end, on a device that may not answer: a card can hang for good in a write, and no thread that waits
 * for it in the kernel can be called back. Promises: each operation ends with the device's answer, or with ETIMEDOUT when
 * that has not come in time; from then on all end so, at once and without touching the device, because what was asked
 * may still happen and nothing that is known of the files is certain any more; what comes late is closed or let go of, and
 * `isQuiet` says when nothing is left. Then the files are there for another one of these.
 */
import type { Clock } from '../clock.ts';
import { errno, type JournalFile, type JournalFs } from './fs.ts';

/** A card that tidies up takes seconds; the kernel gives up on one after 10 s, and tries again. */
export const PATIENCE_MS = 30_000;
/** The same while the process is to end: less than a service manager waits, with what else is done at a stop. */
export const HURRIED_PATIENCE_MS = 10_000;

export interface PatientFs {
  readonly fs: JournalFs;
  /** It did not answer in time: nothing is done here any more. */
  readonly isSilent: boolean;
  /** Nothing is with the device, and nothing that came late is left open. */
  readonly isQuiet: boolean;
  /** From now on HURRIED_PATIENCE_MS. */
  hurry(): void;
}

interface Operation {
  readonly sinceMs: number;
  fail(error: Error): void;
}

export function patientFs(inner: JournalFs, clock: Clock, onSilence: () => void): PatientFs {
  let patienceMs = PATIENCE_MS;
  let isSilent = false;
  /** With the device, oldest first. */
  const asked = new Set<Operation>();
  const opened = new Set<JournalFile>();
  let cancel: (() => void) | undefined;

  const unanswered = () => errno('ETIMEDOUT', `the device has not answered for ${patienceMs} ms`);
  const look = () => {
    const [oldest] = asked;
    const leftMs = oldest ? oldest.sinceMs + patienceMs - clock.monotonic() : patienceMs;
    if (leftMs > 0) {
      cancel = clock.after(leftMs, look);
      return;
    }
    isSilent = true;
    onSilence();
    for (const { fail } of asked) fail(unanswered());
  };
  const answered = (operation: Operation) => {
    asked.delete(operation);
    if (asked.size > 0) return;
    if (!isSilent) cancel?.();
    cancel = undefined;
    if (!isSilent) return;
    // The device is back: what nobody can close any more is closed here.
    for (const file of opened) {
      opened.delete(file);
      void ask(() => file.close(), true).catch(() => {});
    }
  };
  /** `late` lets go of what comes when nobody waits for it any more. */
  const ask = <T>(work: () => Promise<T>, isLate = false, late?: (value: T) => unknown): Promise<T> => {
    if (isSilent && !isLate) return Promise.reject(unanswered());
    return new Promise((resolve, reject) => {
      const operation = { sinceMs: clock.monotonic(), fail: reject };
      asked.add(operation);
      if (!isSilent) cancel ??= clock.after(patienceMs, look);
      const settle = async () => {
        try {
          const value = await work();
          if (isSilent && !isLate) await late?.(value);
          resolve(value);
        } catch (error) {
          reject(error);
        } finally {
          answered(operation);
        }
      };
      void settle();
    });
  };

  const fileOf = (file: JournalFile): JournalFile => ({
    read: (target, targetOffset, length, position) => ask(() => file.read(target, targetOffset, length, position)),
    write: (bytes, position) => ask(() => file.write(bytes, position)),
    fdatasync: () => ask(() => file.fdatasync()),
    ...(file.writeDurable && { writeDurable: (bytes, position) => ask(() => file.writeDurable!(bytes, position)) }),
    truncate: (length) => ask(() => file.truncate(length)),
    size: () => ask(() => file.size()),
    async close() {
      // Where the device is silent this is done when it is back.
      if (isSilent) return;
      opened.delete(file);
      await ask(() => file.close());
    },
  });
  const fs: JournalFs = {
    makeDirectory: (path) => ask(() => inner.makeDirectory(path)),
    list: (path) => ask(() => inner.list(path)),
    async open(path, mode) {
      const file = await ask(
        () => inner.open(path, mode),
        false,
        (late) => late.close(),
      );
      opened.add(file);
      return fileOf(file);
    },
    rename: (from, to) => ask(() => inner.rename(from, to)),
    unlink: (path) => ask(() => inner.unlink(path)),
    syncDirectory: (path) => ask(() => inner.syncDirectory(path)),
    ...(inner.freeBytes && { freeBytes: (path) => ask(() => inner.freeBytes!(path)) }),
    lock: (path) =>
      ask(
        () => inner.lock(path),
        false,
        (late) => late.release(),
      ),
  };
  return {
    fs,
    get isSilent() {
      return isSilent;
    },
    get isQuiet() {
      return asked.size === 0;
    },
    hurry() {
      patienceMs = HURRIED_PATIENCE_MS;
      if (isSilent || asked.size === 0) return;
      cancel?.();
      look();
    },
  };
}
