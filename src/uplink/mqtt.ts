/**
 * The MQTT uplink: connects with back-off, one session per connection, for as long as the station runs.
 *
 * Promises: records leave the source only when the broker has acknowledged them (QoS 1) without a hole before them; after
 * any failure everything unacknowledged is sent again, in order, on a new connection; nothing is published while there is
 * no connection, so memory does not grow in an outage; `stop` returns in bounded time whatever the broker does.
 */
import type { MqttUplinkConfig } from '../config/types.ts';
import { messageOf, type SedgeError } from '../errors.ts';
import { type Announcer, createAnnouncer, OFFLINE } from './announcer.ts';
import { createBackoff } from './backoff.ts';
import { deadLetterJson } from './batch-json.ts';
import { type Compress, contentTypeOf, loadCompression } from './compress.ts';
import { loadFormat } from './formats/index.ts';
import { type BatchFormat, encodingFor } from './formats/types.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import { createDial, parseBroker } from './mqtt-dial.ts';
import { createEars } from './mqtt-ears.ts';
import { tooLargeError } from './mqtt-errors.ts';
import { createPayloadPool } from './payload-pool.ts';
import { createPoisonRule } from './poison.ts';
import { asSedgeError, describeRefusal } from './refusal.ts';
import { retainedTopics } from './retained.ts';
import { type BatchMessage, sendBatches } from './sender.ts';
import { watchTakeover } from './takeover.ts';
import { topicsOf } from './topics.ts';
import type { Uplink, UplinkContext, UplinkStatus } from './types.ts';
import { createWindow } from './window.ts';

/** Enough for 160 batches a second at a round trip of 100 ms; brokers' queues for slow subscribers hold more. */
const WINDOW_MESSAGES = 16;
const WINDOW_BYTES = 1024 * 1024;
/** Largest packet that a station takes from a broker: it subscribes to nothing large. */
const MAX_RECEIVED_BYTES = 16 * 1024;
/** PUBLISH: fixed header, topic length, packet id, properties (MQTT 5 section 3.3). */
const PUBLISH_OVERHEAD_BYTES = 48;
/** The same for a dead letter, whose topic may be longer. */
const DEAD_LETTER_OVERHEAD_BYTES = PUBLISH_OVERHEAD_BYTES + 1_100;
/** For `offline` and its acknowledgement. */
const FAREWELL_MS = 1_000;

/** How a batch becomes a payload. */
interface Coding {
  readonly format: BatchFormat;
  readonly compress: Compress;
}

export function mqttUplink(config: MqttUplinkConfig, context: UplinkContext): Uplink {
  const { name, station, source, clock, log, random, memory } = context;
  // The same id at each connect: the broker ends our own half-open predecessor, and its will goes before our `online`.
  const broker = parseBroker(config.url, config.clientId ?? `sedge-${station.device}-${name}`);
  const username = config.username ?? broker.username;
  const password = config.password ?? broker.password;
  const topics = topicsOf(config.topics, station.device, config.homeAssistant);
  const topicBytes = Buffer.byteLength(topics.readings ?? '');
  const backoff = createBackoff({ host: broker.place.host, random });
  const rule = createPoisonRule(config.batch.maxReadings);
  const dial = createDial();
  const ears = createEars(config, context, topics);
  const takeover = watchTakeover(broker.place, clock.monotonic);
  const stopping = new AbortController();
  /** While it stops: what is not sent by now stays in the journal. */
  const enough = new AbortController();

  let connection: MqttConnection | undefined;
  let announcer: Announcer | undefined;
  let failure: SedgeError | undefined;
  let batchesAcknowledged = 0;
  let recordsAcknowledged = 0;
  let deadLetters = 0;
  /** It is stopped for good, and nothing of it is to stay at the broker. */
  let isRemoved = false;
  /** Topics that were cleared then. */
  let withdrawn: number | undefined;
  let acknowledgedAtMs: number | undefined;

  const changed = () => context.onChange?.();

  async function run(): Promise<void> {
    const coding: Coding = {
      format: await loadFormat(config.format),
      compress: await loadCompression(config.compress),
    };
    while (!stopping.signal.aborted) {
      let lastedMs = 0;
      try {
        connection = await dial({
          place: broker.place,
          ...(username === undefined ? {} : { username }),
          ...(password === undefined ? {} : { password }),
          tls: config.tls,
          maxPacketBytes: MAX_RECEIVED_BYTES,
          ...(topics.status === undefined ? {} : { will: { topic: topics.status, payload: OFFLINE } }),
          keepaliveMs: config.keepaliveMs,
          onMessage: ears.hear,
          clock,
          signal: stopping.signal,
        });
        const startMs = clock.monotonic();
        const reason = await session(connection, coding);
        lastedMs = clock.monotonic() - startMs;
        failure = takeover.ended(reason, lastedMs);
      } catch (error) {
        failure = asSedgeError(error);
      }
      connection = undefined;
      if (stopping.signal.aborted) break;
      source.rewind();
      backoff.sessionEnded(lastedMs);
      const waitMs = Math.round(backoff.nextMs());
      tellFailure(waitMs);
      changed();
      await clock.sleep(waitMs, stopping.signal);
    }
    changed();
  }

  function tellWithdrawal(): void {
    const { host } = broker.place;
    const message = `What it left retained at ${host} stays there: add it again under this name when the broker is there, and remove it then.`;
    if (withdrawn === undefined) log.warn('uplink.not-withdrawn', { uplink: name, message });
    else log.info('uplink.withdrawn', { uplink: name, host, topics: withdrawn });
  }

  /** The log folds what comes again and again; `retry_ms` tells it when that will be. */
  function tellFailure(retryMs: number): void {
    const { code, message } = failure ?? {};
    log.warn('uplink.offline', { uplink: name, code, message, retry_ms: retryMs });
  }

  /** One connection from CONNACK to its end; returns why it ended. */
  async function session(link: MqttConnection, { format, compress }: Coding): Promise<SedgeError | undefined> {
    const ended = new AbortController();
    const halt = new AbortController();
    const stop = () => halt.abort();
    stopping.signal.addEventListener('abort', stop, { once: true });
    if (stopping.signal.aborted) stop();
    let refusal: SedgeError | undefined;
    let acknowledgedHere = 0;
    void link.closed.then(() => {
      ended.abort();
      halt.abort();
    });
    const window = createWindow({
      maxMessages: Math.min(WINDOW_MESSAGES, link.receiveMaximum),
      maxBytes: WINDOW_BYTES,
    });
    const discovery = await ears.discovery();
    announcer = createAnnouncer({
      ...(discovery && { discovery }),
      connection: link,
      window,
      topics,
      station,
      retained: retainedTopics(memory, name, topics),
      clock,
      log,
      signal: ended.signal,
    });
    log.info('uplink.online', {
      uplink: name,
      host: broker.place.host,
      mqtt: link.protocolVersion === 5 ? '5' : '3.1.1',
    });
    changed();

    const { device } = station;
    const maxBytes = link.maxPacketBytes - PUBLISH_OVERHEAD_BYTES - topicBytes;
    const mostBytes = Math.min(config.batch.maxBytes, maxBytes);
    const encoding = encodingFor(station, mostBytes);
    const how = {
      qos: config.qos,
      retain: false,
      flushed: true,
      properties: {
        contentType: contentTypeOf(format.mediaType, config.compress),
        ...(config.messageExpiryMs !== undefined && {
          messageExpiryInterval: Math.ceil(config.messageExpiryMs / 1000),
        }),
      },
    };
    // At QoS 0 nobody says when the socket has let go of a payload.
    const pool = config.qos === 0 ? undefined : createPayloadPool(mostBytes);
    const inBuffer = (message: BatchMessage): BatchMessage =>
      pool && typeof message.payload === 'string' ? { ...message, ...pool.take(message.payload) } : message;
    let undelivered = false;
    const deliver = async ({ payload }: BatchMessage) => {
      if (topics.readings === undefined || payload.length === 0) return;
      const body = await compress(payload);
      if (body.length > maxBytes) throw tooLargeError(body.length, broker.place);
      try {
        await link.publish(topics.readings, body, how);
      } catch (error) {
        undelivered = true;
        throw error;
      }
    };
    try {
      await announcer.online();
      announcer.begin();
      void ears.listen(link, announcer, ended.signal);
      await sendBatches({
        window,
        source,
        rule,
        encode: (batch) => format.encode(batch, encoding).map(inBuffer),
        deliver,
        async bury(letter) {
          const { stream, record, error } = letter;
          log.warn('uplink.dead-letter', { uplink: name, stream, seq: record.seq, message: messageOf(error) });
          deadLetters += 1;
          if (topics.deadLetter === undefined) return;
          const payload = deadLetterJson(letter, {
            device,
            maxBytes: link.maxPacketBytes - DEAD_LETTER_OVERHEAD_BYTES,
          });
          await announcer?.once(topics.deadLetter, payload);
        },
        maxBytes: mostBytes,
        maxWaitMs: config.batch.maxWaitMs,
        clock,
        ended: ended.signal,
        halt: halt.signal,
        enough: enough.signal,
        onAcknowledged(records) {
          acknowledgedHere += 1;
          batchesAcknowledged += 1;
          recordsAcknowledged += records;
          acknowledgedAtMs = clock.now();
        },
        onFailed(error, message) {
          refusal ??= describeRefusal(error, message);
          if (refusal.code !== 'uplink.rejected') void link.end();
        },
      });
      // Here the session has ended, or the station stops: then the rest is waited for, as long as `stop` allows.
      await window.idle(ended.signal);
      if (!ended.signal.aborted) await farewell(announcer);
    } finally {
      await link.end();
      announcer = undefined;
      stopping.signal.removeEventListener('abort', stop);
      if (undelivered && acknowledgedHere === 0) rule.sessionFailed();
    }
    return refusal ?? (await link.closed);
  }

  async function farewell(speaker: Announcer): Promise<void> {
    if (isRemoved) withdrawn = await inTime(speaker.withdraw());
    await inTime(speaker.offline());
  }
  async function inTime<T>(said: Promise<T>): Promise<T | undefined> {
    const patience = new AbortController();
    const late = clock.sleep(FAREWELL_MS, patience.signal).then(() => undefined);
    return Promise.race([said, late]).finally(() => patience.abort());
  }

  const running = run();
  let stopped: Promise<void> | undefined;

  return {
    status(): UplinkStatus {
      const warning = takeover.warning();
      const commands = ears.counts();
      return {
        connected: connection !== undefined,
        ...(connection === undefined && failure ? { error: { code: failure.code, message: failure.message } } : {}),
        ...(warning !== undefined && { warning }),
        ...(commands && { commands }),
        batchesAcknowledged,
        recordsAcknowledged,
        deadLetters,
        inFlight: connection?.inFlight ?? 0,
        ...(acknowledgedAtMs === undefined ? {} : { acknowledgedAtMs }),
      };
    },
    state: (message) => announcer?.state(message),
    alert: (alert) => announcer?.alert(alert),
    sensorStatus: (sensor, now) => announcer?.sensorStatus(sensor, now),
    catalogueChanged: () => announcer?.catalogueChanged(),
    health: () => announcer?.health(),
    stop(drainMs, how) {
      stopped ??= (async () => {
        isRemoved = how?.isRemoved ?? false;
        stopping.abort();
        const drained = new AbortController();
        void clock.sleep(drainMs - 2 * FAREWELL_MS, drained.signal).then(() => enough.abort());
        void clock.sleep(drainMs, drained.signal).then(() => {
          // Whatever is not acknowledged by now comes again at the next start; the broker publishes the will.
          if (!drained.signal.aborted) void connection?.end();
        });
        await running;
        drained.abort();
        if (isRemoved) tellWithdrawal();
      })();
      return stopped;
    },
  };
}
