/**
 * The text of a payload, compressed or not. What it is shows in its first bytes: JSON begins with `{`, gzip with 1f 8b
 * (RFC 1952 section 2.3.1), zlib with a compression method of 8 and a check of its two bytes by 31 (RFC 1950 section 2.2).
 * Nothing is inflated beyond a bound: a few kilobytes may claim to be gigabytes.
 */
import { gunzipSync, inflateSync } from 'node:zlib';
import { SedgeError } from '../errors.ts';

/** No batch of ours is larger than 10 MB, the most that `max_bytes` takes, and one record. */
const MAX_TEXT_BYTES = 16_000_000;

export function textOf(payload: Uint8Array): string {
  const [first = 0, second = 0] = payload;
  const isGzip = first === 0x1f && second === 0x8b;
  const isZlib = (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
  if (!isGzip && !isZlib) return Buffer.from(payload).toString('utf8');
  try {
    const bytes = (isGzip ? gunzipSync : inflateSync)(payload, { maxOutputLength: MAX_TEXT_BYTES });
    return bytes.toString('utf8');
  } catch (error) {
    const what =
      (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        ? `it would be larger than ${MAX_TEXT_BYTES / 1_000_000} MB inflated`
        : 'it cannot be inflated';
    throw new SedgeError('receive.malformed', `Not a batch of Sedge: ${what}.`, { cause: error });
  }
}
