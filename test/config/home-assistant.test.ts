/** `home_assistant` in an MQTT uplink: what it may be, and what it needs. */
import { describe, expect, it } from 'vitest';
import { configOf, problemsOf } from './help.ts';

const file = (keys: string) => `version: 1\nuplinks:\n  c: { type: mqtt, url: "mqtt://127.0.0.1", ${keys} }\n`;
const uplink = async (keys: string) => (await configOf(file(keys))).uplinks[0];

describe('home_assistant', () => {
  it('is off unless set', async () => {
    expect(await uplink('qos: 1')).not.toHaveProperty('homeAssistant');
    expect(await uplink('home_assistant: false')).not.toHaveProperty('homeAssistant');
  });
  it('is on with the usual topics, or with others', async () => {
    expect(await uplink('home_assistant: true')).toMatchObject({ homeAssistant: { discoveryPrefix: 'homeassistant' } });
    expect(await uplink('home_assistant: { discovery_prefix: ha, node_id: farm_1 }')).toMatchObject({
      homeAssistant: { discoveryPrefix: 'ha', nodeId: 'farm_1' },
    });
  });
  it('needs the state topics: the problem says what to remove', async () => {
    expect(await problemsOf(file('home_assistant: true, topics: { state: off }'))).toEqual([
      expect.stringMatching(/^3:84: uplinks\.c\.topics\.state: is off, .* remove `state: off`$/),
    ]);
    expect(await problemsOf(file('topics: { state: off }, home_assistant: true'))).toEqual([
      expect.stringMatching(/^3:85: uplinks\.c\.home_assistant: needs the state topics, .* remove `state: off`$/),
    ]);
  });
  it.each([
    ['home_assistant: { node_id: "a/b" }', 'uplinks.c.home_assistant.node_id: `a/b` is not a node id'],
    ['home_assistant: { discovery_prefix: "ha/#" }', 'uplinks.c.home_assistant.discovery_prefix: `ha/#` holds + or #'],
    ['home_assistant: { prefix: ha }', 'uplinks.c.home_assistant.prefix: unknown key'],
  ])('%s is a problem', async (keys, expected) => {
    const problems = await problemsOf(file(keys));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });
});
