/**
 * The checks of HTTP and file uplinks. Nothing is posted: a server that takes a batch keeps it, and readings that nobody took
 * would stand among the real ones; what it says to real batches is in the service's status. Nothing is written to a stick
 * either.
 */
import type { FileUplinkConfig, HttpUplinkConfig } from '../config/types.ts';
import { mayUse } from './access.ts';
import { certificateFindings, type Scheme } from './certificate.ts';
import { ABSENT, connects, resolves } from './network.ts';
import { type DoctorContext, type Finding, fault, ok, warning } from './types.ts';

const HTTP: Scheme = { plain: 'http', tls: 'https', tlsPort: 443, other: 'server' };
const SERVER_FIX = 'start the server there, or correct url:';
/** So little room is told before it is used up. */
const LITTLE_BYTES = 50_000_000;

export function outletSteps(
  uplink: HttpUplinkConfig | FileUplinkConfig,
  context: DoctorContext,
): readonly (() => Promise<readonly Finding[]>)[] {
  if (uplink.type === 'file') return [() => directoryFindings(uplink, context)];
  const { clock } = context;
  const url = new URL(uplink.url);
  const isTls = url.protocol === 'https:';
  const place = {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || (isTls ? 443 : 80),
  };
  return [
    () => resolves(place, clock),
    () => connects(place, clock, SERVER_FIX),
    ...(isTls ? [() => certificateFindings(place, uplink, clock, HTTP)] : []),
    async () => [ok(`${url.host} answers; nothing is posted to try it, because the server would keep it`)],
  ];
}

async function directoryFindings(
  { directory, mountPoint }: FileUplinkConfig,
  { system: { files }, subject }: DoctorContext,
): Promise<readonly Finding[]> {
  // proc(5): the fifth field, with spaces as \040.
  const mounts = ((await files.text('/proc/self/mountinfo')) ?? '')
    .split('\n')
    .map((line) => line.split(' ')[4]?.replaceAll('\\040', ' '));
  if (mountPoint !== undefined && !mounts.includes(mountPoint))
    return [
      warning(`nothing is mounted at ${mountPoint}: readings wait in the journal`, {
        ...ABSENT,
        fix: `put the stick in, or mount it: sudo mount ${mountPoint}`,
      }),
    ];
  const facts = await files.facts(directory);
  if (!facts)
    return [
      warning(`${directory} is not there: readings wait in the journal`, {
        ...ABSENT,
        fix: `put the stick in; on a new one: sudo mkdir ${directory}`,
      }),
    ];
  if (!facts.isDirectory)
    return [fault(`${directory} is no directory`, { fix: 'correct directory:', because: 'configuration' })];
  if (!mayUse(subject, facts))
    return [
      fault(`${directory} may not be written by ${subject.name}`, { fix: `sudo chown ${subject.name} ${directory}` }),
    ];
  const availableBytes = (await files.space(directory))?.availableBytes ?? 0;
  const free = `${Math.floor(availableBytes / 1_000_000)} MB free`;
  return availableBytes < LITTLE_BYTES
    ? [warning(`${directory} has ${free}`, { fix: 'bring another stick, or move its files away' })]
    : [ok(`${directory} can be written, ${free}`)];
}
