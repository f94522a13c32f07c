/** The keys by which an uplink knows its peer, its peer it, and browsers the local API, as data; build-tls.ts reads the files. */
import type { ObjectSpec } from './shape.ts';
import { checkNotEmpty } from './texts.ts';

/** A certificate of our own and its key. */
export const certificateKeys = (doc: string): ObjectSpec['keys'] => ({
  cert_file: { kind: 'file', doc },
  key_file: { kind: 'file', doc: 'The private key of cert_file (PEM, mode 600).' },
});
/** One without the other is a mistake. */
export const CERTIFICATE_NEEDS: NonNullable<ObjectSpec['needs']> = [
  ['cert_file', 'key_file'],
  ['key_file', 'cert_file'],
];

export const tlsKeys = (peer: 'broker' | 'server'): ObjectSpec['keys'] => ({
  ca_file: { kind: 'file', doc: 'Certificates (PEM) to trust instead of the usual ones.' },
  ...certificateKeys(`Certificate (PEM) by which the ${peer} knows this client.`),
  server_name: {
    kind: 'text',
    check: checkNotEmpty,
    doc: `Name that the certificate of the ${peer} must have; the host of url unless set.`,
  },
});
