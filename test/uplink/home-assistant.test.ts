/**
 * What Home Assistant is told, judged by what it publishes itself: the keys it requires of each platform, the units and state
 * classes it accepts with each device class.
 */
import { describe, expect, it } from 'vitest';
import { type Catalogue, type CatalogueSensor, UNITS } from '../../src/reading.ts';
import { longestCronGapMs } from '../../src/uplink/cron-gap.ts';
import { createDiscovery } from '../../src/uplink/home-assistant.ts';
import { ENTITY_CLASSES, expireAfterS } from '../../src/uplink/home-assistant-entities.ts';
import { topicsOf } from '../../src/uplink/topics.ts';
import type { Station } from '../../src/uplink/types.ts';

/**
 * https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload: a device needs identifiers or connections, the
 * origin a name, each component a platform and, to belong to a device, a unique id. Abbreviations: the list on that page.
 * https://www.home-assistant.io/integrations/sensor.mqtt/ and .../binary_sensor.mqtt/: "state_topic string REQUIRED".
 */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  message: ['dev', 'o', 'cmps'],
  device: ['ids'],
  origin: ['name'],
  sensor: ['p', 'uniq_id', 'stat_t'],
  binary_sensor: ['p', 'uniq_id', 'stat_t'],
};
/** What those pages allow besides, abbreviated; a key that is misspelt would be ignored without a word. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  device: ['ids', 'name', 'mf', 'mdl', 'sw'],
  origin: ['name', 'sw', 'url'],
  sensor: [
    ...['p', 'uniq_id', 'stat_t', 'name', 'val_tpl', 'avty', 'avty_mode', 'exp_aft', 'ent_cat'],
    ...['dev_cla', 'unit_of_meas', 'stat_cla'],
  ],
  binary_sensor: [
    ...['p', 'uniq_id', 'stat_t', 'name', 'val_tpl', 'avty', 'avty_mode', 'exp_aft', 'ent_cat'],
    ...['dev_cla', 'pl_on', 'pl_off'],
  ],
};
/**
 * https://developers.home-assistant.io/docs/core/entity/sensor/#available-device-classes, and the table of state classes in
 * homeassistant/components/sensor/const.py: of those that we use, some units that each takes and the state classes it may have.
 */
const CLASSES: Readonly<Record<string, { readonly units: readonly string[]; readonly states: readonly string[] }>> = {
  temperature: { units: ['°C', '°F', 'K'], states: ['measurement'] },
  humidity: { units: ['%'], states: ['measurement'] },
  atmospheric_pressure: { units: ['Pa', 'hPa', 'kPa', 'mbar', 'bar'], states: ['measurement'] },
  illuminance: { units: ['lx'], states: ['measurement'] },
  speed: { units: ['mm/s', 'm/s', 'km/h', 'in/s'], states: ['measurement'] },
  frequency: { units: ['Hz', 'kHz', 'MHz', 'GHz'], states: ['measurement'] },
  voltage: { units: ['V', 'mV', 'µV'], states: ['measurement'] },
  current: { units: ['A', 'mA'], states: ['measurement'] },
  power: { units: ['W', 'kW'], states: ['measurement'] },
  energy: { units: ['J', 'kJ', 'Wh', 'kWh'], states: ['total', 'total_increasing'] },
  carbon_dioxide: { units: ['ppm'], states: ['measurement'] },
  data_size: { units: ['B', 'kB', 'MB'], states: ['measurement', 'total', 'total_increasing'] },
  duration: { units: ['s', 'min', 'h', 'd', 'ms'], states: ['measurement', 'total', 'total_increasing'] },
};
/** https://www.home-assistant.io/integrations/binary_sensor/#device-class */
const BINARY_CLASSES = ['motion', 'opening', 'vibration'];

const topics = topicsOf({ prefix: 'sedge' }, 'shed', { discoveryPrefix: 'homeassistant' });
const sensor = (quantity: string, more: Partial<CatalogueSensor> = {}): CatalogueSensor => ({
  driver: 'any',
  every_ms: 10_000,
  channels: { one: { quantity, unit: (UNITS as Readonly<Record<string, string>>)[quantity] ?? 'l/min' } },
  ...more,
});
const AIR: CatalogueSensor = {
  driver: 'bme280',
  every_ms: 10_000,
  channels: {
    temperature: { quantity: 'temperature', unit: 'Cel' },
    absolute_humidity: { quantity: 'absolute_humidity', unit: 'g/m3' },
  },
};
const DOOR: CatalogueSensor = { driver: 'pir', channels: { motion: { quantity: 'state', unit: '1' } } };

// biome-ignore lint/suspicious/noExplicitAny: what a subscriber sees
type Seen = any;

function announcing(catalogue: Catalogue, { memory = new Map<string, string>(), of = topics } = {}) {
  const shown = { catalogue };
  const station = { device: 'shed', version: '1.2.3', catalogue: () => shown.catalogue } as Station;
  const discovery = createDiscovery({
    topic: of.discovery!,
    topics: of,
    station,
    memory: {
      get: (key) => memory.get(key),
      set: (key, value) => void (value === undefined ? memory.delete(key) : memory.set(key, value)),
    },
  });
  const message = (): Seen => JSON.parse(discovery.payload());
  const show = (next: Catalogue) => {
    shown.catalogue = next;
  };
  return { discovery, memory, message, show };
}
const expectKeys = (what: string, given: Record<string, unknown>) => {
  expect(Object.keys(given)).toEqual(expect.arrayContaining([...REQUIRED[what]!]));
  if (ALLOWED[what]) expect(ALLOWED[what]).toEqual(expect.arrayContaining(Object.keys(given)));
};

describe('the discovery message', () => {
  it('has every key that Home Assistant requires, and none that it does not know, for every quantity', () => {
    const every = Object.fromEntries(
      [...Object.keys(UNITS), 'flow'].map((quantity) => [quantity.replaceAll('_', '-'), sensor(quantity)]),
    );
    const message = announcing({ ...every, door: DOOR, air: AIR }).message();
    expectKeys('message', message);
    expectKeys('device', message.dev);
    expectKeys('origin', message.o);
    const components: Record<string, Seen> = message.cmps;
    expect(Object.keys(components)).toHaveLength(Object.keys(UNITS).length + 1 + 3);
    for (const component of Object.values(components)) {
      expectKeys(component.p, component);
      expect(component.name).not.toBe('');
      for (const one of component.avty) expect(Object.keys(one)).toEqual(['t', 'val_tpl']);
      if (component.p === 'sensor' && component.dev_cla !== undefined) {
        expect(CLASSES[component.dev_cla]?.units, component.dev_cla).toContain(component.unit_of_meas);
        expect(CLASSES[component.dev_cla]?.states, component.dev_cla).toContain(component.stat_cla);
      }
      if (component.p === 'binary_sensor' && component.dev_cla !== undefined)
        expect(BINARY_CLASSES).toContain(component.dev_cla);
    }
  });

  it('knows every quantity of the program', () => {
    expect(Object.keys(ENTITY_CLASSES).sort()).toEqual(
      Object.keys(UNITS)
        .filter((quantity) => quantity !== 'state')
        .sort(),
    );
  });

  it('looks like this for a sensor with two channels', () => {
    const message = announcing({ air: { ...AIR, name: 'Grüne Ecke' } }).message();
    expect(message.dev).toEqual({
      ...{ ids: ['sedge.shed'], name: 'shed', mf: 'Sedge', mdl: 'Sedge station', sw: '1.2.3' },
    });
    expect(message.cmps['air-temperature']).toEqual({
      p: 'sensor',
      dev_cla: 'temperature',
      unit_of_meas: '°C',
      stat_cla: 'measurement',
      uniq_id: 'sedge.shed.air.temperature',
      name: 'Grüne Ecke temperature',
      val_tpl: "{{ value_json.temperature | default('None') }}",
      stat_t: 'sedge/shed/state/air',
      avty: [
        { t: 'sedge/shed/status', val_tpl: '{{ value_json.state }}' },
        { t: 'sedge/shed/status/air', val_tpl: '{{ value_json.state }}' },
      ],
      avty_mode: 'all',
      exp_aft: 35,
    });
    expect(message.cmps['air-absolute_humidity'].name).toBe('Grüne Ecke absolute humidity');
  });

  it('makes a binary sensor of a state, on and off as in the state message', () => {
    const { cmps } = announcing({ door: DOOR }).message();
    expect(cmps['door-motion']).toMatchObject({ p: 'binary_sensor', dev_cla: 'motion', pl_on: '1', pl_off: '0' });
    expect(cmps['door-motion'].val_tpl).toBe("{{ value_json.motion | default('None') }}");
    // An event comes when it comes.
    expect(cmps['door-motion']).not.toHaveProperty('exp_aft');
  });

  it('names a sensor that has only a state or a value after the sensor itself', () => {
    const { cmps } = announcing({
      gate: { driver: 'reed', name: 'Front gate', channels: { state: { quantity: 'state', unit: '1' } } },
    }).message();
    expect(cmps['gate-state'].name).toBe('Front gate');
  });

  it('keeps the last value of a channel that is published only when it changed, and says unknown for another', () => {
    const { cmps } = announcing({
      air: { ...AIR, channels: { temperature: { quantity: 'temperature', unit: 'Cel', on_change: true } } },
    }).message();
    expect(cmps['air-temperature'].val_tpl).toBe("{{ value_json.temperature | default('') }}");
  });

  it('keeps ids when names and schedules change, and two channels never share one', () => {
    const ids = (catalogue: Catalogue) =>
      Object.values<Seen>(announcing(catalogue).message().cmps).map(({ uniq_id: id }) => id);
    expect(ids({ air: { ...AIR, name: 'Other', every_ms: 500 } })).toEqual(ids({ air: AIR }));
    const alike: Catalogue = {
      a_b: { driver: 'x', channels: { c: { quantity: 'ratio', unit: '1' } } },
      a: { driver: 'x', channels: { b_c: { quantity: 'ratio', unit: '1' } } },
      'a-b': { driver: 'x', channels: { c: { quantity: 'ratio', unit: '1' } } },
    };
    expect(new Set(ids(alike)).size).toBe(3);
    expect(Object.keys(announcing(alike).message().cmps)).toHaveLength(3);
  });

  it('leaves availability out where the status topics are off', () => {
    const of = topicsOf({ prefix: 'sedge', status: false }, 'shed', { discoveryPrefix: 'homeassistant' });
    expect(announcing({ air: AIR }, { of }).message().cmps['air-temperature']).not.toHaveProperty('avty');
  });

  it('goes to a topic whose parts Home Assistant takes', () => {
    expect(topics.discovery).toBe('homeassistant/device/sedge-shed/config');
    expect(topicsOf({ prefix: 'sedge' }, 'shed', { discoveryPrefix: 'ha', nodeId: 'farm' }).discovery).toBe(
      'ha/device/farm/sedge-shed/config',
    );
  });
});

describe('an entity that is gone', () => {
  it('is withdrawn by a component with its platform only, and then left out', () => {
    const { discovery, message, show } = announcing({ air: AIR, door: DOOR });
    message();
    show({ air: AIR });
    const payload = discovery.payload();
    expect(JSON.parse(payload).cmps['door-motion']).toEqual({ p: 'binary_sensor' });
    expect(discovery.published(payload)).toBe(true);
    const next = discovery.payload();
    expect(Object.keys(JSON.parse(next).cmps)).toEqual(['air-temperature', 'air-absolute_humidity']);
    expect(discovery.published(next)).toBe(false);
  });

  it('is withdrawn also when it went while the program was down, until the broker has that', () => {
    const { memory, message } = announcing({ air: AIR, door: DOOR });
    message();
    const gone = { p: 'binary_sensor' };
    expect(announcing({ air: AIR }, { memory }).message().cmps['door-motion']).toEqual(gone);
    // Not acknowledged: again.
    const again = announcing({ air: AIR }, { memory });
    const payload = again.discovery.payload();
    expect(JSON.parse(payload).cmps['door-motion']).toEqual(gone);
    again.discovery.published(payload);
    expect(announcing({ air: AIR }, { memory }).message().cmps).not.toHaveProperty('door-motion');
  });

  it('is withdrawn before one of another platform takes its id', () => {
    const { discovery, message, show } = announcing({ air: sensor('state') });
    message();
    show({ air: sensor('ratio') });
    const payload = discovery.payload();
    expect(JSON.parse(payload).cmps['air-one']).toEqual({ p: 'binary_sensor' });
    expect(discovery.published(payload)).toBe(true);
    expect(message().cmps['air-one'].p).toBe('sensor');
  });

  it('goes with the whole device when no sensor is left', () => {
    const { discovery, message, show } = announcing({ air: AIR });
    message();
    show({});
    expect(discovery.payload()).toBe('');
    expect(discovery.published('')).toBe(false);
  });

  it('is noted in what the memory takes, and what is not ours in it does no harm', () => {
    const many = Object.fromEntries(
      Array.from({ length: 300 }, (_, at) => [`sensor-with-a-long-name-${at}`, AIR] as const),
    );
    const { memory, message } = announcing(many);
    expect(Object.keys(message().cmps)).toHaveLength(600);
    expect(memory.get('home-assistant')!.length).toBeLessThanOrEqual(4_096);
    for (const text of ['{"sensor":', 'null', '{"sensor":"air","binary_sensor":[5]}', '[]'])
      expect(
        Object.keys(announcing({ air: AIR }, { memory: new Map([['home-assistant', text]]) }).message().cmps),
      ).toEqual(['air-temperature', 'air-absolute_humidity']);
  });
});

describe('values are old', () => {
  it('after three intervals and five seconds', () => {
    expect(expireAfterS(sensor('ratio', { every_ms: 100 }))).toBe(6);
    expect(expireAfterS(sensor('ratio', { every_ms: 60_000 }))).toBe(185);
  });
  it('after three of the longest gaps of a calendar, and never where it skips days', () => {
    const cron = (expression: string) => {
      const { every_ms: _, ...rest } = sensor('ratio');
      return expireAfterS({ ...rest, cron: expression });
    };
    expect(cron('*/5 * * * *')).toBe(905);
    expect(cron('0 8 * * *')).toBe(3 * 26 * 3_600 + 5);
    expect(cron('0 8 * * 1')).toBeUndefined();
  });
  it('never for channels that speak only of a change, unless they have a heartbeat', () => {
    const changing = (heartbeat?: number) =>
      sensor('ratio', {
        channels: {
          one: { quantity: 'ratio', unit: '1', on_change: true, ...(heartbeat && { heartbeat_ms: heartbeat }) },
        },
      });
    expect(expireAfterS(changing())).toBeUndefined();
    expect(expireAfterS(changing(60_000))).toBe(3 * 70 + 5);
  });
});

describe('the longest gap of a cron expression', () => {
  it.each([
    ['* * * * *', 1],
    ['*/15 * * * *', 15],
    ['0,10 * * * *', 50],
    ['5-20/5 * * * *', 45],
    ['30 * * * *', 60],
    ['*/30 * * * * *', 1],
    ['0 */6 * * *', 8 * 60],
    ['0 6-22 * * *', 10 * 60],
  ])('%s: at most %i minutes', (expression, minutes) => {
    expect(longestCronGapMs(expression)).toBe(minutes * 60_000);
  });
  it.each(['0 0 1 * *', '0 0 * * mon', 'x * * * *', '', '0 0 * *'])('%s: not known', (expression) => {
    expect(longestCronGapMs(expression)).toBeUndefined();
  });
});
