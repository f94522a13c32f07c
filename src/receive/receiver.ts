/**
 * The receiving end of the promise: a durable subscription whose messages are acknowledged when what is new in them is
 * written and flushed. Reconnects with back-off for as long as it runs.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Gap } from '../journal/types.ts';
import { createBackoff } from '../uplink/backoff.ts';
import { type Broker, createDial } from '../uplink/mqtt-dial.ts';
import { type Format, type Item, skips } from './formats.ts';
import { type IncomingBatch, parseBatch } from './incoming.ts';
import { textOf } from './inflate.ts';
import type { Ledger } from './ledger.ts';
import type { Output } from './output.ts';
import type { Summary } from './summary.ts';

const KEEPALIVE_MS = 30_000;

/** Text to be flushed before a message is acknowledged. */
interface News {
  readonly lines: string;
  readonly skipped: string;
}
const NOTHING: News = { lines: '', skipped: '' };

export interface ReceiverOptions {
  readonly broker: Broker;
  readonly topic: string;
  readonly username?: string;
  readonly password?: string;
  readonly ca?: string;
  readonly format: Format;
  readonly output: Output;
  /** Where it is kept what batches said was skipped, for the next start; nowhere unless given. */
  readonly skipped?: Output;
  readonly ledger: Ledger;
  readonly summary: Summary;
  readonly clock: Clock;
  readonly random: () => number;
  /** One line for the person who watches. */
  readonly tell: (line: string) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Resolves when the signal aborts; rejects when the output fails. */
export async function receiveBatches(options: ReceiverOptions): Promise<void> {
  const { broker, topic, ledger, summary, output, format, clock, tell } = options;
  const { place } = broker;
  const over = new AbortController();
  const stop = () => over.abort();
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  const { signal } = over;
  let failure: unknown;
  let told: string | undefined;
  /** What came while a flush was under way goes into the next one, together. */
  let gathered = NOTHING;
  let flushing: Promise<void> = Promise.resolve();
  let nextFlush: Promise<void> | undefined;

  /** Resolves when this and all before it is flushed. After a failed write nothing is, for ever: it is not all on disk. */
  function flushed({ lines, skipped }: News): Promise<void> {
    gathered = { lines: gathered.lines + lines, skipped: gathered.skipped + skipped };
    nextFlush ??= flushing.then(async () => {
      const together = gathered;
      gathered = NOTHING;
      flushing = nextFlush!;
      nextFlush = undefined;
      if (together.skipped !== '') await options.skipped?.write(together.skipped);
      if (together.lines !== '') await output.write(together.lines);
    });
    return nextFlush;
  }
  const settled = async () => {
    await (nextFlush ?? flushing).catch(() => undefined);
    // The acknowledgements go out before anything that follows, DISCONNECT above all.
    await new Promise((resolve) => setImmediate(resolve));
  };

  const tellOnce = (line: string) => {
    if (line !== told) tell(line);
    told = line;
  };
  /** Also a message with nothing new waits: the first copy of it may not be flushed yet. */
  async function take(from: string, payload: Uint8Array): Promise<void> {
    try {
      await flushed(newsOf(from, payload));
    } catch (error) {
      failure ??= error;
      stop();
      throw error;
    }
  }
  function newsOf(from: string, payload: Uint8Array): News {
    let batch: IncomingBatch;
    try {
      batch = parseBatch(textOf(payload));
    } catch (error) {
      tellOnce(`A message on ${from} is left out. ${messageOf(error)}`);
      return NOTHING;
    }
    const { device, stream } = batch;
    const { records, gaps, skipped, missing } = ledger.take(batch);
    for (const gap of gaps) tell(describeGap(device, gap));
    if (missing > 0)
      tell(`Missing: ${missing} numbers of ${device}, seen at ${batch.range?.first}..${batch.range?.last}.`);
    for (const { sensor, values } of records) summary.add(device, sensor, values);
    const items: Item[] = [
      ...gaps.map((gap) => ({ device, gap })),
      ...records.map((record) => ({ device, stream, record })),
    ];
    return { lines: items.map(format.write).join(''), skipped: skipped ? skips.write({ device, skipped }) : '' };
  }

  const dial = createDial();
  const backoff = createBackoff({ host: place.host, random: options.random });
  while (!signal.aborted) {
    let lastedMs = 0;
    try {
      const connection = await dial({
        place,
        ...(options.username === undefined ? {} : { username: options.username }),
        ...(options.password === undefined ? {} : { password: options.password }),
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        keepaliveMs: KEEPALIVE_MS,
        clock,
        signal,
        durable: true,
        onMessage: take,
      });
      const startMs = clock.monotonic();
      const stopped = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
        if (signal.aborted) resolve();
      });
      try {
        await connection.subscribe(topic);
        tellOnce(`Connected to ${place.host}:${place.port}; receiving ${topic}.`);
        const reason = await Promise.race([connection.closed, stopped]);
        if (reason) throw reason;
      } finally {
        // What is in hand is finished and acknowledged first; the broker keeps the rest.
        await settled();
        await connection.end();
        lastedMs = clock.monotonic() - startMs;
      }
    } catch (error) {
      if (!signal.aborted) tellOnce(messageOf(error));
    }
    backoff.sessionEnded(lastedMs);
    await clock.sleep(backoff.nextMs(), signal);
  }
  options.signal.removeEventListener('abort', stop);
  await settled();
  if (failure !== undefined) throw failure;
}

const describeGap = (device: string, { stream, from, to, lost, reason }: Gap): string =>
  `Gap: ${lost} of ${from}..${to} of ${device}, stream ${stream}, will not come (${reason}).`;
