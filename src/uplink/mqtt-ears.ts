/**
 * What an MQTT uplink listens to, and what it says only where that is wanted: the birth message and the discovery of Home
 * Assistant, requests and their answers. Subscribes to exact topics only, so it hears nothing of others and nothing of its own.
 *
 * A subscription that is refused is logged; it never holds up the readings.
 */
import type { MqttUplinkConfig } from '../config/types.ts';
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import type { Announcer } from './announcer.ts';
import type { Discovery } from './home-assistant.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import type { MessageFacts } from './mqtt-options.ts';
import type { Requests } from './requests.ts';
import type { Topics } from './topics.ts';
import type { CommandCounts, KeptAnswer, UplinkContext } from './types.ts';

/** After the birth of a Home Assistant all stations speak: spread over this time. */
const BIRTH_JITTER_MS = 5_000;
const BIRTH = 'online';

/** PUBLISH without its payload: a topic of at most 1,024 bytes and what is around it (MQTT 5 section 3.3). */
const ANSWER_OVERHEAD_BYTES = 1_100;

interface Session {
  readonly connection: MqttConnection;
  readonly announcer: Announcer;
  readonly signal: AbortSignal;
}

export interface Ears {
  /** For the connection: a message received. */
  hear(topic: string, payload: Uint8Array, facts: MessageFacts): Promise<void>;
  discovery(): Promise<Discovery | undefined>;
  /** Subscribes, then gives the answers kept from before; until the signal aborts, what is heard is for this session. */
  listen(connection: MqttConnection, announcer: Announcer, signal: AbortSignal): Promise<void>;
  /** Undefined where nothing may be asked. */
  counts(): CommandCounts | undefined;
}

export function createEars(
  { homeAssistant, commands = [] }: MqttUplinkConfig,
  context: UplinkContext,
  topics: Topics,
): Ears {
  const { name, station, memory, clock, log, random } = context;
  const birthTopic = homeAssistant && `${homeAssistant.discoveryPrefix}/status`;
  let session: Session | undefined;
  let requests: Requests | undefined;
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
  /** Loaded when it is needed, and then for as long as the uplink runs: it counts. */
  async function requestsOf(): Promise<Requests | undefined> {
    const { commands: port } = context;
    if (commands.length === 0 || !port) return undefined;
    const { createRequests } = await import('./requests.ts');
    return createRequests({
      verbs: commands,
      port,
      requestTopic: topics.request,
      responseTopic: topics.response,
      context,
      async send({ topic, payload }) {
        if (!session || session.signal.aborted) throw new SedgeError('uplink.lost', 'There is no connection.');
        await session.announcer.once(topic, payload);
      },
      maxAnswerBytes: () => (session?.connection.maxPacketBytes ?? Number.POSITIVE_INFINITY) - ANSWER_OVERHEAD_BYTES,
    });
  }
  async function subscribe(connection: MqttConnection, topic: string, signal: AbortSignal): Promise<void> {
    try {
      await connection.subscribe(topic);
    } catch (error) {
      // Any other failure has ended the connection, and is told there.
      if (codeOf(error) === 'uplink.rejected' && !signal.aborted)
        log.warn('uplink.subscription-refused', { uplink: name, topic, message: messageOf(error) });
    }
  }
  async function give(answer: KeptAnswer, announcer: Announcer, signal: AbortSignal): Promise<void> {
    await announcer.once(answer.topic, answer.payload).catch(() => {
      // Else the broker refused it, and would again.
      if (signal.aborted) context.commands?.keep(answer);
    });
  }
  return {
    async hear(topic, payload, facts) {
      if (requests?.hear(topic, payload, facts)) return;
      // A retained one was there before us, and what it asks for has been said at the connect.
      if (topic === birthTopic && !facts.retained && Buffer.from(payload).toString() === BIRTH) void born();
    },
    async discovery() {
      if (topics.discovery === undefined) return undefined;
      const { createDiscovery } = await import('./home-assistant.ts');
      return createDiscovery({ topic: topics.discovery, topics, station, memory });
    },
    async listen(connection, announcer, signal) {
      requests ??= await requestsOf();
      session = { connection, announcer, signal };
      const heard = [...(birthTopic === undefined ? [] : [birthTopic]), ...(requests?.topics ?? [])];
      await Promise.all(heard.map((topic) => subscribe(connection, topic, signal)));
      // Only now: whoever sees the answer to a reload may ask again at once.
      context.commands?.handOver((answer) => void give(answer, announcer, signal), signal);
    },
    counts: () => requests?.counts(),
  };
}
