/** Times, rates and sizes of a report, in words. */

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** `5 s`, `12 min`, `3 h 5 min`, `4 d 2 h`: two units at most. */
export function shownSpan(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 100) return `${whole} s`;
  if (whole < HOUR_S) return `${Math.floor(whole / MINUTE_S)} min`;
  const pair = (large: number, unit: string, small: number, smallUnit: string) => {
    const rest = Math.floor((whole % large) / small);
    return `${Math.floor(whole / large)} ${unit}${rest > 0 ? ` ${rest} ${smallUnit}` : ''}`;
  };
  return whole < DAY_S ? pair(HOUR_S, 'h', MINUTE_S, 'min') : pair(DAY_S, 'd', HOUR_S, 'h');
}

/** Per second where that is a number one can picture, else per minute or hour. */
export function shownRate(perSecond: number | null): string {
  if (perSecond === null) return '–';
  if (perSecond === 0) return '0/s';
  const [value, unit] =
    perSecond >= 0.95
      ? [perSecond, 's']
      : perSecond >= 0.95 / MINUTE_S
        ? [perSecond * MINUTE_S, 'min']
        : [perSecond * HOUR_S, 'h'];
  return `${value >= 9.5 ? Math.round(value) : Number(value.toFixed(1))}/${unit}`;
}

/** 4,194,304 is `4.2 MB`. */
export function shownSize(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'] as const;
  let step = 0;
  let value = bytes;
  while (value >= 999.95 && step < units.length - 1) {
    value /= 1_000;
    step += 1;
  }
  return `${step === 0 ? bytes : value.toFixed(1)} ${units[step]}`;
}

export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
