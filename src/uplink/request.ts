/**
 * A request as it came over the wire, judged before anything is done: pure, total, and bounded by the size it takes. A request
 * is one flat JSON object (or nothing at all) with `transaction`, `time`, and the arguments of its verb.
 */
import type { CommandArguments, CommandVerb } from './types.ts';

/** Largest payload that is looked at. */
export const MAX_REQUEST_BYTES = 8 * 1024;
/** A request with a `time` further from our clock than this is refused. */
export const MAX_AGE_MS = 60_000;

/** Verb -> its arguments. */
const ARGUMENTS: Readonly<Record<CommandVerb, readonly string[]>> = {
  read: ['sensor'],
  reload: [],
  interval: ['sensor', 'every', 'every_ms'],
  health: [],
  journal: [],
};
/** They change something, so the same request must not count twice: each names a transaction. */
const CHANGING: readonly CommandVerb[] = ['reload', 'interval'];
export const isChanging = (verb: CommandVerb): boolean => CHANGING.includes(verb);

export type Transaction = string | number;

export interface Request {
  readonly transaction?: Transaction;
  /** Unix ms at which it was made. */
  readonly timeMs?: number;
  readonly given: CommandArguments;
}
export type Judged =
  | Request
  | { readonly refused: 'oversized' | 'malformed'; readonly why: string; readonly transaction?: Transaction };

const TRANSACTION = /^[\x20-\x7e]{1,64}$/;
/** RFC 3339 in UTC or with an offset. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
const MAX_TEXT = 64;

export function judgeRequest(verb: CommandVerb, payload: Uint8Array): Judged {
  if (payload.length > MAX_REQUEST_BYTES)
    return {
      refused: 'oversized',
      why: `The request has ${payload.length} bytes: at most ${MAX_REQUEST_BYTES} are taken.`,
    };
  const malformed = (why: string, transaction?: Transaction): Judged => ({
    refused: 'malformed',
    why,
    ...(transaction !== undefined && { transaction }),
  });
  let value: unknown;
  try {
    value = payload.length === 0 ? {} : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return malformed('The request is not JSON: send an object, such as {"transaction":"1"}.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return malformed('The request is not a JSON object: send one, such as {"transaction":"1"}.');

  const members = new Map<string, unknown>(Object.entries(value));
  const transaction = members.get('transaction');
  if (transaction !== undefined && !isTransaction(transaction))
    return malformed('`transaction` is a text of 1 to 64 ASCII characters, or a whole number.');
  const time = members.get('time');
  const timeMs = typeof time === 'string' && TIME.test(time) ? Date.parse(time) : Number.NaN;
  if (time !== undefined && Number.isNaN(timeMs))
    return malformed('`time` is not a time: write it as 2026-11-22T12:00:00Z.', transaction);
  if (transaction === undefined && isChanging(verb))
    return malformed(`\`${verb}\` needs a \`transaction\`, a new one for each request.`);

  members.delete('transaction');
  members.delete('time');
  const given: Record<string, string | number | null> = {};
  for (const [name, argument] of members) {
    if (!ARGUMENTS[verb].includes(name)) {
      const known = ARGUMENTS[verb].map((one) => `\`${one}\``).join(', ') || 'nothing';
      return malformed(
        `The request has a member that \`${verb}\` does not know: it takes ${known} besides \`transaction\` and \`time\`.`,
        transaction,
      );
    }
    if (!isArgument(argument)) return malformed(`\`${name}\` is not a short text or a number.`, transaction);
    given[name] = argument;
  }
  return { given, ...(transaction !== undefined && { transaction }), ...(time !== undefined && { timeMs }) };
}

const isTransaction = (value: unknown): value is Transaction =>
  typeof value === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && TRANSACTION.test(value);

const isArgument = (value: unknown): value is string | number | null =>
  value === null ||
  (typeof value === 'number' && Number.isFinite(value)) ||
  (typeof value === 'string' && value.length <= MAX_TEXT);
