/**
 * A broker for tests that does what the test says, right or wrong: MQTT 3.1.1 and 5 on a loopback port. It keeps every
 * packet, routes nothing, and does not reuse our code.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';

export interface ScriptedClient {
  readonly connect: IConnectPacket;
  readonly version: 4 | 5;
  /** Sends PUBACK for a packet id, with a reason where it is not success. */
  acknowledge(messageId: number, reason?: number): void;
  send(packet: Packet): void;
  /** Bytes as they are, for what mqtt-packet would not write. */
  sendRaw(...bytes: number[]): void;
  /** Closes the socket with a reset. */
  kill(): void;
  /** From now on neither reads nor answers. */
  goSilent(): void;
  readonly disconnected: boolean;
}

export interface Published {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly messageId: number;
  /** MQTT 5. */
  readonly properties: IPublishPacket['properties'];
  readonly client: ScriptedClient;
}

export interface Script {
  /** What the broker says to CONNECT: true accepts; a number refuses with it; 'close' and 'silent' say nothing. */
  onConnect?: (packet: IConnectPacket) => true | number | 'close' | 'silent';
  /** After a publish was kept: true acknowledges at once; false leaves it to the test. */
  onPublish?: (published: Published) => boolean;
  /** The reason code of SUBACK; QoS 1 is granted unless set. */
  grant?: number;
  /** Called after SUBACK. */
  onSubscribe?: (client: ScriptedClient) => void;
  receiveMaximum?: number;
  maximumPacketSize?: number;
}

export interface ScriptedBroker {
  readonly url: string;
  readonly port: number;
  /** May be changed at any time. */
  readonly script: Script;
  readonly publishes: Published[];
  readonly connects: IConnectPacket[];
  readonly subscriptions: string[];
  /** Packet ids that clients acknowledged to us, in order. */
  readonly acknowledged: number[];
  readonly pings: () => number;
  readonly clients: ScriptedClient[];
  /** Most QoS 1 publishes that were unacknowledged at once. */
  readonly mostInFlight: () => number;
  /** The payloads of one topic, in order. */
  payloads(topic: string): string[];
  close(): Promise<void>;
}

export async function startScriptedBroker(script: Script = {}): Promise<ScriptedBroker> {
  const publishes: Published[] = [];
  const connects: IConnectPacket[] = [];
  const subscriptions: string[] = [];
  const acknowledged: number[] = [];
  const clients: ScriptedClient[] = [];
  const sockets = new Set<Socket>();
  let pings = 0;
  let mostInFlight = 0;

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let version: 4 | 5 = 4;
    let silent = false;
    let disconnected = false;
    const inFlight = new Set<number>();
    /** Of these, at QoS 2. */
    const exact = new Set<number>();
    const parser = mqttPacket.parser();
    const send = (packet: Packet) => {
      if (!silent && !socket.destroyed) mqttPacket.writeToStream(packet, socket, { protocolVersion: version });
    };
    let client: ScriptedClient | undefined;

    const onConnect = (packet: IConnectPacket) => {
      version = packet.protocolVersion === 5 ? 5 : 4;
      connects.push(packet);
      const answer = script.onConnect?.(packet) ?? true;
      if (answer === 'silent') return;
      if (answer === 'close') {
        socket.destroy();
        return;
      }
      const code = answer === true ? 0 : answer;
      const properties = {
        ...(script.receiveMaximum === undefined ? {} : { receiveMaximum: script.receiveMaximum }),
        ...(script.maximumPacketSize === undefined ? {} : { maximumPacketSize: script.maximumPacketSize }),
      };
      send({ cmd: 'connack', sessionPresent: false, returnCode: code, reasonCode: code, properties });
      if (code !== 0) {
        socket.end();
        return;
      }
      client = {
        connect: packet,
        version,
        acknowledge(messageId, reason) {
          inFlight.delete(messageId);
          const cmd = exact.delete(messageId) ? 'pubrec' : 'puback';
          send({ cmd, messageId, ...(reason === undefined ? {} : { reasonCode: reason }) } as Packet);
        },
        send,
        sendRaw: (...bytes) => void socket.write(Buffer.from(bytes)),
        kill: () => void socket.resetAndDestroy(),
        goSilent() {
          silent = true;
          socket.pause();
        },
        get disconnected() {
          return disconnected;
        },
      };
      clients.push(client);
    };
    const onPublish = (packet: IPublishPacket) => {
      const messageId = packet.messageId ?? 0;
      const published: Published = {
        topic: packet.topic,
        payload: packet.payload.toString(),
        qos: packet.qos,
        retain: packet.retain,
        messageId,
        properties: packet.properties,
        client: client!,
      };
      publishes.push(published);
      if (packet.qos === 0) {
        script.onPublish?.(published);
        return;
      }
      if (packet.qos === 2) exact.add(messageId);
      inFlight.add(messageId);
      mostInFlight = Math.max(mostInFlight, inFlight.size);
      if (script.onPublish?.(published) ?? true) client?.acknowledge(messageId);
    };
    parser.on('packet', (packet: Packet) => {
      if (silent) return;
      if (packet.cmd === 'connect') onConnect(packet);
      else if (packet.cmd === 'publish') onPublish(packet);
      else if (packet.cmd === 'puback') acknowledged.push(packet.messageId ?? 0);
      else if (packet.cmd === 'pubrel') send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 });
      else if (packet.cmd === 'disconnect') disconnected = true;
      else if (packet.cmd === 'pingreq') {
        pings += 1;
        send({ cmd: 'pingresp' });
      } else if (packet.cmd === 'subscribe') {
        subscriptions.push(...packet.subscriptions.map(({ topic }) => topic));
        send({
          cmd: 'suback',
          messageId: packet.messageId ?? 0,
          granted: packet.subscriptions.map(() => script.grant ?? 1),
        } as Packet);
        script.onSubscribe?.(client!);
      }
    });
    parser.on('error', () => socket.destroy());
    socket.on('data', (chunk) => parser.parse(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    script,
    publishes,
    connects,
    subscriptions,
    acknowledged,
    clients,
    pings: () => pings,
    mostInFlight: () => mostInFlight,
    payloads: (topic) => publishes.filter((published) => published.topic === topic).map(({ payload }) => payload),
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
