import { describe, expect, it } from 'vitest';
import { cells, cut, cutLine, lineCells, padEnd, padStart, paint, span, spread } from '../../src/terminal/text.ts';

describe('text on a terminal', () => {
  it('counts two cells for wide characters and none for combining marks', () => {
    expect(cells('温度')).toBe(4);
    expect(cells('e\u0301')).toBe(1);
    expect(cells('🌡')).toBe(2);
    expect(cells('°C ▁█')).toBe(5);
  });

  it('cuts to a width with an ellipsis and never through a wide character', () => {
    expect(cut('greenhouse', 6)).toBe('green…');
    expect(cut('温度計', 4)).toBe('温…');
    expect(cut('air', 3)).toBe('air');
    expect(cut('air', 0)).toBe('');
  });

  it('pads to exactly the width, also what had to be cut', () => {
    for (const text of ['', 'air', 'a long name', '温度計測'])
      for (const width of [0, 1, 5, 20]) {
        expect(cells(padEnd(text, width))).toBeLessThanOrEqual(width);
        expect(cells(padStart(text, width))).toBeLessThanOrEqual(width);
      }
    expect(padStart('21.4', 6)).toBe('  21.4');
  });

  it('lets no control character reach the terminal', () => {
    expect(span('red\u001b[31m\nnew line\u009b').text).toBe('red [31m new line ');
  });

  it('drops the right side of a line that has no room for it', () => {
    const text = (width: number) =>
      spread([span('left side')], [span('right')], width)
        .map((part) => part.text)
        .join('');
    expect(text(20)).toBe('left side      right');
    expect(text(10)).toBe('left side');
    expect(text(5)).toBe('left…');
  });

  it('cuts a line of spans at any width', () => {
    const line = [span('ab', 'bold'), span('温度', 'dim'), span('cd')];
    for (let width = 0; width <= 9; width++) expect(lineCells(cutLine(line, width))).toBeLessThanOrEqual(width);
  });

  it('paints with the basic colours, or not at all', () => {
    expect(paint([span('up', 'good'), span(' now')], true)).toBe('\u001b[32mup\u001b[0m now');
    expect(paint([span('up', 'good'), span(' now')], false)).toBe('up now');
  });
});
