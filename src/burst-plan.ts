/**
 * What a burst is to be: its options, checked together, and the band that rate and chip really cover. Knows no chip: a driver
 * says what its chip is like with these options.
 *
 * The velocity is that of machine condition (ISO 20816-1: rms in mm/s, 10 to 1000 Hz) in the part of that band which the
 * burst covers, and the channel says which part:
 *   from  10 Hz; in a window shorter than 0.2 s two lines, because a Hann window leaks so far from what is slower
 *   to    1000 Hz, the bandwidth of the chip, or 0.45 of the rate, whichever is least: above that the chip's filter has
 *         hardly begun to work, and what lies beyond half the rate is mirrored in
 */
import { SedgeError } from './errors.ts';

/** The options that all bursts have. */
export const BURST_OPTIONS = {
  window: { kind: 'duration', default: 1_000, min: 10, max: 600_000, doc: 'Length of a burst.' },
  bands: { kind: 'string', doc: 'Bands of a burst to report, from and to in whole Hz, such as `10-50 50-90`.' },
  raw: {
    kind: 'choice',
    choices: ['never', 'trigger', 'always'],
    default: 'never',
    doc: 'Whether the samples of a burst are kept too: never, always, or when a trigger_ value is exceeded.',
  },
  trigger_rms: { kind: 'number', min: 0, unit: 'm/s2', doc: 'With raw trigger: keeps the samples when rms is above.' },
  trigger_peak: {
    kind: 'number',
    min: 0,
    unit: 'm/s2',
    doc: 'With raw trigger: keeps the samples when peak is above.',
  },
  trigger_velocity: {
    kind: 'number',
    min: 0,
    unit: 'mm/s',
    doc: 'With raw trigger: keeps the samples when velocity is above.',
  },
} as const;

/** What a chip is like with the options chosen. */
export interface BurstChip {
  /** The driver's id, for messages. */
  readonly id: string;
  readonly rateHz: number;
  /** Where the chip's own filter ends, by its datasheet. */
  readonly bandwidthHz: number;
  /** One step, and the largest value that is no saturation, in m/s2. */
  readonly step: number;
  readonly limit: number;
}

export type BandHz = readonly [fromHz: number, toHz: number];
export const TRIGGERS = ['rms', 'peak', 'velocity'] as const;

export interface BurstPlan extends BurstChip {
  readonly windowMs: number;
  readonly samples: number;
  /** Undefined when the burst covers nothing of it. */
  readonly velocityHz: BandHz | undefined;
  readonly bandsHz: readonly BandHz[];
  readonly raw: 'never' | 'trigger' | 'always';
  readonly triggers: Readonly<Partial<Record<(typeof TRIGGERS)[number], number>>>;
}

/** A transform over fewer samples says nothing; over more it would hold up everything else. */
const MIN_SAMPLES = 16;
const MAX_SAMPLES = 32_768;
/** Three axes of six digits each: such a window fits a batch of 100 KB, the usual `max_bytes`. */
const MAX_RAW_SAMPLES = 4_096;
const MAX_BANDS = 8;

/** The band in which ISO 20816-1 has broad-band velocity. */
const VELOCITY_HZ: BandHz = [10, 1_000];
/** Half the width of a Hann window's main lobe, in lines. */
const LOBE_LINES = 2;
/** Of the rate. */
const USABLE = 0.45;
const ROUNDING = 1e-6;

export const burstSamples = (windowMs: number, rateHz: number): number => Math.round((windowMs * rateHz) / 1_000);

type Chosen = Readonly<Record<string, string | number | boolean | undefined>>;

/** Throws `config.invalid`, which says what does not go together and the way out. */
export function burstPlan(chosen: Chosen, chip: BurstChip): BurstPlan {
  const { id, rateHz, bandwidthHz } = chip;
  const invalid = (problem: string) => new SedgeError('config.invalid', `${id}: ${problem}`);
  const windowMs = chosen.window as number;
  const samples = burstSamples(windowMs, rateHz);
  const written = `a window of ${windowMs} ms at ${rateHz} Hz holds ${samples} samples`;
  if (samples < MIN_SAMPLES || samples > MAX_SAMPLES)
    throw invalid(`${written} and not ${MIN_SAMPLES} to ${MAX_SAMPLES}: change window or rate`);
  const raw = (chosen.raw ?? 'never') as BurstPlan['raw'];
  if (raw !== 'never' && samples > MAX_RAW_SAMPLES)
    throw invalid(`${written}, and at most ${MAX_RAW_SAMPLES} can be kept: shorten it, or set raw: never`);

  const lineHz = rateHz / samples;
  const covered = inTenths([LOBE_LINES * lineHz, Math.min(bandwidthHz, USABLE * rateHz)]);
  const velocity: BandHz = [Math.max(VELOCITY_HZ[0], covered[0]), Math.min(VELOCITY_HZ[1], covered[1])];
  const triggers = Object.fromEntries(
    TRIGGERS.map((name) => [name, chosen[`trigger_${name}`]]).filter(([, level]) => level !== undefined),
  ) as BurstPlan['triggers'];
  const isTriggered = Object.keys(triggers).length > 0;
  if (isTriggered && raw !== 'trigger') throw invalid('a trigger_ value without raw: trigger does nothing: set it');
  if (!isTriggered && raw === 'trigger')
    throw invalid('raw: trigger needs a value to exceed: set trigger_rms, trigger_peak or trigger_velocity');
  const velocityHz = hasLine(velocity, lineHz) ? velocity : undefined;
  if (triggers.velocity !== undefined && !velocityHz)
    throw invalid(`at ${rateHz} Hz there is no velocity to trigger on: raise the rate, or use trigger_rms`);
  return {
    ...chip,
    ...{ windowMs, samples, velocityHz, raw, triggers },
    bandsHz: bandsOf(String(chosen.bands ?? ''), covered, lineHz, invalid),
  };
}

/** Nobody wants to read more digits; never wider than it was. */
const inTenths = ([fromHz, toHz]: BandHz): BandHz => [
  Math.ceil(fromHz * 10 - ROUNDING) / 10,
  Math.floor(toHz * 10 + ROUNDING) / 10,
];
const hasLine = ([fromHz, toHz]: BandHz, lineHz: number): boolean =>
  Math.floor(toHz / lineHz) >= Math.ceil(fromHz / lineHz);

function bandsOf(text: string, covered: BandHz, lineHz: number, invalid: (problem: string) => Error): BandHz[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length > MAX_BANDS) throw invalid(`${words.length} bands are more than ${MAX_BANDS}: leave some out`);
  if (new Set(words).size < words.length) throw invalid('bands has one band twice: leave one out');
  return words.map((word) => {
    const [, from, to] = /^(\d{1,5})-(\d{1,5})$/.exec(word) ?? [];
    const band: BandHz = [Number(from), Number(to)];
    if (from === undefined || band[0] >= band[1])
      throw invalid(`${JSON.stringify(word)} is no band: write it as 10-50, in whole Hz`);
    if (band[0] < covered[0] || band[1] > covered[1])
      throw invalid(
        `the band ${word} is not within ${covered[0]} to ${covered[1]} Hz, which is what this burst covers: change it, rate or window`,
      );
    if (!hasLine(band, lineHz)) throw invalid(`the band ${word} is narrower than a line: lengthen the window`);
    return band;
  });
}
