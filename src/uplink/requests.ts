/**
 * Requests of one MQTT uplink: which are taken, which are refused, and their answers (`<base>/request/<verb>` and
 * `<base>/response/<verb>`). It knows no sensor and no configuration: what is allowed through goes to the port.
 *
 * Promises: a request is carried out once or not at all. Refused and counted: what the broker had retained; what is old by its
 * own time or by the broker's expiry; a transaction that was seen before (those of changes are remembered across
 * restarts); what is too large, malformed, of a verb that is not listed; too many at a time (not even answered).
 * The answer goes to our own topic only: MQTT 5's response topic is not looked at, because then whoever may write a
 * request could make this station write where only the station may.
 */
import { createHash } from 'node:crypto';
import { codeOf, messageOf } from '../errors.ts';
import type { MessageFacts } from './mqtt-options.ts';
import { isChanging, judgeRequest, MAX_AGE_MS, type Transaction } from './request.ts';
import { ofSensor } from './topics.ts';
import type { CommandCounts, CommandOutcome, CommandPort, CommandVerb, KeptAnswer, UplinkContext } from './types.ts';

/** So many at once, and then five a second. */
const BURST = 20;
const REFILL_MS = 200;
/** Under way at a time. */
const MAX_RUNNING = 4;
/** More than can come in the minute (`MAX_AGE_MS`) in which a request with a `time` is taken; as text they fit into the memory. */
const MAX_SEEN = 350;
const ID_CHARACTERS = 8;
const MAX_ANSWER_BYTES = 256 * 1024;
const KEY = 'commands';

type Refusal = 'retained' | 'stale' | 'replayed' | 'oversized' | 'malformed' | 'unlisted' | 'limited' | 'busy';

export interface RequestsOptions {
  readonly verbs: readonly CommandVerb[];
  readonly port: CommandPort;
  readonly requestTopic: string;
  readonly responseTopic: string;
  readonly context: Pick<UplinkContext, 'name' | 'memory' | 'clock' | 'log'>;
  /** Sends an answer; rejects when the connection is gone. */
  readonly send: (answer: KeptAnswer) => Promise<void>;
  readonly maxAnswerBytes: () => number;
}

export interface Requests {
  /** One for each verb that is listed. */
  readonly topics: readonly string[];
  /** True if it was a request. */
  hear(topic: string, payload: Uint8Array, facts: MessageFacts): boolean;
  counts(): CommandCounts;
}

export function createRequests(options: RequestsOptions): Requests {
  const { port, requestTopic, responseTopic, send, context, maxAnswerBytes } = options;
  const { name, memory, clock, log } = context;
  const verbs = new Set(options.verbs);
  const refused: Partial<Record<Refusal, number>> = {};
  const kept = new Set(decode(memory.get(KEY)));
  const seen = new Set(kept);
  let done = 0;
  let failed = 0;
  let running = 0;
  let tokens = BURST;
  let refilledMs = clock.monotonic();

  const takeToken = (): boolean => {
    const nowMs = clock.monotonic();
    tokens = Math.min(BURST, tokens + (nowMs - refilledMs) / REFILL_MS);
    refilledMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
  const isSeen = (verb: CommandVerb, transaction: Transaction | undefined): boolean => {
    if (transaction === undefined) return false;
    const id = createHash('sha256').update(JSON.stringify(transaction)).digest('base64url').slice(0, ID_CHARACTERS);
    if (seen.has(id)) return true;
    add(seen, id);
    if (isChanging(verb)) {
      add(kept, id);
      memory.set(KEY, JSON.stringify([...kept]));
    }
    return false;
  };
  const answer = async (verb: string, outcome: CommandOutcome & { code?: string }, transaction?: Transaction) => {
    const { data, error, code } = outcome;
    const status = error === undefined ? 'ok' : 'error';
    let payload = JSON.stringify({ data, status, error, code, transaction });
    if (Buffer.byteLength(payload) > Math.min(MAX_ANSWER_BYTES, maxAnswerBytes())) {
      const why = 'The answer is larger than the broker takes.';
      payload = JSON.stringify({ data: {}, status: 'error', error: why, code: 'command.answer', transaction });
    }
    const message = { topic: ofSensor(responseTopic, verb), payload };
    await send(message).catch(() => port.keep(message));
  };
  const refuse = (verb: string, reason: Refusal, why: string, transaction?: Transaction) => {
    refused[reason] = (refused[reason] ?? 0) + 1;
    log.warn('command.refused', { uplink: name, verb, reason });
    // An answer to each of a flood would be a flood, and one to an unknown verb would go to a topic of the asker's choice.
    if (reason !== 'limited' && reason !== 'unlisted')
      void answer(verb, { data: {}, error: why, code: `command.${reason}` }, transaction);
  };
  const carryOut = async (
    verb: CommandVerb,
    given: Readonly<Record<string, string | number | null>>,
    transaction?: Transaction,
  ) => {
    running += 1;
    log.info('command.begun', { uplink: name, verb, transaction });
    const outcome = await port
      .run(verb, given)
      .catch((error) => ({ data: {}, error: messageOf(error), code: codeOf(error) ?? 'command.failed' }));
    running -= 1;
    if (outcome.error === undefined) done += 1;
    else failed += 1;
    await answer(verb, outcome, transaction);
  };

  return {
    topics: [...verbs].map((verb) => ofSensor(requestTopic, verb)),
    hear(topic, payload, { retained, expiresInMs }) {
      if (!topic.startsWith(`${requestTopic}/`)) return false;
      const asked = topic.slice(requestTopic.length + 1);
      const verb = options.verbs.find((one) => one === asked);
      if (!takeToken()) refuse(asked, 'limited', '');
      else if (verb === undefined) refuse(asked.slice(0, 64), 'unlisted', '');
      else {
        const request = judgeRequest(verb, payload);
        const { transaction } = request;
        const no = (reason: Refusal, why: string) => refuse(verb, reason, why, transaction);
        if (retained) no('retained', 'The request was retained at the broker: publish it without retain.');
        else if ('refused' in request) no(request.refused, request.why);
        else if (expiresInMs !== undefined && expiresInMs <= 0) no('stale', 'The request has expired at the broker.');
        else if (request.timeMs !== undefined && Math.abs(clock.now() - request.timeMs) > MAX_AGE_MS)
          no(
            'stale',
            `The request is not of now: its \`time\` is more than ${MAX_AGE_MS / 1_000} s from this station's clock, ${new Date(clock.now()).toISOString()}.`,
          );
        else if (running >= MAX_RUNNING) no('busy', `${MAX_RUNNING} commands are under way: ask again.`);
        else if (isSeen(verb, transaction))
          no('replayed', 'This `transaction` was seen before: each request needs a new one.');
        else void carryOut(verb, request.given, transaction);
      }
      return true;
    },
    counts: () => ({ done, failed, refused: { ...refused } as Readonly<Record<string, number>> }),
  };
}

/** The oldest goes first. */
function add(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size > MAX_SEEN) ids.delete(ids.values().next().value ?? '');
}

function decode(text: string | undefined): string[] {
  try {
    const ids: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string').slice(-MAX_SEEN) : [];
  } catch {
    // Damaged: nothing is known then.
    return [];
  }
}
