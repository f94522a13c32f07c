import { describe, expect, it } from 'vitest';
import { type BurstChip, burstPlan } from '../src/burst-plan.ts';

const CHIP: BurstChip = { id: 'chip', rateHz: 200, bandwidthHz: 100, step: 0.01, limit: 20 };
const plan = (chosen: Parameters<typeof burstPlan>[0], chip: Partial<BurstChip> = {}) =>
  burstPlan({ window: 1_000, ...chosen }, { ...CHIP, ...chip });
const problem = (chosen: Parameters<typeof burstPlan>[0], chip: Partial<BurstChip> = {}): string => {
  try {
    plan(chosen, chip);
  } catch (error) {
    expect(error).toMatchObject({ code: 'config.invalid' });
    return (error as Error).message;
  }
  return 'none';
};

describe('the band of the velocity', () => {
  it.each([
    ['0.45 of the rate', { rateHz: 200, bandwidthHz: 100 }, 1_000, [10, 90]],
    ["the chip's own filter", { rateHz: 1_000, bandwidthHz: 184 }, 1_000, [10, 184]],
    ['1000 Hz', { rateHz: 3_200, bandwidthHz: 1_600 }, 1_000, [10, 1_000]],
    ['0.45 of the rate, and two lines of a short window', { rateHz: 800, bandwidthHz: 400 }, 100, [20, 360]],
  ])('ends at %s', (_what, chip, window, expected) => {
    expect(plan({ window }, chip).velocityHz).toEqual(expected);
  });

  it('is none when the burst covers nothing of 10 to 1000 Hz, or no line lies in it', () => {
    expect(plan({ window: 10_000 }, { rateHz: 20, bandwidthHz: 10 }).velocityHz).toBeUndefined();
    expect(plan({ window: 2_000 }, { rateHz: 22.3, bandwidthHz: 11 }).velocityHz).toBeUndefined();
    expect(plan({ window: 2_000 }, { rateHz: 25, bandwidthHz: 12.5 }).velocityHz).toEqual([10, 11.2]);
  });
});

describe('the samples of a window', () => {
  it.each([
    [75, 'holds 15 samples and not 16 to 32768'],
    [80, undefined],
    [163_840, undefined],
    [163_845, 'holds 32769 samples'],
  ])('are judged in one of %i ms', (window, expected) => {
    expect(problem({ window })).toContain(expected ?? 'none');
  });

  it('can be kept up to what fits a batch', () => {
    expect(plan({ window: 20_480, raw: 'always' }).samples).toBe(4_096);
    expect(problem({ window: 20_485, raw: 'always' })).toBe(
      'chip: a window of 20485 ms at 200 Hz holds 4097 samples, and at most 4096 can be kept: shorten it, or set raw: never',
    );
  });
});

describe('bands', () => {
  it('are separated by spaces or commas', () => {
    expect(plan({ bands: '10-50 50-90' }).bandsHz).toEqual([
      [10, 50],
      [50, 90],
    ]);
    expect(plan({ bands: '10-50,2-90, 60-61' }).bandsHz).toHaveLength(3);
    expect(plan({}).bandsHz).toEqual([]);
  });

  it.each([
    ['50', 'chip: "50" is no band: write it as 10-50, in whole Hz'],
    ['50-10', 'is no band'],
    ['50-50', 'is no band'],
    ['10.5-20', 'is no band'],
    ['10-50 10-50', 'one band twice'],
    ['10-91', 'the band 10-91 is not within 2 to 90 Hz, which is what this burst covers: change it, rate or window'],
    ['1-50', 'not within 2 to 90 Hz'],
    ['2-3 3-4 4-5 5-6 6-7 7-8 8-9 9-10 10-11', '9 bands are more than 8'],
  ])('%j are refused, with the way out', (bands, message) => {
    expect(problem({ bands })).toContain(message);
  });

  it('that no line lies in are refused', () => {
    expect(problem({ bands: '41-42', window: 150 })).toContain('narrower than a line: lengthen the window');
  });
});

describe('triggers', () => {
  it('are what is set', () => {
    expect(plan({ raw: 'trigger', trigger_rms: 2, trigger_velocity: 0 }).triggers).toEqual({ rms: 2, velocity: 0 });
  });

  it.each([
    [{ raw: 'trigger' }, 'raw: trigger needs a value to exceed: set trigger_rms'],
    [{ trigger_peak: 3 }, 'without raw: trigger does nothing'],
    [{ raw: 'always', trigger_peak: 3 }, 'without raw: trigger does nothing'],
  ])('that do nothing are refused: %j', (chosen, message) => {
    expect(problem(chosen)).toContain(message);
  });

  it('on a velocity that the burst does not cover are refused', () => {
    const chosen = { raw: 'trigger', trigger_velocity: 2, window: 2_000 };
    expect(problem(chosen, { rateHz: 20, bandwidthHz: 10 })).toContain('at 20 Hz there is no velocity to trigger on');
  });
});
