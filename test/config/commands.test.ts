/** `commands` in an MQTT uplink: nothing unless listed. */
import { describe, expect, it } from 'vitest';
import { configOf, problemsOf } from './help.ts';

const file = (keys: string) => `version: 1\nuplinks:\n  c: { type: mqtt, url: "mqtt://127.0.0.1", ${keys} }\n`;
const uplink = async (keys: string) => (await configOf(file(keys))).uplinks[0];

describe('commands', () => {
  it('are none unless set', async () => expect(await uplink('qos: 1')).not.toHaveProperty('commands'));
  it('are those that are listed', async () =>
    expect(await uplink('commands: [read, health]')).toMatchObject({ commands: ['read', 'health'] }));
  it('have topics of their own where these are named', async () =>
    expect(await uplink('topics: { request: a/ask, response: a/tell }')).toMatchObject({
      topics: { request: 'a/ask', response: 'a/tell' },
    }));
  it.each([
    [
      'commands: [reed]',
      '3:56: uplinks.c.commands[0]: `reed` is not one of read, reload, interval, health, journal: did you mean `read`?',
    ],
    ['commands: [shell]', 'uplinks.c.commands[0]: `shell` is not one of'],
    ['commands: read', 'uplinks.c.commands: '],
    ['topics: { request: "a/+" }', 'uplinks.c.topics.request: `a/+` holds + or #'],
    ['topics: { request: off }', 'uplinks.c.topics.request: `off` cannot be off'],
  ])('%s is a problem', async (keys, expected) => {
    const problems = await problemsOf(file(keys));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });
});
