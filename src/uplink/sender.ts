/**
 * Sends the batches of one session, oldest first, up to a window ahead of the acknowledgements, and acknowledges to the
 * source only what has no hole before it.
 *
 * When: the first batch of a session goes at once; later ones when `maxRecords` are there, or `maxWaitMs` after the first
 * record was seen, or at once when there are only gaps to tell or the station stops.
 */
import type { BatchSource } from '../batch.ts';
import type { Clock } from '../clock.ts';
import type { BatchPosition } from '../journal/types.ts';
import { type BatchMessage, encodeBatch } from './batch-json.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import type { SendWindow } from './window.ts';

/** If a source that said that there is something gives nothing: a pause instead of a hot loop. */
const EMPTY_PAUSE_MS = 100;

export interface SenderOptions {
  readonly connection: MqttConnection;
  readonly window: SendWindow;
  readonly source: BatchSource;
  readonly device: string;
  /** Undefined: readings are turned off, and taken from the source unsent. */
  readonly topic: string | undefined;
  /** Asked before each batch. */
  readonly maxRecords: () => number;
  readonly maxBytes: number;
  readonly maxWaitMs: number;
  readonly clock: Clock;
  /** Aborts when the session has ended: nothing more is sent. */
  readonly ended: AbortSignal;
  /** Aborts when the session has ended or the station stops: nothing more is waited for. */
  readonly halt: AbortSignal;
  readonly onAcknowledged: (records: number) => void;
  /** The batch through this position was refused or not acknowledged: the session is over. */
  readonly onFailed: (error: unknown, position: BatchPosition, records: number) => void;
}

/** Resolves when the session has ended, or when the station stops and the last batch was handed to the window. */
export async function sendBatches(options: SenderOptions): Promise<void> {
  const { connection, window, source, topic, clock, ended, halt } = options;
  /** Bounded by the window. */
  const sent: { readonly message: BatchMessage; acknowledged: boolean }[] = [];

  const acknowledgePrefix = () => {
    while (sent[0]?.acknowledged) {
      const { message } = sent.shift()!;
      source.acknowledge(message.position);
      options.onAcknowledged(message.records);
    }
  };
  const send = async (message: BatchMessage): Promise<boolean> => {
    const { payload, position, records } = message;
    if (topic === undefined) {
      source.acknowledge(position);
      return true;
    }
    if (!(await window.take(payload.length, ended))) return false;
    const entry = { message, acknowledged: false };
    sent.push(entry);
    void connection
      .publish(topic, payload, { qos: 1, retain: false })
      .then(
        () => {
          entry.acknowledged = true;
          acknowledgePrefix();
        },
        (error: unknown) => options.onFailed(error, position, records),
      )
      .finally(() => window.give(payload.length));
    return true;
  };

  for (let atOnce = true; ; ) {
    await untilDue(options, atOnce);
    if (ended.aborted) return;
    const isLast = halt.aborted;
    const maxRecords = options.maxRecords();
    const batch = await source.next({ maxRecords, maxBytes: options.maxBytes });
    if (batch) {
      // More is there, and yet the batch is not full: it was full of bytes.
      atOnce = source.unread > 0 && batch.records.length < maxRecords;
      for (const message of encodeBatch(batch, options)) if (!(await send(message))) return;
    } else {
      await clock.sleep(EMPTY_PAUSE_MS, halt);
    }
    // A stop drains what is there; what still waits for the clock stays in the journal.
    if (isLast && (!batch || source.unread === 0)) return;
  }
}

/** Waits until a batch should go. */
async function untilDue({ source, clock, maxRecords, maxWaitMs, halt }: SenderOptions, atOnce: boolean): Promise<void> {
  await source.waitForRecords(halt);
  // Nothing unread, and yet something to say: gaps.
  if (atOnce || source.unread === 0) return;
  const wait = new AbortController();
  const { signal } = wait;
  const stop = () => wait.abort();
  if (halt.aborted) stop();
  halt.addEventListener('abort', stop, { once: true });
  void clock.sleep(maxWaitMs, signal).then(stop);
  await source.waitForRecords(signal, maxRecords());
  stop();
  halt.removeEventListener('abort', stop);
}
