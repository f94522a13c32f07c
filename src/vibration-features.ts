/**
 * A burst as channels: the features of each axis (`rms_x` ... `velocity_z`) and of the sensor as a whole (`rms` ...
 * `velocity`), and its samples as a window record where they are wanted. Each axis is what vibration.ts says. As a whole,
 * with v the vector of the mean-free axes:
 *   rms, velocity, band_10_50   of the vector: the squares of the axes added, so the same however the sensor is mounted
 *   peak          the vector's greatest length
 *   peak_to_peak  the largest of the axes
 *   crest         peak / rms of the vector
 *   kurtosis, frequency   those of the axis with the largest rms: the two have no meaning for a vector
 * Velocity and bands are of the Hann-windowed spectrum, corrected for the window.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type BurstPlan, TRIGGERS } from './burst-plan.ts';
import { fourierPlan } from './fft.ts';
import { type Channel, type SampleWindow, UNITS, type Values } from './reading.ts';
import { axisVibration, bandRms, centred, STILL_RMS, velocityRms } from './vibration.ts';

const AXES = ['x', 'y', 'z'] as const;
/** All have the same number of samples, in m/s2. */
export type BurstAxes = Readonly<Record<(typeof AXES)[number], ArrayLike<number>>>;

const bandName = ([fromHz, toHz]: readonly [number, number]): string => `band_${fromHz}_${toHz}`;

/** The features of a burst by the names of their channels. What is undefined is absent. */
export async function vibrationFeatures(axes: BurstAxes, plan: BurstPlan): Promise<Record<string, number>> {
  const { rateHz, velocityHz, bandsHz } = plan;
  const fourier = await fourierPlan(plan.samples);
  const each: Record<string, number | undefined>[] = [];
  for (const axis of AXES) {
    // The transform of a long window takes a while on a small board: others come between.
    await turn();
    const { mean, rms, peak, peakToPeak, crest, kurtosis, frequencyHz, spectrum } = axisVibration(
      axes[axis],
      rateHz,
      fourier,
    );
    each.push({
      ...{ mean, rms, peak, peak_to_peak: peakToPeak, crest, kurtosis, frequency: frequencyHz },
      ...(velocityHz && { velocity: velocityRms(spectrum, ...velocityHz, 'hann') }),
      ...Object.fromEntries(bandsHz.map((band) => [bandName(band), bandRms(spectrum, ...band, 'hann')])),
    });
  }

  const together = (feature: string): number => Math.hypot(...each.map((axis) => axis[feature]!));
  const main = each.reduce((most, axis) => (axis.rms! > most.rms! ? axis : most));
  const rms = together('rms');
  const peak = longest(AXES.map((axis, at) => centred(axes[axis], each[at]!.mean)));
  each.push({
    ...{ rms, peak, peak_to_peak: Math.max(...each.map((axis) => axis.peak_to_peak!)) },
    ...{ crest: rms >= STILL_RMS ? peak / rms : undefined, kurtosis: main.kurtosis, frequency: main.frequency },
    ...(velocityHz && { velocity: together('velocity') }),
    ...Object.fromEntries(bandsHz.map((band) => [bandName(band), together(bandName(band))])),
  });

  const features: Record<string, number> = {};
  each.forEach(({ mean: _, ...axis }, at) => {
    for (const [name, value] of Object.entries(axis)) {
      if (value !== undefined) features[channelName(name, at)] = value;
    }
  });
  return features;
}

/** The last one is the whole. */
const channelName = (feature: string, axis: number): string => (AXES[axis] ? `${feature}_${AXES[axis]}` : feature);

/** Greatest length of the vector over time. */
function longest(axes: readonly Float64Array[]): number {
  let most = 0;
  for (let at = 0; at < axes[0]!.length; at++) most = Math.max(most, Math.hypot(...axes.map((axis) => axis[at]!)));
  return most;
}

/**
 * The channels of `vibrationFeatures`. An axis goes from end to end, the vector is sqrt(3) longer; crest and kurtosis are
 * greatest for a single blow in a window at rest; a Hann window makes up to sqrt(8 / 3) times the rms of what is in its
 * middle, which the factor 2 has room for.
 */
export function vibrationChannels(plan: BurstPlan): Record<string, Channel> {
  const { limit, step, rateHz, samples, velocityHz, bandsHz } = plan;
  const channels: Record<string, Channel> = {};
  for (const [at, along] of [1, 1, 1, Math.sqrt(3)].entries()) {
    const length = { quantity: 'acceleration', min: 0, resolution: step, decimals: 4 };
    const ratio = { quantity: 'ratio', min: 0, resolution: 0.001, decimals: 3 };
    const velocityOf = (hertz: number): number => 1_000 / (2 * Math.PI * hertz);
    const features: Record<string, Channel> = {
      rms: { ...length, max: limit * along },
      peak: { ...length, max: 2 * limit * along },
      peak_to_peak: { ...length, max: 2 * limit },
      crest: { ...ratio, max: Math.sqrt(samples) },
      kurtosis: { ...ratio, max: samples },
      frequency: { quantity: 'frequency', min: 0, max: rateHz / 2, resolution: rateHz / samples, decimals: 3 },
    };
    if (velocityHz) {
      const [slowest, fastest] = velocityHz.map(velocityOf) as [number, number];
      const max = 2 * limit * along * slowest;
      features.velocity = {
        ...{ quantity: 'velocity', min: 0, max, resolution: step * fastest, decimals: 3 },
        bandHz: velocityHz,
      };
    }
    for (const band of bandsHz) features[bandName(band)] = { ...length, max: 2 * limit * along, bandHz: band };
    for (const [name, channel] of Object.entries(features)) channels[channelName(name, at)] = channel;
  }
  return channels;
}

export interface BurstReport {
  readonly plan: BurstPlan;
  /** What a filled window says. */
  values(axes: BurstAxes): Promise<Values>;
  /** Its samples, in whole steps of the chip, if they are to be kept; once. */
  takeWindow(): SampleWindow | undefined;
}

export function burstReport(plan: BurstPlan): BurstReport {
  const { raw, triggers, rateHz, step } = plan;
  let kept: SampleWindow | undefined;
  const steps = (samples: ArrayLike<number>): number[] => Array.from(samples, (sample) => Math.round(sample / step));
  return {
    plan,
    async values(axes) {
      const values = await vibrationFeatures(axes, plan);
      const isOver = TRIGGERS.some((name) => (values[name] ?? 0) > (triggers[name] ?? Number.POSITIVE_INFINITY));
      kept =
        raw === 'always' || isOver
          ? {
              ...{ unit: UNITS.acceleration, rateHz, scale: step },
              axes: { x: steps(axes.x), y: steps(axes.y), z: steps(axes.z) },
            }
          : undefined;
      return values;
    },
    takeWindow() {
      const taken = kept;
      kept = undefined;
      return taken;
    },
  };
}
