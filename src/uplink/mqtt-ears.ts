/**
 * What an MQTT uplink listens to, and what it says only where that is wanted: the birth message and the discovery of Home
 * Assistant. Subscribes to exact topics only, so it hears nothing of others and nothing of its own.
 *
 * A subscription that is refused is logged; it never holds up the readings.
 */
import type { MqttUplinkConfig } from '../config/types.ts';
import { codeOf, messageOf } from '../errors.ts';
import type { Announcer } from './announcer.ts';
import type { Discovery } from './home-assistant.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import type { MessageFacts } from './mqtt-options.ts';
import type { Topics } from './topics.ts';
import type { UplinkContext } from './types.ts';

/** After the birth of a Home Assistant all stations speak: spread over this time. */
const BIRTH_JITTER_MS = 5_000;
const BIRTH = 'online';

export interface Ears {
  /** For the connection: a message received. */
  hear(topic: string, payload: Uint8Array, facts: MessageFacts): Promise<void>;
  discovery(): Promise<Discovery | undefined>;
  /** Subscribes; until the signal aborts, what is heard is for this session. */
  listen(connection: MqttConnection, announcer: Announcer, signal: AbortSignal): Promise<void>;
}

export function createEars({ homeAssistant }: MqttUplinkConfig, context: UplinkContext, topics: Topics): Ears {
  const { name, station, memory, clock, log, random } = context;
  const birthTopic = homeAssistant && `${homeAssistant.discoveryPrefix}/status`;
  let session: { readonly announcer: Announcer; readonly signal: AbortSignal } | undefined;
  let isBorn = false;

  /** Its own start may follow at once: one message answers both. */
  async function born(): Promise<void> {
    if (isBorn || !session) return;
    const { announcer, signal } = session;
    isBorn = true;
    await clock.sleep(random() * BIRTH_JITTER_MS, signal);
    isBorn = false;
    announcer.discover();
  }
  return {
    async hear(topic, payload, { retained }) {
      // A retained one was there before us, and what it asks for has been said at the connect.
      if (topic === birthTopic && !retained && Buffer.from(payload).toString() === BIRTH) void born();
    },
    async discovery() {
      if (topics.discovery === undefined) return undefined;
      const { createDiscovery } = await import('./home-assistant.ts');
      return createDiscovery({ topic: topics.discovery, topics, station, memory });
    },
    async listen(connection, announcer, signal) {
      session = { announcer, signal };
      for (const topic of birthTopic === undefined ? [] : [birthTopic]) {
        try {
          await connection.subscribe(topic);
        } catch (error) {
          // Any other failure has ended the connection, and is told there.
          if (codeOf(error) === 'uplink.rejected' && !signal.aborted)
            log.warn('uplink.subscription-refused', { uplink: name, topic, message: messageOf(error) });
        }
      }
    },
  };
}
