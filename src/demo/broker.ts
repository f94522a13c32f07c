/**
 * The demo's own MQTT broker: aedes on a free loopback port, loaded only here. It speaks MQTT 3.1.1 and keeps everything
 * in memory, so it is a stage prop: production uses Mosquitto, EMQX, HiveMQ or the like.
 *
 * `cut` is a broker that vanished: its sockets die without a word and nothing listens. `restore` brings it back on the
 * same port.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { SedgeError } from '../errors.ts';

export interface DemoBroker {
  readonly port: number;
  readonly up: boolean;
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** Calls back for each message that a client published; not for the broker's own. Returns how to stop. */
  onPublish(callback: (topic: string, payload: Buffer) => void): () => void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Loopback only: the demo is not reachable from the network. */
const HOST = '127.0.0.1';

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const failed = (cause: Error) =>
      reject(
        new SedgeError('demo.port', `the demo's broker cannot listen on ${HOST}:${port}: choose another with --port`, {
          cause,
        }),
      );
    server.once('error', failed);
    server.listen(port, HOST, () => {
      server.off('error', failed);
      resolve((server.address() as { port: number }).port);
    });
  });

export async function startBroker(wantedPort = 0): Promise<DemoBroker> {
  const { Aedes } = await import('aedes');
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    aedes.handle(socket);
  });
  const port = await listen(server, wantedPort);
  let up = true;

  const cut = async () => {
    if (!up) return;
    up = false;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    port,
    get up() {
      return up;
    },
    cut,
    async restore() {
      if (up) return;
      await listen(server, port);
      up = true;
    },
    onPublish(callback) {
      const onPublish = (packet: { topic: string; payload: Buffer | string }, client: unknown) => {
        if (client) callback(packet.topic, Buffer.from(packet.payload as Buffer));
      };
      aedes.on('publish', onPublish);
      return () => void aedes.off('publish', onPublish);
    },
    async close() {
      await cut();
      if (!aedes.closed) await new Promise<void>((resolve) => aedes.close(resolve));
    },
  };
}
