/**
 * The whole configuration as data: every key, with its unit, default, range and meaning. The checker, the JSON Schema and
 * docs/configuration.md are made from it. A sensor's part is in sensor-spec.ts.
 */
import { type KnownDrivers, sensorsSpec } from './sensor-spec.ts';
import type { ObjectSpec, Spec } from './shape.ts';
import { checkBrokerUrl, checkId, checkNotEmpty, checkTopic, ID_PATTERN } from './texts.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const OFF: Spec = { kind: 'off', doc: 'Not published.' };
const topic = (doc: string): Spec => ({
  kind: 'either',
  doc,
  of: [OFF, { kind: 'text', check: checkTopic, pattern: '^[^+#]+$', doc: 'A topic of its own.' }],
});

const UPLINK_TYPE: Spec = { kind: 'choice', choices: ['mqtt'], doc: 'The protocol.' };
const MQTT: ObjectSpec = {
  kind: 'object',
  doc: 'An MQTT broker.',
  required: ['type', 'url'],
  exclusive: [{ keys: ['password', 'password_file'] }],
  needs: [
    ['password', 'username'],
    ['password_file', 'username'],
  ],
  keys: {
    type: UPLINK_TYPE,
    url: {
      kind: 'text',
      secret: true,
      check: checkBrokerUrl,
      doc: 'The broker: mqtts://host:8883, or mqtt://host:1883 without encryption.',
    },
    username: { kind: 'text', doc: 'User name at the broker.' },
    password: {
      kind: 'text',
      secret: true,
      doc: 'Password at the broker; better in an environment variable or password_file.',
    },
    password_file: { kind: 'file', doc: 'A file that holds the password; a line break at its end is not part of it.' },
    client_id: {
      kind: 'text',
      check: checkNotEmpty,
      doc: 'Client id at the broker; made from the device id unless set.',
    },
    keepalive: {
      kind: 'duration',
      default: 30_000,
      min: 1_000,
      max: 65_535_000,
      doc: 'A broken connection is noticed after one and a half of this.',
    },
    ca_file: { kind: 'file', doc: 'Certificates (PEM) to trust beside the usual ones.' },
    batch: {
      kind: 'object',
      implied: true,
      doc: 'When a batch is full.',
      keys: {
        max_readings: { kind: 'integer', default: 500, min: 1, max: 10_000, doc: 'Records in one batch.' },
        max_bytes: {
          kind: 'size',
          default: 100_000,
          min: 1_000,
          max: 10_000_000,
          doc: 'Size of one batch before compression; a single larger record goes alone.',
        },
        max_wait: {
          kind: 'duration',
          default: 5_000,
          max: HOUR_MS,
          doc: 'How long the first record of a batch waits for company.',
        },
      },
    },
    topics: {
      kind: 'object',
      implied: true,
      doc: 'Topics; `off` for one that is not wanted.',
      keys: {
        prefix: {
          kind: 'text',
          default: 'sedge',
          check: checkTopic,
          pattern: '^[^+#]+$',
          doc: 'Begins the usual topics: <prefix>/<device>/readings and so on.',
        },
        readings: topic('Topic of the batches.'),
        state: topic('Latest values; /<sensor> follows.'),
        status: topic('Online or offline; /<sensor> follows for a sensor.'),
        info: topic('What this device measures.'),
        health: topic('How the device itself is.'),
        alert: topic('Live copy of alerts.'),
      },
    },
  },
};

const UPLINKS: Spec = {
  kind: 'map',
  doc: 'Where readings go, by id. Each keeps its own place in the journal.',
  implied: true,
  name: checkId,
  pattern: ID_PATTERN,
  value: {
    kind: 'depends',
    doc: 'An uplink.',
    on: 'type',
    sorts: { mqtt: MQTT },
    otherwise: MQTT,
    choose: (peek) =>
      peek('type', { kind: 'string', doc: '' }) === undefined || peek('type', UPLINK_TYPE) !== undefined
        ? MQTT
        : { kind: 'object', doc: 'An unknown sort.', open: true, keys: { type: UPLINK_TYPE } },
  },
};

const FAULT: ObjectSpec = {
  kind: 'object',
  doc: 'A fault.',
  required: ['kind'],
  keys: {
    kind: { kind: 'choice', choices: ['nack', 'hang', 'crc', 'slow', 'unplug', 'noise'], doc: 'What goes wrong.' },
    rate: { kind: 'number', min: 0, max: 1, doc: 'Share of transfers that it hits.' },
    times: { kind: 'integer', min: 1, max: 1_000_000, doc: 'How often it happens.' },
  },
};

export const configSpec = (drivers: KnownDrivers): ObjectSpec => ({
  kind: 'object',
  doc: 'Configuration of Sedge.',
  required: ['version'],
  keys: {
    version: { kind: 'choice', choices: [1], doc: 'Version of this format.' },
    device: { kind: 'text', check: checkId, pattern: ID_PATTERN, doc: 'Id of this device; the host name unless set.' },
    sensors: sensorsSpec(drivers),
    journal: {
      kind: 'object',
      implied: true,
      doc: 'Where readings are kept until every uplink has delivered them.',
      keys: {
        directory: {
          kind: 'file',
          doc: 'Its directory; $STATE_DIRECTORY, else $XDG_STATE_HOME/sedge, else ~/.local/state/sedge unless set.',
        },
        commit_every: {
          kind: 'duration',
          default: 1_000,
          min: 10,
          max: HOUR_MS,
          doc: 'How often readings are flushed to the card: what a power cut can cost.',
        },
        commit_every_offline: {
          kind: 'duration',
          min: 10,
          max: HOUR_MS,
          doc: 'The same while no uplink is connected; as commit_every unless set.',
        },
        max_size: {
          kind: 'size',
          default: 512_000_000,
          min: 4_000_000,
          doc: 'Bound on all files under the directory.',
        },
        min_free: {
          kind: 'size',
          default: 0,
          doc: 'Kept free on its file system for others, at the cost of the oldest readings.',
        },
        max_age: {
          kind: 'duration',
          min: HOUR_MS,
          doc: 'Readings taken longer ago are dropped unsent; never unless set.',
        },
        when_full: {
          kind: 'choice',
          default: 'drop_oldest',
          choices: ['drop_oldest', 'reject_new', 'thin'],
          doc: 'What gives way then; `thin` keeps smallest, largest and every tenth of the oldest readings of each sensor.',
        },
      },
    },
    clock: {
      kind: 'object',
      implied: true,
      doc: 'Boards without a battery-backed clock.',
      keys: {
        wait: {
          kind: 'duration',
          default: 2 * MINUTE_MS,
          max: DAY_MS,
          doc: 'How long readings wait for the clock to be set before they go out marked.',
        },
      },
    },
    uplinks: UPLINKS,
    simulation: {
      kind: 'object',
      implied: true,
      doc: 'The simulated world of `--simulate`.',
      keys: {
        seed: { kind: 'integer', default: 1, min: 0, max: 0xffff_ffff, doc: 'The same seed gives the same weather.' },
        speed: {
          kind: 'number',
          default: 1,
          min: 0.001,
          max: 100_000,
          doc: 'How fast the weather passes; 1 is real time.',
        },
        faults: {
          kind: 'map',
          implied: true,
          doc: 'Faults, by sensor.',
          name: checkId,
          pattern: ID_PATTERN,
          value: { kind: 'list', of: FAULT, doc: 'Faults of one sensor.' },
        },
      },
    },
  },
});
