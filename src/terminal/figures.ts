/** Numbers as people read them: values with units, sparklines, bars, ages, sizes. */

/** Symbols of design section 5 as they are shown. */
const SHOWN_UNITS: Readonly<Record<string, string>> = {
  Cel: '°C',
  '1': '',
  'g/m3': 'g/m³',
  'm/s2': 'm/s²',
  Ohm: 'Ω',
  byte: 'B',
};

export const shownUnit = (unit: string): string => SHOWN_UNITS[unit] ?? unit;

const SIZE_STEPS = ['', 'k', 'M', 'G', 'T'] as const;

/** The number and its unit, apart: columns align on the number. */
export function shownValue(value: number, unit: string, decimals: number): readonly [string, string] {
  if (unit !== 'byte') return [value.toFixed(decimals), shownUnit(unit)];
  let scaled = value;
  let step = 0;
  while (Math.abs(scaled) >= 1_000 && step < SIZE_STEPS.length - 1) {
    scaled /= 1_000;
    step += 1;
  }
  return [scaled.toFixed(step === 0 ? 0 : 1), `${SIZE_STEPS[step]}B`];
}

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/** The last `width` values between their own smallest and largest; a flat line lies low. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : [];
  const min = Math.min(...shown);
  const range = Math.max(...shown) - min;
  return shown
    .map((value) => BLOCKS[range === 0 ? 0 : Math.round(((value - min) / range) * (BLOCKS.length - 1))])
    .join('');
}

/** A bar of exactly `width` cells; never empty for a part that is not zero. */
export function bar(part: number, whole: number, width: number): readonly [string, string] {
  const share = whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
  const filled = part > 0 ? Math.max(1, Math.round(share * width)) : 0;
  return ['█'.repeat(Math.min(filled, width)), '░'.repeat(Math.max(0, width - filled))];
}

/** `0s`, `42s`, `3m`, `2h`. */
export function shownAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1_000));
  if (seconds < 100) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 100 ? `${minutes}m` : `${Math.floor(minutes / 60)}h`;
}

/** `00:42`, `1:00:42`. */
export function shownElapsed(elapsedMs: number): string {
  const seconds = Math.max(0, Math.floor(elapsedMs / 1_000));
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds < 3_600 ? clock : `${Math.floor(seconds / 3_600)}:${clock}`;
}
