/** An HTTP uplink of the configuration: its address, its secrets and certificates. */
import { isLocalHost } from '../hosts.ts';
import { buildTls } from './build-tls.ts';
import type { UplinkDesk } from './build-uplink.ts';
import type { Compression, FormatName, HttpUplinkConfig } from './types.ts';

export interface HttpFile {
  readonly type: 'http';
  readonly url?: string;
  readonly format: FormatName;
  readonly compress: Compression;
  readonly token_file?: string;
  readonly username?: string;
  readonly password?: string;
  readonly password_file?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly timeout: number;
  readonly ca_file?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
  readonly server_name?: string;
  readonly allow_insecure?: boolean;
  readonly dead_letter_file?: string;
}

/** Node takes headers of 16 KB in all, and so do servers. */
const MAX_SECRET_BYTES = 8_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
/** RFC 6750 section 2.1; a little more than it allows is in use. */
const TOKEN = /^[\x21-\x7e]+$/;

export async function buildHttp(file: HttpFile, desk: UplinkDesk): Promise<HttpUplinkConfig | undefined> {
  const { common, checker, report, warn, textOf } = desk;
  const secret = async (key: 'token_file' | 'password_file') => {
    const text = (await textOf(key, { maxBytes: MAX_SECRET_BYTES, isSecret: true }))?.replace(/\r?\n$/, '');
    if (text === '') report(key, `${checker.written(file, key)} is empty`);
    return text;
  };
  const tls = await buildTls(file, desk);
  const token = await secret('token_file');
  if (token !== undefined && token !== '' && !TOKEN.test(token))
    report('token_file', `${checker.written(file, 'token_file')} holds more than a token: one line without spaces`);
  // With two passwords one is to go, and that is already said.
  const kept = checker.has(file, 'password') ? undefined : await secret('password_file');
  if (file.url === undefined) return undefined;

  // A name and password inside the URL move out of it, so that the URL can be shown.
  const url = new URL(file.url);
  const inUrl = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  url.username = '';
  url.password = '';
  if (inUrl.username !== '' && (file.username !== undefined || file.token_file !== undefined))
    report('url', 'holds a user name or password, and so do other keys: keep one of them');
  const username = file.username ?? (inUrl.username || undefined);
  const password = file.password ?? kept ?? inUrl.password;
  const basic = username === undefined ? undefined : Buffer.from(`${username}:${password}`).toString('base64');
  const authorization = token ? `Bearer ${token}` : basic && `Basic ${basic}`;
  const headers = Object.fromEntries(
    Object.entries(file.headers ?? {}).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  if (authorization !== undefined && Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'))
    report('headers', 'hold an Authorization, and so do other keys: keep one of them');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const isPlain = url.protocol === 'http:';
  if (isPlain && !isLocalHost(host)) {
    if (!file.allow_insecure)
      report(
        'url',
        `leaves the own network without encryption: write https://${url.hostname}, or add \`allow_insecure: true\``,
      );
    else warn(`: everything crosses the internet to ${host} in clear (allow_insecure): use https:// if the server can`);
  } else if (
    isPlain &&
    (authorization !== undefined || Object.keys(headers).length > 0) &&
    !LOOPBACK.test(url.hostname)
  )
    warn(': headers and secrets cross the network in clear: use https:// if the server can');
  if (file.format === 'influx' && file.compress === 'deflate')
    warn('.compress: InfluxDB takes gzip, and refuses deflate');
  return {
    ...common,
    type: 'http',
    url: url.href,
    format: file.format,
    compress: file.compress,
    headers,
    timeoutMs: file.timeout,
    tls,
    ...(authorization !== undefined && { authorization }),
    ...(file.dead_letter_file !== undefined && { deadLetterFile: file.dead_letter_file }),
  };
}
