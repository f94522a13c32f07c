/** Seeded random numbers (mulberry32): the same seed explores the same history. */
export interface Random {
  /** An integer in 0..limit-1; 0 if the limit is 0. */
  below(limit: number): number;
  chance(rate: number): boolean;
  fill(target: Buffer): Buffer;
}

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    below: (limit) => (limit <= 0 ? 0 : Math.floor((next() / 2 ** 32) * limit)),
    chance: (rate) => next() / 2 ** 32 < rate,
    fill(target) {
      for (let at = 0; at + 4 <= target.length; at += 4) target.writeUInt32LE(next(), at);
      return target;
    },
  };
}
