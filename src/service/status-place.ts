/**
 * Where a running service answers `sedge status`: a Unix socket, one per journal, never a network port. The service and the
 * command derive the place alike.
 *
 * - under systemd: $RUNTIME_DIRECTORY/sedge.sock, which members of the service's group may use
 * - else $XDG_RUNTIME_DIR/sedge/<journal>.sock, else <tmp>/sedge-<user>/<journal>.sock, for the user alone
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** systemd makes it from RuntimeDirectory=sedge. */
const SOCKET_NAME = 'sedge.sock';
export const SYSTEM_SOCKET = `/run/sedge/${SOCKET_NAME}`;

export interface StatusPlace {
  readonly socket: string;
  readonly directory: string;
  readonly socketMode: number;
  /** The directory is ours to make, and nobody else may have made it; systemd's own is as systemd made it. */
  readonly isPrivate: boolean;
}

/** What the place depends on: given, so that tests can give others. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** undefined on systems without user ids. */
  readonly uid: number | undefined;
  readonly tmpdir: string;
}

const HASH_DIGITS = 16;
const nameOf = (journalDirectory: string): string =>
  `${createHash('sha256').update(journalDirectory).digest('hex').slice(0, HASH_DIGITS)}.sock`;

const temporary = (tmpdir: string, uid: number | undefined): string => join(tmpdir, `sedge-${uid ?? 'user'}`);

/** Where this process answers. */
export function statusPlace(journalDirectory: string, { env, uid, tmpdir }: Surroundings): StatusPlace {
  // systemd.exec(5): several directories are separated by colons.
  const runtime = env.RUNTIME_DIRECTORY?.split(':')[0];
  if (runtime) return { socket: join(runtime, SOCKET_NAME), directory: runtime, socketMode: 0o660, isPrivate: false };
  // Containers and sudo hand on the name of a directory that is not there.
  const xdg = env.XDG_RUNTIME_DIR && existsSync(env.XDG_RUNTIME_DIR) ? env.XDG_RUNTIME_DIR : undefined;
  const directory = xdg ? join(xdg, 'sedge') : temporary(tmpdir, uid);
  return { socket: join(directory, nameOf(journalDirectory)), directory, socketMode: 0o600, isPrivate: true };
}

/** The user's own directories in which a service may have made its socket. */
const basesOf = (user: number | undefined, { env, uid, tmpdir }: Surroundings): readonly string[] => [
  ...(user === uid && env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'sedge')] : []),
  ...(user === undefined ? [] : [`/run/user/${user}/sedge`]),
  temporary(tmpdir, user),
];
const systemSockets = ({ env }: Surroundings): readonly string[] => [
  ...(env.RUNTIME_DIRECTORY ? [join(env.RUNTIME_DIRECTORY.split(':')[0]!, SOCKET_NAME)] : []),
  SYSTEM_SOCKET,
];

/**
 * Where a service with this journal may answer, most likely first: as this user, as the owner of the journal (root looks at
 * the service of somebody), as the system's service.
 */
export function statusSockets(
  journalDirectory: string,
  journalOwner: number | undefined,
  surroundings: Surroundings,
): readonly string[] {
  const { uid } = surroundings;
  const bases = [...new Set([uid, journalOwner ?? uid])].flatMap((user) => basesOf(user, surroundings));
  const own = bases.map((base) => join(base, nameOf(journalDirectory)));
  return [...new Set([...own, ...systemSockets(surroundings)])];
}

/** Most services of one user that are asked. */
const MAX_NEIGHBOURS = 16;

/** Where any service of this user or of the system may answer: for a configuration that does not say its journal. */
export function anySockets(surroundings: Surroundings): readonly string[] {
  const own = basesOf(surroundings.uid, surroundings).flatMap((base) => {
    try {
      return readdirSync(base)
        .filter((name) => name.endsWith('.sock'))
        .map((name) => join(base, name));
    } catch {
      return [];
    }
  });
  return [...new Set([...systemSockets(surroundings), ...own.slice(0, MAX_NEIGHBOURS)])];
}
