import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BurstChip, burstPlan } from '../src/burst-plan.ts';
import { type BurstAxes, burstReport, vibrationChannels, vibrationFeatures } from '../src/vibration-features.ts';

const CHIP: BurstChip = { id: 'chip', rateHz: 800, bandwidthHz: 400, step: 0.01, limit: 40 };
const planOf = (options: Parameters<typeof burstPlan>[0] = {}) => burstPlan({ window: 1_000, ...options }, CHIP);
const PLAN = planOf();
const SAMPLES = PLAN.samples;

const sine = (amplitude: number, hertz: number, offset = 0): Float64Array =>
  Float64Array.from({ length: SAMPLES }, (_, t) => offset + amplitude * Math.sin((2 * Math.PI * hertz * t) / 800));
const still = (at = 0): Float64Array => new Float64Array(SAMPLES).fill(at);

describe('the sensor as a whole', () => {
  it('has the same strength however it is mounted', async () => {
    const plan = planOf({ bands: '10-60 60-360' });
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.double({ min: 0, max: 6.28, noNaN: true }), fc.double({ min: 0, max: 6.28, noNaN: true })),
        async ([a, b]) => {
          const [x, y, z] = [sine(3, 50), sine(1, 120), still(9.8)];
          const along = await vibrationFeatures({ x, y, z }, plan);
          // Turned about z by a, then about x by b.
          const [cosA, sinA, cosB, sinB] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
          const turned: BurstAxes = {
            x: x.map((_, t) => cosA * x[t]! - sinA * y[t]!),
            y: x.map((_, t) => cosB * (sinA * x[t]! + cosA * y[t]!) - sinB * z[t]!),
            z: x.map((_, t) => sinB * (sinA * x[t]! + cosA * y[t]!) + cosB * z[t]!),
          };
          const found = await vibrationFeatures(turned, plan);
          for (const feature of ['rms', 'peak', 'crest', 'velocity', 'band_10_60', 'band_60_360'])
            expect(found[feature]).toBeCloseTo(along[feature]!, 9);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('takes kurtosis and frequency from the axis that moves most, and peak_to_peak from the widest', async () => {
    const features = await vibrationFeatures({ x: sine(1, 50), y: still(), z: sine(2, 120, 9.8) }, PLAN);
    expect(features).toMatchObject({ frequency_x: 50, frequency_z: 120, frequency: 120 });
    expect(features.kurtosis).toBe(features.kurtosis_z);
    expect(features.peak_to_peak_x).toBeCloseTo(2, 2);
    expect(features.peak_to_peak).toBe(features.peak_to_peak_z);
    expect(features.rms).toBeCloseTo(Math.hypot(features.rms_x!, features.rms_z!), 12);
    expect(features.velocity).toBeCloseTo(Math.hypot(features.velocity_x!, features.velocity_z!), 12);
  });

  it('says what a machine of 3000 turns a minute says: a / (2 pi f) in mm/s, and the energy in its band', async () => {
    const found = await vibrationFeatures(
      { x: sine(2, 50, 9.8), y: still(), z: still() },
      planOf({ bands: '40-60 100-300' }),
    );
    expect(found.velocity_x).toBeCloseTo((1_000 * Math.SQRT2) / (2 * Math.PI * 50), 2);
    expect(found.band_40_60_x).toBeCloseTo(Math.SQRT2, 6);
    expect(found.band_100_300_x).toBeCloseTo(0, 6);
    expect(found.band_40_60).toBe(found.band_40_60_x);
  });

  it('does not take a strong slow sway for a vibration in the band: a Hann window hardly leaks', async () => {
    const plan = planOf({ bands: '10-60' });
    const found = await vibrationFeatures({ x: sine(20, 3.5), y: still(), z: still() }, plan);
    // With a rectangular window they would be 8.9 mm/s and 0.68 m/s2.
    expect(found.velocity_x).toBeLessThan(0.3);
    expect(found.band_10_60_x).toBeLessThan(0.02);
  });

  it('leaves out what is undefined, axis by axis', async () => {
    const always = ['peak', 'peak_to_peak', 'rms', 'velocity'].flatMap((name) =>
      ['', '_x', '_y', '_z'].map((axis) => name + axis),
    );
    const features = await vibrationFeatures({ x: sine(1, 50), y: still(), z: still(9.8) }, PLAN);
    expect(Object.keys(features).sort()).toEqual(
      [...always, 'crest', 'crest_x', 'frequency', 'frequency_x', 'kurtosis', 'kurtosis_x'].sort(),
    );
    const nothing = await vibrationFeatures({ x: still(), y: still(), z: still(9.8) }, PLAN);
    expect(Object.keys(nothing).sort()).toEqual(always.sort());
    expect(Object.values(nothing).every(Number.isFinite)).toBe(true);
  });
});

describe('the channels', () => {
  it('are those of the features, each wide enough for whatever a chip can say', async () => {
    const plan = planOf({ bands: '10-100 20-360' });
    const channels = vibrationChannels(plan);
    const { limit } = CHIP;
    const blow = still(-limit).map((value, t) => (t === SAMPLES / 2 ? limit : value));
    const square = Float64Array.from({ length: SAMPLES }, (_, t) => (t % 80 < 40 ? limit : -limit));
    const middle = still().map((_, t) => (Math.abs(t - SAMPLES / 2) < 100 ? (t % 40 < 20 ? limit : -limit) : 0));
    for (const shape of [blow, square, middle, sine(limit, 10), sine(limit, 360)]) {
      const features = await vibrationFeatures({ x: shape, y: shape, z: shape }, plan);
      expect(Object.keys(features).sort()).toEqual(Object.keys(channels).sort());
      for (const [name, value] of Object.entries(features)) {
        expect(value, name).toBeGreaterThanOrEqual(channels[name]!.min);
        expect(value, name).toBeLessThanOrEqual(channels[name]!.max + 1e-9);
      }
    }
  });

  it('say which band they cover', () => {
    const channels = vibrationChannels(planOf({ bands: '10-100' }));
    expect(channels.velocity_x).toMatchObject({ quantity: 'velocity', bandHz: [10, 360] });
    expect(channels.band_10_100).toMatchObject({ quantity: 'acceleration', bandHz: [10, 100] });
    expect(channels.rms).not.toHaveProperty('bandHz');
  });

  it('have no velocity where the burst covers nothing of its band', () => {
    const plan = burstPlan({ window: 2_000 }, { ...CHIP, rateHz: 20, bandwidthHz: 10 });
    expect(Object.keys(vibrationChannels(plan)).filter((name) => name.startsWith('velocity'))).toEqual([]);
  });
});

describe('the samples of a burst', () => {
  const moving = { x: sine(2, 50), y: still(), z: still(9.8) };
  const report = (options: Parameters<typeof burstPlan>[0]) => burstReport(planOf(options));

  it('are kept always, never, or when a value is exceeded', async () => {
    const kept = async (options: Parameters<typeof burstPlan>[0]): Promise<boolean> => {
      const { values, takeWindow } = report(options);
      await values(moving);
      return takeWindow() !== undefined;
    };
    expect(await kept({})).toBe(false);
    expect(await kept({ raw: 'always' })).toBe(true);
    expect(await kept({ raw: 'trigger', trigger_rms: 1.41 })).toBe(true);
    expect(await kept({ raw: 'trigger', trigger_rms: 1.42 })).toBe(false);
    expect(await kept({ raw: 'trigger', trigger_peak: 1.99 })).toBe(true);
    expect(await kept({ raw: 'trigger', trigger_peak: 2.01 })).toBe(false);
    expect(await kept({ raw: 'trigger', trigger_velocity: 4.4 })).toBe(true);
    expect(await kept({ raw: 'trigger', trigger_velocity: 4.6 })).toBe(false);
    expect(await kept({ raw: 'trigger', trigger_rms: 9, trigger_peak: 1 })).toBe(true);
  });

  it('are whole steps of the chip, with gravity, and are taken once', async () => {
    const { values, takeWindow } = report({ raw: 'always' });
    const steps = Array.from({ length: SAMPLES }, (_, t) => (t * 37) % 801) as number[];
    const along = Float64Array.from(steps, (step) => step * CHIP.step);
    await values({ x: along, y: along.map((value) => -value), z: still(9.8) });
    const window = takeWindow()!;
    expect(window).toMatchObject({ unit: 'm/s2', rateHz: 800, scale: 0.01 });
    expect(window.axes.x).toEqual(steps);
    expect(window.axes.y!.map((step) => step * CHIP.step)).toEqual([...along].map((value) => -value));
    expect(window.axes.z!.every((step) => step === 980)).toBe(true);
    expect(takeWindow()).toBeUndefined();
  });

  it('of an earlier burst are gone when the next one does not ask for them', async () => {
    const { values, takeWindow } = report({ raw: 'trigger', trigger_rms: 1 });
    await values(moving);
    await values({ ...moving, x: still() });
    expect(takeWindow()).toBeUndefined();
  });
});
