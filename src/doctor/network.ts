/** The first steps to any server, each within a few seconds: its name, and a connection to its port. */
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Clock } from '../clock.ts';
import { type Finding, fault } from './types.ts';

const STEP_MS = 5_000;
export const ABSENT = { because: 'absent' } as const;

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** The first of two: the work, or undefined after the step's time. */
export async function within<T>(clock: Clock, work: Promise<T>, ms = STEP_MS): Promise<T | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([work, clock.sleep(ms, timer.signal).then(() => undefined)]);
  } finally {
    timer.abort();
  }
}

export async function resolves({ host }: Pick<Place, 'host'>, clock: Clock): Promise<readonly Finding[]> {
  const found = await within(
    clock,
    lookup(host).catch((error: NodeJS.ErrnoException) => error),
  );
  if (found === undefined || (found instanceof Error && found.code === 'EAI_AGAIN'))
    return [
      fault(`the name server does not answer for ${host}`, {
        ...ABSENT,
        fix: `getent hosts ${host}; check the network: ip route; cat /etc/resolv.conf`,
      }),
    ];
  if (found instanceof Error)
    return [
      fault(`the name ${host} is not known`, { ...ABSENT, fix: `correct the host in url:, or try ping ${host}` }),
    ];
  return [];
}

/** `fix`: what to do where nothing listens. */
export function connects({ host, port }: Place, clock: Clock, fix: string): Promise<readonly Finding[]> {
  const socket = connect({ host, port });
  const tried = new Promise<readonly Finding[]>((resolve) => {
    socket.once('connect', () => resolve([]));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve([
        code === 'ECONNREFUSED'
          ? fault(`nothing listens at ${host}:${port}`, {
              ...ABSENT,
              fix,
            })
          : fault(`${host}:${port} cannot be reached (${code})`, { ...ABSENT, fix: `ip route; ping ${host}` }),
      ]),
    );
  });
  const late = [
    fault(`${host}:${port} does not answer`, {
      ...ABSENT,
      fix: `open TCP port ${port} in the firewalls on the way: nc -vz ${host} ${port}`,
    }),
  ];
  return within(clock, tried)
    .then((found) => found ?? late)
    .finally(() => socket.destroy());
}
