/** Chance that can be repeated: numbers made from a seed, and curves that are pure functions of seed and time. */

/** A 32-bit number from numbers; near inputs give unrelated outputs (the finaliser of MurmurHash3). */
export function mix(seed: number, index: number): number {
  let hash = (seed ^ Math.imul(index | 0, 0x9e3779b1)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A seed for a part of the world: for a sensor, a quantity, a fault. */
export function seedOf(seed: number, name: string): number {
  let hash = mix(seed, name.length);
  for (let at = 0; at < name.length; at++) hash = mix(hash, name.charCodeAt(at));
  return hash;
}

/** Uniform in [0, 1), always the same for one seed and index. */
export const uniformAt = (seed: number, index: number): number => mix(seed, index) / 2 ** 32;

/** Wanders in (-1, 1), smoothly, turning about once per `periodMs`. */
export function wander(seed: number, atMs: number, periodMs: number): number {
  const cell = Math.floor(atMs / periodMs);
  const part = atMs / periodMs - cell;
  const from = uniformAt(seed, cell);
  const to = uniformAt(seed, cell + 1);
  return 2 * (from + (to - from) * part * part * (3 - 2 * part)) - 1;
}

/** A generator of uniform numbers in [0, 1). */
export function uniformFrom(seed: number): () => number {
  let index = 0;
  return () => uniformAt(seed, index++);
}
