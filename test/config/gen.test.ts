import { writeFileSync } from 'node:fs';
import { it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { schemaText } from '../../src/cli/schema.ts';
import { configSpec } from '../../src/config/spec.ts';
import { keyTable } from './reference.ts';
it('gen', () => {
  writeFileSync(new URL('../contract/schema.golden.json', import.meta.url), schemaText());
  writeFileSync('/tmp/table.md', keyTable(configSpec({ table: drivers, files: new Map() })));
});
