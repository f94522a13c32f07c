/**
 * Everything of one session that is not a batch: status, info, health, the statuses and latest values of sensors, and the
 * clearing of topics of sensors that are gone. None of it is replayed: the next connect says it all anew.
 *
 * QoS 1 messages share the window with the batches. Of two that wait for the same topic, the newer one goes. A refused
 * message is logged and forgotten: it must not hold up the readings.
 */
import type { Clock } from '../clock.ts';
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import type { Log } from '../service/log.ts';
import { alertJson, stateJson } from './batch-json.ts';
import type { Discovery } from './home-assistant.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import type { RetainedTopics } from './retained.ts';
import { ofSensor, type Topics } from './topics.ts';
import type { AlertMessage, SensorStatus, StateMessage, Station } from './types.ts';
import type { SendWindow } from './window.ts';

export const ONLINE = '{"state":"online"}';
export const OFFLINE = '{"state":"offline"}';
const HEALTH_EVERY_MS = 60_000;
/** Live copies that may wait for the window; the events themselves are in the batches. */
const MAX_ALERTS = 16;
/** PUBLISH: fixed header, topic length, packet id, no properties (MQTT 5 section 3.3). */
const PUBLISH_OVERHEAD_BYTES = 16;

export interface Announcer {
  /** `status` online; resolves when the broker has it. */
  online(): Promise<void>;
  /** All the rest, and then health every minute until the session ends. */
  begin(): void;
  state(message: StateMessage): void;
  sensorStatus(sensor: string, status: SensorStatus): void;
  alert(alert: AlertMessage): void;
  catalogueChanged(): void;
  /** The discovery message of Home Assistant again. */
  discover(): void;
  health(): void;
  /** One QoS 1 message, not retained; resolves when the broker has it, or refused it. Rejects if the connection ended. */
  once(topic: string, payload: string): Promise<void>;
  /** `status` offline; resolves when the broker has it. */
  offline(): Promise<void>;
  /** Clears every retained topic but `status`, and says nothing more; resolves with how many when the broker has it. */
  withdraw(): Promise<number>;
}

export interface AnnouncerOptions {
  readonly connection: MqttConnection;
  readonly window: SendWindow;
  readonly topics: Topics;
  readonly station: Station;
  readonly retained: RetainedTopics;
  readonly discovery?: Discovery;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the session ends. */
  readonly signal: AbortSignal;
}

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { connection, window, topics, station, retained, discovery, clock, log, signal } = options;
  /** Topic -> newest payload, QoS 1 retained. Bounded by the number of topics. */
  const waiting = new Map<string, string>();
  const lastStatus = new Map<string, string>();
  let sensors: ReadonlySet<string> = new Set();
  let stale: ReadonlySet<string> = new Set();
  let pumping = false;
  let isWithdrawn = false;
  let soon: StateMessage[] = [];
  let alerting = 0;

  async function publishRetained(topic: string, payload: string): Promise<void> {
    if (!(await window.take(payload.length, signal))) return;
    await send(topic, payload).finally(() => window.give(payload.length));
  }
  async function send(topic: string, payload: string): Promise<void> {
    try {
      if (Buffer.byteLength(payload) + topic.length + PUBLISH_OVERHEAD_BYTES > connection.maxPacketBytes)
        throw new SedgeError(
          'uplink.rejected',
          `It is larger than the ${connection.maxPacketBytes} bytes the broker takes.`,
        );
      await connection.publish(topic, payload, { qos: 1, retain: true });
      if (stale.has(topic)) retained.cleared(topic);
      if (topic === discovery?.topic && discovery.published(payload)) discover();
    } catch (error) {
      // Any other failure has ended the connection, and is told there.
      if (codeOf(error) === 'uplink.rejected')
        log.warn('uplink.announcement-refused', { topic, message: messageOf(error) });
    }
  }
  async function pump(): Promise<void> {
    if (pumping) return;
    pumping = true;
    for (const topic of waiting.keys()) {
      const bytes = waiting.get(topic)?.length ?? 0;
      if (!(await window.take(bytes, signal))) break;
      const payload = waiting.get(topic) ?? '';
      waiting.delete(topic);
      void send(topic, payload).finally(() => window.give(bytes));
    }
    pumping = false;
  }
  const enqueue = (topic: string, payload: string) => {
    if (isWithdrawn) return;
    waiting.set(topic, payload);
    void pump();
  };
  const discover = () => {
    if (discovery && !signal.aborted) enqueue(discovery.topic, discovery.payload());
  };
  /** QoS 0: the newest will come soon enough, so a socket that is backed up gets none. */
  const publishLive = (topic: string | undefined, payload: () => string) => {
    if (topic === undefined || signal.aborted || isWithdrawn || connection.backedUp) return;
    void connection.publish(topic, payload(), { qos: 0, retain: true }).catch(() => undefined);
  };

  const once = async (topic: string, payload: string): Promise<void> => {
    if (!(await window.take(payload.length, signal))) throw new SedgeError('uplink.lost', 'The connection ended.');
    try {
      await connection.publish(topic, payload, { qos: 1, retain: false });
    } catch (error) {
      if (codeOf(error) !== 'uplink.rejected') throw error;
      log.warn('uplink.announcement-refused', { topic, message: messageOf(error) });
    } finally {
      window.give(payload.length);
    }
  };
  const health = () => {
    if (topics.health === undefined || signal.aborted) return;
    void station.health().then((report) => publishLive(topics.health, () => JSON.stringify(report)));
  };
  const publishStates = () => {
    const messages = soon;
    soon = [];
    for (const message of messages) {
      publishLive(topics.state && ofSensor(topics.state, message.sensor), () => stateJson(message));
    }
  };
  /** What is taken in one turn of the event loop goes to the socket in one write. */
  const state = (message: StateMessage) => {
    if (topics.state === undefined || !sensors.has(message.sensor)) return;
    if (soon.length === 0) setImmediate(publishStates);
    soon.push(message);
  };
  /** Whether it was news. */
  const status = (sensor: string, { state: now, error, message }: SensorStatus): boolean => {
    if (!sensors.has(sensor) || signal.aborted) return false;
    const payload = JSON.stringify({ state: now, error, message });
    if (lastStatus.get(sensor) === payload) return false;
    lastStatus.set(sensor, payload);
    if (topics.status !== undefined) enqueue(ofSensor(topics.status, sensor), payload);
    return true;
  };
  const catalogue = () => {
    const before = sensors;
    const entries = station.catalogue();
    sensors = new Set(Object.keys(entries));
    for (const sensor of before) if (!sensors.has(sensor)) lastStatus.delete(sensor);
    if (topics.info !== undefined) {
      const info = {
        format: 1,
        version: station.version,
        device: station.device,
        stream: station.stream(),
        sensors: entries,
      };
      enqueue(topics.info, JSON.stringify(info));
    }
    health();
    for (const [sensor, now] of Object.entries(station.sensorStatuses())) status(sensor, now);
    for (const message of station.latest()) if (!before.has(message.sensor)) state(message);
    stale = new Set(retained.plan([...sensors]));
    for (const topic of stale) enqueue(topic, '');
    discover();
  };

  return {
    online: () => (topics.status === undefined ? Promise.resolve() : publishRetained(topics.status, ONLINE)),
    begin() {
      catalogue();
      void (async () => {
        while (!signal.aborted) {
          await clock.sleep(HEALTH_EVERY_MS, signal);
          health();
        }
      })();
    },
    state,
    alert(message) {
      if (topics.alert === undefined || alerting >= MAX_ALERTS || !sensors.has(message.sensor)) return;
      alerting += 1;
      void once(topics.alert, alertJson(message, station.device))
        .catch(() => undefined)
        .finally(() => {
          alerting -= 1;
        });
    },
    sensorStatus(sensor, now) {
      if (status(sensor, now)) health();
    },
    catalogueChanged() {
      if (!signal.aborted) catalogue();
    },
    discover,
    health,
    once,
    async withdraw() {
      isWithdrawn = true;
      waiting.clear();
      const own = [topics.info, topics.health].flatMap((topic) => topic ?? []);
      const all = [...own, ...retained.all()];
      await Promise.all(all.map((topic) => publishRetained(topic, '')));
      if (!signal.aborted) retained.forget();
      return all.length;
    },
    offline: () => (topics.status === undefined ? Promise.resolve() : publishRetained(topics.status, OFFLINE)),
  };
}
