/**
 * What an answer means, and failures as sentences that say what to do. Never holds a header, a token, or more of a URL than
 * host and port. Pure.
 */
import type { Clock } from '../clock.ts';
import { type ErrorCode, messageOf, SedgeError } from '../errors.ts';
import type { Answer } from './http-post.ts';
import { NETWORK, TLS } from './mqtt-errors.ts';

/** RFC 9110 section 10.2.3 sets no bound; a day's silence by mistake is worse than an early try. */
const MAX_RETRY_AFTER_MS = 3_600_000;
const MAX_SAID = 200;

/**
 * 4xx that speak about the request and not about this body (RFC 9110 section 15.5, RFC 6585): the next batch would fare the
 * same, so nothing is given up for them.
 */
const NOT_THE_BODY: Readonly<Record<number, string>> = {
  401: 'wants another authorisation: check token_file, or username and password_file',
  402: 'wants to be paid',
  403: 'does not authorise this station: check its rights, and token_file',
  404: 'knows nothing at this address: check the path and the query of url',
  405: 'takes no POST at this address: check the path of url',
  406: 'has no answer in a form that suits',
  407: 'is behind a proxy that wants authorisation',
  408: 'waited too long for the batch: check the network',
  410: 'has given up this address: check url',
  415: 'does not take this format or compression: check format and compress',
  421: 'does not serve this host: check the host of url',
  425: 'asks to try again',
  426: 'wants another protocol: check url',
  429: 'asks for patience',
};

const NETWORK_HERE: Readonly<Record<string, string>> = {
  ...NETWORK,
  ECONNREFUSED: 'nothing listens there: check that the server runs, and the host and port of the URL',
};
const TLS_HERE: Readonly<Record<string, string>> = {
  ...TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port: use http://, or its TLS port (often 443)',
  EPROTO:
    'it speaks no TLS on this port, or none that is allowed here (1.2 or later): use http://, or its TLS port (often 443)',
};

export const isTaken = ({ status }: Answer): boolean => status >= 200 && status < 300;
/** Where to send the same again (RFC 9110 section 15.4); 303 would have us fetch something. */
export const isRedirect = ({ status }: Answer): boolean => [301, 302, 307, 308].includes(status);

const uplinkError = (code: ErrorCode, message: string, cause?: unknown): SedgeError =>
  new SedgeError(code, message, cause === undefined ? undefined : { cause });

/** An answer that took nothing. `uplink.rejected` is about this body; any other code about the server or the way to it. */
export function answerError(answer: Answer, url: URL, secrets: readonly string[]): SedgeError {
  const { status } = answer;
  const said = saidText(answer.text, secrets);
  const because = said === '' ? '' : ` (${said})`;
  const known = NOT_THE_BODY[status];
  if (known) return uplinkError(status === 429 ? 'uplink.busy' : 'uplink.refused', `${url.host} ${known}${because}.`);
  if (status >= 300 && status < 400)
    return uplinkError(
      'uplink.refused',
      `${url.host} redirects to ${placeOf(answer, url)}: nothing was sent there; set url to it if that is right.`,
    );
  if (status >= 400 && status < 500)
    return uplinkError('uplink.rejected', `${url.host} refused a batch with status ${status}${because}.`);
  if (status === 503) return uplinkError('uplink.busy', `${url.host} is not available now${because}.`);
  return uplinkError('uplink.lost', `${url.host} answered with status ${status}${because}.`);
}

/** The server's own words on one line, without control characters, and not at all if they hold a secret of ours. */
function saidText(text: string, secrets: readonly string[]): string {
  if (secrets.some((secret) => text.includes(secret))) return '';
  const line = text
    .replaceAll(/[\x00-\x1f\x7f-\x9f\s]+/g, ' ')
    .trim()
    .replace(/\.$/, '');
  return line.length > MAX_SAID ? `${line.slice(0, MAX_SAID)}…` : line;
}

/** Host and port only: a path may hold anything. */
function placeOf({ headers }: Answer, base: URL): string {
  const location = headers.location ?? '';
  return URL.canParse(location, base.href) ? new URL(location, base).origin : 'nowhere';
}

/** The place of a redirect that stays with the same server; undefined for any other. */
export function sameServer({ headers }: Answer, base: URL): URL | undefined {
  const location = headers.location ?? '';
  if (!URL.canParse(location, base.href)) return undefined;
  const url = new URL(location, base);
  return url.origin === base.origin ? url : undefined;
}

/** Why there is no answer. */
export function requestError(error: unknown, url: URL, clock: Clock): SedgeError {
  const code = (error as { code?: unknown }).code;
  const errno = typeof code === 'string' ? code : '';
  const network = NETWORK_HERE[errno];
  if (errno === 'ETIMEDOUT') return uplinkError('uplink.timeout', `${url.host} did not answer in time.`, error);
  if (network) return uplinkError('uplink.unreachable', `Cannot connect to ${url.host}: ${network}.`, error);
  if (errno === 'CERT_NOT_YET_VALID') {
    const today = new Date(clock.now()).toISOString().slice(0, 10);
    const message = `The certificate of ${url.host} is not yet valid: the clock here says ${today} and is probably not set; this ends when it is.`;
    return uplinkError('uplink.tls', message, error);
  }
  const tls = TLS_HERE[errno];
  if (tls) return uplinkError('uplink.tls', `${url.host} cannot be trusted: ${tls}.`, error);
  if (errno.startsWith('ERR_SSL') || errno.startsWith('ERR_TLS'))
    return uplinkError(
      'uplink.tls',
      `TLS with ${url.host} failed (${errno}): check the port and its certificate.`,
      error,
    );
  const why = errno === 'ECONNRESET' ? 'the other side closed it' : messageOf(error);
  return uplinkError('uplink.lost', `The connection to ${url.host} was lost before the answer: ${why}.`, error);
}

/** RFC 9110 section 10.2.3, seconds or a date. A date is judged by the server's own clock: ours may not be set. */
export function retryAfterMs({ headers }: Answer, clock: Clock): number {
  const value = headers['retry-after'];
  if (value === undefined) return 0;
  const serverMs = Date.parse(headers.date ?? '');
  const ms = /^\d+$/.test(value.trim())
    ? Number(value) * 1_000
    : Date.parse(value) - (Number.isNaN(serverMs) ? clock.now() : serverMs);
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS);
}
