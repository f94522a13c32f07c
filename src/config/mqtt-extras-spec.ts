/** The part of the configuration, as data, that says what an MQTT uplink does besides carrying readings: Home Assistant, commands. */
import type { Spec } from './shape.ts';
import { checkNodeId, checkTopic, NODE_ID_PATTERN } from './texts.ts';
import type { CommandVerb } from './types.ts';

/** Home Assistant's own default. */
export const HOME_ASSISTANT_PREFIX = 'homeassistant';

export const HOME_ASSISTANT: Spec = {
  kind: 'either',
  doc: 'Tells Home Assistant what this station measures, so that each channel appears there by itself.',
  of: [
    { kind: 'boolean', doc: 'With the usual topics.' },
    {
      kind: 'object',
      doc: 'With topics of its own.',
      keys: {
        discovery_prefix: {
          kind: 'text',
          default: HOME_ASSISTANT_PREFIX,
          check: checkTopic,
          pattern: '^[^+#]+$',
          doc: 'The discovery prefix set in Home Assistant.',
        },
        node_id: {
          kind: 'text',
          check: checkNodeId,
          pattern: NODE_ID_PATTERN,
          doc: 'One more level in the discovery topic, for brokers whose access rules ask for it.',
        },
      },
    },
  ],
};

const VERBS: readonly CommandVerb[] = ['read', 'reload', 'interval', 'health', 'journal'];

export const COMMANDS: Spec = {
  kind: 'list',
  doc: 'What may be asked over MQTT; nothing unless set. Whoever may write the request topics at the broker may ask it.',
  of: { kind: 'choice', choices: VERBS, doc: 'A command.' },
};

/** Of requests or answers: there are none without `commands`, so it is not turned off. */
export const ownTopic = (doc: string): Spec => ({
  kind: 'text',
  check: (text) => (text === 'off' ? 'cannot be off: list nothing under `commands`' : checkTopic(text)),
  pattern: '^[^+#]+$',
  doc,
});
