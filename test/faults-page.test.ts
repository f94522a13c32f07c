/** docs/faults.md names tests: each of them is there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../docs/faults.md', import.meta.url), 'utf8');
const rows = page.split('\n').filter((line) => /^\| (?!fault|---)/.test(line));

describe('the page about faults', () => {
  it.each(rows.map((row) => [row.split('|')[1]!.trim(), row.split('|')[3]!]))(
    '%s: is tested as it says',
    (_, tests) => {
      const named = [...tests.matchAll(/`([\w/.-]+\.test\.ts)`((?:,? "[^"]+")+)/g)];
      expect(named).not.toEqual([]);
      for (const [, file, titles] of named) {
        const text = readFileSync(new URL(file!, import.meta.url), 'utf8');
        for (const [, title] of titles!.matchAll(/"([^"]+)"/g)) expect(text).toContain(`'${title}'`);
      }
    },
  );
});
