/**
 * Reloads, one at a time. Those asked for while one is under way become one more; one that is asked for before the program
 * has started waits for that, so that a hangup signal never finds nobody listening.
 */
export interface Reloads<Outcome> {
  /** Resolves with what the reload came to that began after this. */
  ask(): Promise<Outcome>;
  /** The program has started: this is how it reloads. Must not reject. */
  begin(reload: () => Promise<Outcome>): void;
  /** Resolves when none is under way. */
  idle(): Promise<void>;
}

export function createReloads<Outcome>(): Reloads<Outcome> {
  let reload: (() => Promise<Outcome>) | undefined;
  let askers: ((outcome: Outcome) => void)[] = [];
  let asked = false;
  let running: Promise<void> | undefined;
  const serve = () => {
    asked = true;
    if (!reload || running) return;
    const run = reload;
    running = (async () => {
      while (asked) {
        asked = false;
        const served = askers;
        askers = [];
        const outcome = await run();
        for (const tell of served) tell(outcome);
      }
      running = undefined;
    })();
  };
  return {
    ask() {
      const answered = new Promise<Outcome>((resolve) => askers.push(resolve));
      serve();
      return answered;
    },
    begin(started) {
      reload = started;
      if (asked) serve();
    },
    idle: () => running ?? Promise.resolve(),
  };
}
