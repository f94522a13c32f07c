/**
 * The discovery message of Home Assistant: one for the whole station, retained, that names every channel of every sensor as
 * an entity (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload). Abbreviated keys, because it is
 * one message for a whole station, and brokers bound a message.
 *
 * Promises: the ids of entities depend on the ids of device, sensor and channel only, so names and schedules may change; an
 * entity that is gone is withdrawn by name, also when it went while we were away.
 */
import type { Catalogue, CatalogueSensor } from '../reading.ts';
import { BINARY_CLASSES, entityClassOf, expireAfterS } from './home-assistant-entities.ts';
import { ofSensor, type Topics } from './topics.ts';
import type { Station, UplinkContext } from './types.ts';

type Platform = 'sensor' | 'binary_sensor';
type Component = Readonly<Record<string, unknown>> & { readonly p: Platform };
type Components = Readonly<Record<string, Component>>;

/** The memory takes 4 KiB per key; entities beyond it are announced, but not withdrawn one by one. */
const MAX_CHARACTERS = 4_000;
const KEY = 'home-assistant';

export interface Discovery {
  readonly topic: string;
  /** The message of the moment, empty where there is nothing to announce. What it announces is noted before. */
  payload(): string;
  /** The broker has this one. True: there is another to be published, without what it withdrew. */
  published(payload: string): boolean;
}

export interface DiscoveryOptions {
  readonly topic: string;
  readonly topics: Topics;
  readonly station: Station;
  readonly memory: UplinkContext['memory'];
}

export function createDiscovery({ topic, topics, station, memory }: DiscoveryOptions): Discovery {
  /** The last message that withdrew something, and what is left then. */
  let withdrawing: { readonly payload: string; readonly left: string } | undefined;
  return {
    topic,
    payload() {
      const wanted = componentsOf(station.catalogue(), station.device, topics);
      const known = decode(memory.get(KEY));
      const gone = Object.entries(known).filter(([id, platform]) => wanted[id]?.p !== platform);
      const left = encode(platformsOf(wanted));
      const noted = gone.length === 0 ? left : encode({ ...platformsOf(wanted), ...Object.fromEntries(gone) });
      if (noted !== memory.get(KEY)) memory.set(KEY, noted);
      const tombs = Object.fromEntries(gone.map(([id, platform]) => [id, { p: platform }]));
      const components: Components = { ...wanted, ...tombs };
      const payload = Object.keys(wanted).length === 0 ? '' : message(components, station);
      withdrawing = gone.length === 0 ? undefined : { payload, left };
      return payload;
    },
    published(payload) {
      if (withdrawing?.payload !== payload) return false;
      memory.set(KEY, withdrawing.left);
      withdrawing = undefined;
      return payload !== '';
    },
  };
}

const message = (components: Components, { device, version }: Station): string =>
  JSON.stringify({
    dev: { ids: [`sedge.${device}`], name: device, mf: 'Sedge', mdl: 'Sedge station', sw: version },
    o: { name: 'sedge', sw: version },
    cmps: components,
  });

/** Channels have no `-`, so the last one divides: no two channels of a station share an id. */
const componentId = (sensor: string, channel: string): string => `${sensor}-${channel}`;

function componentsOf(catalogue: Catalogue, device: string, topics: Topics): Record<string, Component> {
  const result: Record<string, Component> = {};
  for (const [id, sensor] of Object.entries(catalogue)) {
    const shared = sharedKeys(id, sensor, topics);
    for (const [channel, spec] of Object.entries(sensor.channels)) {
      result[componentId(id, channel)] = {
        ...(spec.quantity === 'state' ? binaryKeys(sensor.driver) : sensorKeys(spec)),
        // No id has a dot: unique over all stations of one Home Assistant.
        uniq_id: `sedge.${device}.${id}.${channel}`,
        name: entityName(sensor.name ?? id, channel, sensor),
        val_tpl: `{{ value_json.${channel} | default('${spec.on_change ? '' : 'None'}') }}`,
        ...shared,
      };
    }
  }
  return result;
}

/** What all channels of a sensor have in common. */
function sharedKeys(id: string, sensor: CatalogueSensor, topics: Topics): Readonly<Record<string, unknown>> {
  const expiryS = expireAfterS(sensor);
  const online = (topic: string) => ({ t: topic, val_tpl: '{{ value_json.state }}' });
  return {
    ...(topics.state !== undefined && { stat_t: ofSensor(topics.state, id) }),
    ...(topics.status !== undefined && {
      avty: [online(topics.status), online(ofSensor(topics.status, id))],
      avty_mode: 'all',
    }),
    ...(expiryS !== undefined && { exp_aft: expiryS }),
    ...(sensor.driver === 'host' && { ent_cat: 'diagnostic' }),
  };
}

/** The values are 1 and 0 in the state message. */
const binaryKeys = (driver: string): Component => {
  const deviceClass = Object.hasOwn(BINARY_CLASSES, driver) ? BINARY_CLASSES[driver] : undefined;
  return { p: 'binary_sensor', ...(deviceClass !== undefined && { dev_cla: deviceClass }), pl_on: '1', pl_off: '0' };
};

function sensorKeys(spec: CatalogueSensor['channels'][string]): Component {
  const { deviceClass, unit, stateClass } = entityClassOf(spec);
  return {
    p: 'sensor',
    ...(deviceClass !== undefined && { dev_cla: deviceClass }),
    ...(unit !== undefined && { unit_of_meas: unit }),
    stat_cla: stateClass,
  };
}

/** Home Assistant puts the device's name before it. A single `state` or `value` says nothing beside the sensor's name. */
function entityName(sensor: string, channel: string, { channels }: CatalogueSensor): string {
  const isOnly = Object.keys(channels).length === 1;
  return isOnly && (channel === 'state' || channel === 'value') ? sensor : `${sensor} ${channel.replaceAll('_', ' ')}`;
}

const platformsOf = (components: Components): Record<string, Platform> =>
  Object.fromEntries(Object.entries(components).map(([id, { p }]) => [id, p]));

/** `{"sensor":[ids],"binary_sensor":[ids]}`, as many as fit. */
function encode(platforms: Readonly<Record<string, Platform>>): string {
  const lists: Record<Platform, string[]> = { sensor: [], binary_sensor: [] };
  let length = JSON.stringify(lists).length;
  for (const [id, platform] of Object.entries(platforms)) {
    length += id.length + 3;
    if (length > MAX_CHARACTERS) break;
    lists[platform].push(id);
  }
  return JSON.stringify(lists);
}

function decode(text: string | undefined): Record<string, Platform> {
  const result: Record<string, Platform> = {};
  if (text === undefined) return result;
  try {
    const lists = (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
    for (const platform of ['sensor', 'binary_sensor'] as const) {
      const ids = lists[platform];
      if (!Array.isArray(ids)) continue;
      for (const id of ids) if (typeof id === 'string') result[id] = platform;
    }
  } catch {
    // Written by another version, or damaged: nothing is known then.
  }
  return result;
}
