/**
 * Which topics this uplink left retained at the broker, across restarts: a sensor that was removed or renamed must not live
 * on in its last message, nor a station in Home Assistant that is no longer to be there.
 */
import { ofSensor, type Topics } from './topics.ts';
import type { UplinkContext } from './types.ts';

type Memory = UplinkContext['memory'];

/** Sensors under one set of names; another prefix or device makes another group. */
interface Group {
  readonly state?: string;
  readonly status?: string;
  readonly discovery?: string;
  readonly sensors: readonly string[];
}

/** The memory takes 4 KiB per key. Sensors beyond it are published, but not remembered. */
const MAX_CHARACTERS = 4_000;

export interface RetainedTopics {
  /** Notes the topics of these sensors before they are published, and returns the topics of others to be cleared. */
  plan(sensors: readonly string[]): readonly string[];
  /** A topic that `plan` returned is cleared. */
  cleared(topic: string): void;
  /** All topics that were left there, for when nothing of it is to stay. */
  all(): readonly string[];
  /** All of them are cleared. */
  forget(): void;
}

export function retainedTopics(memory: Memory, uplink: string, topics: Topics): RetainedTopics {
  const key = `retained.${uplink}`;
  const stale = new Set<string>();
  let current: Group = groupOf(topics, []);

  const remember = (groups: readonly Group[]) => {
    const text = encode(groups);
    if (text !== memory.get(key)) memory.set(key, text);
  };
  return {
    plan(sensors) {
      const known = decode(memory.get(key));
      current = groupOf(topics, sensors);
      const wanted = new Set(topicsIn(current));
      stale.clear();
      for (const topic of known.flatMap(topicsIn)) if (!wanted.has(topic)) stale.add(topic);
      remember(stale.size === 0 ? [current] : merge([current, ...known]));
      return [...stale];
    },
    cleared(topic) {
      if (stale.delete(topic) && stale.size === 0) remember([current]);
    },
    all: () => [...new Set(decode(memory.get(key)).flatMap(topicsIn))],
    forget: () => memory.set(key, undefined),
  };
}

const groupOf = ({ state, status, discovery }: Topics, sensors: readonly string[]): Group => ({
  ...(state === undefined ? {} : { state }),
  ...(status === undefined ? {} : { status }),
  ...(discovery === undefined ? {} : { discovery }),
  sensors: [...sensors].sort(),
});

const topicsIn = ({ state, status, discovery, sensors }: Group): string[] => [
  ...[state, status].flatMap((base) => (base === undefined ? [] : sensors.map((sensor) => ofSensor(base, sensor)))),
  ...(discovery === undefined ? [] : [discovery]),
];

function merge(groups: readonly Group[]): Group[] {
  const byNames = new Map<string, Group>();
  for (const group of groups) {
    const names = JSON.stringify([group.state, group.status, group.discovery]);
    const sensors = [...new Set([...(byNames.get(names)?.sensors ?? []), ...group.sensors])].sort();
    byNames.set(names, { ...group, sensors });
  }
  return [...byNames.values()];
}

function encode(groups: readonly Group[]): string {
  let kept = [...groups];
  for (let text = JSON.stringify(kept); ; text = JSON.stringify(kept)) {
    if (text.length <= MAX_CHARACTERS) return text;
    // Drop from the longest group; ends, because every turn drops something.
    const longest = kept.reduce((a, b) => (b.sensors.length > a.sensors.length ? b : a));
    kept = kept
      .map((group) => (group === longest ? { ...group, sensors: group.sensors.slice(0, -1) } : group))
      .filter(({ sensors }) => sensors.length > 0);
  }
}

function decode(text: string | undefined): Group[] {
  if (text === undefined) return [];
  try {
    const groups: unknown = JSON.parse(text);
    return Array.isArray(groups) ? groups.filter(isGroup) : [];
  } catch {
    // Written by another version, or damaged: nothing is known then.
    return [];
  }
}

function isGroup(value: unknown): value is Group {
  const { state, status, discovery, sensors } = (value ?? {}) as Record<string, unknown>;
  const isName = (name: unknown) => name === undefined || typeof name === 'string';
  return (
    [state, status, discovery].every(isName) && Array.isArray(sensors) && sensors.every((s) => typeof s === 'string')
  );
}
