/**
 * The checks of HTTP and file uplinks. Nothing is posted: a server that takes a batch keeps it, and readings that nobody took
 * would stand among the real ones; what it says to real batches is in the service's status. Nothing is written to a stick
 * either.
 */
import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileUplinkConfig, HttpUplinkConfig } from '../config/types.ts';
import { certificateFindings, type Scheme } from './certificate.ts';
import { ABSENT, connects, resolves } from './network.ts';
import { type DoctorContext, type Finding, fault, ok, warning } from './types.ts';

const HTTP: Scheme = { plain: 'http', tls: 'https', tlsPort: 443, other: 'server' };
const SERVER_FIX = 'start the server there, or correct url:';
/** So little room is told before it is used up. */
const LITTLE_BYTES = 50_000_000;

export function outletSteps(
  uplink: HttpUplinkConfig | FileUplinkConfig,
  { clock }: DoctorContext,
): readonly (() => Promise<readonly Finding[]>)[] {
  if (uplink.type === 'file') return [() => directoryFindings(uplink)];
  const url = new URL(uplink.url);
  const isTls = url.protocol === 'https:';
  const place = {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (isTls ? 443 : 80),
  };
  return [
    () => resolves(place, clock),
    () => connects(place, clock, SERVER_FIX),
    ...(isTls ? [() => certificateFindings(place, uplink.tls, clock, HTTP)] : []),
    async () => [ok(`${url.host} answers; nothing is posted to try it, because the server would keep it`)],
  ];
}

async function directoryFindings({ directory, mountPoint }: FileUplinkConfig): Promise<readonly Finding[]> {
  const isMounted = mountPoint === undefined || (await isMountPoint(mountPoint));
  if (!isMounted)
    return [
      warning(`nothing is mounted at ${mountPoint}: readings wait in the journal`, {
        ...ABSENT,
        fix: `put the stick in, or mount it: sudo mount ${mountPoint}`,
      }),
    ];
  try {
    await access(directory, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(directory);
    const freeBytes = bavail * bsize;
    const free = `${Math.floor(freeBytes / 1_000_000)} MB free`;
    return freeBytes < LITTLE_BYTES
      ? [warning(`${directory} has ${free}`, { fix: 'bring another stick, or move its files away' })]
      : [ok(`${directory} can be written, ${free}`)];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      return [
        warning(`${directory} is not there: readings wait in the journal`, {
          ...ABSENT,
          fix: `put the stick in; on a new one: sudo mkdir ${directory}`,
        }),
      ];
    return [
      fault(`${directory} cannot be written (${code})`, {
        fix: `sudo chown sedge ${directory}; for the service also ReadWritePaths=${directory} in systemctl edit sedge`,
      }),
    ];
  }
}

async function isMountPoint(path: string): Promise<boolean> {
  try {
    return (await stat(path)).dev !== (await stat(dirname(path))).dev;
  } catch {
    return false;
  }
}
