/**
 * From a URL to a connection, in the newest version of MQTT that the broker speaks.
 *
 * MQTT 5 first: under 3.1.1 brokers acknowledge what they throw away (access rules, size). A broker that names the version
 * as the reason is remembered as 3.1.1; one that just closes is tried with 3.1.1 at once but not remembered, because a
 * broker that is restarting closes too.
 */
import { codeOf, SedgeError } from '../errors.ts';
import { connectMqtt, type MqttConnection } from './mqtt-connection.ts';
import type { BrokerPlace } from './mqtt-errors.ts';
import type { ConnectOptions } from './mqtt-options.ts';

/** IANA: mqtt, secure-mqtt, http and https. */
const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 };

export interface Broker {
  readonly place: BrokerPlace;
  /** From the URL itself. */
  readonly username?: string;
  readonly password?: string;
}

/** Throws `usage` if the URL is none of a broker. */
export function parseBroker(text: string, clientId: string): Broker {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const port = url && PORTS[url.protocol];
  if (!url || port === undefined || url.hostname === '') {
    throw new SedgeError(
      'usage',
      'The URL of a broker is mqtt://host[:port], mqtts://host[:port], or ws:// and wss:// with a path.',
    );
  }
  return {
    place: {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? port : Number(url.port),
      tls: url.protocol === 'mqtts:' || url.protocol === 'wss:',
      ...(/^wss?:$/.test(url.protocol) && { webPath: `${url.pathname}${url.search}` }),
      clientId,
    },
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
  };
}

export type DialOptions = Omit<ConnectOptions, 'protocolVersion'>;
export type Dial = (options: DialOptions) => Promise<MqttConnection>;

/** A dial that remembers what version the broker speaks. */
export function createDial(): Dial {
  let onlyOld = false;
  return async (options) => {
    if (onlyOld) return connectMqtt({ ...options, protocolVersion: 4 });
    try {
      return await connectMqtt({ ...options, protocolVersion: 5 });
    } catch (error) {
      const code = codeOf(error);
      if ((code !== 'uplink.version' && code !== 'uplink.lost') || options.signal.aborted) throw error;
      const connection = await connectMqtt({ ...options, protocolVersion: 4 });
      onlyOld = code === 'uplink.version';
      return connection;
    }
  };
}
