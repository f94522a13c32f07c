/** The configurations of docs/analog.md: what the page shows must be accepted as it stands. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { formatProblem, parseConfig } from '../../src/config/load.ts';

const page = readFileSync(new URL('../../docs/analog.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map((match) => match[1]!);

it.each(examples)('accepts %s', async (text) => {
  const result = await parseConfig(text, { file: 'sedge.yaml', env: {}, cwd: '/', drivers, hostname: 'hall' });
  expect('problems' in result ? result.problems.map(formatProblem) : []).toEqual([]);
});

it('has an example for each section', () => expect(examples).toHaveLength(page.match(/^## /gm)?.length ?? 0));
