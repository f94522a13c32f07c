import { describe, expect, it } from 'vitest';
import { bar, shownAge, shownElapsed, shownValue, sparkline } from '../../src/terminal/figures.ts';

describe('figures', () => {
  it('shows values in the units people read', () => {
    expect(shownValue(21.3, 'Cel', 2)).toEqual(['21.30', '°C']);
    expect(shownValue(3, '1', 0)).toEqual(['3', '']);
    expect(shownValue(9.81, 'm/s2', 1)).toEqual(['9.8', 'm/s²']);
    expect(shownValue(512_300_000, 'byte', 0)).toEqual(['512.3', 'MB']);
    expect(shownValue(999, 'byte', 0)).toEqual(['999', 'B']);
  });

  it('draws a sparkline between the smallest and the largest of what is shown', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([100, 0, 7], 2)).toBe('▁█');
    expect(sparkline([5, 5, 5], 10)).toBe('▁▁▁');
    expect(sparkline([], 10)).toBe('');
    expect(sparkline([1, 2], 0)).toBe('');
  });

  it('draws a bar of exactly its width that is empty only for nothing', () => {
    expect(bar(5, 10, 8).join('')).toBe('████░░░░');
    expect(bar(1, 10_000, 8).join('')).toBe('█░░░░░░░');
    expect(bar(0, 10, 8).join('')).toBe('░░░░░░░░');
    expect(bar(30, 10, 8).join('')).toBe('████████');
    expect(bar(0, 0, 4).join('')).toBe('░░░░');
  });

  it('tells ages and durations shortly', () => {
    expect([0, 999, 42_000, 100_000, 7_200_000].map(shownAge)).toEqual(['0s', '0s', '42s', '1m', '2h']);
    expect([42_000, 61_000, 3_642_000].map(shownElapsed)).toEqual(['00:42', '01:01', '1:00:42']);
  });
});
