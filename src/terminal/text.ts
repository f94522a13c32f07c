/**
 * Text on a terminal: how many cells it takes, and cutting and padding it to a width. Wide characters (East Asian, emoji)
 * take two cells, combining marks none. Control characters never reach the terminal.
 */

export type Style = 'plain' | 'bold' | 'dim' | 'good' | 'warn' | 'bad' | 'accent';
export interface Span {
  readonly text: string;
  readonly style: Style;
}
export type Line = readonly Span[];

export const span = (text: string, style: Style = 'plain'): Span => ({ text: text.replaceAll(CONTROL, ' '), style });

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]/u;
/** Blocks that terminals draw two cells wide (Unicode TR 11, classes W and F, by block). */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

const cellsOf = (character: string): number => (ZERO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

export function cells(text: string): number {
  let sum = 0;
  for (const character of text) sum += cellsOf(character);
  return sum;
}

/** At most `width` cells; what was cut ends in an ellipsis. */
export function cut(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of text) {
    const next = cellsOf(character);
    if (used + next > width - 1) break;
    kept += character;
    used += next;
  }
  return width > 0 ? `${kept}…` : '';
}

export const padEnd = (text: string, width: number): string => {
  const fitted = cut(text, width);
  return fitted + ' '.repeat(Math.max(0, width - cells(fitted)));
};

export const padStart = (text: string, width: number): string => {
  const fitted = cut(text, width);
  return ' '.repeat(Math.max(0, width - cells(fitted))) + fitted;
};

export const lineCells = (line: Line): number => line.reduce((sum, { text }) => sum + cells(text), 0);

/** The line within `width` cells, its spans kept. */
export function cutLine(line: Line, width: number): Line {
  if (lineCells(line) <= width) return line;
  const kept: Span[] = [];
  let left = width;
  for (const { text, style } of line) {
    if (left <= 0) break;
    const used = cells(text);
    // The ellipsis marks where the line ends, also between two spans.
    kept.push({ text: used < left ? text : cut(`${text} `, left), style });
    left -= used;
  }
  return kept;
}

/** Left text, right text, and the space between them; the right one is dropped when there is no room. */
export function spread(left: Line, right: Line, width: number): Line {
  const space = width - lineCells(left) - lineCells(right);
  return space < 1 ? cutLine(left, width) : [...left, span(' '.repeat(space)), ...right];
}

/** The sixteen basic colours only: they follow the user's own theme. */
const SGR: Readonly<Record<Style, string>> = {
  plain: '',
  bold: '1',
  dim: '2',
  good: '32',
  warn: '33',
  bad: '31',
  accent: '36',
};

export const paint = (line: Line, colour: boolean): string =>
  line
    .map(({ text, style }) => (colour && SGR[style] !== '' ? `\u001b[${SGR[style]}m${text}\u001b[0m` : text))
    .join('');

const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** Lines as a full screen. It overwrites the last one in place, line by line, so nothing flickers. */
export const frameText = (lines: readonly Line[], colour: boolean): string =>
  HOME + lines.map((line) => paint(line, colour) + CLEAR_LINE).join('\r\n') + CLEAR_BELOW;
