/**
 * The API's server: every request and every upgrade passes the same checks, in this order: rate, host, origin, method,
 * token. Promises: nothing is read from a request beyond the bounds of limits.ts; a wrong token is answered slowly by being
 * refused for a while; a refusal tells nothing of the station; all that is open ends with `close`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import type { ApiConfig } from '../config/types.ts';
import { codeOf, SedgeError } from '../errors.ts';
import type { Log } from '../service/log.ts';
import { assetAt, readAsset } from './assets.ts';
import { bearerOf, isToken, type Refusal, refusalOf, SECURITY_HEADERS } from './guard.ts';
import { API_LIMITS, type ApiLimits, createBuckets } from './limits.ts';
import { createLive } from './live.ts';
import { createRecent } from './recent.ts';
import { type Answer, answerTo, failure, methodsOf } from './routes.ts';
import type { ApiCounts, ApiStation } from './types.ts';

const LIVE = '/api/live';
/** Of one connection: then it begins anew, so that nobody holds one for ever. */
const MAX_REQUESTS_PER_SOCKET = 1_000;

export interface ServerOptions {
  readonly config: ApiConfig;
  readonly station: ApiStation;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<ApiLimits>;
}
export interface ApiServer {
  readonly url: string;
  readonly counts: Readonly<ApiCounts>;
  close(): Promise<void>;
}

/** Rejects when the address cannot be listened at, in a sentence. */
export async function openServer({ config, station, clock, log, limits: given }: ServerOptions): Promise<ApiServer> {
  const limits = { ...API_LIMITS, ...given };
  const counts: ApiCounts = { requests: 0, refused: 0, liveClients: 0, liveDropped: 0 };
  const recent = createRecent();
  const rate = createBuckets(clock, limits.requestsPerS, limits.requestBurst);
  const failures = createBuckets(clock, limits.failuresPerS, limits.failureBurst);
  const reads = createBuckets(clock, limits.readsPerS, limits.readBurst);
  const live = createLive({ clock, limits, counts });
  const own = hostname().toLowerCase();
  const ownNames = [own, `${own}.local`, config.host, ...config.hosts];

  const tooOften = { status: 429, error: 'api.rate', message: 'too many requests: wait a second' };
  /** Wrong tokens empty a bucket; while it is empty none is looked at, so guessing takes for ever. */
  const tokenRefusal = (token: string | undefined, address: string): Refusal | undefined => {
    if (config.token === undefined) return undefined;
    if (!failures.has(address)) return tooOften;
    if (isToken(token, config.token)) return undefined;
    if (token !== undefined) failures.take(address);
    return {
      status: 401,
      error: 'api.token',
      message: 'the token of `api.token_file` is needed: Authorization: Bearer',
    };
  };
  const firstRefusal = (request: IncomingMessage, isPage: boolean): Refusal | undefined => {
    if (!rate.take(request.socket.remoteAddress ?? '')) return tooOften;
    return refusalOf({ method: request.method ?? '', headers: request.headers }, ownNames, isPage);
  };
  const refused = (request: IncomingMessage, { status, error, message }: Refusal): Answer => {
    counts.refused += 1;
    log.warn('api.refused', { from: request.socket.remoteAddress ?? 'unknown', code: error, message });
    const answer = failure(status, error, message);
    return status === 401 ? { ...answer, headers: { 'WWW-Authenticate': 'Bearer' } } : answer;
  };

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const path = pathOf(request);
    const asset = path && assetAt(path.pathname);
    const refusal = firstRefusal(request, asset !== undefined);
    if (refusal) return refused(request, refusal);
    if (!path) return failure(400, 'api.request', 'this is not an address');
    const methods = asset ? ['GET', 'HEAD'] : methodsOf(path.pathname);
    // The page itself tells nothing; what it shows is asked for with the token.
    const locked = asset ? undefined : tokenRefusal(bearerOf(request.headers.authorization), addressOf(request));
    if (locked) return refused(request, locked);
    if (!methods) return failure(404, 'api.path', 'there is nothing at this path');
    if (!methods.includes(request.method ?? '')) {
      const wrong = failure(405, 'api.method', `this path takes ${methods.join(' and ')}`);
      return { ...wrong, headers: { Allow: methods.join(', ') } };
    }
    if (!(await endOfBody(request, limits.bodyBytes)))
      return failure(413, 'api.body', 'the body is too long: send none');
    if (asset) return { status: 200, type: asset.type, body: await readAsset(asset) };
    return answerTo(path.pathname, path.searchParams, { station, recent, counts, reads });
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    counts.requests += 1;
    answer(request)
      .catch(() => failure(500, 'api.failed', 'the page is not there: build it with "npm run build"'))
      .then(({ status, type, body, headers }) => {
        response.writeHead(status, {
          ...SECURITY_HEADERS,
          'Cache-Control': 'no-store',
          'Content-Type': type,
          'Content-Length': Buffer.byteLength(body),
          // What was not read of a request must not be taken for the next one.
          ...(status >= 400 && { Connection: 'close' }),
          ...headers,
        });
        response.end(body);
      });
  };

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    counts.requests += 1;
    socket.on('error', () => {});
    const refuse = (refusal: Refusal) => {
      const { status, body } = refused(request, refusal);
      socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n${body}`);
    };
    const refusal = firstRefusal(request, false);
    if (refusal) return refuse(refusal);
    if (pathOf(request)?.pathname !== LIVE)
      return refuse({ status: 404, error: 'api.path', message: `the live stream is at ${LIVE}` });
    if (live.isFull) return refuse({ status: 503, error: 'api.full', message: 'too many live clients: close one' });
    const address = addressOf(request);
    const isWelcome = (token: string | undefined) => tokenRefusal(token, address) === undefined;
    const token = bearerOf(request.headers.authorization);
    // A browser cannot send headers here: it says the token first thing (live.ts).
    live.accept(request, socket, head, isWelcome(token) ? undefined : isWelcome);
  };

  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.restMs,
    connectionsCheckingInterval: limits.lookEveryMs,
  };
  const server = config.tls
    ? createSecureServer({ ...options, ...config.tls }, onRequest)
    : createServer(options, onRequest);
  server.maxConnections = limits.sockets;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  server.on('upgrade', onUpgrade);
  await new Promise<void>((done, failed) => {
    server.once('error', (error) => failed(listenError(error, config)));
    server.listen({ host: config.host, port: config.port }, done);
  });
  server.on('error', (error) => log.warn('api.failed', { message: error.message }));
  const end = station.onReading((reading) => {
    recent.add(reading);
    live.send(reading);
  });
  const found = server.address();
  const port = typeof found === 'object' && found ? found.port : config.port;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return {
    url: `${config.tls ? 'https' : 'http'}://${host}:${port}/`,
    counts,
    close() {
      end();
      live.close();
      return new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      });
    },
  };
}

const addressOf = (request: IncomingMessage): string => request.socket.remoteAddress ?? '';

function pathOf({ url = '' }: IncomingMessage): URL | undefined {
  // Behind a host of ours, because a path that begins with // would be taken for one.
  return url.startsWith('/') && URL.canParse(`http://sedge${url}`) ? new URL(`http://sedge${url}`) : undefined;
}

/** Reads a body to its end and forgets it; false when it is longer than `maxBytes`. */
function endOfBody(request: IncomingMessage, maxBytes: number): Promise<boolean> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(false);
  return new Promise((resolve) => {
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > maxBytes) resolve(false);
    });
    request.once('end', () => resolve(true));
    request.once('close', () => resolve(false));
  });
}

function listenError(error: NodeJS.ErrnoException, { listen }: ApiConfig): SedgeError {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program listens there: write another port',
    EADDRNOTAVAIL: 'this machine has no such address',
    EACCES: 'this user may not listen there: write a port above 1023',
  };
  const reason = why[error.code ?? ''] ?? error.message;
  return new SedgeError(codeOf(error) ?? 'api.listen', `the API cannot listen at ${listen}: ${reason} in api.listen`);
}
