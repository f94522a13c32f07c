import { describe, expect, it } from 'vitest';
import { retainedTopics } from '../../src/uplink/retained.ts';
import { topicsOf } from '../../src/uplink/topics.ts';

function memoryOf() {
  const facts = new Map<string, string>();
  return {
    facts,
    get: (key: string) => facts.get(key),
    set: (key: string, value: string | undefined) =>
      void (value === undefined ? facts.delete(key) : facts.set(key, value)),
  };
}
const topics = (prefix = 'sedge', more = {}) => topicsOf({ prefix, ...more }, 'pi-1');

describe('retained topics', () => {
  it('of sensors that are gone are to be cleared, until they are', () => {
    const memory = memoryOf();
    expect(retainedTopics(memory, 'cloud', topics()).plan(['air', 'lamp'])).toEqual([]);
    const next = retainedTopics(memory, 'cloud', topics());
    expect(next.plan(['air'])).toEqual(['sedge/pi-1/state/lamp', 'sedge/pi-1/status/lamp']);
    next.cleared('sedge/pi-1/state/lamp');
    // The connection was lost before the second one was cleared: both again.
    const after = retainedTopics(memory, 'cloud', topics());
    expect(after.plan(['air'])).toHaveLength(2);
    after.cleared('sedge/pi-1/state/lamp');
    after.cleared('sedge/pi-1/status/lamp');
    expect(retainedTopics(memory, 'cloud', topics()).plan(['air'])).toEqual([]);
  });

  it('under another prefix, or of a topic that is off now, are cleared too', () => {
    const memory = memoryOf();
    retainedTopics(memory, 'cloud', topics()).plan(['air']);
    expect(retainedTopics(memory, 'cloud', topics('farm')).plan(['air'])).toEqual([
      'sedge/pi-1/state/air',
      'sedge/pi-1/status/air',
    ]);
    const other = memoryOf();
    retainedTopics(other, 'cloud', topics()).plan(['air']);
    expect(retainedTopics(other, 'cloud', topics('sedge', { state: false })).plan(['air'])).toEqual([
      'sedge/pi-1/state/air',
    ]);
  });

  it('are remembered per uplink', () => {
    const memory = memoryOf();
    retainedTopics(memory, 'cloud', topics()).plan(['air']);
    expect(retainedTopics(memory, 'other', topics()).plan([])).toEqual([]);
  });

  it('fit into the memory, whatever is configured, and survive what is not ours in it', () => {
    const memory = memoryOf();
    const many = Array.from({ length: 300 }, (_, index) => `sensor-with-a-long-name-${index}`);
    retainedTopics(memory, 'cloud', topics()).plan(many);
    expect(memory.facts.get('retained.cloud')!.length).toBeLessThanOrEqual(4_096);
    memory.facts.set('retained.cloud', '{"no":');
    expect(retainedTopics(memory, 'cloud', topics()).plan(['air'])).toEqual([]);
    memory.facts.set('retained.cloud', '[{"sensors":"air"}, 5, null]');
    expect(retainedTopics(memory, 'cloud', topics()).plan(['air'])).toEqual([]);
  });
});
