/**
 * Making Sedge a system service, as steps that find out what is missing: on a system where everything is right there is none.
 * A configuration is never overwritten. A new program takes the place of a running one; if it does not start, the old one is
 * put back.
 */
import { mkdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SedgeError } from '../errors.ts';
import { copyProgram, forgetOld } from './program-copy.ts';
import { command, exists, hasWork, note, type Step, type System, write } from './steps.ts';

export interface InstallPlan extends System {
  /** Where the running program is: the directory that holds `dist` and `systemd`. */
  readonly source: string;
  /** The Node that will run it. */
  readonly node: string;
  /** Absolute. */
  readonly config: string;
  /** The text of a first configuration, and how many sensors were found for it; asked for only where there is none. */
  readonly startingConfig: () => Promise<{ readonly text: string; readonly found: number }>;
}

export const PLACES = {
  program: '/opt/sedge',
  unit: '/etc/systemd/system/sedge.service',
  /** What `systemctl edit sedge` writes. */
  dropIns: '/etc/systemd/system/sedge.service.d',
  sysusers: '/etc/sysusers.d/sedge.conf',
  tmpfiles: '/etc/tmpfiles.d/sedge.conf',
  udev: '/etc/udev/rules.d/60-sedge.rules',
  config: '/etc/sedge/sedge.yaml',
  /** Where systemd looks for what LoadCredential= names; ours begin with `sedge.`. */
  credentials: '/etc/credstore',
  state: '/var/lib/sedge',
  runtime: '/run/sedge',
  command: '/usr/local/bin/sedge',
  /** The program of the Debian package, whose unit, user and rules are dpkg's. */
  packaged: '/usr/lib/sedge',
} as const;

const UNIT = 'sedge.service';
const ENTRY = join(PLACES.program, 'dist', 'sedge.mjs');
/** systemctl enable makes it, from WantedBy= in the unit. */
const ENABLED = `/etc/systemd/system/multi-user.target.wants/${UNIT}`;
/** Raspberry Pi OS and its relatives bring the groups of I2C and GPIO devices in a file of this name. */
const BOARD_RULES = ['/etc/udev/rules.d', '/lib/udev/rules.d'].map((directory) => `${directory}/99-com.rules`);
/** Hidden from the service by ProtectHome=. */
const HIDDEN = /^\/(home|root|run\/user)(\/|$)/;

/** Whether the user of the service is there. */
export const hasUser = async (root: string): Promise<boolean> =>
  /^sedge:/m.test(await readFile(`${root}/etc/passwd`, 'utf8').catch(() => ''));

export async function installSteps(plan: InstallPlan): Promise<readonly Step[]> {
  const { root, source, node, config } = plan;
  refuseHidden('Node', node, 'install Node for the whole system, for example with apt, and run this with it');
  refuseHidden('the configuration', config, `put it in ${dirname(PLACES.config)}`);
  if (!(await exists(join(source, 'dist', 'sedge.mjs'))))
    throw new SedgeError('service.source', `${source}/dist/sedge.mjs is not there: run "npm run build" first`);
  const template = (name: string) => readFile(join(source, 'systemd', name), 'utf8');

  const program = await copyProgram(source, root + PLACES.program, PLACES.program);
  const sysusers = await write(root, PLACES.sysusers, await template('sedge.sysusers.conf'));
  const needsUser = sysusers.length > 0 || !(await hasUser(root));
  const tmpfiles = await write(root, PLACES.tmpfiles, await template('sedge.tmpfiles.conf'));
  const ownRules = !(await Promise.all(BOARD_RULES.map((path) => exists(root + path)))).includes(true);
  const rules = ownRules ? await write(root, PLACES.udev, await template('sedge.rules')) : [];
  const configuration = await configSteps(plan);
  const unit = await write(root, PLACES.unit, unitText(await template('sedge.service'), node, config));

  const isEnabled = await exists(root + ENABLED);
  const isChanged = hasWork([...program, ...unit, ...configuration]);
  // On another root nothing runs.
  const isActive = root === '' && (await plan.succeeds('systemctl', ['is-active', '--quiet', UNIT]));
  const isToStart = isChanged || !isActive;
  return [
    ...program,
    ...(await commandSteps(root)),
    ...sysusers,
    ...(needsUser ? [command(plan, 'systemd-sysusers', PLACES.sysusers)] : []),
    ...tmpfiles,
    ...(tmpfiles.length > 0 ? [command(plan, 'systemd-tmpfiles', '--create', PLACES.tmpfiles)] : []),
    ...rules,
    ...(rules.length > 0
      ? [
          command(plan, 'udevadm', 'control', '--reload'),
          command(plan, 'udevadm', 'trigger', '--subsystem-match=i2c-dev', '--subsystem-match=gpio'),
        ]
      : []),
    ...configuration,
    ...(isToStart ? [command(plan, node, ENTRY, 'check', '--config', config)] : []),
    ...unit,
    ...(unit.length > 0 ? [command(plan, 'systemctl', 'daemon-reload')] : []),
    ...(isEnabled ? [] : [command(plan, 'systemctl', 'enable', UNIT)]),
    // Not `enable --now`: a service that runs already must begin to run the new program.
    ...(isToStart ? [command(plan, 'systemctl', 'restart', UNIT)] : []),
    ...(hasWork(program) ? [forgetOld(root + PLACES.program)] : []),
  ];
}

function refuseHidden(what: string, path: string, remedy: string): void {
  if (HIDDEN.test(path))
    throw new SedgeError('service.hidden', `${what} is at ${path}, which the service may not see: ${remedy}`);
}

/** A first configuration where there is none, for the service to read and others not. */
export async function configSteps(
  plan: Pick<InstallPlan, 'root' | 'execute' | 'config' | 'startingConfig'>,
): Promise<readonly Step[]> {
  const { root, config } = plan;
  if (await exists(root + config)) return [note(`keep ${config}: it is yours`)];
  if (config !== PLACES.config)
    throw new SedgeError('service.config', `${config} is not there: write it first, or leave --config out`);
  const { text, found } = await plan.startingConfig();
  const about = found === 0 ? 'no sensor was found: only the board itself' : `with ${found} found on the buses`;
  const written = await write(root, config, text, 0o640);
  return [
    ...written.map((step) => ({ ...step, describe: `${step.describe} (${about})` })),
    // It may come to hold a password: for the service and root only.
    command(plan, 'chgrp', 'sedge', config),
  ];
}

async function commandSteps(root: string): Promise<readonly Step[]> {
  if (await isOurCommand(root)) return [];
  if (await exists(root + PLACES.command)) return [note(`keep ${PLACES.command}: it is not ours`)];
  return [
    {
      describe: `link ${PLACES.command} to ${ENTRY}`,
      async run() {
        await mkdir(dirname(root + PLACES.command), { recursive: true });
        await rm(root + PLACES.command, { force: true });
        await symlink(ENTRY, root + PLACES.command);
      },
    },
  ];
}

export const isOurCommand = async (root: string): Promise<boolean> =>
  (await readlink(root + PLACES.command).catch(() => '')) === ENTRY;

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
