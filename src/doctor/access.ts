/** Who may use a file: judged by owner, group and mode, so that it can be said for the service's user as well. */
import { PLACES } from '../service/install.ts';
import type { FileFacts, SystemFiles } from '../system.ts';
import type { Subject } from './types.ts';

/** The groups that the unit adds (SupplementaryGroups=). */
const UNIT_GROUPS = ['i2c', 'gpio'];
const SERVICE_USER = 'sedge';

const READ = 4;
const WRITE = 2;

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

async function groupsOf(files: SystemFiles): Promise<readonly Group[]> {
  const text = (await files.text('/etc/group')) ?? '';
  return text.split('\n').map((line) => {
    const [name = '', , gid, members = ''] = line.split(':');
    return { name, gid: Number(gid), members: members.split(',') };
  });
}

async function userEntry(files: SystemFiles, holds: (name: string, uid: number) => boolean) {
  for (const line of ((await files.text('/etc/passwd')) ?? '').split('\n')) {
    const [name = '', , uid, gid] = line.split(':');
    if (holds(name, Number(uid))) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** The service's user for the service's configuration, else who asks. */
export async function subjectOf(
  files: SystemFiles,
  user: { uid: number; gids: readonly number[] },
  configPath: string | undefined,
): Promise<Subject> {
  const [, serviceConfig] = /^ExecStart=.* --config (\S+)/m.exec((await files.text(PLACES.unit)) ?? '') ?? [];
  const isItsOwn = configPath === undefined || configPath === serviceConfig;
  const service =
    serviceConfig !== undefined && isItsOwn ? await userEntry(files, (name) => name === SERVICE_USER) : undefined;
  if (service) {
    const groups = (await groupsOf(files)).filter(
      ({ name, members }) => members.includes(SERVICE_USER) || UNIT_GROUPS.includes(name),
    );
    return {
      name: service.name,
      uid: service.uid,
      gids: [service.gid, ...groups.map(({ gid }) => gid)],
      isService: true,
    };
  }
  const name = (await userEntry(files, (_name, uid) => uid === user.uid))?.name;
  return { name: name ?? '$USER', uid: user.uid, gids: user.gids, isService: false };
}

const bits = ({ uid, gids }: Subject, file: FileFacts): number => {
  if (uid === 0) return READ | WRITE;
  if (file.uid === uid) return file.mode >> 6;
  return gids.includes(file.gid) ? file.mode >> 3 : file.mode;
};

export const mayRead = (subject: Subject, file: FileFacts): boolean => (bits(subject, file) & READ) !== 0;
export const mayUse = (subject: Subject, file: FileFacts): boolean =>
  (bits(subject, file) & (READ | WRITE)) === (READ | WRITE);
export const othersMayRead = (file: FileFacts): boolean => (file.mode & READ) !== 0;
export const othersMayWrite = (file: FileFacts): boolean => (file.mode & WRITE) !== 0;

/** How somebody gets into the group of a device node; a node that belongs to root needs a rule first. */
export async function groupFix(files: SystemFiles, subject: Subject, node: FileFacts, group: 'i2c' | 'gpio') {
  const kernel = group === 'i2c' ? 'SUBSYSTEM=="i2c-dev"' : 'SUBSYSTEM=="gpio", KERNEL=="gpiochip*"';
  const hasGroup = (await groupsOf(files)).some(({ name, gid }) => name === group && gid === node.gid);
  const rule = `sudo groupadd -f ${group} && echo '${kernel}, GROUP="${group}", MODE="0660"' | sudo tee /etc/udev/rules.d/60-sedge.rules && sudo udevadm control --reload && sudo udevadm trigger`;
  const join = subject.isService
    ? 'sudo systemctl restart sedge'
    : `sudo usermod -aG ${group} ${subject.name}   (then log in again)`;
  return hasGroup ? join : `${rule} && ${join}`;
}
