/** Figures on the page, and the history behind its curves. */
import { describe, expect, it } from 'vitest';
import { figure, interval, rate, size, span } from '../../page/format.ts';
import { createHistory, MAX_POINTS } from '../../page/history.ts';

describe('figures', () => {
  it('are written for a person', () => {
    expect([figure(21.4, 2), figure(-0.5, 1), figure(1234), figure(1234567.891, 1)]).toEqual([
      '21.40',
      '\u22120.5',
      '1234',
      '1\u2009234\u2009567.9',
    ]);
    expect([0, 999, 1_000, 12_345_678, 512_000_000].map(size)).toEqual(['0 B', '999 B', '1.0 KB', '12.3 MB', '512 MB']);
    expect([0, 59, 119, 120, 7_300, 90_000, 864_000].map(span)).toEqual([
      '0 s',
      '59 s',
      '119 s',
      '2 min',
      '2 h 1 min',
      '1 d 1 h',
      '10 d',
    ]);
    expect([null, 0, 12.3, 1.26, 0.1, 0.0005].map(rate)).toEqual(['–', '0/s', '12/s', '1.3/s', '6/min', '1.8/h']);
    expect([200, 1_000, 90_000, 60_000, 600_000].map(interval)).toEqual([
      'every 200 ms',
      'every 1 s',
      'every 90 s',
      'every 60 s',
      'every 10 min',
    ]);
  });
});

const START_MS = Date.UTC(2026, 10, 22, 12);
const at = (second: number, value: number) => ({
  sensor: 'air',
  time: new Date(START_MS + second * 1_000).toISOString(),
  values: { temperature: value },
});
const seconds = (times: readonly number[]) => times.map((time) => time - START_MS / 1_000);

describe('a history', () => {
  it('has a hole where readings are missing, so that no line is drawn that nobody measured', () => {
    const history = createHistory(1_000);
    for (const second of [0, 1, 2, 30, 31]) history.add(at(second, second));
    const { times, values } = history.series('temperature');
    expect(seconds(times)).toEqual([0, 1, 2, 16, 30, 31]);
    expect(values).toEqual([0, 1, 2, null, 30, 31]);
  });

  it('takes earlier readings beside those that came meanwhile, each once and in order', () => {
    const history = createHistory(1_000);
    history.add(at(3, 3));
    history.fill([at(1, 1), at(2, 2), at(3, 3)]);
    expect(history.series('temperature').values).toEqual([1, 2, 3]);
  });

  it('begins anew where the clock was set back, and is bounded', () => {
    const history = createHistory(1_000);
    for (const second of [10, 11, 12, 11]) history.add(at(second, second));
    expect(seconds(history.series('temperature').times)).toEqual([10, 11]);
    for (let second = 20; second < 20 + 2 * MAX_POINTS; second++) history.add(at(second, second));
    expect(history.length).toBe(MAX_POINTS);
  });

  it('holds the last state until now, for what would have said that it changed', () => {
    const history = createHistory(undefined);
    history.add(at(1, 0));
    const { times, values } = history.series('temperature', START_MS / 1_000 + 9);
    expect([seconds(times), values]).toEqual([
      [1, 9],
      [0, 0],
    ]);
  });
});
