/** What a TLS connection of the configuration trusts and shows: `ca_file`, `cert_file`, `key_file`, `server_name`. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { UplinkDesk } from './build-uplink.ts';
import type { TlsConfig } from './types.ts';

const MAX_PEM_BYTES = 1_000_000;

/** The keys that a type's part of uplink-spec.ts has for it. */
export interface TlsFile {
  readonly ca_file?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
  readonly server_name?: string;
}

export async function buildTls(
  file: TlsFile,
  { checker, report, textOf }: Pick<UplinkDesk, 'checker' | 'report' | 'textOf'>,
): Promise<TlsConfig> {
  const certificates = async (key: 'ca_file' | 'cert_file') => {
    const text = await textOf(key, { maxBytes: MAX_PEM_BYTES });
    if (text !== undefined && !text.includes('-----BEGIN CERTIFICATE-----')) {
      report(key, `${checker.written(file, key)} holds no certificate in PEM form`);
      return undefined;
    }
    return text;
  };
  const ca = await certificates('ca_file');
  const cert = await certificates('cert_file');
  const key = await textOf('key_file', { maxBytes: MAX_PEM_BYTES, isSecret: true });
  if (cert !== undefined && key !== undefined) {
    const wrong = mismatch(cert, key);
    if (wrong !== undefined) report('key_file', `${checker.written(file, 'key_file')} ${wrong}`);
  }
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(file.server_name !== undefined && { serverName: file.server_name }),
  };
}

/** Undefined, or why this key is none for this certificate, as a predicate. */
function mismatch(cert: string, key: string): string | undefined {
  let parsed: ReturnType<typeof createPrivateKey>;
  try {
    parsed = createPrivateKey(key);
  } catch {
    return 'holds no private key in PEM form, or one with a passphrase: write it without one';
  }
  try {
    return new X509Certificate(cert).checkPrivateKey(parsed)
      ? undefined
      : 'is not the key of the certificate in `cert_file`';
  } catch {
    return 'cannot be compared, because the certificate in `cert_file` is damaged';
  }
}
