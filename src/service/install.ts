/**
 * Making Sedge a system service, and undoing it, as a list of steps. Each says what it does and does exactly that, so
 * that a dry run and a real one cannot differ. Every step may be run again. A configuration is never overwritten, and
 * neither configuration nor journal is ever removed.
 */
import { chmod, cp, lstat, mkdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, SedgeError } from '../errors.ts';
import { isBuildRubbish, nativePackages } from './packages.ts';
import { STARTING_CONFIG } from './starting-config.ts';

export interface Step {
  /** Imperative: "write /etc/systemd/system/sedge.service". */
  readonly describe: string;
  run(): Promise<void>;
}

/** Runs a program of the system; rejects if it fails. */
export type Execute = (program: string, args: readonly string[]) => Promise<void>;

export interface System {
  /** Put before every path that is written; '' is the real system. Anything else runs no program of the system. */
  readonly root: string;
  readonly execute: Execute;
}

export interface InstallPlan extends System {
  /** Where the running program is: the directory that holds `dist` and `systemd`. */
  readonly source: string;
  /** The Node that will run it. */
  readonly node: string;
  /** Absolute. */
  readonly config: string;
}

export const PLACES = {
  program: '/opt/sedge',
  unit: '/etc/systemd/system/sedge.service',
  sysusers: '/etc/sysusers.d/sedge.conf',
  udev: '/etc/udev/rules.d/60-sedge.rules',
  config: '/etc/sedge/sedge.yaml',
  state: '/var/lib/sedge',
  command: '/usr/local/bin/sedge',
  /** The program of the Debian package, whose unit, user and rules are dpkg's. */
  packaged: '/usr/lib/sedge',
} as const;

const ENTRY = join(PLACES.program, 'dist', 'sedge.mjs');
/** Raspberry Pi OS and its relatives bring the groups of I2C and GPIO devices in a file of this name. */
const BOARD_RULES = ['/etc/udev/rules.d', '/lib/udev/rules.d'].map((directory) => `${directory}/99-com.rules`);
/** Hidden from the service by ProtectHome=. */
const HIDDEN = /^\/(home|root|run\/user)(\/|$)/;

const exists = async (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

export async function installSteps(plan: InstallPlan): Promise<readonly Step[]> {
  const { root, source, node, config } = plan;
  refuseHidden('Node', node, 'install Node for the whole system, for example with apt, and run this with it');
  refuseHidden('the configuration', config, `put it in ${dirname(PLACES.config)}`);
  if (!(await exists(join(source, 'dist', 'sedge.mjs'))))
    throw new SedgeError('service.source', `${source}/dist/sedge.mjs is not there: run "npm run build" first`);
  const template = (name: string) => readFile(join(source, 'systemd', name), 'utf8');
  const ownRules = !(await Promise.all(BOARD_RULES.map((path) => exists(root + path)))).includes(true);

  return [
    ...programSteps(plan),
    await commandStep(root),
    write(root, PLACES.sysusers, await template('sedge.sysusers.conf')),
    command(plan, 'systemd-sysusers', PLACES.sysusers),
    ...(ownRules
      ? [
          write(root, PLACES.udev, await template('sedge.rules')),
          command(plan, 'udevadm', 'control', '--reload'),
          command(plan, 'udevadm', 'trigger', '--subsystem-match=i2c-dev', '--subsystem-match=gpio'),
        ]
      : []),
    ...(await configSteps(plan)),
    command(plan, node, ENTRY, 'check', '--config', config),
    write(root, PLACES.unit, unitText(await template('sedge.service'), node, config)),
    command(plan, 'systemctl', 'daemon-reload'),
    command(plan, 'systemctl', 'enable', 'sedge.service'),
    // Not `enable --now`: a service that runs already must begin to run the new program.
    command(plan, 'systemctl', 'restart', 'sedge.service'),
  ];
}

export async function uninstallSteps(system: System): Promise<readonly Step[]> {
  const { root } = system;
  const unitThere = await exists(root + PLACES.unit);
  return [
    ...(unitThere ? [command(system, 'systemctl', 'disable', '--now', 'sedge.service')] : []),
    remove(root, PLACES.unit),
    ...(unitThere ? [command(system, 'systemctl', 'daemon-reload')] : []),
    remove(root, PLACES.sysusers),
    remove(root, PLACES.udev),
    ...((await isOurCommand(root)) ? [remove(root, PLACES.command)] : []),
    remove(root, PLACES.program),
    note(`keep ${dirname(PLACES.config)} and ${PLACES.state}: your configuration and what was not delivered yet`),
    note('keep the user sedge, who owns them'),
  ];
}

function refuseHidden(what: string, path: string, remedy: string): void {
  if (HIDDEN.test(path))
    throw new SedgeError('service.hidden', `${what} is at ${path}, which the service may not see: ${remedy}`);
}

/** The copy is made beside the old one and takes its place in one step: a failed install leaves the old one running. */
function programSteps({ root, source }: InstallPlan): readonly Step[] {
  const target = root + PLACES.program;
  if (source === target) return [note(`keep ${PLACES.program}: this is the program that runs`)];
  const packages = nativePackages(source);
  const names =
    packages.length > 0 ? packages.map(({ name }) => name).join(', ') : 'no native packages: none installed';
  const copy = (from: string, to: string) =>
    cp(from, to, { recursive: true, dereference: true, filter: (path) => !isBuildRubbish(path) });
  return [
    {
      describe: `copy the program from ${source} to ${PLACES.program} (with ${names})`,
      async run() {
        const [fresh, old] = [`${target}.new`, `${target}.old`];
        await rm(fresh, { recursive: true, force: true });
        await mkdir(fresh, { recursive: true });
        for (const part of ['dist', 'systemd', 'package.json']) await copy(join(source, part), join(fresh, part));
        for (const { name, directory } of packages) await copy(directory, join(fresh, 'node_modules', name));
        await rm(old, { recursive: true, force: true });
        if (await exists(target)) await rename(target, old);
        await rename(fresh, target);
        await rm(old, { recursive: true, force: true });
      },
    },
  ];
}

/** A first configuration where there is none, for the service to read and others not. */
export async function configSteps(plan: Pick<InstallPlan, 'root' | 'execute' | 'config'>): Promise<readonly Step[]> {
  const { root, config } = plan;
  if (await exists(root + config)) return [note(`keep ${config}: it is yours`)];
  if (config !== PLACES.config)
    throw new SedgeError('service.config', `${config} is not there: write it first, or leave --config out`);
  return [
    write(root, config, STARTING_CONFIG, 0o640),
    // It may come to hold a password: for the service and root only.
    command(plan, 'chgrp', 'sedge', config),
  ];
}

async function commandStep(root: string): Promise<Step> {
  if ((await exists(root + PLACES.command)) && !(await isOurCommand(root)))
    return note(`keep ${PLACES.command}: it is not ours`);
  return {
    describe: `link ${PLACES.command} to ${ENTRY}`,
    async run() {
      await mkdir(dirname(root + PLACES.command), { recursive: true });
      await rm(root + PLACES.command, { force: true });
      await symlink(ENTRY, root + PLACES.command);
    },
  };
}

const isOurCommand = async (root: string): Promise<boolean> =>
  (await readlink(root + PLACES.command).catch(() => '')) === ENTRY;

const note = (describe: string): Step => ({ describe, run: async () => {} });

const write = (root: string, path: string, text: string, mode = 0o644): Step => ({
  describe: `write ${path}`,
  async run() {
    await mkdir(dirname(root + path), { recursive: true });
    await writeFile(root + path, text, { mode });
    // `mode` above counts only for a new file, and less the umask.
    await chmod(root + path, mode);
  },
});

const remove = (root: string, path: string): Step => ({
  describe: `remove ${path}`,
  run: () => rm(root + path, { recursive: true, force: true }),
});

function command({ root, execute }: System, program: string, ...args: readonly string[]): Step {
  const line = [program, ...args].join(' ');
  if (root !== '') return note(`run ${line} (left out: this is not the running system)`);
  return {
    describe: `run ${line}`,
    run: () =>
      execute(program, args).catch((cause: unknown) => {
        throw new SedgeError('service.command', `"${line}" failed: ${messageOf(cause)}`, { cause });
      }),
  };
}

/** The shipped unit with this machine's paths. */
export function unitText(template: string, node: string, config: string): string {
  const line = `ExecStart=${[node, ENTRY, 'run', '--config', config].map(unitWord).join(' ')}`;
  return template.replace(/^ExecStart=.*$/m, () => line);
}

/** One word of a command line in a unit: quoted if needed; `%` and `$` mean themselves (systemd.unit(5), systemd.service(5)). */
export function unitWord(word: string): string {
  const literal = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./%$@:+=-]+$/.test(literal) ? literal : `"${literal.replaceAll(/["\\]/g, '\\$&')}"`;
}
