/** Which requests are carried out, which are refused and counted, and what is answered. */
import { describe, expect, it } from 'vitest';
import { virtualClock } from '../../src/clock.ts';
import { SedgeError } from '../../src/errors.ts';
import { createLog } from '../../src/service/log.ts';
import { createRequests } from '../../src/uplink/requests.ts';
import type { CommandOutcome, CommandVerb, KeptAnswer } from '../../src/uplink/types.ts';

const NOW = Date.UTC(2026, 10, 22, 12);

interface BenchOptions {
  readonly verbs?: readonly CommandVerb[];
  readonly memory?: Map<string, string>;
  readonly run?: (verb: CommandVerb) => Promise<CommandOutcome>;
  readonly maxAnswerBytes?: number;
}
function bench({
  verbs = ['read', 'interval', 'health'],
  memory = new Map(),
  run,
  maxAnswerBytes = 1e6,
}: BenchOptions = {}) {
  const clock = virtualClock({ wallMs: NOW });
  const ran: string[] = [];
  const sent: KeptAnswer[] = [];
  const kept: KeptAnswer[] = [];
  const link = { up: true };
  const requests = createRequests({
    verbs,
    port: {
      async run(verb, given) {
        ran.push(`${verb} ${JSON.stringify(given)}`);
        return run ? run(verb) : { data: { it: 'worked' } };
      },
      keep: (answer) => void kept.push(answer),
      handOver: () => {},
    },
    requestTopic: 'sedge/pi/request',
    responseTopic: 'sedge/pi/response',
    context: {
      name: 'cloud',
      clock,
      log: createLog({ level: 'error', write: () => {} }),
      memory: { get: (key) => memory.get(key), set: (key, value) => void memory.set(key, value ?? '') },
    },
    async send(answer) {
      if (!link.up) throw new SedgeError('uplink.lost', 'gone');
      sent.push(answer);
    },
    maxAnswerBytes: () => maxAnswerBytes,
  });
  const hear = (
    verb: string,
    request: object | string = {},
    facts = { retained: false } as { retained: boolean; expiresInMs?: number },
  ) => {
    const text = typeof request === 'string' ? request : JSON.stringify(request);
    return requests.hear(`sedge/pi/request/${verb}`, new TextEncoder().encode(text), facts);
  };
  /** What was answered since the last look. */
  const answers = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return sent.splice(0).map(({ topic, payload }) => ({ topic, ...JSON.parse(payload) }));
  };
  return { clock, requests, ran, kept, link, hear, answers, memory };
}
const set = (transaction: string) => ({ transaction, sensor: 'air', every: '30s' });

describe('a request', () => {
  it('is carried out and answered with its transaction', async () => {
    const { hear, answers, ran, requests } = bench();
    hear('read', { transaction: 'a', sensor: 'air' });
    expect(await answers()).toEqual([
      { topic: 'sedge/pi/response/read', data: { it: 'worked' }, status: 'ok', transaction: 'a' },
    ]);
    expect(ran).toEqual(['read {"sensor":"air"}']);
    expect(requests.counts()).toEqual({ done: 1, failed: 0, refused: {} });
  });

  it('that fails is answered with why, and counted', async () => {
    const { hear, answers, requests } = bench({
      run: async () => {
        throw new SedgeError('bus.nack', 'Nobody answers at 0x76.');
      },
    });
    hear('read', { transaction: 'a', sensor: 'air' });
    expect(await answers()).toEqual([
      {
        ...{ topic: 'sedge/pi/response/read', data: {}, status: 'error', transaction: 'a' },
        ...{ error: 'Nobody answers at 0x76.', code: 'bus.nack' },
      },
    ]);
    expect(requests.counts()).toMatchObject({ done: 0, failed: 1 });
  });

  it('is subscribed to by its own topic, one for each verb that is listed', () => {
    expect(bench({ verbs: ['read', 'health'] }).requests.topics).toEqual([
      'sedge/pi/request/read',
      'sedge/pi/request/health',
    ]);
  });

  it('whose connection is gone leaves its answer for the next one', async () => {
    const { hear, answers, link, kept } = bench();
    link.up = false;
    hear('health', { transaction: 'a' });
    expect(await answers()).toEqual([]);
    expect(kept).toHaveLength(1);
    expect(kept[0]).toMatchObject({ topic: 'sedge/pi/response/health' });
  });

  it('whose answer the broker would not take says so', async () => {
    const { hear, answers } = bench({ maxAnswerBytes: 300, run: async () => ({ data: { text: 'x'.repeat(300) } }) });
    hear('health', { transaction: 'a' });
    expect(await answers()).toMatchObject([{ status: 'error', code: 'command.answer', transaction: 'a' }]);
  });
});

describe('refused and counted is', () => {
  const refusedAs = async (reason: string, { answers, ran, requests }: ReturnType<typeof bench>, isAnswered = true) => {
    const told = await answers();
    expect(ran).toEqual([]);
    expect(requests.counts()).toEqual({ done: 0, failed: 0, refused: { [reason]: 1 } });
    expect(told).toHaveLength(isAnswered ? 1 : 0);
    if (isAnswered) expect(told[0]).toMatchObject({ data: {}, status: 'error', code: `command.${reason}` });
  };
  it('what the broker had retained', async () => {
    const one = bench();
    one.hear('read', { transaction: 'a', sensor: 'air' }, { retained: true });
    await refusedAs('retained', one);
  });
  it.each([-61_000, 61_000])('what is of another time: %i ms', async (offMs) => {
    const one = bench();
    one.hear('health', { time: new Date(NOW + offMs).toISOString() });
    await refusedAs('stale', one);
  });
  it('what has expired', async () => {
    const one = bench();
    one.hear('health', {}, { retained: false, expiresInMs: 0 });
    await refusedAs('stale', one);
  });
  it('what is malformed, with its transaction where that can be read', async () => {
    const one = bench();
    one.hear('health', '{');
    await refusedAs('malformed', one);
    one.hear('health', { transaction: 'b', no: 1 });
    expect(await one.answers()).toMatchObject([{ transaction: 'b' }]);
  });
  it('what is oversized', async () => {
    const one = bench();
    one.hear('health', ' '.repeat(9_000));
    await refusedAs('oversized', one);
  });
  it.each(['reload', 'exec', 'read/x', ''])('a verb that is not listed, without an answer: "%s"', async (verb) => {
    const one = bench();
    expect(one.hear(verb)).toBe(true);
    await refusedAs('unlisted', one, false);
  });
  it('the same transaction again', async () => {
    const { hear, answers, ran, requests } = bench();
    hear('health', { transaction: 'a' });
    hear('health', { transaction: 'a' });
    expect((await answers()).map(({ status }) => status).sort()).toEqual(['error', 'ok']);
    expect(ran).toHaveLength(1);
    expect(requests.counts().refused).toEqual({ replayed: 1 });
  });
  it('the same change again, also after a restart; the oldest of 350 are forgotten', async () => {
    const memory = new Map<string, string>();
    const before = bench({ memory });
    before.hear('interval', set('a'));
    await before.answers();
    const after = bench({ memory });
    after.hear('interval', set('a'));
    expect(await after.answers()).toMatchObject([{ status: 'error', code: 'command.replayed' }]);
    for (let number = 0; number < 400; number++) {
      after.hear('interval', set(`n${number}`));
      await after.answers();
      await after.clock.advance(1_000);
    }
    expect(JSON.parse(memory.get('commands')!)).toHaveLength(350);
    expect(memory.get('commands')!.length).toBeLessThan(4_096);
  });
  it('what is too much at once: twenty, then five a second, and no answers to the rest', async () => {
    const { hear, answers, requests, clock } = bench();
    for (let number = 0; number < 50; number++) {
      hear('health');
      // Each is done before the next.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answers()).toHaveLength(20);
    expect(requests.counts().refused).toEqual({ limited: 30 });
    await clock.advance(400);
    for (let number = 0; number < 4; number++) hear('health');
    expect(await answers()).toHaveLength(2);
  });
  it('a fifth while four are under way', async () => {
    let finish = () => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { hear, answers, requests } = bench({ run: () => gate.then(() => ({ data: {} })) });
    for (let number = 0; number < 5; number++) hear('health');
    expect(await answers()).toMatchObject([{ code: 'command.busy' }]);
    finish();
    expect(await answers()).toHaveLength(4);
    expect(requests.counts()).toMatchObject({ done: 4, refused: { busy: 1 } });
  });
});

it('other topics are none of its business, and a damaged memory does no harm', () => {
  const { requests } = bench({ memory: new Map([['commands', '{"no']]) });
  expect(requests.hear('homeassistant/status', new Uint8Array(), { retained: false })).toBe(false);
});
