/**
 * Ways to break the journal that no file system can imitate: races between what goes on at the same time. Each is a copy of the
 * journal's source with one place changed, and the place must be there exactly once, so a mutant does not die in silence.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Mutant } from './mutants.ts';
import type { Openers } from './session.ts';

const SOURCE = join(import.meta.dirname, '..', '..', '..', 'src');
/** What the journal is made of. */
const PARTS = ['journal', 'clock.ts', 'errors.ts'];

export interface SourceMutant extends Omit<Mutant, 'mutation'> {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const SOURCE_MUTANTS: readonly SourceMutant[] = [
  {
    name: 'a reader does not wait while another form takes the place of a segment',
    file: 'reader.ts',
    from: 'if (segment.moving) {',
    to: 'if (segment.moving && core.closed) {',
  },
  {
    name: 'reads ahead from a segment that is being replaced, and keeps to that',
    file: 'reading-place.ts',
    from: 'upcoming?.segment === segment ?',
    to: 'upcoming?.segment.header.number === segment.header.number ?',
  },
  {
    name: 'a place is kept though another form has taken the place of its segment',
    file: 'reading-place.ts',
    from: 'if (place?.segment === segment &&',
    to: 'if (place?.segment.header.number === segment.header.number &&',
  },
];

/** The journal with that change. */
export async function mutated({ name, file, from, to }: SourceMutant): Promise<Openers> {
  const root = mkdtempSync(join(tmpdir(), 'sedge-mutant-'));
  try {
    for (const part of PARTS) cpSync(join(SOURCE, part), join(root, part), { recursive: true });
    writeFileSync(join(root, 'package.json'), '{"type":"module"}');
    const path = join(root, 'journal', file);
    const parts = readFileSync(path, 'utf8').split(from);
    if (parts.length !== 2) throw new Error(`${file} has changed: the mutant "${name}" has no place there`);
    writeFileSync(path, parts.join(to));
    const load = (module: string) => import(pathToFileURL(join(root, 'journal', module)).href);
    const [{ openJournal }, { openDurableJournal }] = await Promise.all([load('journal.ts'), load('failover.ts')]);
    return { openJournal, openDurableJournal } as Openers;
  } finally {
    rmSync(root, { recursive: true });
  }
}
