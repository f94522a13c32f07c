/**
 * The part of the configuration that describes an uplink, as data: the keys that every type has, and the rows of the types.
 * A new type is one row in `SORTS`, one in build-uplink.ts and one in uplink/index.ts.
 */

import { COMMANDS, HOME_ASSISTANT, ownTopic } from './mqtt-extras-spec.ts';
import { COMPRESS, FORMAT, fileSpec, httpSpec } from './outlet-spec.ts';
import type { ObjectSpec, Spec } from './shape.ts';
import {
  checkBrokerUrl,
  checkId,
  checkNotEmpty,
  checkSensorGlob,
  checkTimezone,
  checkTopic,
  ID_PATTERN,
} from './texts.ts';
import { CERTIFICATE_NEEDS, tlsKeys } from './tls-spec.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long node-cron can look ahead; longer than any sensible visit to a network. */
const MAX_WINDOW_MS = 7 * DAY_MS;
const OFF: Spec = { kind: 'off', doc: 'Not published.' };
const topic = (doc: string): Spec => ({
  kind: 'either',
  doc,
  of: [OFF, { kind: 'text', check: checkTopic, pattern: '^[^+#]+$', doc: 'A topic of its own.' }],
});

const TYPES = ['mqtt', 'http', 'file'] as const;
const UPLINK_TYPE: Spec = { kind: 'choice', choices: TYPES, doc: 'The protocol.' };
const globs = (doc: string): Spec => ({
  kind: 'list',
  doc,
  of: { kind: 'text', check: checkSensorGlob, pattern: '^[a-z0-9_*-]+$', doc: 'A sensor, or several with *.' },
});

/** What every uplink has, whatever its type. */
const COMMON: ObjectSpec['keys'] = {
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
  include: globs('Sensors whose readings it carries: ids, `*` for any letters; all unless set.'),
  exclude: globs('Sensors whose readings it does not carry.'),
  max_rate: {
    kind: 'number',
    min: 0.01,
    max: 1_000_000,
    doc: 'Most readings a second, so that a backlog does not fill the link.',
  },
  window: {
    kind: 'object',
    doc: 'Connects only at these times, for metered or battery-powered links.',
    required: ['cron', 'for'],
    keys: {
      cron: { kind: 'text', doc: 'When it connects: 5 fields, or 6 with seconds first.' },
      for: { kind: 'duration', min: 1_000, max: MAX_WINDOW_MS, doc: 'How long it stays connected.' },
      timezone: { kind: 'text', default: 'UTC', check: checkTimezone, doc: 'The time zone of the fields of cron.' },
    },
  },
};

const MQTT: ObjectSpec = {
  kind: 'object',
  doc: 'An MQTT broker.',
  required: ['type', 'url'],
  exclusive: [{ keys: ['password', 'password_file'] }],
  needs: [['password', 'username'], ['password_file', 'username'], ...CERTIFICATE_NEEDS],
  keys: {
    type: UPLINK_TYPE,
    url: {
      kind: 'text',
      secret: true,
      check: checkBrokerUrl,
      doc: 'The broker: mqtts://host:8883, wss://host/mqtt over WebSockets, or mqtt:// and ws:// without encryption.',
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
    ...tlsKeys('broker'),
    allow_insecure: {
      kind: 'boolean',
      default: false,
      doc: 'Permits mqtt:// and ws:// to a host outside the own network: anybody on the way can read and change everything.',
    },
    qos: {
      kind: 'choice',
      choices: [0, 1, 2],
      default: 1,
      doc: 'Of the readings: 1 and 2 keep each one until the broker has it; with 0 those on the way at a broken connection are lost.',
    },
    message_expiry: {
      kind: 'duration',
      min: 1_000,
      max: 365 * DAY_MS,
      doc: 'The broker drops batches that a subscriber did not fetch in this time; never unless set (MQTT 5).',
    },
    format: FORMAT,
    compress: COMPRESS,
    home_assistant: HOME_ASSISTANT,
    commands: COMMANDS,
    ...COMMON,
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
        request: ownTopic('Where commands come in; /<command> follows.'),
        response: ownTopic('Where their answers go; /<command> follows.'),
        dead_letter: topic('Records that the broker refused for good, one a message; dead-letter unless set.'),
      },
    },
  },
};

const SORTS: Readonly<Record<string, ObjectSpec>> = {
  mqtt: MQTT,
  http: httpSpec(UPLINK_TYPE, COMMON),
  file: fileSpec(UPLINK_TYPE, COMMON),
};

export const UPLINKS: Spec = {
  kind: 'map',
  doc: 'Where readings go, by id. Each keeps its own place in the journal.',
  implied: true,
  name: checkId,
  pattern: ID_PATTERN,
  value: {
    kind: 'depends',
    doc: 'An uplink.',
    on: 'type',
    sorts: SORTS,
    otherwise: MQTT,
    choose(peek) {
      if (peek('type', { kind: 'string', doc: '' }) === undefined) return MQTT;
      return (
        SORTS[String(peek('type', UPLINK_TYPE))] ?? {
          kind: 'object',
          doc: 'An unknown sort.',
          open: true,
          keys: { type: UPLINK_TYPE },
        }
      );
    },
  },
};
