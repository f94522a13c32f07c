/** docs/uplinks.md: each configuration that it shows is a valid one. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatProblem, parseConfig } from '../../src/config/load.ts';
import { drivers } from './help.ts';

const page = readFileSync(new URL('../../docs/uplinks.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```yaml\n(uplinks:[\s\S]*?)```/g)].map(([, text]) => text!);

describe('docs/uplinks.md', () => {
  it('shows an example of each type that it tells of', () => expect(examples.length).toBeGreaterThan(3));

  it.each(examples.map((text) => [/^ {2}(\w+):/m.exec(text)?.[1], text] as const))(
    '%s is valid',
    async (_name, text) => {
      const directory = mkdtempSync(join(tmpdir(), 'sedge-page-'));
      const whole = `version: 1\ndevice: d\nsensors: { a: { driver: mock, every: 1s } }\n${text}`;
      const file = join(directory, 'sedge.yaml');
      const result = await parseConfig(whole, {
        file,
        env: { INFLUX_TOKEN: 'x' },
        cwd: '/',
        drivers,
        hostname: 'hall',
      });
      const told = 'problems' in result ? result.problems.map(formatProblem) : [];
      rmSync(directory, { recursive: true });
      // The files that it names are the reader's.
      expect(told.filter((line) => !/`\/etc\/sedge\/[a-z.-]+` is not there/.test(line))).toEqual([]);
    },
  );
});
