/** The parts of the configuration that describe HTTP and file uplinks, and formats and compression, as data. */
import type { ObjectSpec, Spec } from './shape.ts';
import { checkHeaderName, checkHeaderValue, checkHttpUrl, checkNotEmpty } from './texts.ts';
import { CERTIFICATE_NEEDS, tlsKeys } from './tls-spec.ts';
import { COMPRESSIONS, FORMAT_NAMES } from './types.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export const FORMAT: Spec = {
  kind: 'choice',
  default: 'json',
  choices: FORMAT_NAMES,
  doc: 'The form of a batch: JSON of Sedge, SenML (RFC 8428), InfluxDB line protocol, or CSV.',
};
export const COMPRESS: Spec = {
  kind: 'choice',
  default: 'none',
  choices: COMPRESSIONS,
  doc: 'Compression of a batch; its content type or encoding says so.',
};

export const httpSpec = (type: Spec, common: ObjectSpec['keys']): ObjectSpec => ({
  kind: 'object',
  doc: 'An HTTP server that takes a POST for each batch.',
  required: ['type', 'url'],
  exclusive: [{ keys: ['password', 'password_file'] }, { keys: ['token_file', 'username'] }],
  needs: [['password', 'username'], ['password_file', 'username'], ...CERTIFICATE_NEEDS],
  keys: {
    type,
    url: {
      kind: 'text',
      secret: true,
      check: checkHttpUrl,
      doc: 'Where batches are posted: https://host/path, with a query if the server wants one.',
    },
    format: FORMAT,
    compress: COMPRESS,
    token_file: { kind: 'file', doc: 'A file that holds a bearer token (RFC 6750).' },
    username: { kind: 'text', check: checkNotEmpty, doc: 'User name, for Basic authentication.' },
    password: { kind: 'text', secret: true, doc: 'Its password; better in an environment variable or password_file.' },
    password_file: { kind: 'file', doc: 'A file that holds the password; a line break at its end is not part of it.' },
    headers: {
      kind: 'map',
      implied: true,
      doc: 'More headers for each request.',
      name: checkHeaderName,
      pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
      value: { kind: 'text', secret: true, check: checkHeaderValue, doc: 'The value of the header.' },
    },
    timeout: {
      kind: 'duration',
      default: 30_000,
      min: 1_000,
      max: 10 * MINUTE_MS,
      doc: 'A batch that is not answered in this time is sent again.',
    },
    ...tlsKeys('server'),
    allow_insecure: {
      kind: 'boolean',
      default: false,
      doc: 'Permits http:// to a host outside the own network: anybody on the way can read and change everything.',
    },
    dead_letter_file: {
      kind: 'file',
      doc: 'A file for records that the server refuses for good, one a line; without it they are only named, in gaps and the log.',
    },
    ...common,
  },
});

export const fileSpec = (type: Spec, common: ObjectSpec['keys']): ObjectSpec => ({
  kind: 'object',
  doc: 'Files in a directory, for a stick that a person fetches.',
  required: ['type', 'directory'],
  keys: {
    type,
    directory: {
      kind: 'file',
      doc: 'Where the files go. It is not made: a stick that is not mounted has none, and readings wait.',
    },
    mount_point: { kind: 'file', doc: 'Writes only while something is mounted here.' },
    format: { kind: 'choice', default: 'jsonl', choices: ['jsonl', 'csv'], doc: 'JSON lines, or CSV.' },
    rotate: {
      kind: 'object',
      implied: true,
      doc: 'When a new file begins.',
      keys: {
        size: { kind: 'size', default: 10_000_000, min: 10_000, max: 2_000_000_000, doc: 'When it would be larger.' },
        every: { kind: 'duration', default: DAY_MS, min: MINUTE_MS, max: 366 * DAY_MS, doc: 'When it is this old.' },
      },
    },
    ...common,
  },
});
