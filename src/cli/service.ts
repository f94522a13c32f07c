/** `sedge service install|uninstall`: Sedge as a systemd service, started at boot, kept alive, sandboxed. */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { SedgeError } from '../errors.ts';
import { configSteps, type Execute, installSteps, PLACES, type Step, uninstallSteps } from '../service/install.ts';
import { type Command, EXIT } from './command.ts';

export const service: Command = {
  name: 'service',
  summary: 'Install or uninstall the systemd service.',
  usage: 'sedge service install|configure|uninstall [--dry-run] [--config FILE]',
  help: `install copies the program to ${PLACES.program}, makes the user sedge, writes a starting configuration to
${PLACES.config} if there is none, and enables and starts sedge.service. Run it again after an
update. It never overwrites a configuration.
uninstall stops and removes the service and the program; configuration and journal stay.

Both need root: sudo sedge service install

  --dry-run      print what would be done and do nothing
  --config FILE  the configuration that the service uses (default: ${PLACES.config})
  --prefix DIR   work below DIR instead of /, and run no program of the system: for images and tests`,
  options: { 'dry-run': { type: 'boolean' }, config: { type: 'string' }, prefix: { type: 'string' } },
  maxPositionals: 1,
  async run(io, { values, positionals }) {
    const [verb] = positionals;
    if (verb !== 'install' && verb !== 'uninstall' && verb !== 'configure')
      throw new SedgeError(
        'usage',
        `sedge service needs "install", "configure" or "uninstall"${verb ? `, not "${verb}"` : ''}`,
      );
    const dryRun = values['dry-run'] === true;
    const root = typeof values.prefix === 'string' ? resolve(io.cwd, values.prefix) : '';
    if (!dryRun && root === '' && verb !== 'configure') refuseUnfit(verb);

    const system = { root, execute: execute(io.stderr) };
    const given = typeof values.config === 'string' ? values.config : PLACES.config;
    const config = isAbsolute(given) ? given : resolve(io.cwd, given);
    const steps =
      verb === 'uninstall'
        ? await uninstallSteps(system)
        : verb === 'configure'
          ? await configSteps({ ...system, config })
          : await installSteps({
              ...system,
              source: programRoot(),
              node: process.execPath,
              config,
            });
    await runSteps(steps, dryRun, (line) => void io.stdout.write(`${line}\n`));
    if (verb === 'install' && !dryRun && root === '')
      io.stdout.write('sedge.service runs; follow it with: journalctl -u sedge -f\n');
    return EXIT.done;
  },
};

export async function runSteps(steps: readonly Step[], dryRun: boolean, print: (line: string) => void): Promise<void> {
  for (const step of steps) {
    print(dryRun ? `would ${step.describe}` : step.describe);
    if (!dryRun) await step.run();
  }
}

function refuseUnfit(verb: string): void {
  if (!existsSync('/run/systemd/system'))
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

/** What the program prints goes to stderr; stdout is the list of steps. */
const execute =
  (stderr: NodeJS.WriteStream): Execute =>
  (program, args) =>
    new Promise((done, failed) => {
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.pipe(stderr, { end: false });
      child.stderr.pipe(stderr, { end: false });
      child.once('error', failed);
      child.once('close', (status, signal) =>
        status === 0 ? done() : failed(new Error(signal ? `killed by ${signal}` : `exit status ${status}`)),
      );
    });
