/** What TLS says of a broker: dates against the clock here, name, authority. Looks without trusting; nothing is sent. */

import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect, type PeerCertificate } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { TlsConfig } from '../config/types.ts';
import type { Place } from './network.ts';
import { type Finding, fault, warning } from './types.ts';

const TLS_MS = 5_000;
const DAY_MS = 86_400_000;
const SOON_MS = 14 * DAY_MS;
const ABSENT = { because: 'absent' } as const;
const SET_CLOCK = 'sudo timedatectl set-ntp true';

/** How a URL of the protocol begins, with and without TLS. */
export interface Scheme {
  readonly plain: string;
  readonly tls: string;
  readonly tlsPort: number;
  /** What the other side is called. */
  readonly other: string;
}
const MQTT: Scheme = { plain: 'mqtt', tls: 'mqtts', tlsPort: 8883, other: 'broker' };

interface Seen {
  readonly certificate: PeerCertificate;
  /** OpenSSL's name for why the chain is not trusted. */
  readonly distrust: string | undefined;
}

function look({ host, port }: Place, { ca, cert, key, serverName }: TlsConfig, clock: Clock): Promise<Seen | string> {
  const options: ConnectionOptions = {
    host,
    port,
    ...(isIP(serverName ?? host) === 0 && { servername: serverName ?? host }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    // Only looked at: the connection of MQTT verifies.
    rejectUnauthorized: false,
  };
  const timer = new AbortController();
  return new Promise<Seen | string>((resolve) => {
    const socket = connect(options, () => {
      const distrust: unknown = socket.authorizationError;
      const reason = distrust instanceof Error ? (distrust as NodeJS.ErrnoException).code : distrust;
      resolve({
        certificate: socket.getPeerCertificate(),
        distrust: typeof reason === 'string' && reason !== 'ERR_TLS_CERT_ALTNAME_INVALID' ? reason : undefined,
      });
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    void clock.sleep(TLS_MS, timer.signal).then(() => {
      socket.destroy();
      resolve('no answer');
    });
  }).finally(() => timer.abort());
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export async function certificateFindings(
  place: Place,
  { tls }: { readonly tls: TlsConfig },
  clock: Clock,
  scheme: Scheme = MQTT,
): Promise<readonly Finding[]> {
  const { host, port } = place;
  const at = `${host}:${port}`;
  const seen = await look(place, tls, clock);
  if (typeof seen === 'string')
    return [
      fault(`${at} does not speak TLS (${seen})`, {
        ...ABSENT,
        fix: `set url: "${scheme.plain}://${at}", or its TLS port (often ${scheme.tlsPort})`,
      }),
    ];
  const { certificate, distrust } = seen;
  const fromMs = Date.parse(certificate.valid_from);
  const toMs = Date.parse(certificate.valid_to);
  const nowMs = clock.now();
  if (nowMs < fromMs)
    return [
      fault(`the certificate of ${at} is valid from ${day(fromMs)}, and the clock here says ${day(nowMs)}`, {
        fix: SET_CLOCK,
      }),
    ];
  if (nowMs > toMs)
    return [
      fault(`the certificate of ${at} ended on ${day(toMs)}, and the clock here says ${day(nowMs)}`, {
        fix: `renew the certificate of ${host}; if the date here is wrong: ${SET_CLOCK}`,
      }),
    ];
  if (distrust !== undefined && !/EXPIRED|NOT_YET_VALID/.test(distrust))
    return [
      fault(`the certificate of ${at} is signed by nobody who is known here (${distrust})`, {
        fix: `copy the ${scheme.other}'s authority to /etc/sedge/ca.pem and set ca_file: /etc/sedge/ca.pem`,
      }),
    ];
  if (checkServerIdentity(tls.serverName ?? host, certificate)) {
    // Without names of its own the one in its subject counts, as for Node.
    const { subjectaltname, subject } = certificate;
    const told = subjectaltname?.split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
    const names = (told ?? [subject.CN].flat()).flatMap((name) => (name ? [name] : []));
    const [first] = names.filter((name) => !name.includes('*'));
    return [
      fault(`the certificate is for ${names.join(', ') || 'no name'}, not for ${host}`, {
        fix:
          first === undefined
            ? `make the certificate again with -addext subjectAltName=${isIP(host) ? 'IP' : 'DNS'}:${host}`
            : `set url: "${scheme.tls}://${first}:${port}"`,
      }),
    ];
  }
  if (toMs - nowMs < SOON_MS)
    return [warning(`the certificate of ${at} ends on ${day(toMs)}`, { fix: `renew the certificate of ${host}` })];
  return [];
}
