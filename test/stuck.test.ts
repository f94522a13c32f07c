import { expect, it } from 'vitest';
import { isStuck } from '../src/stuck.ts';

it.each([
  [[0x00, 0x00], true],
  [[0xff, 0xff], true],
  [[0x00, 0xff], false],
  [[0x00, 0x01], false],
  [[0xfe, 0xff], false],
])('takes %j for a line that is stuck: %s', (bytes, expected) => {
  expect(isStuck(Uint8Array.from(bytes))).toBe(expected);
});
