/**
 * `npm run test:crash -- [--runs N] [--seed S]`: explores N crashes: most on a sound disk, some on one with I/O errors,
 * with and without failing over to memory, some with bits that turn over in packed segments; then every mutant until it
 * is noticed. As many processes as there are processors share the work. Exits with 1 if the journal failed once or a
 * mutant came through that is not known to be harmless. A failure names its history: `--only MODE --seed S --runs 1`
 * runs it alone.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ExploreOptions, explore } from './explorer/explore.ts';
import { MUTANTS } from './explorer/mutants.ts';
import { mutated, SOURCE_MUTANTS } from './explorer/source-mutants.ts';

/** Crashes after which a mutant counts as surviving. */
const MUTANT_CRASHES = 6_000;
const MAX_SHOWN_FAILURES = 20;
const MAX_PROCESSES = 4;
/** Crashes that one process explores before it takes the next part; its seeds are its own. */
const PART_CRASHES = 250;
const SEEDS_A_PART = 10_000;
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

interface Mode extends Pick<ExploreOptions, 'eio' | 'rot' | 'failover'> {
  readonly title: string;
  /** Of all crashes. */
  readonly share: number;
}
const MODES: Readonly<Record<string, Mode>> = {
  sound: { title: 'sound disk', share: 0.6 },
  failing: { title: 'failing disk', share: 0.2, eio: true },
  failover: { title: 'failing over to memory and back', share: 0.1, eio: true, failover: true },
  rot: { title: 'rotting packed segments', share: 0.1, rot: true },
};
const ALL_MUTANTS = [...SOURCE_MUTANTS, ...MUTANTS];

/** What a process is told to do, and what it answers. */
type Task =
  | { readonly mode: string; readonly crashes: number; readonly firstSeed: number }
  | { readonly mutant: number; readonly firstSeed: number };
interface Answer {
  readonly crashes: number;
  readonly operations: number;
  readonly failures: readonly { readonly seed: number; readonly failure: string }[];
  readonly paths: Readonly<Record<string, number>>;
}

async function work(task: Task): Promise<Answer> {
  const isMutant = 'mutant' in task;
  const mutant = isMutant ? ALL_MUTANTS[task.mutant]! : undefined;
  const mode: Pick<ExploreOptions, 'eio' | 'rot' | 'failover'> | undefined = isMutant ? mutant : MODES[task.mode];
  const { eio = false, rot = false, failover = false } = mode ?? {};
  const mutation = mutant && ('file' in mutant ? { openers: await mutated(mutant) } : mutant.mutation);
  const failures: { seed: number; failure: string }[] = [];
  const paths: Record<string, number> = {};
  let crashes = 0;
  let operations = 0;
  const wanted = isMutant ? MUTANT_CRASHES : task.crashes;
  for (let seed = task.firstSeed; crashes < wanted && !(isMutant && failures.length > 0); seed++) {
    const explored = await explore({ seed, eio, rot, failover, ...(mutation && { mutation }) });
    // A history may end without a crash: it counts as none, but the loop must end.
    crashes += Math.max(explored.crashes, 0.1);
    operations += explored.operations;
    for (const [path, count] of Object.entries(explored.paths)) paths[path] = (paths[path] ?? 0) + count;
    if (explored.failure !== undefined) failures.push({ seed, failure: explored.failure });
  }
  return { crashes: Math.round(crashes), operations, failures, paths };
}

/** All tasks, over all processes; the answers in the order of the tasks. */
async function share(tasks: readonly Task[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const self = fileURLToPath(import.meta.url);
  const ask = (child: ChildProcess, task: Task) =>
    new Promise<Answer>((resolve, reject) => {
      const exited = () => reject(new Error('a process of the explorer ended by itself'));
      child.once('exit', exited);
      child.once('message', (answer) => {
        child.off('exit', exited);
        resolve(answer as Answer);
      });
      child.send(task);
    });
  const one = async () => {
    const child = fork(self, { env: { ...process.env, SEDGE_EXPLORER: '1' } });
    try {
      while (next < tasks.length) {
        const at = next++;
        answers[at] = await ask(child, tasks[at]!);
      }
    } finally {
      if (child.connected) child.disconnect();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), MAX_PROCESSES) }, one));
  return answers;
}

function report(name: string, answers: readonly Answer[]): number {
  const sum = (of: (answer: Answer) => number) => answers.reduce((total, answer) => total + of(answer), 0);
  const failures = answers.flatMap((answer) => answer.failures);
  for (const { seed, failure } of failures.slice(0, MAX_SHOWN_FAILURES)) {
    console.log(`--only ${name} --seed ${seed} --runs 1: ${failure}`);
  }
  const [crashes, operations] = [sum((answer) => answer.crashes), sum((answer) => answer.operations)];
  console.log(`${MODES[name]!.title}: ${crashes} crashes, ${failures.length} failures, ${operations} file operations`);
  console.log(`  ${SHOWN_PATHS.map((path) => `${path} ${sum(({ paths }) => paths[path] ?? 0)}`).join(', ')}`);
  return failures.length;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { runs: { type: 'string' }, seed: { type: 'string' }, only: { type: 'string' } },
  });
  const runs = Number(values.runs ?? 20_000);
  const seed = Number(values.seed ?? 1);
  const startedMs = Date.now();
  const { only } = values;
  if (only !== undefined && !MODES[only]) throw new Error(`--only takes one of ${Object.keys(MODES).join(', ')}`);

  const parts: Task[] = [];
  for (const [mode, { share: part }] of Object.entries(MODES)) {
    let left = only === undefined ? runs * part : only === mode ? runs : 0;
    for (let firstSeed = seed; left > 0; firstSeed += SEEDS_A_PART, left -= PART_CRASHES) {
      parts.push({ mode, firstSeed, crashes: Math.min(left, PART_CRASHES) });
    }
  }
  // The mutants first: one that is hard to notice takes long.
  const mutants: Task[] = only === undefined ? ALL_MUTANTS.map((_, mutant) => ({ mutant, firstSeed: seed })) : [];
  const answers = await share([...mutants, ...parts]);

  let failures = 0;
  for (const mode of Object.keys(MODES)) {
    const own = answers.slice(mutants.length).filter((_, at) => (parts[at] as { mode: string }).mode === mode);
    if (own.length > 0) failures += report(mode, own);
  }
  let killed = 0;
  for (const [at] of mutants.entries()) {
    const { name, survives } = ALL_MUTANTS[at]!;
    const { crashes, failures: noticed } = answers[at]!;
    if (noticed.length > 0) {
      killed += 1;
      console.log(`mutant killed after ${crashes} crashes: ${name}`);
    } else {
      console.log(`mutant survives: ${name}${survives ? ` (expected: ${survives})` : ''}`);
      if (!survives) failures += 1;
    }
  }
  const seconds = ((Date.now() - startedMs) / 1_000).toFixed(1);
  console.log(`mutants: ${killed} of ${mutants.length} killed; failures in all: ${failures}; ${seconds} s`);
  process.exitCode = failures > 0 ? 1 : 0;
}

if (process.env.SEDGE_EXPLORER === '1') {
  process.on('message', (task: Task) => void work(task).then((answer) => process.send!(answer)));
} else await main();
