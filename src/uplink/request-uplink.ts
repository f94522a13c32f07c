/**
 * An uplink to a destination that takes one message at a time and says of each whether it has it: an HTTP server, a stick.
 *
 * Promises: records leave the source only when the destination has them, in order; one request at a time, so that order holds
 * there too, and a destination in trouble is not crowded; after a failure everything not acknowledged is sent again, after a
 * back-off with jitter and not before the time that the destination named; `stop` returns in bounded time.
 */
import type { Batch } from '../batch.ts';
import type { CommonUplinkConfig } from '../config/types.ts';
import { messageOf, type SedgeError } from '../errors.ts';
import { createBackoff } from './backoff.ts';
import { createPoisonRule } from './poison.ts';
import { describeRefusal } from './refusal.ts';
import { type BatchMessage, type DeadLetter, sendBatches } from './sender.ts';
import type { Uplink, UplinkContext, UplinkStatus } from './types.ts';
import { createWindow } from './window.ts';

/** Failures that the batch itself may have caused: what is too large or too slow, or upsets the other side. */
const MAY_BE_THE_BATCH: ReadonlySet<string> = new Set(['uplink.lost', 'uplink.timeout']);

/** Of the time for a stop: for the answer to what was sent last. */
const LAST_REQUEST_MS = 1_000;

export interface Destination {
  encode(batch: Batch): readonly BatchMessage[];
  /** Rejects with `uplink.rejected` if the destination refuses this very message, with any other code if it is in trouble. */
  deliver(message: BatchMessage, signal: AbortSignal): Promise<void>;
  /** Puts a record that was refused for good where a person finds it. */
  bury(letter: DeadLetter): Promise<void>;
  /** How long it asked to be left alone, at its last failure. */
  pauseMs(): number;
  close(): void;
}

export interface RequestUplinkOptions {
  readonly config: CommonUplinkConfig;
  readonly context: UplinkContext;
  /** What the back-off is judged by. */
  readonly host: string;
  /** For the log: where records go. */
  readonly place: string;
  /** Called once, when the uplink starts. */
  readonly open: () => Promise<Destination>;
}

export function requestUplink({ config, context, host, place, open }: RequestUplinkOptions): Uplink {
  const { name, source, clock, log, random } = context;
  const { maxReadings, maxBytes, maxWaitMs } = config.batch;
  const backoff = createBackoff({ host, random });
  const rule = createPoisonRule(maxReadings);
  const stopping = new AbortController();
  /** While it stops: what is not sent by now stays in the journal. */
  const enough = new AbortController();
  /** Ends what is in flight; of the session that runs. */
  let ended = new AbortController();

  let connected = false;
  let failure: SedgeError | undefined;
  let toldFailure: string | undefined;
  let batchesAcknowledged = 0;
  let recordsAcknowledged = 0;
  let deadLetters = 0;
  let inFlight = 0;
  let acknowledgedAtMs: number | undefined;

  const changed = () => context.onChange?.();

  async function run(): Promise<void> {
    const destination = await open();
    while (!stopping.signal.aborted) {
      failure = await session(destination);
      const wasConnected = connected;
      connected = false;
      if (stopping.signal.aborted) break;
      source.rewind();
      if (!wasConnected && MAY_BE_THE_BATCH.has(failure?.code ?? '')) rule.sessionFailed();
      const waitMs = Math.round(destination.pauseMs() + backoff.nextMs());
      tellFailure(waitMs);
      changed();
      await clock.sleep(waitMs, stopping.signal);
    }
    destination.close();
    changed();
  }

  /** The same failure again and again is one line in the log. */
  function tellFailure(retryMs: number): void {
    const { code, message } = failure ?? {};
    const level = message === toldFailure ? 'debug' : 'warn';
    log[level]('uplink.offline', { uplink: name, code, message, retry_ms: retryMs });
    toldFailure = message;
  }

  function taken(records: number): void {
    batchesAcknowledged += 1;
    recordsAcknowledged += records;
    acknowledgedAtMs = clock.now();
    // A batch taken is proof of health, which a mere connection would not be.
    backoff.sessionEnded(Number.POSITIVE_INFINITY);
    if (connected) return;
    connected = true;
    toldFailure = undefined;
    log.info('uplink.online', { uplink: name, to: place });
    changed();
  }

  /** From one failure to the next; returns why it ended. */
  async function session(destination: Destination): Promise<SedgeError | undefined> {
    let reason: SedgeError | undefined;
    ended = new AbortController();
    const { signal } = ended;
    const halt = new AbortController();
    const stop = () => halt.abort();
    stopping.signal.addEventListener('abort', stop, { once: true });
    signal.addEventListener('abort', stop, { once: true });
    if (stopping.signal.aborted) stop();
    const window = createWindow({ maxMessages: 1, maxBytes: Number.POSITIVE_INFINITY });
    await sendBatches({
      window,
      source,
      rule,
      encode: (batch) => destination.encode(batch),
      async deliver(message) {
        if (message.payload.length === 0) return;
        inFlight = 1;
        try {
          await destination.deliver(message, signal);
        } finally {
          inFlight = 0;
        }
      },
      async bury(letter) {
        const { stream, record, error } = letter;
        log.warn('uplink.dead-letter', { uplink: name, stream, seq: record.seq, message: messageOf(error) });
        await destination.bury(letter);
        deadLetters += 1;
      },
      maxBytes,
      maxWaitMs,
      clock,
      ended: signal,
      halt: halt.signal,
      enough: enough.signal,
      onAcknowledged: taken,
      onFailed(error, message) {
        reason ??= describeRefusal(error, message);
        ended.abort();
      },
    });
    await window.idle(signal);
    stopping.signal.removeEventListener('abort', stop);
    return reason;
  }

  const running = run();
  let stopped: Promise<void> | undefined;

  return {
    status(): UplinkStatus {
      return {
        connected,
        ...(!connected && failure ? { error: { code: failure.code, message: failure.message } } : {}),
        batchesAcknowledged,
        recordsAcknowledged,
        deadLetters,
        inFlight,
        ...(acknowledgedAtMs === undefined ? {} : { acknowledgedAtMs }),
      };
    },
    // Only batches go there: what is live is for brokers and the board's own page.
    state: () => undefined,
    sensorStatus: () => undefined,
    catalogueChanged: () => undefined,
    health: () => undefined,
    stop(drainMs) {
      stopped ??= (async () => {
        stopping.abort();
        const drained = new AbortController();
        void clock.sleep(drainMs - LAST_REQUEST_MS, drained.signal).then(() => enough.abort());
        void clock.sleep(drainMs, drained.signal).then(() => {
          // Whatever is not acknowledged by now comes again at the next start.
          if (!drained.signal.aborted) ended.abort();
        });
        await running;
        drained.abort();
      })();
      return stopped;
    },
  };
}
