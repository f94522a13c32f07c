/** The parser of requests: whatever comes over the wire is either a request of known shape or refused with a sentence. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeRequest, MAX_REQUEST_BYTES } from '../../src/uplink/request.ts';
import type { CommandVerb } from '../../src/uplink/types.ts';

const VERBS: readonly CommandVerb[] = ['read', 'reload', 'interval', 'health', 'journal'];
const bytes = (text: string) => new TextEncoder().encode(text);
const judge = (verb: CommandVerb, text: string) => judgeRequest(verb, bytes(text));

describe('a request', () => {
  it('may be nothing at all where there is nothing to say', () => {
    expect(judge('health', '')).toEqual({ given: {} });
    expect(judge('journal', '{}')).toEqual({ given: {} });
  });
  it('has a transaction, a time and the arguments of its verb', () => {
    const text = '{"transaction":"t-1","time":"2026-11-22T12:00:00Z","sensor":"air","every":"30s"}';
    const timeMs = Date.UTC(2026, 10, 22, 12);
    expect(judge('interval', text)).toEqual({ transaction: 't-1', timeMs, given: { sensor: 'air', every: '30s' } });
    expect(judge('interval', '{"transaction":7,"sensor":"air","every":null}')).toMatchObject({
      given: { every: null },
    });
  });
  it('that changes something names a transaction', () => {
    for (const verb of ['reload', 'interval'] as const)
      expect(judge(verb, '{}')).toMatchObject({ refused: 'malformed', why: expect.stringContaining('transaction') });
  });

  it.each([
    ['no JSON', 'read', '{"sensor":'],
    ['not UTF-8', 'read', '\ud800'],
    ['a list', 'health', '[]'],
    ['null', 'health', 'null'],
    ['an unknown member', 'health', '{"sensor":"air"}'],
    ['a member for a prototype', 'read', '{"__proto__":{"sensor":"air"}}'],
    ['another for a prototype', 'read', '{"constructor":"x"}'],
    ['a nested argument', 'read', '{"sensor":{"$ne":1}}'],
    ['a long argument', 'read', `{"sensor":"${'a'.repeat(65)}"}`],
    ['an endless number', 'interval', '{"transaction":1,"sensor":"air","every_ms":1e999}'],
    ['a time that is none', 'health', '{"time":"yesterday"}'],
    ['a time that is a number', 'health', '{"time":1}'],
    ['an impossible time', 'health', '{"time":"2026-13-01T00:00:00Z"}'],
    ['an empty transaction', 'health', '{"transaction":""}'],
    ['a transaction with a line break', 'health', '{"transaction":"a\\nb"}'],
    ['a transaction that is an object', 'health', '{"transaction":{}}'],
  ] as const)('is refused: %s', (_what, verb, text) => {
    expect(judge(verb, text)).toMatchObject({ refused: 'malformed', why: expect.stringMatching(/\.$/) });
  });

  it('is refused unread when it is too large', () => {
    expect(judge('health', ' '.repeat(MAX_REQUEST_BYTES + 1))).toMatchObject({ refused: 'oversized' });
    expect(judge('health', `{}${' '.repeat(MAX_REQUEST_BYTES - 2)}`)).toEqual({ given: {} });
  });
});

describe('whatever comes', () => {
  const verb = fc.constantFrom(...VERBS);
  const expectSound = (verbOf: CommandVerb, payload: Uint8Array) => {
    const judged = judgeRequest(verbOf, payload);
    if ('refused' in judged) {
      expect(judged.why).toMatch(/^[ -~]{10,300}$/);
      return;
    }
    for (const value of Object.values(judged.given))
      expect(value === null || typeof value === 'string' || Number.isFinite(value)).toBe(true);
    expect(Object.getPrototypeOf(judged.given)).toBe(Object.prototype);
    if (judged.timeMs !== undefined) expect(Number.isFinite(judged.timeMs)).toBe(true);
  };
  it('of bytes, it is judged', () => {
    fc.assert(fc.property(verb, fc.uint8Array({ maxLength: 9_000 }), expectSound), { numRuns: 300 });
  });
  it('of JSON, it is judged', () => {
    fc.assert(
      fc.property(verb, fc.json({ maxDepth: 20 }), (of, text) => expectSound(of, bytes(text))),
      { numRuns: 500 },
    );
  });
  it('of nearly right objects, it is judged, and what it takes is what was sent', () => {
    const member = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.constant(null),
      fc.boolean(),
      fc.array(fc.string()),
    );
    const key = fc.constantFrom('transaction', 'time', 'sensor', 'every', 'every_ms', '__proto__', 'toString');
    fc.assert(
      fc.property(verb, fc.dictionary(key, member), (of, object) => {
        const payload = bytes(JSON.stringify(object));
        expectSound(of, payload);
        const judged = judgeRequest(of, payload);
        if ('refused' in judged) return;
        const sent = JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
        for (const [name, value] of Object.entries(judged.given)) expect(value).toEqual(sent[name]);
        expect(judged.transaction).toEqual(sent.transaction);
      }),
      { numRuns: 1_000 },
    );
  });
});
