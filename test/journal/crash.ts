/**
 * `npm run test:crash -- [--runs N] [--seed S]`: explores N crashes: most on a sound disk, some on one with I/O errors,
 * with and without failing over to memory, some with bits that turn over in packed segments; then every mutant until it
 * is noticed. Exits with 1 if the journal failed once or a mutant came through that
 * is not known to be harmless. A failure names its seed: run it alone with `--seed S --runs 1`.
 */
import { parseArgs } from 'node:util';
import { type ExploreOptions, explore } from './explorer/explore.ts';
import { MUTANTS, type Mutant } from './explorer/mutants.ts';

/** Crashes after which a mutant counts as surviving. */
const MUTANT_CRASHES = 6_000;
const MAX_SHOWN_FAILURES = 20;
/** What a campaign should have been through, as the journal itself says. */
const SHOWN_PATHS = [
  'packed',
  'recycled',
  'thinned',
  'expired',
  'journal_full',
  'damaged',
  'storage-failed',
  'storage-back',
];

type Mode = Pick<ExploreOptions, 'eio' | 'rot' | 'failover'>;

async function campaign(title: string, crashesWanted: number, firstSeed: number, mode: Mode): Promise<number> {
  const startedMs = Date.now();
  let crashes = 0;
  let failures = 0;
  let operations = 0;
  const paths = new Map<string, number>();
  for (let seed = firstSeed; crashes < crashesWanted; seed++) {
    const explored = await explore({ seed, ...mode });
    // A history may end without a crash: it counts as none, but the loop must end.
    crashes += Math.max(explored.crashes, 0.1);
    operations += explored.operations;
    for (const [path, count] of Object.entries(explored.paths)) paths.set(path, (paths.get(path) ?? 0) + count);
    if (explored.failure === undefined) continue;
    failures += 1;
    if (failures <= MAX_SHOWN_FAILURES) console.log(`seed ${seed}: ${explored.failure}`);
  }
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  console.log(
    `${title}: ${Math.round(crashes)} crashes, ${failures} failures, ${operations} file operations, ${seconds} s`,
  );
  console.log(`  ${SHOWN_PATHS.map((path) => `${path} ${paths.get(path) ?? 0}`).join(', ')}`);
  return failures;
}

/** The number of crashes after which it was noticed. */
async function crashesUntilKilled(
  { mutation, eio = false, rot = false }: Mutant,
  firstSeed: number,
): Promise<number | undefined> {
  let crashes = 0;
  for (let seed = firstSeed; crashes < MUTANT_CRASHES; seed++) {
    const explored = await explore({ seed, eio, rot, mutation });
    crashes += Math.max(explored.crashes, 0.1);
    if (explored.failure !== undefined) return Math.round(crashes);
  }
  return undefined;
}

const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
const runs = Number(values.runs ?? 20_000);
const seed = Number(values.seed ?? 1);
let failures = await campaign('sound disk', runs * 0.7, seed, {});
failures += await campaign('failing disk', runs * 0.15, seed, { eio: true });
failures += await campaign('failing over to memory and back', runs * 0.1, seed, { eio: true, failover: true });
failures += await campaign('rotting packed segments', runs * 0.05, seed, { rot: true });

let killed = 0;
for (const mutant of MUTANTS) {
  const crashes = await crashesUntilKilled(mutant, seed);
  if (crashes !== undefined) {
    killed += 1;
    console.log(`mutant killed after ${crashes} crashes: ${mutant.name}`);
  } else {
    console.log(`mutant survives: ${mutant.name}${mutant.survives ? ` (expected: ${mutant.survives})` : ''}`);
    if (!mutant.survives) failures += 1;
  }
}
console.log(`mutants: ${killed} of ${MUTANTS.length} killed; failures in all: ${failures}`);
process.exitCode = failures > 0 ? 1 : 0;
