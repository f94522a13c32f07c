/**
 * Who may talk to the API at all. A browser can be made to send requests to loopback by any page that it shows, so an
 * address alone is no boundary: the Host must be one of ours (DNS rebinding), the Origin must be our own page, and what
 * changes something must be a request that no foreign page can make without asking first (Fetch: preflight). Pure.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

export interface Refusal {
  readonly status: number;
  readonly error: string;
  /** What is wrong and what to do, in a sentence. */
  readonly message: string;
}

/** The name in a Host header, without port and brackets; undefined if it is none (RFC 9112 section 3.2). */
function nameIn(host: string): string | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  return (found?.[1] ?? found?.[2])?.toLowerCase().replace(/\.$/, '');
}

/** Host names that are ours whatever the configuration says: an address cannot be rebound, and this is what we are called. */
export function isOurHost(host: string | undefined, ownNames: readonly string[]): boolean {
  const name = nameIn(host ?? '');
  return name !== undefined && (isIP(name) !== 0 || name === 'localhost' || ownNames.includes(name));
}

export interface Asked {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** Undefined when a request may go on. */
export function refusalOf(
  { method, headers }: Asked,
  ownNames: readonly string[],
  isPage: boolean,
): Refusal | undefined {
  const { host, origin } = headers;
  if (!isOurHost(host, ownNames)) {
    const message = 'this name is not known here: use the address, or add the name to `api.hosts` in the configuration';
    return { status: 403, error: 'api.host', message };
  }
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    return { status: 403, error: 'api.origin', message: 'pages of other sites may not use this API' };
  // A link from elsewhere to the page itself is welcome.
  const site = headers['sec-fetch-site'];
  if (!isPage && site !== undefined && site !== 'same-origin' && site !== 'none')
    return { status: 403, error: 'api.origin', message: 'pages of other sites may not use this API' };
  if (method === 'POST' && !isDeliberate(headers)) {
    const message = 'a POST needs `Content-Type: application/json` or the header `X-Sedge: 1`';
    return { status: 403, error: 'api.csrf', message };
  }
  return undefined;
}

/** Neither can be sent by a form, nor by a script of another site without our consent, which is never given. */
const isDeliberate = (headers: IncomingHttpHeaders): boolean =>
  headers['x-sedge'] !== undefined || /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '');

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** In a time that does not depend on where they differ, nor on how long they are. */
export const isToken = (given: string | undefined, token: string): boolean =>
  given !== undefined && timingSafeEqual(digest(given), digest(token));

/** The token of `Authorization: Bearer` (RFC 6750 section 2.1). */
export const bearerOf = (authorization: string | undefined): string | undefined =>
  /^bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '')?.[1];

/** No inline script or style, nothing from elsewhere, no frame around it; the page's own WebSocket counts as 'self' (CSP 3). */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
};
