/**
 * The numbers of a JSON text as integers in their own step, and back to the very same text. What does not come back to
 * the byte (exponents, -0, trailing zeros, more digits than a double has) is said so, and its text is kept as it is.
 */
import { MAX_WHOLE } from './varint.ts';

/** The text without its numbers, which are marked, and the numbers: `21.37` is 2137 with 2 decimals. */
export interface SplitText {
  readonly template: string;
  readonly digits: readonly number[];
  readonly decimals: readonly number[];
}

const MARK = '\0';
const MAX_DECIMALS = 12;
/** A number as JSON.stringify writes it; where exponents begin, it does not match. */
const NUMBER = /-?(?:0|[1-9]\d{0,15})(?:\.\d*[1-9])?/y;
const QUOTE = 0x22;

/** Undefined if the text would not come back exactly. */
export function splitNumbers(text: string): SplitText | undefined {
  const digits: number[] = [];
  const decimals: number[] = [];
  let template = '';
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0) return undefined;
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (code !== 0x2d && (code < 0x30 || code > 0x39)) {
      at += 1;
      continue;
    }
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(text)?.[0];
    if (number === undefined) return undefined;
    const next = text.charCodeAt(at + number.length);
    // The number goes on in a way that is not ours: 1e21, 1.50, 007.
    if (next === 0x2e || next === 0x65 || next === 0x45 || (next >= 0x30 && next <= 0x39)) return undefined;
    const point = number.indexOf('.');
    const places = point < 0 ? 0 : number.length - point - 1;
    const whole = Number(point < 0 ? number : number.slice(0, point) + number.slice(point + 1));
    if (places > MAX_DECIMALS || Math.abs(whole) >= MAX_WHOLE || Object.is(whole, -0)) return undefined;
    digits.push(whole);
    decimals.push(places);
    template += text.slice(from, at) + MARK;
    at += number.length;
    from = at;
  }
  return { template: template + text.slice(from), digits, decimals };
}

function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === '\\') end += 1;
    else if (text.charCodeAt(end) === QUOTE) return end + 1;
  }
  return text.length;
}

/** `digits` of a step with `decimals` places, as the shortest text: 2130 with 2 decimals is `21.3`. */
export function decimalText(digits: number, decimals: number): string {
  if (decimals === 0) return String(digits);
  const all = String(Math.abs(digits)).padStart(decimals + 1, '0');
  let end = all.length;
  const point = end - decimals;
  while (end > point && all.charCodeAt(end - 1) === 0x30) end -= 1;
  const sign = digits < 0 ? '-' : '';
  return end === point ? sign + all.slice(0, point) : `${sign}${all.slice(0, point)}.${all.slice(point, end)}`;
}

/** The parts around the numbers. */
export const partsOf = (template: string): readonly string[] => template.split(MARK);
