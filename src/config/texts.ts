/** The rules for texts in the configuration: ids, topics, addresses of brokers, time zones. Each gives undefined, or what is wrong. Pure. */

export const ID_PATTERN = '^[a-z0-9][a-z0-9_-]{0,62}$';
export const CHANNEL_PATTERN = '^[a-z][a-z0-9_]*$';
const ID = new RegExp(ID_PATTERN);
const CHANNEL = new RegExp(CHANNEL_PATTERN);
/** Members of a message beside the values: a channel of that name would hide them. */
const RESERVED_CHANNELS = ['time', 'clock'];
/** MQTT 5.0 section 4.7.3: a topic is at most 65,535 bytes; ours have more behind them. */
const MAX_TOPIC_BYTES = 1_024;

/** A name of any sort as an id: `Air 1` -> `air-1`; empty if nothing is left. */
export function idFrom(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 63)
    .replace(/[-_]+$/, '');
}

export function checkId(id: string): string | undefined {
  if (ID.test(id)) return undefined;
  const better = idFrom(id);
  return `is not an id: an id has 1 to 63 of a-z, 0-9, _ and -, and begins with a letter or digit${better ? `, such as \`${better}\`` : ''}`;
}

export function checkChannelName(name: string): string | undefined {
  if (!CHANNEL.test(name)) return 'is not a channel name: one has a-z, 0-9 and _, and begins with a letter';
  return RESERVED_CHANNELS.includes(name) ? 'is reserved and cannot name a channel' : undefined;
}

/** A sensor's id in which `*` stands for any letters, also none. */
export const checkSensorGlob = (glob: string): string | undefined =>
  /^[a-z0-9_*-]{1,63}$/.test(glob)
    ? undefined
    : 'names no sensor: write an id, with * for any letters, such as `motor-*`';

export function checkTopic(topic: string): string | undefined {
  if (topic === '') return 'is empty, and a topic is expected';
  if (/[+#]/.test(topic)) return 'holds + or #, which are for subscriptions only';
  if (/[\x00-\x1f\x7f]/.test(topic)) return 'holds a control character';
  if (topic.startsWith('/') || topic.endsWith('/')) return 'begins or ends with a slash: write it without';
  if (topic.startsWith('$')) return 'begins with $, which brokers keep for themselves';
  return Buffer.byteLength(topic) > MAX_TOPIC_BYTES ? `is longer than ${MAX_TOPIC_BYTES} bytes` : undefined;
}

/** https://www.home-assistant.io/integrations/mqtt/#discovery-topic */
export const NODE_ID_PATTERN = '^[a-zA-Z0-9_-]+$';
export const checkNodeId = (text: string): string | undefined =>
  new RegExp(NODE_ID_PATTERN).test(text) ? undefined : 'is not a node id: one has a-z, A-Z, 0-9, _ and -';

const SCHEMES = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];
export function checkBrokerUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL: write mqtts://host:8883 or mqtt://host:1883';
  const url = new URL(text);
  if (!SCHEMES.includes(url.protocol)) return 'does not begin with mqtts://, mqtt://, wss:// or ws://';
  if (url.hostname === '') return 'names no host: write mqtts://host:8883';
  // Over WebSockets the path belongs to the address, and often is /mqtt.
  const isWeb = /^wss?:$/.test(url.protocol);
  if ((!isWeb && (!/^\/?$/.test(url.pathname) || url.search !== '')) || url.hash !== '') {
    return 'goes on behind the host and port: topics are set with `topics`';
  }
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return 'has a % that does not begin an escape: write %25';
  }
  return undefined;
}

export function checkTimezone(name: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return undefined;
  } catch {
    return 'is not a time zone: write UTC, or a name such as Europe/Berlin';
  }
}

export const checkNotEmpty = (text: string): string | undefined => (text === '' ? 'is empty' : undefined);

export function checkHttpUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL: write https://host/path';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'does not begin with https:// or http://';
  if (url.hash !== '') return 'has a part behind #, which no server sees: write %23 for a # in the query';
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return 'has a % that does not begin an escape: write %25';
  }
  return undefined;
}

/** RFC 9110 section 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What makes the request what it is. */
const OWN_HEADER =
  /^(host|content-(type|length|encoding)|transfer-encoding|connection|keep-alive|expect|te|trailer|upgrade)$/i;

export function checkHeaderName(name: string): string | undefined {
  if (!HEADER_NAME.test(name)) return 'is not the name of a header';
  return OWN_HEADER.test(name) ? 'is a header that Sedge sets itself' : undefined;
}

/** RFC 9110 section 5.5: visible ASCII, spaces and tabs between. */
export const checkHeaderValue = (text: string): string | undefined =>
  /^[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?$/.test(text) ? undefined : 'holds what a header cannot carry';
