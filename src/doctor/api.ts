/**
 * The check of the local API: the service answers where it is configured to listen, or, while no service runs, nothing
 * else has that address; and its certificate is of now. Says nothing while the API is off.
 */
import { X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { Clock } from '../clock.ts';
import type { ApiConfig } from '../config/types.ts';
import { type Check, type Finding, fault, ok, warning } from './types.ts';

const CONNECT_MS = 2_000;
const SOON_MS = 14 * 86_400_000;
const ABSENT = { because: 'absent' } as const;

export const apiCheck: Check = {
  id: 'api',
  async run({ configuration, running, clock }) {
    const api = configuration.config?.api;
    if (!api) return [];
    return [...certificate(api, clock), running ? await answers(api, clock) : await isFree(api)];
  },
};

/** An address that means all of them is reached on loopback. */
const reachedAt = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);

function answers({ listen, host, port }: ApiConfig, clock: Clock): Promise<Finding> {
  // A free port is known only to the service itself.
  if (port === 0) return Promise.resolve(ok('listens at a free port: the log names it in api.listening'));
  return new Promise((resolve) => {
    const socket = connect({ host: reachedAt(host), port });
    const cancel = clock.after(CONNECT_MS, () => end(false));
    const end = (isThere: boolean) => {
      cancel();
      socket.destroy();
      const missing = `the running service does not listen at ${listen}`;
      const fix = 'sudo systemctl reload sedge, then journalctl -u sedge | grep api';
      resolve(isThere ? ok(`the service listens at ${listen}`) : fault(missing, { ...ABSENT, fix }));
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** Listens for a moment: the only way to know. */
function isFree({ listen, host, port }: ApiConfig): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ message }) =>
      resolve(
        fault(`nothing can listen at ${listen} (${message})`, {
          ...ABSENT,
          fix: 'write another address or port in api.listen',
        }),
      ),
    );
    server.listen({ host, port }, () => server.close(() => resolve(ok(`${listen} is free for the service`))));
  });
}

function certificate({ tls }: ApiConfig, clock: Clock): readonly Finding[] {
  if (!tls) return [];
  const { validTo } = new X509Certificate(tls.cert);
  const leftMs = Date.parse(validTo) - clock.now();
  const fix = 'make a new one for the same key, then sudo systemctl reload sedge';
  if (leftMs < 0) return [fault(`the certificate of the API ended on ${validTo}`, { ...ABSENT, fix })];
  return leftMs < SOON_MS ? [warning(`the certificate of the API ends on ${validTo}`, { fix })] : [];
}
