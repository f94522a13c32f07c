/**
 * Who is next. On a quiet disk an operation is done within a few turns of the event loop's innermost queue, so that what runs
 * side by side hardly meets. On a busy one each operation, and then its answer, waits in a crowd of which one at a time comes to
 * its turn, in any order: so a rename is done before its caller knows, and a reader opens the file in between.
 */
import type { Random } from './random.ts';

export interface Turns {
  /** Resolves when an operation is to be done. */
  begin(): Promise<void>;
  /** Resolves when the caller is to learn what became of it. */
  answer(): Promise<void>;
  /** Lets what is under way go on for a while, or, with `isEnough`, until that is so: false if it never is. */
  pass(isEnough?: () => boolean): Promise<boolean>;
}

/** Turns of the event loop between two steps of a history on a busy disk, at most. */
const MAX_TURNS_A_STEP = 24;
/** After so many turns something waits for ever. */
const MAX_TURNS = 200_000;
/** Answers that come at once, as from a cache. */
const AT_ONCE_RATE = 0.5;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export function createTurns(random: Random, isBusy: boolean): Turns {
  const crowd: (() => void)[] = [];
  let isPumping = false;
  const pump = () => {
    const [next] = crowd.splice(random.below(crowd.length), 1);
    next?.();
    isPumping = crowd.length > 0;
    if (isPumping) setImmediate(pump);
  };
  const wait = () =>
    new Promise<void>((resolve) => {
      crowd.push(resolve);
      if (isPumping) return;
      isPumping = true;
      setImmediate(pump);
    });
  return {
    async begin() {
      if (isBusy) return wait();
      for (let turns = random.below(3); turns > 0; turns--) await undefined;
    },
    async answer() {
      if (isBusy && !random.chance(AT_ONCE_RATE)) await wait();
    },
    async pass(isEnough) {
      if (isEnough) {
        for (let turns = MAX_TURNS; turns > 0 && !isEnough(); turns--) await turn();
        return isEnough();
      }
      for (let turns = isBusy ? random.below(MAX_TURNS_A_STEP) : 1; turns > 0; turns--) await turn();
      return true;
    },
  };
}
