/** An MQTT uplink of the configuration: its address, its secrets and certificates. */
import type { UplinkDesk } from './build-uplink.ts';
import type { MqttUplinkConfig, TopicsConfig } from './types.ts';

export interface MqttFile {
  readonly type: 'mqtt';
  readonly url?: string;
  readonly username?: string;
  readonly password?: string;
  readonly password_file?: string;
  readonly client_id?: string;
  readonly keepalive: number;
  readonly ca_file?: string;
  readonly topics?: TopicsConfig;
}

/** MQTT 5.0 section 3.1.3.6: binary data of at most 65,535 bytes. */
const MAX_PASSWORD_BYTES = 65_535;
const MAX_PEM_BYTES = 1_000_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

export async function buildMqtt(
  file: MqttFile,
  { common, checker, report, warn, textOf }: UplinkDesk,
): Promise<MqttUplinkConfig | undefined> {
  const ca = await textOf('ca_file', { maxBytes: MAX_PEM_BYTES });
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    report('ca_file', `${checker.written(file, 'ca_file')} holds no certificate in PEM form`);
  }
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
  if (password !== undefined && url.protocol === 'mqtt:' && !LOOPBACK.test(url.hostname)) {
    warn(': the password crosses the network in clear: use mqtts:// if the broker can');
  }
  return {
    ...common,
    type: 'mqtt',
    url: url.href.replace(/\/$/, ''),
    keepaliveMs: file.keepalive,
    topics: file.topics,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(file.client_id !== undefined && { clientId: file.client_id }),
    ...(ca !== undefined && { ca }),
  };
}
