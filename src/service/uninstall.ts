/**
 * Taking the service away. Configuration and journal stay, and it says where; with `purge` everything goes that tells who this
 * station was and what it measured: buffer, credentials, configuration, changes of the unit, the user.
 */
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasUser, isOurCommand, PLACES } from './install.ts';
import { command, exists, note, remove, type Step, type System } from './steps.ts';

export interface UninstallPlan extends System {
  readonly purge: boolean;
  /** Where the journal is, if the configuration says another place than the usual. */
  readonly journal?: string;
}

const CREDENTIAL = /^sedge\./;
/** What a journal consists of; see src/journal. */
const JOURNAL_FILE = /^(\d{10}\.segment|cursor-(0|1|new)|spare|tail|lock)$/;

export async function uninstallSteps(plan: UninstallPlan): Promise<readonly Step[]> {
  const { root, purge } = plan;
  const unitThere = await exists(root + PLACES.unit);
  const service = unitThere ? [command(plan, 'systemctl', 'disable', '--now', 'sedge.service')] : [];
  const removed = async (...paths: string[]) => (await Promise.all(paths.map((path) => remove(root, path)))).flat();
  return [
    ...service,
    ...(await removed(PLACES.unit, ...(purge ? [PLACES.dropIns] : []))),
    ...(unitThere ? [command(plan, 'systemctl', 'daemon-reload')] : []),
    ...(await removed(PLACES.sysusers, PLACES.tmpfiles, PLACES.udev)),
    ...((await isOurCommand(root)) ? await removed(PLACES.command) : []),
    ...(await removed(PLACES.program, `${PLACES.program}.old`)),
    ...(purge ? await erase(plan) : await kept(plan)),
  ];
}

async function kept({ root, journal }: UninstallPlan): Promise<readonly Step[]> {
  const reasons = [
    [dirname(PLACES.config), 'your configuration'],
    [journal ?? PLACES.state, 'what was not delivered yet'],
    [PLACES.dropIns, 'your changes of the unit'],
  ] as const;
  const steps: Step[] = [];
  for (const [path, what] of reasons) if (await exists(root + path)) steps.push(note(`keep ${path}: ${what}`));
  if (await hasUser(root)) steps.push(note('keep the user sedge, who owns them'));
  return steps.length === 0 ? [] : [...steps, note('to erase these too: sudo sedge service uninstall --purge')];
}

async function erase(plan: UninstallPlan): Promise<readonly Step[]> {
  const { root, journal } = plan;
  const stores = await readdir(root + PLACES.credentials).catch(() => []);
  const credentials = stores.filter((name) => CREDENTIAL.test(name)).map((name) => join(PLACES.credentials, name));
  const files = [dirname(PLACES.config), PLACES.runtime, ...credentials];
  const group = /^sedge:.*:([^:\n]+)$/m.test(await readFile(`${root}/etc/group`, 'utf8').catch(() => ''));
  return [
    ...(await empty(root, PLACES.state)),
    ...(journal === undefined || journal === PLACES.state ? [] : await eraseJournal(root, journal)),
    ...(await Promise.all(files.map((path) => remove(root, path)))).flat(),
    ...((await hasUser(root)) ? [command(plan, 'userdel', 'sedge')] : []),
    // userdel leaves a group that others are in.
    ...(group ? [command(plan, 'groupdel', 'sedge')] : []),
  ];
}

/** A directory of ours; a mount point is emptied and stays. */
async function empty(root: string, path: string): Promise<readonly Step[]> {
  if (!(await exists(root + path))) return [];
  return [
    {
      describe: `erase ${path}: the journal`,
      async run() {
        for (const name of await readdir(root + path))
          await rm(join(root + path, name), { recursive: true, force: true });
        await rmdir(root + path).catch(() => {});
      },
    },
  ];
}

/** A directory that the configuration names: only what is a journal's goes. */
async function eraseJournal(root: string, path: string): Promise<readonly Step[]> {
  const names = await readdir(root + path).catch(() => []);
  const ours = names.filter((name) => JOURNAL_FILE.test(name));
  const others = names.length - ours.length;
  if (ours.length === 0) return [];
  return [
    {
      describe: `erase the journal in ${path}${others === 0 ? '' : ` (${others} files there are not the journal's and stay)`}`,
      async run() {
        for (const name of ours) await rm(join(root + path, name), { recursive: true, force: true });
        await rmdir(root + path).catch(() => {});
      },
    },
  ];
}
