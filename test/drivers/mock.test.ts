import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import mock, { csvColumn, sineAt, walk } from '../../drivers/mock.ts';
import { fileTree } from '../../src/bus/files.ts';
import { virtualClock } from '../../src/clock.ts';
import { driverContext, type Options, type PolledSensor } from '../../src/driver.ts';
import { conformance, optionSets } from '../conformance.ts';
import { optionsOf } from '../rig.ts';

const directory = mkdtempSync(join(tmpdir(), 'sedge-mock-'));
afterAll(() => rm(directory, { recursive: true }));
const csv = (name: string, text: string): string => {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
};
const recording = csv('recording.csv', 'time,flow\n1,10.5\n2,11\n3,\n4,12\n');

conformance(mock, undefined, {
  device: () => fileTree(),
  optionSets: optionSets(mock, {}).map((set) =>
    set.wave === 'replay' ? { ...set, file: recording, column: 'flow' } : set,
  ),
});

const signal = new AbortController().signal;
const open = async (options: Options, clock = virtualClock({ automatic: true })): Promise<PolledSensor> =>
  mock.open(driverContext<'files'>(fileTree(), clock, optionsOf(mock, options)));
const series = async (sensor: PolledSensor, length: number): Promise<(number | string)[]> => {
  const found: (number | string)[] = [];
  for (let nth = 0; nth < length; nth++)
    found.push(
      await sensor.read(signal).then(
        ({ value }) => value!,
        ({ code }) => code,
      ),
    );
  return found;
};

describe('mock', () => {
  it('says a constant', async () => {
    expect(await series(await open({ value: -3.25 }), 2)).toEqual([-3.25, -3.25]);
  });

  it('says a sine of the clock: middle, top, middle, bottom', async () => {
    expect([0, 15, 30, 45, 60].map((at) => sineAt(at, 60, 0, 10))).toEqual(
      [5, 10, 5, 0, 5].map((value) => expect.closeTo(value, 9)),
    );
    const clock = virtualClock({ automatic: true, monoMs: 15_000 });
    const sensor = await open({ wave: 'sine', min: 0, max: 10, period: 60_000 }, clock);
    expect(await sensor.read(signal)).toEqual({ value: 10 });
  });

  it('walks between its ends, the same way for the same seed', async () => {
    const first = await series(await open({ wave: 'walk', min: -1, max: 1, seed: 7 }), 1_000);
    expect(await series(await open({ wave: 'walk', min: -1, max: 1, seed: 7 }), 1_000)).toEqual(first);
    expect(await series(await open({ wave: 'walk', min: -1, max: 1, seed: 8 }), 1_000)).not.toEqual(first);
    expect(first.every((value) => Number(value) >= -1 && Number(value) <= 1)).toBe(true);
    expect(new Set(first).size).toBeGreaterThan(900);
    const step = walk(7, -1, 1);
    let [low, high] = [1, -1];
    for (let nth = 0; nth < 10_000; nth++) {
      const at = step();
      low = Math.min(low, at);
      high = Math.max(high, at);
    }
    expect([low < -0.9, high > 0.9]).toEqual([true, true]);
  });

  it('replays a column, one row a read, and begins again; a hole is a failed read', async () => {
    const sensor = await open({ wave: 'replay', file: recording, column: 'flow' });
    expect(await series(sensor, 6)).toEqual([10.5, 11, 'sensor.no-data', 12, 10.5, 11]);
  });

  it('ends with loop: false', async () => {
    const sensor = await open({ wave: 'replay', file: recording, column: 'time', loop: false });
    expect(await series(sensor, 6)).toEqual([1, 2, 3, 4, 'sensor.no-data', 'sensor.no-data']);
  });

  it.each([
    ['one column without heading', '1\n2\n', undefined, [1, 2]],
    ['a heading', 'flow\n1\n2\n', undefined, [1, 2]],
    ['semicolons and quotes', '"t";"flow"\r\n"1";"2.5"\r\n', 'flow', [2.5]],
    ['a byte order mark and no last line end', '\uFEFFflow\n-1e3', 'flow', [-1000]],
    ['a hole', 'a,b\n1,x\n2,7', 'b', [Number.NaN, 7]],
    ['a column that is not there', 'a,b\n1,2\n', 'c', undefined],
    ['no numbers', 'time\n2026-11-22T12:00:00Z\n', undefined, undefined],
    ['nothing', '', undefined, undefined],
  ])('reads a CSV file with %s', (_name, text, column, expected) => {
    const found = csvColumn(text, column);
    expect(found && [...found]).toEqual(expected);
  });

  it.each([
    [{ wave: 'sine', min: 5, max: 5 }, /min 5 is not below max 5/],
    [{ wave: 'replay' }, /set the option file/],
    [{ wave: 'replay', file: recording, column: 'height' }, /no numbers in its column height/],
  ])('refuses %j with a sentence', async (options, message) => {
    await expect(open(options)).rejects.toMatchObject({
      code: 'config.invalid',
      message: expect.stringMatching(message),
    });
  });

  it('says when its file is missing', async () => {
    await expect(open({ wave: 'replay', file: join(directory, 'gone.csv') })).rejects.toMatchObject({
      code: 'bus.missing',
    });
  });

  it('takes any quantity, and its ends from the wave', () => {
    const options = optionsOf(mock, { wave: 'sine', min: -5, max: 40, quantity: 'temperature', decimals: 1 });
    expect(mock.variant!(options).channels).toEqual({
      value: { quantity: 'temperature', min: -5, max: 40, resolution: 0.1, decimals: 1 },
    });
    expect(mock.channels.value!.quantity).toBe('ratio');
  });
});
