/** `sedge service install|upgrade|uninstall|configure`: Sedge as a systemd service, started at boot, kept alive, sandboxed. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { messageOf, SedgeError } from '../errors.ts';
import { configSteps, type InstallPlan, installSteps, PLACES } from '../service/install.ts';
import { versionAt } from '../service/program-copy.ts';
import { startingConfig } from '../service/starting-config.ts';
import { type Execute, hasWork, runSteps, type Step } from '../service/steps.ts';
import { uninstallSteps } from '../service/uninstall.ts';
import { type Command, type CommandIo, EXIT } from './command.ts';
import { existingConfig } from './configuration.ts';
import { foundSensors } from './found-sensors.ts';
import { status } from './status.ts';

const VERBS = ['install', 'upgrade', 'uninstall', 'configure'] as const;
type Verb = (typeof VERBS)[number];

/** A service that was just started has opened its sensors by then, and read most of them once. */
const SETTLE_MS = 2_000;

export const service: Command = {
  name: 'service',
  summary: 'Install, upgrade or uninstall the systemd service.',
  usage: 'sedge service install|upgrade|uninstall|configure [--dry-run] [--config FILE] [--purge]',
  help: `install copies the program to ${PLACES.program}, makes the user sedge, writes a first configuration to
${PLACES.config} if there is none, made from what is found on the buses, and enables and starts
sedge.service. It does what is missing and nothing else, never overwrites a configuration, and ends with the status.
upgrade puts this program in the place of the installed one and restarts the service. Configuration and journal stay. If the
new one does not start, the old one is put back.
uninstall stops and removes the service and the program; configuration and journal stay, and it says where.
configure only writes the first configuration, if there is none.

They change the system, so they need root: sudo sedge service install

  --dry-run      print what would be done and do nothing; needs no root
  --purge        with uninstall: erase journal, configuration, credentials, changes of the unit and the user, too
  --config FILE  the configuration that the service uses (default: ${PLACES.config})
  --prefix DIR   work below DIR instead of /, and run no program of the system: for images and tests`,
  options: {
    'dry-run': { type: 'boolean' },
    purge: { type: 'boolean' },
    config: { type: 'string' },
    prefix: { type: 'string' },
  },
  maxPositionals: 1,
  async run(io, { values, positionals }) {
    const verb = VERBS.find((one) => one === positionals[0]);
    if (!verb) {
      const [given] = positionals;
      throw new SedgeError('usage', `sedge service needs ${VERBS.join(', ')}${given ? `, not "${given}"` : ''}`);
    }
    if (values.purge === true && verb !== 'uninstall')
      throw new SedgeError('usage', `--purge belongs to "sedge service uninstall", not to ${verb}`);
    const dryRun = values['dry-run'] === true;
    const root = typeof values.prefix === 'string' ? resolve(io.cwd, values.prefix) : '';
    refusePackaged(verb, root);
    if (!dryRun && root === '') refuseUnfit(verb);

    const given = typeof values.config === 'string' ? values.config : configOfUnit(root);
    const config = isAbsolute(given) ? given : resolve(io.cwd, given);
    const plan: InstallPlan = {
      root,
      execute: execute(io.stderr),
      source: programRoot(),
      node: process.execPath,
      config,
      succeeds: (program, args) =>
        execute()(program, args).then(
          () => true,
          () => false,
        ),
      startingConfig: async () => {
        const found = root === '' ? await foundSensors(io) : [];
        return { text: startingConfig(found), found: found.filter((line) => !/^\s*#/.test(line)).length };
      },
    };
    const print = (line: string) => void io.stdout.write(`${line}\n`);
    const before = await versionAt(root + PLACES.program);
    if (verb === 'upgrade' && before === undefined)
      throw new SedgeError('service.missing', `there is no service to upgrade: sudo sedge service install`);

    const steps = await stepsOf(verb, plan, values.purge === true, io);
    const isWork = hasWork(steps);
    await runOrPutBack(steps, dryRun, print, plan, before);
    if (!isWork) print('nothing is to do');
    if (verb === 'upgrade') {
      const now = await versionAt(plan.source);
      print(
        before === now
          ? `version ${now}, as before`
          : `${dryRun ? 'would go' : 'went'} from version ${before} to ${now}`,
      );
    }
    if ((verb === 'install' || verb === 'upgrade') && !dryRun && root === '') await showStatus(config, isWork, io);
    return EXIT.done;
  },
};

async function stepsOf(verb: Verb, plan: InstallPlan, purge: boolean, io: CommandIo): Promise<readonly Step[]> {
  if (verb === 'configure') return configSteps(plan);
  if (verb !== 'uninstall') return installSteps(plan);
  // What the configuration says of the journal's place; a wrong configuration must not stop an uninstall.
  const journal =
    plan.root === '' ? (await existingConfig(plan.config, io).catch(() => undefined))?.config?.journal : undefined;
  return uninstallSteps({ ...plan, purge, ...(journal && { journal: journal.directory }) });
}

/** When a step fails, the old program is back in its place; the service runs it again. */
async function runOrPutBack(
  steps: readonly Step[],
  dryRun: boolean,
  print: (line: string) => void,
  { root, execute }: InstallPlan,
  before: string | undefined,
): Promise<void> {
  try {
    await runSteps(steps, dryRun, print);
  } catch (error) {
    if (root === '' && before !== undefined && steps.some(({ undo }) => undo !== undefined)) {
      await execute('systemctl', ['restart', 'sedge.service']).catch(() => {});
      print(`version ${before} is back in its place, and was started again`);
    }
    throw error;
  }
}

/** What the service says of itself; after a start, when it has had the time to measure once. */
async function showStatus(config: string, isStarted: boolean, io: CommandIo): Promise<void> {
  if (isStarted) await systemClock.sleep(SETTLE_MS, io.signal);
  try {
    io.stdout.write('\n');
    await status.run(
      { ...io, env: { STATE_DIRECTORY: PLACES.state, ...io.env } },
      { values: { config }, positionals: [] },
    );
  } catch (error) {
    io.stdout.write(`the service does not answer yet (${messageOf(error)}): journalctl -u sedge -f\n`);
  }
}

/** An installed service may use a configuration of another place; it keeps it. */
function configOfUnit(root: string): string {
  try {
    const [, config] = /^ExecStart=.* --config ([^\s"]+)$/m.exec(readFileSync(root + PLACES.unit, 'utf8')) ?? [];
    return config ?? PLACES.config;
  } catch {
    return PLACES.config;
  }
}

/** The service of the Debian package is dpkg's. */
function refusePackaged(verb: Verb, root: string): void {
  if (verb === 'configure' || !existsSync(`${root}${PLACES.packaged}/dist/sedge.mjs`)) return;
  // One that was installed by hand before the package may, and should, go.
  if (verb === 'uninstall' && existsSync(root + PLACES.unit)) return;
  const remedy =
    verb === 'uninstall'
      ? 'sudo apt remove sedge, or sudo apt purge sedge to erase everything'
      : 'to update, sudo apt install ./sedge_VERSION_ARCH.deb';
  throw new SedgeError('service.packaged', `the Debian package sedge has brought the service: ${remedy}`);
}

function refuseUnfit(verb: Verb): void {
  if (verb !== 'configure' && !existsSync('/run/systemd/system'))
    throw new SedgeError(
      'service.systemd',
      'this system was not started by systemd: run "sedge run" under its own supervisor',
    );
  if (process.getuid?.() !== 0)
    throw new SedgeError('service.root', `"sedge service ${verb}" changes the system: run it with sudo`);
}

/** The directory that holds `dist`: the running file is dist/sedge.mjs, often through a link on the PATH. */
function programRoot(): string {
  return dirname(dirname(realpathSync(process.argv[1]!)));
}

/** What the program prints goes to stderr, if that is given; stdout is the list of steps. */
const execute =
  (stderr?: NodeJS.WriteStream): Execute =>
  (program, args) =>
    new Promise((done, failed) => {
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      for (const output of [child.stdout, child.stderr]) {
        if (stderr) output.pipe(stderr, { end: false });
        else output.resume();
      }
      child.once('error', failed);
      child.once('close', (code, signal) =>
        code === 0 ? done() : failed(new Error(signal ? `killed by ${signal}` : `exit status ${code}`)),
      );
    });
