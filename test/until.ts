/** Waits for something that loopback traffic brings about: polls between turns of the event loop, and fails loudly. */
const LIMIT_MS = 10_000;

export async function until(what: string, condition: () => boolean): Promise<void> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > LIMIT_MS) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
