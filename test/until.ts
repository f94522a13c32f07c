/** Waits for something that loopback traffic brings about: polls between turns of the event loop, and fails loudly. */

/** Within a test's own limit, so that this sentence is what is read; a loaded machine may need most of it. */
const LIMIT_MS = 25_000;
/** Turns of the event loop before the others on this machine get the processor. */
const EAGER_TURNS = 100;

export async function until(what: string, condition: () => boolean): Promise<void> {
  const startMs = performance.now();
  for (let turn = 0; !condition(); turn++) {
    if (performance.now() - startMs > LIMIT_MS) throw new Error(`waited in vain until ${what}`);
    await new Promise<void>((resolve) => {
      if (turn < EAGER_TURNS) setImmediate(resolve);
      else setTimeout(resolve, 1);
    });
  }
}
