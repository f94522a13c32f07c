/**
 * The live stream: each reading as it is taken, to every WebSocket at /api/live. Promises: a slow client holds back nobody,
 * because what waits for it is bounded, and past the bound it is dropped and counted; nothing runs while nobody listens.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../clock.ts';
import type { StateMessage } from '../uplink/types.ts';
import { readingJson } from './json.ts';
import type { ApiLimits } from './limits.ts';
import type { ApiCounts } from './types.ts';

/** RFC 6455 section 7.4: our own begin at 4000. */
const CLOSE = { unauthorised: 4401, stopping: 1001 } as const;

export interface LiveOptions {
  readonly clock: Clock;
  readonly limits: ApiLimits;
  readonly counts: ApiCounts;
}

type IsToken = (given: string) => boolean;

export interface Live {
  /** Takes over an upgrade that may be made. `isToken` judges the first message; undefined when none is needed. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, isToken: IsToken | undefined): void;
  readonly isFull: boolean;
  send(reading: StateMessage): void;
  close(): void;
}

export function createLive({ clock, limits, counts }: LiveOptions): Live {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.liveMessageBytes,
  });
  /** All that are connected, and whether they have been heard of since the last ping. */
  const clients = new Map<WebSocket, { isTrusted: boolean; isAlive: boolean }>();
  let cancelPing = () => {};

  const drop = (client: WebSocket) => {
    counts.liveDropped += 1;
    // It does not read, so it would not read a farewell either.
    client.terminate();
  };
  const pingLater = () => {
    cancelPing = clock.after(limits.livePingMs, () => {
      for (const [client, state] of clients) {
        if (!state.isAlive) client.terminate();
        state.isAlive = false;
        client.ping();
      }
      if (clients.size > 0) pingLater();
    });
  };
  const welcome = (client: WebSocket, isToken: IsToken | undefined) => {
    const state = { isTrusted: !isToken, isAlive: true };
    if (clients.size === 0) pingLater();
    clients.set(client, state);
    counts.liveClients = clients.size;
    const refuse = () => client.close(CLOSE.unauthorised, 'the token is wrong, or did not come in time');
    const cancelToken = state.isTrusted ? () => {} : clock.after(limits.liveTokenMs, refuse);
    client.on('pong', () => {
      state.isAlive = true;
    });
    client.on('message', (data, isBinary) => {
      if (state.isTrusted) return; // There is nothing to say to a stream.
      cancelToken();
      if (isBinary || !isToken?.(tokenIn(String(data)))) return refuse();
      state.isTrusted = true;
      client.send('{"ready":true}');
    });
    // A client that breaks the protocol is closed by the package; that is no news.
    client.on('error', () => {});
    client.once('close', () => {
      cancelToken();
      clients.delete(client);
      counts.liveClients = clients.size;
      if (clients.size === 0) cancelPing();
    });
    if (state.isTrusted) client.send('{"ready":true}');
  };

  return {
    accept: (request, socket, head, isToken) =>
      server.handleUpgrade(request, socket, head, (client) => welcome(client, isToken)),
    get isFull() {
      return clients.size >= limits.liveClients;
    },
    send(reading) {
      if (clients.size === 0) return;
      const message = readingJson(reading);
      for (const [client, { isTrusted }] of clients) {
        if (!isTrusted || client.readyState !== client.OPEN) continue;
        if (client.bufferedAmount > limits.liveBufferedBytes) drop(client);
        else client.send(message);
      }
    },
    close() {
      cancelPing();
      for (const client of clients.keys()) {
        client.close(CLOSE.stopping, 'the service stops');
        client.terminate();
      }
      server.close();
    },
  };
}

/** The token of a first message, `{"token":"..."}`. */
function tokenIn(text: string): string {
  try {
    const { token } = JSON.parse(text) as { token?: unknown };
    return typeof token === 'string' ? token : '';
  } catch {
    return '';
  }
}
