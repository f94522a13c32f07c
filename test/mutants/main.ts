/**
 * `npm run test:mutants`: does a typical driver bug stay unnoticed? Each rule's bug is put into each driver, and the
 * driver's tests, the conformance suite and its vectors run against it.
 *
 *   npm run test:mutants                            all drivers
 *   npm run test:mutants -- bme280 sht4x            these
 *   npm run test:mutants -- --share 0.1 --seed 7    a part of the mutants of all
 *
 * Prints killed and surviving mutants per driver; exit status 1 if a survivor is not explained in explained.ts, if a driver
 * fails as it is, or if an explanation is for nothing.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drivers } from '../../drivers/index.ts';
import { EXPLAINED, type Explanation } from './explained.ts';
import type { NumberedMutant } from './one-driver.ts';

/** A mutant that has not come to an end by then never does: in any case, and in so many times what the driver as it is takes. */
const ENDLESS_MS = 8_000;
const ENDLESS_TIMES = 10;
/** The driver's tests as they are take a second, on a machine that has nothing else to do. */
const FIRST_MS = 120_000;
const MAX_PROCESSES = 4;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
  },
});
const share = Number(values.share);

type Listed = Omit<NumberedMutant, 'text'>;
interface Survivor extends Listed {
  readonly driver: string;
}
interface Result {
  readonly driver: string;
  readonly tried: number;
  readonly endless: number;
  readonly survivors: readonly Survivor[];
  readonly failure?: string;
}

/** The same mutants for the same seed: a share of them, spread over all rules. */
function isChosen(driver: string, nth: number): boolean {
  let mixed = Number(values.seed) | 0;
  for (const character of `${driver} ${nth}`) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193);
  // The last characters must reach all bits, or a driver's mutants would be chosen together.
  for (const [shift, by] of [
    [16, 0x85ebca6b],
    [13, 0xc2b2ae35],
  ] as const)
    mixed = Math.imul(mixed ^ (mixed >>> shift), by);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32 < share;
}

const child = (driver: string): ChildProcess =>
  fork(fileURLToPath(new URL('one-driver.ts', import.meta.url)), [driver]);
const answerOf = <T>(from: ChildProcess, waitMs: number): Promise<T | 'endless'> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(() => resolve('endless')), waitMs);
    const exited = () => end(() => reject(new Error('the process of the mutants ended by itself')));
    const answered = (message: unknown) => end(() => resolve(message as T));
    const end = (then: () => void) => {
      clearTimeout(timer);
      from.off('exit', exited).off('message', answered);
      then();
    };
    from.once('exit', exited).once('message', answered);
  });

/** -1 is the driver as it is. */
const AS_IT_IS = -1;

async function tryDriver(driver: string): Promise<Result> {
  let worker = child(driver);
  const first = await answerOf<{ readonly mutants: readonly Listed[] }>(worker, FIRST_MS);
  if (first === 'endless') throw new Error(`the tests of ${driver} cannot be bundled`);
  const { mutants } = first;
  const ask = async (nth: number, waitMs: number): Promise<string | undefined> => {
    worker.send(nth);
    const answer = await answerOf<{ readonly noticed?: string }>(worker, waitMs).catch(() => ({
      noticed: 'crashed',
    }));
    if (answer !== 'endless' && answer.noticed !== 'crashed') return answer.noticed;
    worker.kill('SIGKILL');
    worker = child(driver);
    await answerOf(worker, FIRST_MS);
    return answer === 'endless' ? 'endless' : 'crashed';
  };

  const askedMs = Date.now();
  const failure = await ask(AS_IT_IS, FIRST_MS);
  const waitMs = Math.max(ENDLESS_MS, ENDLESS_TIMES * (Date.now() - askedMs));
  const survivors: Survivor[] = [];
  let [tried, endless] = [0, 0];
  for (const [nth, mutant] of mutants.entries()) {
    if (failure !== undefined || !isChosen(driver, nth)) continue;
    tried += 1;
    const noticed = await ask(nth, waitMs);
    if (noticed === 'endless') endless += 1;
    if (noticed === undefined) survivors.push({ ...mutant, driver });
    if (values.verbose) console.log(`  ${mutant.rule}: ${mutant.is} -> ${noticed ?? 'SURVIVES'}`);
  }
  worker.disconnect();
  return { driver, tried, endless, survivors, ...(failure !== undefined && { failure }) };
}

const names = positionals.length > 0 ? positionals : Object.keys(drivers);
const waiting = [...names];
const results: Result[] = [];
const explains = ({ drivers: of, rule, line, is }: Explanation, survivor: Survivor): boolean =>
  of.includes(survivor.driver) && rule === survivor.rule && line.test(survivor.was) && (is?.test(survivor.is) ?? true);
const beganMs = Date.now();
await Promise.all(
  Array.from({ length: Math.min(MAX_PROCESSES, availableParallelism()) }, async () => {
    for (let driver = waiting.shift(); driver !== undefined; driver = waiting.shift()) {
      const result = await tryDriver(driver);
      results.push(result);
      const unexplained = result.survivors.filter((one) => !EXPLAINED.some((entry) => explains(entry, one)));
      const { tried, survivors, endless, failure } = result;
      const explained = survivors.length - unexplained.length;
      console.log(
        `${driver.padEnd(14)} ${String(tried - survivors.length).padStart(3)} killed${endless > 0 ? ` (${endless} by the clock)` : ''}, ${survivors.length} survive${explained > 0 ? ` (${explained} explained)` : ''}`,
      );
      if (failure !== undefined) console.log(`  fails as it is: ${failure}`);
      for (const { rule, folder, file, line, was, is } of unexplained)
        console.log(file === undefined ? `  ${rule}` : `  ${rule}, ${folder}/${file}:${line}\n    ${was}\n    ${is}`);
    }
  }),
);

const survivors = results.flatMap((result) => result.survivors);
const unexplained = survivors.filter((one) => !EXPLAINED.some((entry) => explains(entry, one)));
const failed = results.filter(({ failure }) => failure !== undefined);
const isWhole = share >= 1 && positionals.length === 0;
const forNothing = isWhole ? EXPLAINED.filter((entry) => !survivors.some((one) => explains(entry, one))) : [];
for (const { drivers: of, rule, line } of forNothing)
  console.log(`an explanation is for nothing: ${of.join(', ')}, ${rule}, ${line}`);
const tried = results.reduce((sum, result) => sum + result.tried, 0);
console.log(
  `${tried} mutants of ${results.length} drivers in ${Math.round((Date.now() - beganMs) / 1000)} s: ${tried - survivors.length} killed, ${survivors.length - unexplained.length} explained, ${unexplained.length} unexplained`,
);
process.exitCode = unexplained.length + failed.length + forNothing.length > 0 ? 1 : 0;
