/** Figures as a person reads them. Pure, and without the page. */

const SYMBOLS: Readonly<Record<string, string>> = {
  Cel: '°C',
  '%RH': '%',
  'm/s2': 'm/s²',
  'g/m3': 'g/m³',
  Ohm: 'Ω',
  '1': '',
};
export const unitSymbol = (unit: string): string => SYMBOLS[unit] ?? unit;

/** `rms_x` -> `rms x`. */
export const channelTitle = (channel: string): string => channel.replaceAll('_', ' ');

/** Thousands apart by a thin space, from five digits on. */
export function figure(value: number, decimals = 0): string {
  const [whole = '', part] = Math.abs(value).toFixed(decimals).split('.');
  const grouped = whole.length > 4 ? whole.replaceAll(/\B(?=(\d{3})+$)/g, '\u2009') : whole;
  return `${value < 0 ? '\u2212' : ''}${grouped}${part === undefined ? '' : `.${part}`}`;
}

const SIZES = ['B', 'KB', 'MB', 'GB', 'TB'];
/** Powers of 1000, as the configuration counts. */
export function size(bytes: number): string {
  let value = bytes;
  let at = 0;
  for (; value >= 1_000 && at < SIZES.length - 1; at++) value /= 1_000;
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SIZES[at]}`;
}

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;
/** `3 s`, `12 min`, `3 h 20 min`, `4 d 2 h`. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 2 * MINUTE_S) return `${s} s`;
  if (s < 2 * HOUR_S) return `${Math.floor(s / MINUTE_S)} min`;
  if (s < DAY_S) return both(s, HOUR_S, 'h', MINUTE_S, 'min');
  return both(s, DAY_S, 'd', HOUR_S, 'h');
}
function both(s: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((s % large) / small);
  return `${Math.floor(s / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}

/** `12/s`, `6/min`, `2/h`. */
export function rate(perSecond: number | null): string {
  if (perSecond === null) return '–';
  if (perSecond === 0) return '0/s';
  if (perSecond >= 1) return `${figure(perSecond, perSecond < 10 ? 1 : 0)}/s`;
  return perSecond * MINUTE_S >= 1 ? `${figure(perSecond * MINUTE_S)}/min` : `${figure(perSecond * HOUR_S, 1)}/h`;
}

/** `every 10 s`, `every 200 ms`. */
export const interval = (ms: number): string =>
  `every ${ms < 1_000 ? `${ms} ms` : ms % 60_000 === 0 ? span(ms / 1_000).replace(/^120 s$/, '2 min') : `${ms / 1_000} s`}`;
