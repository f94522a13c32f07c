/** The `api` section: where it listens, and what an address that others can reach must have. */
import { buildTls } from './build-tls.ts';
import type { Checker } from './checker.ts';
import { readText } from './files.ts';
import { join } from './nodes.ts';
import { MAY_BE_READ } from './secrets.ts';
import { listenPlace } from './texts.ts';
import type { ApiConfig } from './types.ts';

export interface ApiFile {
  readonly listen?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
  readonly token_file?: string;
  readonly hosts?: readonly (string | undefined)[];
}

const MAX_TOKEN_BYTES = 4_096;
/** 128 bits in base64 (RFC 4086: enough against guessing for ever). */
const MIN_TOKEN_LENGTH = 22;
/** RFC 6750 section 2.1: what may stand behind Bearer. */
const TOKEN = /^[\w.~+/-]+=*$/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

export async function buildApi(
  file: ApiFile,
  checker: Checker,
): Promise<{ readonly api: ApiConfig | undefined; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const report = (key: string, message: string) =>
    checker.report(checker.offsetOf(file, key), join('api', key), message);
  const textOf = async (key: string, { maxBytes, isSecret = false }: { maxBytes: number; isSecret?: boolean }) => {
    const named = (file as Readonly<Record<string, unknown>>)[key];
    if (typeof named !== 'string') return undefined;
    const found = await readText(named, maxBytes);
    if ('wrong' in found) {
      report(key, `${checker.written(file, key)} ${found.wrong}`);
      return undefined;
    }
    if (isSecret && found.open) warnings.push(`api.${key}: \`${named}\` ${MAY_BE_READ}: run chmod 600 on it`);
    return found.text;
  };
  const { cert, key } = await buildTls(file, { checker, report, textOf });
  const token = (await textOf('token_file', { maxBytes: MAX_TOKEN_BYTES, isSecret: true }))?.trim();
  if (token !== undefined) {
    const written = checker.written(file, 'token_file');
    const make = 'make one with: openssl rand -hex 32';
    if (!TOKEN.test(token))
      report('token_file', `${written} holds no token of letters, digits and - . _ ~ + /: ${make}`);
    else if (token.length < MIN_TOKEN_LENGTH)
      report('token_file', `${written} holds fewer than ${MIN_TOKEN_LENGTH} characters, which can be guessed: ${make}`);
  }
  const place = file.listen === undefined ? undefined : listenPlace(file.listen);
  if (file.listen === undefined || !place) return { api: undefined, warnings };
  if (!LOOPBACK.test(place.host)) {
    // By what is written, so that a file that is not there is one mistake and not two.
    const lacking = ['cert_file', 'key_file', 'token_file'].filter((name) => !checker.has(file, name));
    if (lacking.length > 0) {
      const keys = lacking.map((name) => `\`${name}\``).join(' and ');
      report('listen', `can be reached from other machines: add ${keys}, or write 127.0.0.1:${place.port}`);
    }
    const isEvery = place.host === '0.0.0.0' || place.host === '::';
    if (isEvery) warnings.push('api.listen: on every network of this machine: write one address if one is enough');
  }
  return {
    api: {
      listen: file.listen,
      ...place,
      hosts: (file.hosts ?? []).filter((name) => name !== undefined).map((name) => name.toLowerCase()),
      ...(cert !== undefined && key !== undefined && { tls: { cert, key } }),
      ...(token !== undefined && { token }),
    },
    warnings,
  };
}
