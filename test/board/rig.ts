/**
 * The virtual board, for tests: builds and boots it, runs commands in it, turns its chips and lines, cuts its power.
 * It boots a real kernel and a real systemd (README.md); nothing of it is mocked.
 *
 * - Every wait has a bound, generous because the board is emulated in software and may share its processors.
 * - Whatever happens to the test run, no process stays: boot.sh cuts the board when RIG_OWNER is gone.
 */
import { type ExecFileException, execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Two boards side by side: each has its own RIG_OUT. */
const OUT = process.env.RIG_OUT ?? `${HERE}out`;
/** /rig in the board. */
export const SHARE = `${OUT}/run/share`;
const BUILD_TIMEOUT_MS = 900_000;
const BOOT_TIMEOUT_MS = 300_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const POLL_MS = 250;

/** What tests may wait for a step that builds and boots. */
export const UP_TIMEOUT_MS = BUILD_TIMEOUT_MS + BOOT_TIMEOUT_MS;
/** What tests may wait for a power cut and the boot after it. */
export const CUT_TIMEOUT_MS = BOOT_TIMEOUT_MS + 60_000;

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the chips measure and which of them are broken; addresses are decimal. See guest/i2c-devices.mjs. */
export interface Chips {
  readonly celsius?: number;
  readonly humidity?: number;
  readonly lux?: number;
  readonly silent?: readonly number[];
  readonly hang?: readonly number[];
  readonly badCrc?: readonly number[];
}

/** Why the board cannot run here, as a sentence; undefined where it can. */
export function unavailable(): string | undefined {
  const missing = 'QEMU is not available: needs Debian 12 on amd64 as root; runs in CI';
  if (process.platform !== 'linux' || process.arch !== 'x64' || process.getuid?.() !== 0) return missing;
  try {
    const release = readFileSync('/etc/os-release', 'utf8');
    return /^ID=debian$/m.test(release) && /^VERSION_ID="12"$/m.test(release) ? undefined : missing;
  } catch {
    return missing;
  }
}

const began = performance.now();

/** One line of progress; the board is slow, and a silent minute looks like a hang. */
export function progress(line: string): void {
  const seconds = Math.round((performance.now() - began) / 1000);
  process.stderr.write(`[board ${String(seconds).padStart(3)} s] ${line}\n`);
}

function execute(file: string, args: readonly string[], timeoutMs: number, env: NodeJS.ProcessEnv): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES, env: { ...process.env, ...env } };
    execFile(`${HERE}${file}`, args, options, (error: ExecFileException | null, stdout, stderr) => {
      resolve({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr });
    });
  });
}

/** What was said last, for messages. */
const tail = ({ stdout, stderr }: Outcome) => `${stdout}\n${stderr}`.trim().split('\n').slice(-30).join('\n');

async function boot(verb: string, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  // The log of writes lets `tear` make what another drive could have left.
  const outcome = await execute('boot.sh', [verb, ...more], BOOT_TIMEOUT_MS, { RIG_LOG_WRITES: '1', ...env });
  if (outcome.status !== 0) throw new Error(`boot.sh ${verb} failed (${outcome.status}):\n${tail(outcome)}`);
  return outcome;
}

/** Builds the image if its inputs changed, and boots it. Does nothing when the board is up. */
export async function up(): Promise<void> {
  const { status } = await execute('boot.sh', ['status'], BOOT_TIMEOUT_MS, {});
  if (status === 0) return;
  progress('building the image, unless it is current (about a minute)');
  const built = await execute('build-image.sh', [], BUILD_TIMEOUT_MS, {});
  if (built.status !== 0) throw new Error(`build-image.sh failed (${built.status}):\n${tail(built)}`);
  progress(built.stdout.trim().split('\n').at(-1) ?? '');
  await boot('reset');
  await start();
}

/** A board that nobody has used: pristine disks, booted. */
export async function fresh(): Promise<void> {
  const { status } = await execute('boot.sh', ['status'], BOOT_TIMEOUT_MS, {});
  if (status === 0) await cut();
  await up();
}

export interface BootOptions {
  /** What the hardware clock says at power-on, as QEMU takes it: `1970-01-01T00:00:00`. Left out: the time it is. */
  readonly rtc?: string;
}

export async function start({ rtc }: BootOptions = {}): Promise<void> {
  progress(rtc === undefined ? 'booting' : `booting, with the clock at ${rtc}`);
  mkdirSync(SHARE, { recursive: true });
  rmSync(`${SHARE}/i2c.json`, { force: true });
  progress((await boot('start', [], rtc === undefined ? {} : { RIG_QEMU: `-rtc base=${rtc}` })).stdout.trim());
}

/** Cuts the power: what the data disk was not told to flush is lost. */
export async function cut(): Promise<void> {
  await boot('cut');
  progress('power cut');
}

/** Shuts down as `poweroff` does. */
export async function stop(): Promise<void> {
  await boot('stop');
  progress('shut down');
}

/** How much has been written to the data disk in this boot: a moment that `cutAndBoot` can go back to. */
export function diskLogBytes(): number {
  return statSync(`${OUT}/data.log`).size;
}

/** Which other cut: its seed, and after what of the disk's log it comes (else at the log's end). */
export interface Torn {
  readonly seed: number;
  readonly afterBytes?: number;
}

/** What `torn.mjs` says: writes that the drive kept and did not, and where in the log the power went. */
export interface Kept {
  readonly whole: number;
  readonly torn: number;
  readonly lost: number;
  readonly at: number;
}

const tornArguments = ({ seed, afterBytes }: Torn) => [
  String(seed),
  ...(afterBytes === undefined ? [] : [String(afterBytes)]),
];

/** After a cut: makes the data disk what another cut could have left, for the next boot. */
export async function tear(torn: Torn): Promise<void> {
  const { stdout } = await boot('torn', tornArguments(torn));
  progress(`what the drive kept: ${stdout.trim()}`);
}

/** After a cut: writes what another cut could have left into `image`; the board's own disk stays as it is. */
export function tornImage(image: string, torn: Torn): Kept {
  const files = [`${OUT}/data.before`, `${OUT}/data.log`, image];
  const told = execFileSync(process.execPath, [`${HERE}torn.mjs`, ...files, ...tornArguments(torn)], {
    encoding: 'utf8',
  });
  return JSON.parse(told) as Kept;
}

/**
 * Cuts the power and boots again. With `torn` the cut comes at some moment after `afterBytes`, in the middle of a
 * commit, and the drive has also kept some of the writes that were not flushed, and parts of some.
 */
export async function cutAndBoot(torn?: Torn): Promise<void> {
  await cut();
  if (torn !== undefined) await tear(torn);
  await start();
}

/** Runs a shell script in the board as root, whatever its outcome. */
export function attempt(script: string, timeoutS = 120): Promise<Outcome> {
  return execute('run-in-guest', [script], (timeoutS + 30) * 1000, { RIG_TIMEOUT: String(timeoutS) });
}

/** Runs a shell script in the board as root and gives what it printed; throws if it fails. */
export async function guest(script: string, timeoutS = 120): Promise<string> {
  const outcome = await attempt(script, timeoutS);
  if (outcome.status !== 0) throw new Error(`in the board, status ${outcome.status}: ${script}\n${tail(outcome)}`);
  return outcome.stdout;
}

/** Writes a file in the board. */
export async function put(path: string, content: string): Promise<void> {
  const encoded = Buffer.from(content).toString('base64');
  await guest(`mkdir -p "$(dirname '${path}')" && echo ${encoded} | base64 -d > '${path}'`);
}

/** Sets what the chips measure and which are broken; what is not named is back to normal. */
export function setChips(chips: Chips): void {
  writeFileSync(`${SHARE}/i2c.json`, JSON.stringify(chips));
}

/** The world outside drives a GPIO line. */
export async function drive(line: number, level: 0 | 1 | 'z'): Promise<void> {
  await guest(`echo '${line} ${level}' > /dev/vpi-gpio`);
}

/** Looks again and again until `look` gives something; throws with what it last complained about. */
export async function eventually<T>(what: string, timeoutS: number, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutS * 1000;
  let complaint = '';
  do {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      complaint = `: ${String(error)}`;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  } while (performance.now() < deadline);
  throw new Error(`not within ${timeoutS} s: ${what}${complaint}`);
}
