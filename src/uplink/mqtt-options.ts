/**
 * The options of one connection, and what MQTT.js is told for them: one attempt, no queue, no reconnection; TLS is always
 * checked, whatever the environment says.
 */
import type { IClientOptions } from 'mqtt';
import type { Clock } from '../clock.ts';
import type { TlsConfig } from '../config/types.ts';
import type { BrokerPlace } from './mqtt-errors.ts';
import { clockTimer } from './mqtt-timer.ts';

export const CONNECT_LIMIT_MS = 15_000;
/** MQTT 5 section 3.1.2.11.2: a session that does not expire. */
const NEVER_EXPIRES = 0xffff_ffff;

/** What a connection is made from. */
export interface ConnectOptions {
  readonly place: BrokerPlace;
  readonly protocolVersion: 4 | 5;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsConfig;
  readonly keepaliveMs: number;
  readonly clock: Clock;
  /** Gives up the attempt to connect. */
  readonly signal: AbortSignal;
  /** Retained, QoS 1, no delay. */
  readonly will?: { readonly topic: string; readonly payload: string };
  /** Keep the session at the broker while we are away. */
  readonly durable?: boolean;
  /** Largest packet that we take: what we subscribe to is small. */
  readonly maxPacketBytes?: number;
  readonly onMessage?: (topic: string, payload: Uint8Array, facts: MessageFacts) => Promise<void>;
}

/** What the broker says of a message beside its payload. */
export interface MessageFacts {
  /** It was kept by the broker, and is not sent just now. */
  readonly retained: boolean;
  /** What is left of its life (MQTT 5). */
  readonly expiresInMs?: number;
}

/** The transport, and TLS in it. */
function transport({ place, tls = {} }: ConnectOptions): IClientOptions {
  const { host, port, tls: isSecure, webPath } = place;
  // Said outright: NODE_TLS_REJECT_UNAUTHORIZED in the environment cannot turn it off.
  const trust = {
    rejectUnauthorized: true,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
  };
  if (webPath === undefined) return { protocol: isSecure ? 'mqtts' : 'mqtt', host, port, ...trust };
  return {
    protocol: isSecure ? 'wss' : 'ws',
    hostname: host.includes(':') ? `[${host}]` : host,
    port,
    path: webPath,
    wsOptions: { ...trust, followRedirects: false },
    ...trust,
  };
}

export function clientOptions(options: ConnectOptions): IClientOptions {
  const { place, protocolVersion, durable = false, will, maxPacketBytes } = options;
  const properties = {
    ...(durable && { sessionExpiryInterval: NEVER_EXPIRES }),
    ...(maxPacketBytes !== undefined && { maximumPacketSize: maxPacketBytes }),
  };
  return {
    ...transport(options),
    clientId: place.clientId,
    protocolVersion,
    clean: !durable,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    keepalive: Math.ceil(options.keepaliveMs / 1000),
    // Pings go at their own pace, on our clock: no timer is moved with every PUBACK.
    reschedulePings: false,
    timerVariant: clockTimer(options.clock),
    // Its table of all 65,536 packet ids as buffers is 7.6 MB on the heap and saves nothing that we can measure.
    writeCache: false,
    // Ours is on the clock; this one only ends what ours could not.
    connectTimeout: 2 * CONNECT_LIMIT_MS,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...(will ? { will: { ...will, payload: Buffer.from(will.payload), qos: 1, retain: true } } : {}),
    ...(protocolVersion === 5 && Object.keys(properties).length > 0 ? { properties } : {}),
  };
}
