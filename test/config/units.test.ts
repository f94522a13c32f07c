import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, meantBy, nearest } from '../../src/config/nearest.ts';
import { DURATION, formatAmount, parseAmount, RATE, SIZE } from '../../src/config/units.ts';

const amountOf = (text: string, table = DURATION) => {
  const result = parseAmount(text, table);
  return 'value' in result ? result.value : undefined;
};

describe('an amount with a unit', () => {
  it.each([
    ['500ms', DURATION, 500],
    ['10s', DURATION, 10_000],
    ['1.5s', DURATION, 1_500],
    ['1.1s', DURATION, 1_100],
    ['0s', DURATION, 0],
    ['5m', DURATION, 300_000],
    ['1h', DURATION, 3_600_000],
    ['1d', DURATION, 86_400_000],
    ['100KB', SIZE, 100_000],
    ['64MB', SIZE, 64_000_000],
    ['1.5GB', SIZE, 1_500_000_000],
    ['200Hz', RATE, 200],
    ['6.25Hz', RATE, 6.25],
    ['1.6kHz', RATE, 1_600],
  ] as const)('%s', (text, table, value) => expect(amountOf(text, table)).toBe(value));

  it.each(['', '10', 's', '1 s', '1S', '1h30m', '-1s', '+1s', '1e3s', '.5s', '1,5s', '1s ', '١s'])(
    'is not %j',
    (text) => expect(amountOf(text)).toBeUndefined(),
  );
  it('is written so that it reads back as the same value', () => {
    for (const [table, max] of [
      [DURATION, 1e9],
      [RATE, 1e4],
    ] as const) {
      fc.assert(
        fc.property(fc.integer({ min: 0, max }), (value) => amountOf(formatAmount(value, table), table) === value),
      );
    }
    expect(formatAmount(60_000, DURATION)).toBe('1m');
    expect(formatAmount(90_000, DURATION)).toBe('90s');
    expect(formatAmount(512_000_000, SIZE)).toBe('512MB');
  });
});

describe('the nearest name', () => {
  it.each([
    ['evry', ['every', 'cron'], 'every'],
    ['eveyr', ['every', 'cron'], 'every'],
    ['maxSize', ['max_size', 'max_wait'], 'max_size'],
    ['addr', ['driver', 'address'], 'address'],
    ['BME280', ['bme280', 'bmp280'], 'bme280'],
    ['colour', ['every', 'cron'], undefined],
    ['', ['a'], undefined],
    ['x'.repeat(100_000), ['every'], undefined],
  ])('to %s', (name, known, expected) => expect(nearest(name, known)).toBe(expected));
  it("knows other programs' words, where they make sense", () => {
    expect(meantBy('interval', ['every', 'cron'])).toBe('every');
    expect(meantBy('interval', ['prefix'])).toBeUndefined();
    expect(meantBy('constructor', ['every'])).toBeUndefined();
  });
  it('is a distance: none to itself, the same both ways, at most the longer length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
