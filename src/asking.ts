/**
 * What drivers ask of a chip in the same way: whether it is ready, again and again and never for ever; what it does not
 * acknowledge; and to idle, however a measurement ended. Knows no chip.
 */
import { codeOf } from './errors.ts';

export interface Looks {
  /** The most looks; there is no wait behind the last. */
  readonly times: number;
  readonly lookAgainMs: number;
  /** That of the driver's context. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** Looks until there is something, which is neither undefined nor false; undefined when there never was. */
export async function lookUntil<T>(
  look: () => Promise<T | false | undefined>,
  { times, lookAgainMs, wait, signal }: Looks,
): Promise<T | undefined> {
  for (let left = times; left > 0; left--) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (left > 1) await wait(lookAgainMs, signal);
  }
  return undefined;
}

/** What a transfer gave, or undefined where the chip does not acknowledge it; other errors pass. */
export async function ifAcknowledged<T>(transfer: Promise<T>): Promise<T | undefined> {
  try {
    return await transfer;
  } catch (error) {
    if (codeOf(error) === 'bus.nack') return undefined;
    throw error;
  }
}

/** What a transfer gives once the chip acknowledges it; the `bus.nack` of the last one passes. */
export async function onceAcknowledged<T>(
  transfer: () => Promise<T>,
  { times, lookAgainMs, wait, signal }: Looks,
): Promise<T> {
  for (let left = times; left > 1; left--) {
    const found = await ifAcknowledged(transfer());
    if (found !== undefined) return found;
    await wait(lookAgainMs, signal);
  }
  return transfer();
}

/** What a measurement gave, with the chip idle again, also when it failed: then its error is the one to tell. */
export async function leavingIdle<T>(measure: () => Promise<T>, idle: () => Promise<void>): Promise<T> {
  try {
    const found = await measure();
    await idle();
    return found;
  } catch (error) {
    // Whatever measures next configures the chip anew anyway.
    await idle().catch(() => {});
    throw error;
  }
}
