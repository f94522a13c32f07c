import { expect, it } from 'vitest';
import { cardSentence } from '../../src/status/card.ts';
import { shownRate, shownSize, shownSpan } from '../../src/status/words.ts';

it.each([
  [-1, '0 s'],
  [0.9, '0 s'],
  [99, '99 s'],
  [100, '1 min'],
  [3_599, '59 min'],
  [3_600, '1 h'],
  [11_100, '3 h 5 min'],
  [86_400, '1 d'],
  [360_000, '4 d 4 h'],
])('%d seconds are %s', (seconds, text) => expect(shownSpan(seconds)).toBe(text));

it.each([
  [null, '–'],
  [0, '0/s'],
  [1_234.5, '1235/s'],
  [1, '1/s'],
  [1.25, '1.3/s'],
  [0.1, '6/min'],
  [1 / 60, '1/min'],
  [1 / 300, '12/h'],
])('%s a second are %s', (rate, text) => expect(shownRate(rate)).toBe(text));

it.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [4_194_304, '4.2 MB'],
  [999_960, '1.0 MB'],
  [512e6, '512.0 MB'],
])('%d bytes are %s', (bytes, text) => expect(shownSize(bytes)).toBe(text));

it.each([
  [null, 'too early to say what this means for a card'],
  [0, 'nothing is written'],
  [350e6, 'an ordinary card (10 TB of writes) outlasts this by far: more than 50 years'],
  [1e9, 'an ordinary card (10 TB of writes) lasts about 27 years'],
  [10e9, expect.stringContaining('lasts only about 2.7 years: raise journal.commit_every')],
  [100e9, expect.stringContaining('lasts only about 3 months')],
])('%s bytes a day: %s', (bytes, sentence) => expect(cardSentence(bytes)).toEqual(sentence));
