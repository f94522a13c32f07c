/**
 * The whole configuration as data: every key, with its unit, default, range and meaning. The checker, the JSON Schema and
 * docs/configuration.md are made from it. A sensor's part is in sensor-spec.ts, an uplink's in uplink-spec.ts.
 */
import { API } from './api-spec.ts';
import { type KnownDrivers, sensorsSpec } from './sensor-spec.ts';
import type { ObjectSpec } from './shape.ts';
import { checkId, ID_PATTERN } from './texts.ts';
import { UPLINKS } from './uplink-spec.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
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
    api: API,
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
