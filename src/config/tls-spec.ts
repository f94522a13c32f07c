/** The keys by which an uplink knows its peer, and its peer it, as data; build-tls.ts reads the files. */
import type { ObjectSpec } from './shape.ts';
import { checkNotEmpty } from './texts.ts';

export const tlsKeys = (peer: 'broker' | 'server'): ObjectSpec['keys'] => ({
  ca_file: { kind: 'file', doc: 'Certificates (PEM) to trust instead of the usual ones.' },
  cert_file: { kind: 'file', doc: `Certificate (PEM) by which the ${peer} knows this client.` },
  key_file: { kind: 'file', doc: 'The private key of cert_file (PEM, mode 600).' },
  server_name: {
    kind: 'text',
    check: checkNotEmpty,
    doc: `Name that the certificate of the ${peer} must have; the host of url unless set.`,
  },
});
