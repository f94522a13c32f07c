/**
 * Reloads, one at a time. Those asked for while one is under way become one more; one that is asked for before the program
 * has started waits for that, so that a hangup signal never finds nobody listening.
 */
export interface Reloads {
  ask(): void;
  /** The program has started: this is how it reloads. Must not reject. */
  begin(reload: () => Promise<void>): void;
  /** Resolves when none is under way. */
  idle(): Promise<void>;
}

export function createReloads(): Reloads {
  let reload: (() => Promise<void>) | undefined;
  let asked = false;
  let running: Promise<void> | undefined;
  const ask = () => {
    asked = true;
    if (!reload || running) return;
    const run = reload;
    running = (async () => {
      while (asked) {
        asked = false;
        await run();
      }
      running = undefined;
    })();
  };
  return {
    ask,
    begin(started) {
      reload = started;
      if (asked) ask();
    },
    idle: () => running ?? Promise.resolve(),
  };
}
