/** An HTTP server that answers as a test says: what it got, in order, and how many at once. */
import { createServer, type IncomingHttpHeaders, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { gunzipSync, inflateSync } from 'node:zlib';

export interface Got {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As it came; `text` is inflated. */
  readonly body: Buffer;
  readonly text: string;
  /** Of the server's connections, counted from 1. */
  readonly connection: number;
}

/** What to do with the nth post, from 0; a number is a status. Nothing: 204. */
export type Reply = number | ((response: ServerResponse, got: Got) => void) | undefined;

export interface ScriptedServer {
  readonly port: number;
  readonly url: string;
  /** Complete posts, in the order of their end. */
  readonly got: readonly Got[];
  /** Most posts under way at one time. */
  readonly mostAtOnce: number;
  readonly connections: number;
  reply: (index: number, got: Got) => Reply;
  /** Before the body is read: true takes the connection into its own hands. */
  onHeaders: (socket: Socket, index: number) => boolean;
  close(): Promise<void>;
}

export async function startHttpServer(tls?: TlsOptions & ServerOptions): Promise<ScriptedServer> {
  const got: Got[] = [];
  const sockets = new Map<Socket, number>();
  let connections = 0;
  let underWay = 0;
  let mostAtOnce = 0;
  let begun = 0;
  const script: Pick<ScriptedServer, 'reply' | 'onHeaders'> = { reply: () => 204, onHeaders: () => false };

  const server = tls ? createTlsServer(tls) : createServer();
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections += 1;
    sockets.set(socket, connections);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => {
    const index = begun++;
    underWay += 1;
    mostAtOnce = Math.max(mostAtOnce, underWay);
    response.on('close', () => {
      underWay -= 1;
    });
    if (script.onHeaders(request.socket, index)) return;
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const coding = request.headers['content-encoding'];
      const plain = coding === 'gzip' ? gunzipSync(body) : coding === 'deflate' ? inflateSync(body) : body;
      const one: Got = {
        path: request.url ?? '',
        headers: request.headers,
        body,
        text: plain.toString('utf8'),
        connection: sockets.get(request.socket) ?? 0,
      };
      got.push(one);
      const reply = script.reply(got.length - 1, one) ?? 204;
      if (typeof reply === 'function') reply(response, one);
      else response.writeHead(reply).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${port}/ingest`,
    got,
    get mostAtOnce() {
      return mostAtOnce;
    },
    get connections() {
      return connections;
    },
    get reply() {
      return script.reply;
    },
    set reply(reply) {
      script.reply = reply;
    },
    get onHeaders() {
      return script.onHeaders;
    },
    set onHeaders(onHeaders) {
      script.onHeaders = onHeaders;
    },
    async close() {
      for (const socket of sockets.keys()) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
