/** The part of the configuration that describes the local API and its page, as data. Without it nothing listens. */
import type { ObjectSpec } from './shape.ts';
import { checkHostName, checkListen } from './texts.ts';
import { CERTIFICATE_NEEDS, certificateKeys } from './tls-spec.ts';

export const API: ObjectSpec = {
  kind: 'object',
  doc: 'The local API and its page; off unless this is here.',
  required: ['listen'],
  needs: CERTIFICATE_NEEDS,
  keys: {
    listen: {
      kind: 'text',
      check: checkListen,
      doc: 'Address and port, such as 127.0.0.1:8080; one that others can reach needs cert_file, key_file and token_file.',
    },
    ...certificateKeys('Certificate (PEM) for https.'),
    token_file: {
      kind: 'file',
      doc: 'A file that holds the token that everybody must bring (mode 600); made with openssl rand -hex 32.',
    },
    hosts: {
      kind: 'list',
      doc: 'Names by which browsers may call this machine, beside its addresses and its own name.',
      of: { kind: 'text', check: checkHostName, doc: 'A host name without port.' },
    },
  },
};
