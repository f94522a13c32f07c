/**
 * One MQTT connection on one fresh MQTT.js client. It never reconnects, queues or sends again: the journal and the
 * uplink's loop do that, because MQTT.js' own ways lose, stall or wedge.
 *
 * Promises:
 * - `publish` at QoS 1 and 2 settles: with the PUBACK or PUBCOMP, or with the error that ended the connection. MQTT.js' callbacks do not
 *   fire when a connection is lost, so what is in flight is kept here.
 * - Whatever goes wrong after CONNACK (an error of the client, a missing PUBACK, a missing PINGRESP, DISCONNECT) ends the
 *   connection; `closed` says why. The client would go on as if it were connected.
 * - The client is ended exactly once: with DISCONNECT if nothing is in flight, else by closing the socket, because a
 *   graceful end waits for ever for a PUBACK, and a second end is ignored.
 * - A QoS 1 message received is acknowledged when `onMessage` has resolved.
 */
import type { IPublishPacket, MqttClient } from 'mqtt';
import type { Clock } from '../clock.ts';
import { SedgeError } from '../errors.ts';
import {
  closedEarlyError,
  connectError,
  disconnectError,
  lostError,
  noAnswerError,
  rejectedError,
  silentError,
  unacknowledgedError,
} from './mqtt-errors.ts';
import { CONNECT_LIMIT_MS, type ConnectOptions, clientOptions, type MessageFacts } from './mqtt-options.ts';

const ACKNOWLEDGE_LIMIT_MS = 15_000;
const PING_LIMIT_MS = 10_000;
/** For DISCONNECT to leave and the other side to close. */
const GOODBYE_LIMIT_MS = 1_000;
/** Messages received that may wait for their acknowledgement; with more the socket is not read. */
const MAX_UNACKNOWLEDGED = 64;
/** MQTT 5 section 2.4. */
const PACKET_TOO_LARGE = 0x95;
const NOT_YET = new Error('acknowledged later');
/** Above this much unsent data a message that may be dropped is dropped. */
const BACKED_UP_BYTES = 256 * 1024;
/** MQTT 5 section 3.2.2.3.3: the receive maximum if the broker names none. */
const RECEIVE_MAXIMUM = 65_535;

export interface PublishOptions {
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly flushed?: boolean;
  /** MQTT 5 only. */
  readonly properties?: { readonly messageExpiryInterval?: number; readonly contentType?: string };
}

export interface MqttConnection {
  readonly protocolVersion: 4 | 5;
  /** Most QoS 1 messages that the broker takes unacknowledged. */
  readonly receiveMaximum: number;
  /** Largest packet that the broker takes. */
  readonly maxPacketBytes: number;
  readonly inFlight: number;
  /** The socket cannot keep up. */
  readonly backedUp: boolean;
  /** Resolves when the connection has ended, with the reason; undefined if `end` was called. Never rejects. */
  readonly closed: Promise<SedgeError | undefined>;
  /** QoS 0 resolves at once, or with `flushed` when the socket has taken it. */
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<void>;
  subscribe(topic: string): Promise<void>;
  /** Resolves in bounded time. */
  end(): Promise<void>;
}

interface InFlight {
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: SedgeError) => void;
}

export async function connectMqtt(options: ConnectOptions): Promise<MqttConnection> {
  const { place, clock, signal } = options;
  const { default: mqtt } = await import('mqtt');
  const { default: constants } = await import('mqtt-packet/constants.js');
  // Mosquitto 2.0 answers a message above its limit so (it is a reason of DISCONNECT); MQTT.js would lose the connection over it.
  constants.MQTT5_PUBACK_PUBREC_CODES[PACKET_TOO_LARGE] ??= 'Packet too large';
  signal.throwIfAborted();
  const client = mqtt.connect(clientOptions(options));

  const attempt = new AbortController();
  return new Promise((resolve, reject) => {
    const giveUp = (error: SedgeError) => {
      if (attempt.signal.aborted) return;
      attempt.abort();
      client.end(true);
      reject(error);
    };
    const onAbort = () => giveUp(new SedgeError('uplink.lost', 'The attempt to connect was given up.'));
    signal.addEventListener('abort', onAbort, { once: true });
    attempt.signal.addEventListener('abort', () => signal.removeEventListener('abort', onAbort), { once: true });
    client.on('error', (error) => giveUp(connectError(error, place, clock.now())));
    client.once('close', () => giveUp(closedEarlyError(place)));
    client.once('connect', (packet) => {
      attempt.abort();
      // At once: what the broker says next may be in the same chunk.
      resolve(openConnection(client, packet, options));
    });
    if (options.onMessage) client.handleMessage = acknowledgeWhenDone(client, options.onMessage);
    void clock.sleep(CONNECT_LIMIT_MS, attempt.signal).then(() => giveUp(noAnswerError(place, CONNECT_LIMIT_MS)));
  });
}

interface Connack {
  readonly properties?: { readonly receiveMaximum?: number; readonly maximumPacketSize?: number };
}

/**
 * MQTT.js would acknowledge one message before it hands over the next, so that each waits for a flush of its own. Told of an
 * error it goes on without PUBACK, and we send that ourselves: type 4 and the packet id, which means success in MQTT 3.1.1
 * and 5 (section 3.4). A message that fails stays unacknowledged; its owner ends the connection.
 */
function acknowledgeWhenDone(client: MqttClient, onMessage: NonNullable<ConnectOptions['onMessage']>) {
  let unacknowledged = 0;
  let goOn: (() => void) | undefined;
  const done = ({ qos, messageId = 0 }: IPublishPacket) => {
    unacknowledged -= 1;
    if (qos === 1 && client.stream.writable)
      client.stream.write(Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff]));
    goOn?.();
    goOn = undefined;
  };
  return (packet: IPublishPacket, next: (error?: Error) => void) => {
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    unacknowledged += 1;
    onMessage(packet.topic, payload, factsOf(packet)).then(
      () => done(packet),
      () => undefined,
    );
    const proceed = () => next(NOT_YET);
    if (unacknowledged < MAX_UNACKNOWLEDGED) proceed();
    else goOn = proceed;
  };
}

function factsOf({ retain, properties }: IPublishPacket): MessageFacts {
  const expiryS = properties?.messageExpiryInterval;
  return { retained: retain, ...(expiryS !== undefined && { expiresInMs: expiryS * 1_000 }) };
}

function openConnection(client: MqttClient, connack: Connack, options: ConnectOptions): MqttConnection {
  const { place, clock, protocolVersion } = options;
  const inFlight = new Map<number, InFlight>();
  const over = new AbortController();
  let nextId = 0;
  let watching = false;
  let pings = 0;
  let tellClosed: (reason: SedgeError | undefined) => void;
  const closed = new Promise<SedgeError | undefined>((resolve) => {
    tellClosed = resolve;
  });

  const endHard = (reason: SedgeError | undefined) => {
    if (over.signal.aborted) return;
    over.abort();
    const error = reason ?? new SedgeError('uplink.lost', 'The connection was ended before the acknowledgement came.');
    const lost = [...inFlight.values()];
    // Before the client flushes its callbacks with an error of its own.
    inFlight.clear();
    client.end(true);
    for (const { reject } of lost) reject(error);
    tellClosed(reason);
  };
  client.removeAllListeners('error');
  client.on('error', (error) => endHard(lostError(error, place)));
  client.on('close', () => endHard(lostError(undefined, place)));
  client.on('disconnect', ({ reasonCode }) => endHard(disconnectError(reasonCode, place)));
  client.on('packetreceive', () => {
    pings = 0;
  });
  client.on('packetsend', ({ cmd }) => {
    if (cmd === 'pingreq') void watchPing();
  });

  async function watchPing() {
    pings += 1;
    await clock.sleep(PING_LIMIT_MS, over.signal);
    if (pings > 0) endHard(silentError(place, PING_LIMIT_MS));
  }

  /** One sleeper for all: the oldest in flight is the first to be late. */
  async function watchAcknowledgements() {
    if (watching) return;
    watching = true;
    for (let oldest = first(inFlight); oldest && !over.signal.aborted; oldest = first(inFlight)) {
      const leftMs = oldest.deadlineMs - clock.monotonic();
      if (leftMs <= 0) endHard(unacknowledgedError(place, ACKNOWLEDGE_LIMIT_MS));
      else await clock.sleep(leftMs, over.signal);
    }
    watching = false;
  }

  return {
    protocolVersion,
    receiveMaximum: connack.properties?.receiveMaximum ?? RECEIVE_MAXIMUM,
    maxPacketBytes: connack.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    closed,
    get inFlight() {
      return inFlight.size;
    },
    get backedUp() {
      return client.stream.writableLength > BACKED_UP_BYTES;
    },
    publish(topic, payload, { qos, retain, flushed = false, properties }) {
      if (over.signal.aborted) return Promise.reject(lostError(undefined, place));
      const bytes = typeof payload === 'string' ? payload : asBuffer(payload);
      const how = { qos, retain, ...(properties && protocolVersion === 5 && { properties }) };
      if (qos === 0 && !flushed) {
        client.publish(topic, bytes, how);
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const id = nextId++;
        inFlight.set(id, { deadlineMs: clock.monotonic() + ACKNOWLEDGE_LIMIT_MS, resolve, reject });
        client.publish(topic, bytes, how, (error) => {
          if (!inFlight.delete(id)) return;
          if (error) reject(rejectedError(error, topic, place));
          else resolve();
        });
        void watchAcknowledgements();
      });
    },
    async subscribe(topic) {
      const patience = new AbortController();
      const granted = client.subscribeAsync(topic, { qos: 1 });
      const late = clock.sleep(ACKNOWLEDGE_LIMIT_MS, patience.signal).then(() => undefined);
      try {
        const grants = await Promise.race([granted, late]);
        if (!grants) throw unacknowledgedError(place, ACKNOWLEDGE_LIMIT_MS);
      } catch (error) {
        if (error instanceof SedgeError) throw error;
        throw new SedgeError('uplink.rejected', `The broker at ${place.host} refused the subscription to ${topic}.`, {
          cause: error,
        });
      } finally {
        patience.abort();
      }
    },
    async end() {
      if (!over.signal.aborted) {
        if (inFlight.size > 0) endHard(undefined);
        else {
          over.abort();
          await goodbye(client, clock);
          tellClosed(undefined);
        }
      }
      await closed;
    },
  };
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const first = <T>(map: ReadonlyMap<unknown, T>): T | undefined => map.values().next().value;

/** DISCONNECT, so that the broker keeps the will; a peer that is silent is left after a second. */
async function goodbye(client: MqttClient, clock: Clock): Promise<void> {
  const patience = new AbortController();
  const ended = client.endAsync(false).catch(() => undefined);
  const late = clock.sleep(GOODBYE_LIMIT_MS, patience.signal).then(() => {
    client.stream.destroy();
  });
  await Promise.race([ended, late]);
  patience.abort();
}
