/**
 * One POST, with Node's own client: the answer is complete, or it is an error. Keeps connections open between posts.
 *
 * Promises: settles within `timeoutMs`, however the other side stalls; never follows a redirect by itself; reads a bounded
 * part of the answer; a kept connection that the server closed meanwhile is replaced once, and only before any answer.
 */
import type { IncomingHttpHeaders, RequestOptions } from 'node:http';
import type { Clock } from '../clock.ts';
import type { TlsConfig } from '../config/types.ts';

/** Of the answer's body, for a message to a person. */
const MAX_TEXT_BYTES = 2_000;
/** An answer to a POST that goes on beyond this is not read to its end. */
const MAX_BODY_BYTES = 1_000_000;
/** How long an idle connection is kept; servers' own limits are heeded below it. */
const IDLE_MS = 60_000;

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning of the body. */
  readonly text: string;
}

export interface HttpClient {
  post(post: Post): Promise<Answer>;
  /** Closes the connections that are kept. */
  close(): void;
}

/** What `timeoutMs` ended; its `code` is `ETIMEDOUT`, as the system's own is. */
const late = (timeoutMs: number): Error =>
  Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { code: 'ETIMEDOUT' });

export async function createHttpClient(isTls: boolean, { serverName, ...pem }: TlsConfig): Promise<HttpClient> {
  const http = await (isTls ? import('node:https') : import('node:http'));
  const agent = new http.Agent({
    keepAlive: true,
    maxSockets: 1,
    timeout: IDLE_MS,
    // Said outright: NODE_TLS_REJECT_UNAUTHORIZED in the environment cannot turn it off.
    ...(isTls && {
      ...pem,
      ...(serverName !== undefined && { servername: serverName }),
      rejectUnauthorized: true,
    }),
  });

  const once = (post: Post) =>
    new Promise<Answer & { readonly stale?: true }>((resolve, reject) => {
      const { url, body, timeoutMs, clock, signal } = post;
      const timer = new AbortController();
      const options: RequestOptions = {
        method: 'POST',
        agent,
        headers: { ...post.headers, 'Content-Length': Buffer.byteLength(body) },
      };
      const request = http.request(url, options);
      const settle = (act: () => void) => {
        timer.abort();
        signal.removeEventListener('abort', giveUp);
        act();
      };
      const fail = (error: Error & { code?: string }) => {
        // RFC 9110 section 9.2.2 would not have us repeat a POST; a batch may come twice, so we may.
        const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        settle(() => (stale ? resolve({ status: 0, headers: {}, text: '', stale }) : reject(error)));
      };
      const giveUp = () => {
        settle(() => reject(new Error('given up')));
        request.destroy();
      };
      request.on('error', fail);
      request.on('response', (response) => {
        let text = '';
        let bytes = 0;
        const answer = () =>
          settle(() => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        response.on('data', (chunk: Buffer) => {
          if (bytes < MAX_TEXT_BYTES) text += chunk.toString('utf8', 0, MAX_TEXT_BYTES - bytes);
          bytes += chunk.length;
          if (bytes <= MAX_BODY_BYTES) return;
          answer();
          request.destroy();
        });
        response.on('end', answer);
        // Half an answer is none, whatever its status.
        response.on('error', (error) => settle(() => reject(error)));
      });
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) return giveUp();
      void clock.sleep(timeoutMs, timer.signal).then(() => {
        if (timer.signal.aborted) return;
        settle(() => reject(late(timeoutMs)));
        request.destroy();
      });
      request.end(body);
    });

  return {
    async post(post) {
      const first = await once(post);
      return first.stale ? once(post) : first;
    },
    close: () => agent.destroy(),
  };
}
