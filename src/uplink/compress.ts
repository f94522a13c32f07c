/**
 * Compression of payloads: `deflate` is the zlib form (RFC 1950), as HTTP means it (RFC 9110 section 8.4.1.2), and `gzip`
 * RFC 1952. Done on a thread of the pool, so that a large batch does not hold up a sensor. zlib is loaded when it is used.
 */
import type { Compression } from '../config/types.ts';

/** Payloads come out in the order in which they went in. */
export type Compress = (payload: string | Uint8Array) => Promise<string | Uint8Array>;

export async function loadCompression(name: Compression): Promise<Compress> {
  if (name === 'none') return async (payload) => payload;
  const [{ deflate, gzip }, { promisify }] = await Promise.all([import('node:zlib'), import('node:util')]);
  const pack = promisify<string | Uint8Array, Uint8Array>(name === 'gzip' ? gzip : deflate);
  let last: Promise<unknown> = Promise.resolve();
  return (payload) => {
    const packed = last.then(() => pack(payload));
    last = packed.catch(() => undefined);
    return packed;
  };
}

/**
 * Media type and coding in one name, for what has one field for both (MQTT 5 section 3.3.2.3.9): the form of RFC 9193
 * section 2, `application/json@gzip`.
 */
export const contentTypeOf = (mediaType: string, compression: Compression): string =>
  compression === 'none' ? mediaType : `${mediaType}@${compression}`;
