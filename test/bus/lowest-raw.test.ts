import { expect, it } from 'vitest';
import { lowestRaw } from '../../src/bus/lowest-raw.ts';

it.each([0, 1, 6, 7, 0x7ffff, 0xffffff])('finds %i, from which on the condition is true', (first) => {
  expect(lowestRaw(0xffffff, (raw) => raw >= first)).toBe(first);
});

it('is at its end where the condition is never true, and asks no more often than it has bits', () => {
  let asked = 0;
  const never = () => {
    asked += 1;
    return false;
  };
  expect(lowestRaw(0xfffff, never)).toBe(0xfffff);
  expect(asked).toBeLessThanOrEqual(20);
});
