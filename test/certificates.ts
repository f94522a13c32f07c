/** An authority of its own, and certificates that it signs, made with openssl in a directory that goes with the test. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Authority {
  readonly ca: string;
  /** A server's for these names, or a client's with this common name. Expired ones ended yesterday. */
  issue(name: string, options?: { readonly expired?: boolean }): { readonly cert: string; readonly key: string };
  remove(): void;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function createAuthority(): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-ca-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const file = (name: string) => readFileSync(join(directory, name), 'utf8');
  openssl('req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA');
  return {
    ca: file('ca.pem'),
    issue(name, { expired = false } = {}) {
      const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
      openssl('req', ...NEW_KEY, '-keyout', 'one.key', '-out', 'one.csr', ...names);
      const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-copy_extensions', 'copy'];
      openssl('x509', '-req', '-in', 'one.csr', '-out', 'one.pem', '-days', expired ? '-1' : '2', ...signed);
      return { cert: file('one.pem'), key: file('one.key') };
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}
