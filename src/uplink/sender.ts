/**
 * Sends the batches of one session, oldest first, up to a window ahead of the acknowledgements, and acknowledges to the
 * source only what has no hole before it. Knows no protocol: it is given `encode` and `deliver`.
 *
 * When: the first batch of a session goes at once; later ones when `maxRecords` are there, or `maxWaitMs` after the first
 * record was seen, or at once when there are only gaps to tell or the station stops.
 *
 * What is refused (`deliver` rejects with `uplink.rejected`) does not end the session: all in flight is waited for, then the
 * poison rule says what comes next. Any other rejection ends it.
 */
import type { Batch, BatchRecord, BatchSource } from '../batch.ts';
import type { Clock } from '../clock.ts';
import { codeOf } from '../errors.ts';
import type { BatchPosition } from '../journal/types.ts';
import { type PoisonRule, REFUSALS_FOR_GOOD } from './poison.ts';
import type { SendWindow } from './window.ts';

/** If a source that said that there is something gives nothing: a pause instead of a hot loop. */
const EMPTY_PAUSE_MS = 100;
/** Between the tries of a record that is refused alone. */
const RETRY_MS = 1_000;

/** One message: what goes over the wire, and where the journal stands once it is acknowledged. */
export interface BatchMessage {
  readonly payload: string | Uint8Array;
  readonly position: BatchPosition;
  readonly records: number;
  /** The record, if it holds one. */
  readonly only?: BatchRecord;
  /** Called when the destination has the message, or it is given up in this form: nobody reads the payload any more. */
  readonly release?: () => void;
}

/** A record that the destination refused for good. */
export interface DeadLetter {
  readonly stream: string;
  readonly record: BatchRecord;
  readonly error: unknown;
}

export interface SenderOptions {
  readonly window: SendWindow;
  readonly source: BatchSource;
  readonly rule: PoisonRule;
  /** The messages that carry a batch; each has a position of its own. */
  readonly encode: (batch: Batch) => readonly BatchMessage[];
  /** Resolves when the destination has it. */
  readonly deliver: (message: BatchMessage) => Promise<void>;
  /** Puts a record where a person finds it; only then is it given up. A rejection ends the session. */
  readonly bury: (letter: DeadLetter) => Promise<void>;
  readonly maxBytes: number;
  readonly maxWaitMs: number;
  readonly clock: Clock;
  /** Aborts when the session has ended: nothing more is sent. */
  readonly ended: AbortSignal;
  /** Aborts when the session has ended or the station stops: nothing more is waited for. */
  readonly halt: AbortSignal;
  /** Aborts when nothing new is to be sent any more. */
  readonly enough: AbortSignal;
  readonly onAcknowledged: (records: number) => void;
  /** This message was not delivered: the session is over. */
  readonly onFailed: (error: unknown, message: BatchMessage) => void;
}

/** A backlog comes out of memory, batch after batch: between two of them sensors are read and live values go out. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Sent {
  readonly message: BatchMessage;
  state: 'in-flight' | 'taken' | 'refused';
  error?: unknown;
}

/** Resolves when the session has ended, or when the station stops and the last batch was handed to the window. */
export async function sendBatches(options: SenderOptions): Promise<void> {
  const { window, source, rule, clock, ended, halt } = options;
  /** In order of their numbers; bounded by the window. */
  const sent: Sent[] = [];
  /** Aborts on a refusal, and with `halt`. */
  let interrupt = new AbortController();
  let isOver = false;
  const fail = (error: unknown, message: BatchMessage) => {
    isOver = true;
    options.onFailed(error, message);
  };
  const stop = () => interrupt.abort();
  halt.addEventListener('abort', stop, { once: true });

  const acknowledgePrefix = () => {
    while (sent[0]?.state === 'taken') {
      const { message } = sent.shift()!;
      source.acknowledge(message.position);
      options.onAcknowledged(message.records);
      message.release?.();
    }
  };
  const launch = (entry: Sent) => {
    const { message } = entry;
    entry.state = 'in-flight';
    void options
      .deliver(message)
      .then(
        () => {
          entry.state = 'taken';
          rule.taken();
          acknowledgePrefix();
        },
        (error: unknown) => {
          if (codeOf(error) !== 'uplink.rejected') return fail(error, message);
          entry.state = 'refused';
          entry.error = error;
          interrupt.abort();
        },
      )
      .finally(() => window.give(message.payload.length));
  };
  const send = async (message: BatchMessage): Promise<boolean> => {
    if (!(await window.take(message.payload.length, ended))) return false;
    const entry: Sent = { message, state: 'in-flight' };
    sent.push(entry);
    launch(entry);
    return true;
  };
  /** Takes the next batch from the source and sends it. */
  const sendNext = async (maxRecords: number): Promise<'sent' | 'full-of-bytes' | 'nothing'> => {
    const batch = await source.next({ maxRecords, maxBytes: options.maxBytes });
    if (!batch) return 'nothing';
    // More is there, and yet the batch is not full.
    const isFull = source.unread > 0 && batch.records.length + batch.skippedSeqs.length < maxRecords;
    for (const message of options.encode(batch)) if (!(await send(message))) break;
    return isFull ? 'full-of-bytes' : 'sent';
  };
  const startOver = () => {
    source.rewind();
    for (const { message } of sent.splice(0)) message.release?.();
  };

  /** Something was refused: waits for all in flight, and takes the first refusal one step further. */
  async function settle(): Promise<void> {
    await window.idle(ended);
    const [entry] = sent;
    if (ended.aborted || entry?.state !== 'refused') return;
    const { message, error } = entry;
    if (message.records > 1) {
      rule.refused(message.records);
      return startOver();
    }
    // Only gaps: nothing that could be given up.
    if (!message.only) return fail(error, message);
    for (let tries = 1, isProven = false; ; tries++) {
      // What went after it is taken, and it was asked for again since: then it is the record.
      if (tries >= REFUSALS_FOR_GOOD && isProven) return bury(message, message.only, error);
      const hasTaken = () => sent.some(({ state }) => state === 'taken');
      if (!hasTaken() && source.unread > 0 && (await sendNext(1)) !== 'nothing') await window.idle(ended);
      if (tries >= REFUSALS_FOR_GOOD && !hasTaken()) return fail(error, message);
      await clock.sleep(RETRY_MS, ended);
      isProven = hasTaken();
      if (ended.aborted || isOver || !(await window.take(message.payload.length, ended))) return;
      launch(entry);
      await window.idle(ended);
      if (ended.aborted || isOver || sent[0] !== entry) return;
    }
  }
  async function bury(message: BatchMessage, record: BatchRecord, error: unknown): Promise<void> {
    const { stream } = message.position;
    try {
      await options.bury({ stream, record, error });
    } catch (failure) {
      return fail(failure, message);
    }
    if (ended.aborted || isOver) return;
    if (!source.refuse(stream, [record.seq])) return fail(error, message);
    rule.buried();
    sent.shift();
    message.release?.();
    acknowledgePrefix();
    // The gaps that went with it, and what else was refused, come again.
    startOver();
  }

  for (let atOnce = true; ; ) {
    if (halt.aborted) stop();
    await untilDue(options, interrupt.signal, atOnce);
    if (ended.aborted || isOver) break;
    if (sent.some(({ state }) => state === 'refused')) {
      await settle();
      if (ended.aborted || isOver) break;
      interrupt = new AbortController();
      atOnce = true;
      continue;
    }
    const isLast = halt.aborted;
    if (isLast && options.enough.aborted) break;
    const outcome = await sendNext(rule.records());
    atOnce = outcome === 'full-of-bytes';
    if (outcome === 'nothing') await clock.sleep(EMPTY_PAUSE_MS, interrupt.signal);
    else if (source.unread > 0) await nextTurn();
    // A stop drains what is there; what still waits for the clock stays in the journal.
    if (isLast && (outcome === 'nothing' || source.unread === 0)) {
      await window.idle(ended);
      if (ended.aborted || isOver || !sent.some(({ state }) => state === 'refused')) break;
    }
  }
  halt.removeEventListener('abort', stop);
}

/** Waits until a batch should go. */
async function untilDue(
  { source, clock, rule, maxWaitMs }: SenderOptions,
  halt: AbortSignal,
  atOnce: boolean,
): Promise<void> {
  await source.waitForRecords(halt);
  // Nothing unread, and yet something to say: gaps.
  if (atOnce || source.unread === 0 || source.unread >= rule.records() || halt.aborted) return;
  const wait = new AbortController();
  const { signal } = wait;
  const stop = () => wait.abort();
  halt.addEventListener('abort', stop, { once: true });
  void clock.sleep(maxWaitMs, signal).then(stop);
  await source.waitForRecords(signal, rule.records());
  stop();
  halt.removeEventListener('abort', stop);
}
