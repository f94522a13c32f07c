/** From a measurement to records: what a driver should not have given is refused, and samples go with their reading. */
import { describe, expect, it } from 'vitest';
import { createPipeline } from '../src/pipeline.ts';
import type { SampleWindow } from '../src/reading.ts';
import type { Measurement } from '../src/sampler/types.ts';

const CHANNELS = { rms: { quantity: 'acceleration', min: 0, max: 100, resolution: 0.01, decimals: 2 } };
const SAMPLES: SampleWindow = { unit: 'm/s2', rateHz: 200, scale: 0.01, axes: { x: [1, -2, 3], y: [0, 0, 0] } };
const AT = { wallMs: 1_000_000, monoMs: 5_000, synced: true };
const measurement = (rms: number, samples?: SampleWindow): Measurement => ({
  sensor: 'motor',
  kind: 'reading',
  at: AT,
  durationMs: 15,
  values: { rms },
  ...(samples && { samples }),
});

describe('the samples of a burst', () => {
  it('become a window record under the time of their reading', () => {
    const pipeline = createPipeline(CHANNELS, {});
    const first = measurement(1, SAMPLES);
    pipeline.process(first);
    expect(pipeline.window(first)).toEqual({
      ...{ kind: 'window', sensor: 'motor', at: AT, durationMs: 15, valuesJson: '{}' },
      samplesJson: '{"rate_hz":200,"unit":"m/s2","scale":0.01,"axes":{"x":[1,-2,3],"y":[0,0,0]}}',
    });
    // The clock did not move: both records of the next one are pushed on by the same millisecond.
    const second = measurement(2, SAMPLES);
    expect(pipeline.process(second)!.at.wallMs).toBe(AT.wallMs + 1);
    expect(pipeline.window(second)!.at.wallMs).toBe(AT.wallMs + 1);
  });

  it('are kept when a filter drops their reading', () => {
    const pipeline = createPipeline(CHANNELS, { rms: [{ kind: 'delta', by: 5 }] });
    pipeline.process(measurement(1));
    const quiet = measurement(1, SAMPLES);
    expect(pipeline.process(quiet)).toBeUndefined();
    expect(pipeline.window(quiet)).toMatchObject({ kind: 'window', sensor: 'motor' });
  });

  it('are none without samples', () => {
    expect(createPipeline(CHANNELS, {}).window(measurement(1))).toBeUndefined();
  });

  it.each<[string, Partial<SampleWindow>]>([
    ['a step that is no whole number', { axes: { x: [1, 0.5] } }],
    ['NaN', { axes: { x: [Number.NaN] } }],
    ['axes of two lengths', { axes: { x: [1], y: [1, 2] } }],
    ['no axes', { axes: {} }],
    ['nothing', { axes: undefined as never }],
    ['an axis that is no list', { axes: { x: 5 as never } }],
    ['a name that is no channel', { axes: { 'X"': [1] } }],
    ['a scale that is no number', { scale: Number.NaN }],
    ['a rate of 0', { rateHz: 0 }],
    ['a unit that is not ASCII', { unit: '\u00b0/s' }],
  ])('are refused with %s', (_what, wrong) => {
    const pipeline = createPipeline(CHANNELS, {});
    expect(pipeline.window(measurement(1, { ...SAMPLES, ...wrong }))).toBeUndefined();
    expect(pipeline.refused).toBe(1);
  });
});

describe('values', () => {
  it('that are not declared or no numbers are refused', () => {
    const pipeline = createPipeline(CHANNELS, {});
    const given = { ...measurement(1.005), values: { rms: 1.234, other: 1, also: Number.NaN } };
    expect(pipeline.process(given)).toMatchObject({ kind: 'reading', valuesJson: '{"rms":1.23}' });
    expect(pipeline.refused).toBe(2);
    expect(pipeline.process({ ...given, values: { rms: Number.POSITIVE_INFINITY } })).toBeUndefined();
  });
});
