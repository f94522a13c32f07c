/** An MQTT uplink of the configuration: its address, its secrets and certificates. */
import { isLocalHost } from '../hosts.ts';
import { buildTls } from './build-tls.ts';
import type { UplinkDesk } from './build-uplink.ts';
import { HOME_ASSISTANT_PREFIX } from './mqtt-extras-spec.ts';
import { join } from './nodes.ts';
import type {
  CommandVerb,
  Compression,
  FormatName,
  HomeAssistantConfig,
  MqttUplinkConfig,
  TopicsConfig,
} from './types.ts';

export interface MqttFile {
  readonly type: 'mqtt';
  readonly url?: string;
  readonly username?: string;
  readonly password?: string;
  readonly password_file?: string;
  readonly client_id?: string;
  readonly keepalive: number;
  readonly ca_file?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
  readonly server_name?: string;
  readonly allow_insecure?: boolean;
  readonly format: FormatName;
  readonly compress: Compression;
  readonly qos: MqttUplinkConfig['qos'];
  readonly message_expiry?: number;
  readonly topics?: TopicsConfig;
  readonly commands?: readonly (CommandVerb | undefined)[];
  readonly home_assistant?: boolean | { readonly discovery_prefix?: string; readonly node_id?: string };
}

/** MQTT 5.0 section 3.1.3.6: binary data of at most 65,535 bytes. */
const MAX_PASSWORD_BYTES = 65_535;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export async function buildMqtt(file: MqttFile, desk: UplinkDesk): Promise<MqttUplinkConfig | undefined> {
  const { common, checker, report, warn, textOf } = desk;
  const tls = await buildTls(file, desk);
  // With two passwords one is to go, and that is already said.
  const kept = checker.has(file, 'password')
    ? undefined
    : (await textOf('password_file', { maxBytes: MAX_PASSWORD_BYTES, isSecret: true }))?.replace(/\r?\n$/, '');
  if (kept === '') report('password_file', `${checker.written(file, 'password_file')} is empty`);
  if (file.url === undefined || !file.topics) return undefined;

  // A name and password inside the URL move out of it, so that the URL can be shown.
  const url = new URL(file.url);
  const inUrl = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  if (
    (inUrl.username !== '' && file.username !== undefined) ||
    (inUrl.password !== '' && (file.password ?? kept) !== undefined)
  ) {
    report('url', 'holds a user name or password, and so do other keys: keep one of them');
  }
  url.username = '';
  url.password = '';
  const username = file.username ?? (inUrl.username || undefined);
  const password = file.password ?? kept ?? (inUrl.password || undefined);
  const isPlain = url.protocol === 'mqtt:' || url.protocol === 'ws:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isPlain && !isLocalHost(host)) {
    const secure = url.protocol === 'ws:' ? 'wss://' : 'mqtts://';
    if (!file.allow_insecure) {
      report(
        'url',
        `leaves the own network without encryption: write ${secure}${url.hostname}, or add \`allow_insecure: true\``,
      );
    } else
      warn(`: everything crosses the internet to ${host} in clear (allow_insecure): use ${secure} if the broker can`);
  } else if (isPlain && password !== undefined && !LOOPBACK.test(url.hostname)) {
    warn(': the password crosses the network in clear: use mqtts:// if the broker can');
  }
  const homeAssistant = homeAssistantOf(file);
  if (homeAssistant && file.topics.state === false) {
    // Of two that exclude each other, the later one.
    const [own, off] = [checker.offsetOf(file, 'home_assistant'), checker.offsetOf(file.topics, 'state')];
    if (own > off) report('home_assistant', 'needs the state topics, which `topics` turns off: remove `state: off`');
    else {
      const where = join(join(desk.path, 'topics'), 'state');
      checker.report(off, where, 'is off, and `home_assistant` needs the state topics: remove `state: off`');
    }
  }
  return {
    ...common,
    type: 'mqtt',
    url: url.href.replace(/\/$/, ''),
    keepaliveMs: file.keepalive,
    topics: file.topics,
    format: file.format,
    compress: file.compress,
    qos: file.qos,
    tls,
    ...(homeAssistant && { homeAssistant }),
    ...(file.commands && { commands: file.commands.filter((verb) => verb !== undefined) }),
    ...(file.message_expiry !== undefined && { messageExpiryMs: file.message_expiry }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(file.client_id !== undefined && { clientId: file.client_id }),
  };
}

function homeAssistantOf({ home_assistant: wanted = false }: MqttFile): HomeAssistantConfig | undefined {
  if (wanted === false) return undefined;
  const { discovery_prefix: discoveryPrefix = HOME_ASSISTANT_PREFIX, node_id: nodeId } = wanted === true ? {} : wanted;
  return { discoveryPrefix, ...(nodeId !== undefined && { nodeId }) };
}
