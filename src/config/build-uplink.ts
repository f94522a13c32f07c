/** An uplink of the configuration: its secrets and certificates read from their files. */
import type { Checker } from './checker.ts';
import { readText } from './files.ts';
import { join } from './nodes.ts';
import type { MqttUplinkConfig, TopicsConfig } from './types.ts';

export interface UplinkFile {
  readonly type?: 'mqtt';
  readonly url?: string;
  readonly username?: string;
  readonly password?: string;
  readonly password_file?: string;
  readonly client_id?: string;
  readonly keepalive: number;
  readonly ca_file?: string;
  readonly batch?: { readonly max_readings: number; readonly max_bytes: number; readonly max_wait: number };
  readonly topics?: TopicsConfig;
}

/** MQTT 5.0 section 3.1.3.6: binary data of at most 65,535 bytes. */
const MAX_PASSWORD_BYTES = 65_535;
const MAX_CA_BYTES = 1_000_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
/** How a configuration names a file that systemd hands to the service. */
const CREDENTIAL = /\$\{CREDENTIALS_DIRECTORY\}/;

export async function buildUplink(
  name: string,
  file: UplinkFile,
  checker: Checker,
): Promise<{ readonly uplink: MqttUplinkConfig; readonly warnings: readonly string[] } | undefined> {
  const path = join('uplinks', name);
  const warnings: string[] = [];
  /** The text of a file that a key names; reports when there is none. */
  const textOf = async (key: 'password_file' | 'ca_file', maxBytes: number): Promise<string | undefined> => {
    const named = file[key];
    // With two passwords one is to go, and that is already said.
    if (named === undefined || (key === 'password_file' && checker.has(file, 'password'))) return undefined;
    const found = await readText(named, maxBytes);
    if ('wrong' in found) {
      const written = checker.written(file, key);
      // systemd.exec(5), LoadCredential=: files are handed over when the service starts, and then stay as they were.
      const hint = CREDENTIAL.test(written)
        ? ': put it in /etc/credstore, then sudo systemctl restart sedge, since systemd hands credentials over at a start'
        : '';
      checker.report(checker.offsetOf(file, key), join(path, key), `${written} ${found.wrong}${hint}`);
      return undefined;
    }
    if (key === 'password_file' && found.open) {
      warnings.push(`${join(path, key)}: \`${named}\` can be read by every user: run chmod 600 on it`);
    }
    return found.text;
  };

  const ca = await textOf('ca_file', MAX_CA_BYTES);
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    checker.report(
      checker.offsetOf(file, 'ca_file'),
      join(path, 'ca_file'),
      `${checker.written(file, 'ca_file')} holds no certificate in PEM form`,
    );
  }
  const kept = (await textOf('password_file', MAX_PASSWORD_BYTES))?.replace(/\r?\n$/, '');
  if (kept === '') {
    checker.report(
      checker.offsetOf(file, 'password_file'),
      join(path, 'password_file'),
      `${checker.written(file, 'password_file')} is empty`,
    );
  }
  if (file.type === undefined || file.url === undefined || !file.batch || !file.topics) return undefined;

  // A name and password inside the URL move out of it, so that the URL can be shown.
  const url = new URL(file.url);
  const inUrl = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  if (
    (inUrl.username !== '' && file.username !== undefined) ||
    (inUrl.password !== '' && (file.password ?? kept) !== undefined)
  ) {
    checker.report(
      checker.offsetOf(file, 'url'),
      join(path, 'url'),
      'holds a user name or password, and so do other keys: keep one of them',
    );
  }
  url.username = '';
  url.password = '';
  const username = file.username ?? (inUrl.username || undefined);
  const password = file.password ?? kept ?? (inUrl.password || undefined);
  if (password !== undefined && url.protocol === 'mqtt:' && !LOOPBACK.test(url.hostname)) {
    warnings.push(`${path}: the password crosses the network in clear: use mqtts:// if the broker can`);
  }
  const { batch, topics } = file;
  return {
    warnings,
    uplink: {
      type: 'mqtt',
      name,
      url: url.href.replace(/\/$/, ''),
      keepaliveMs: file.keepalive,
      batch: { maxReadings: batch.max_readings, maxBytes: batch.max_bytes, maxWaitMs: batch.max_wait },
      topics,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(file.client_id !== undefined && { clientId: file.client_id }),
      ...(ca !== undefined && { ca }),
    },
  };
}
